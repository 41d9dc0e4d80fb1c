import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Scanner;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

// Members of groups, of Kafka's consumer protocol unless it says classic, as standard input says, one line each:
//   join NAME GROUP INSTANCE|- TOPIC|~EXPRESSION [classic]     leave NAME     show
// show prints a line for each member, "NAME READ TOPIC-PARTITION ...", and then "." A member that fails prints why.
public class GroupMembers {
  static class Member extends Thread {
    final KafkaConsumer<String, String> consumer;
    final AtomicLong read = new AtomicLong();
    volatile List<String> owned = List.of();
    volatile String failure = "";

    Member(String bootstrap, String group, String instance, String subscription, String protocol) {
      Properties settings = new Properties();
      settings.put("bootstrap.servers", bootstrap);
      settings.put("group.id", group);
      settings.put("group.protocol", protocol);
      settings.put("auto.offset.reset", "earliest");
      settings.put("auto.commit.interval.ms", "100");
      if (protocol.equals("classic")) settings.put("heartbeat.interval.ms", "300");
      if (!instance.equals("-")) settings.put("group.instance.id", instance);
      consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
      if (subscription.startsWith("~")) consumer.subscribe(new SubscriptionPattern(subscription.substring(1)));
      else consumer.subscribe(List.of(subscription));
    }

    @Override
    public void run() {
      try {
        while (true) {
          read.addAndGet(consumer.poll(Duration.ofMillis(100)).count());
          List<String> now = new ArrayList<>();
          for (TopicPartition each : consumer.assignment()) now.add(each.toString());
          now.sort(null);
          owned = now;
        }
      } catch (WakeupException asked) {
        consumer.close();
      } catch (RuntimeException wrong) {
        failure = wrong.toString().replace(' ', '_');
      }
    }
  }

  public static void main(String[] arguments) throws Exception {
    Map<String, Member> members = new ConcurrentHashMap<>();
    Scanner commands = new Scanner(System.in);
    while (commands.hasNextLine()) {
      String[] words = commands.nextLine().split(" ");
      if (words[0].equals("join")) {
        Member member = new Member(arguments[0], words[2], words[3], words[4], words.length > 5 ? words[5] : "consumer");
        members.put(words[1], member);
        member.start();
      } else if (words[0].equals("leave")) {
        Member member = members.remove(words[1]);
        member.consumer.wakeup();
        member.join();
      } else {
        for (Map.Entry<String, Member> each : members.entrySet())
          System.out.println(each.getKey() + " " + each.getValue().read + " "
              + String.join(" ", each.getValue().owned) + each.getValue().failure);
        System.out.println(".");
        System.out.flush();
      }
    }
    Runtime.getRuntime().halt(0);
  }
}
