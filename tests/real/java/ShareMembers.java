import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Scanner;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListShareGroupOffsetsSpec;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;

// Members of share groups, as standard input says, one line each; every answer ends with a line ".":
//   open NAME GROUP TOPIC implicit|explicit [SETTING=VALUE ...]
//   poll NAME SECONDS                     one poll that gave something: "PARTITION OFFSET VALUE DELIVERIES" of each record
//   say NAME accept|release|reject|renew [VALUE ...]     of these records, or of all of the last poll
//   commit NAME                           "PARTITION ok" or why not
//   close NAME      set GROUP SETTING=VALUE ...      offsets GROUP: "TOPIC PARTITION START LAG"
// What fails answers with "failed EXCEPTION".
public class ShareMembers {
  static String bootstrap;
  static final Map<String, KafkaShareConsumer<String, String>> members = new HashMap<>();
  static final Map<String, Map<String, ConsumerRecord<String, String>>> polled = new HashMap<>();

  static void open(String[] words) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    settings.put("group.id", words[2]);
    settings.put("share.acknowledgement.mode", words[4]);
    for (String each : Arrays.copyOfRange(words, 5, words.length))
      settings.put(each.substring(0, each.indexOf('=')), each.substring(each.indexOf('=') + 1));
    KafkaShareConsumer<String, String> member =
        new KafkaShareConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    member.subscribe(List.of(words[3]));
    members.put(words[1], member);
  }

  static void poll(String name, long seconds) {
    Map<String, ConsumerRecord<String, String>> records = new LinkedHashMap<>();
    long end = System.nanoTime() + seconds * 1_000_000_000L;
    while (records.isEmpty() && System.nanoTime() < end)
      for (ConsumerRecord<String, String> each : members.get(name).poll(Duration.ofMillis(200))) records.put(each.value(), each);
    polled.put(name, records);
    for (ConsumerRecord<String, String> each : records.values())
      System.out.println(each.partition() + " " + each.offset() + " " + each.value() + " " + each.deliveryCount().get());
  }

  static void say(String[] words) {
    Map<String, ConsumerRecord<String, String>> records = polled.get(words[1]);
    List<String> values = words.length > 3 ? Arrays.asList(words).subList(3, words.length) : new ArrayList<>(records.keySet());
    for (String value : values)
      members.get(words[1]).acknowledge(records.get(value), AcknowledgeType.valueOf(words[2].toUpperCase()));
  }

  static void commit(String name) {
    for (Map.Entry<TopicIdPartition, Optional<KafkaException>> each : members.get(name).commitSync(Duration.ofSeconds(20)).entrySet())
      System.out.println(each.getKey().partition() + " "
          + each.getValue().map(wrong -> wrong.getClass().getSimpleName()).orElse("ok"));
  }

  static void set(Admin admin, String[] words) throws Exception {
    List<AlterConfigOp> changes = new ArrayList<>();
    for (String each : Arrays.copyOfRange(words, 2, words.length))
      changes.add(new AlterConfigOp(new ConfigEntry(each.substring(0, each.indexOf('=')), each.substring(each.indexOf('=') + 1)),
          AlterConfigOp.OpType.SET));
    admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.GROUP, words[1]), changes)).all().get();
  }

  static void offsets(Admin admin, String group) throws Exception {
    Map<String, String> rows = new TreeMap<>();
    admin.listShareGroupOffsets(Map.of(group, new ListShareGroupOffsetsSpec())).partitionsToOffsetInfo(group).get()
        .forEach((partition, info) -> rows.put(partition.topic() + " " + partition.partition(),
            info == null ? "- -" : info.startOffset() + " " + info.lag().map(String::valueOf).orElse("-")));
    rows.forEach((partition, row) -> System.out.println(partition + " " + row));
  }

  public static void main(String[] arguments) throws Exception {
    bootstrap = arguments[0];
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    Scanner commands = new Scanner(System.in);
    try (Admin admin = Admin.create(settings)) {
      while (commands.hasNextLine()) {
        String[] words = commands.nextLine().split(" ");
        try {
          switch (words[0]) {
            case "open" -> open(words);
            case "poll" -> poll(words[1], Long.parseLong(words[2]));
            case "say" -> say(words);
            case "commit" -> commit(words[1]);
            case "close" -> members.remove(words[1]).close();
            case "set" -> set(admin, words);
            default -> offsets(admin, words[1]);
          }
        } catch (Exception wrong) {
          Throwable cause = wrong.getCause() == null ? wrong : wrong.getCause();
          System.out.println("failed " + cause.getClass().getSimpleName() + " " + cause.getMessage());
        }
        System.out.println(".");
        System.out.flush();
      }
    }
    Runtime.getRuntime().halt(0);
  }
}
