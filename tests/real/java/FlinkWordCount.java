// Flink's word count from topic to topic, exactly once: BOOTSTRAP INPUT OUTPUT CHECKPOINTS NAMING. Goes on from the newest
// whole checkpoint in that folder. Runs until it is killed.
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Optional;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.Collector;

public class FlinkWordCount {
    // Classes, as the sink looks up their types.
    static class Word implements SerializationSchema<Tuple2<String, Long>> {
        @Override
        public byte[] serialize(Tuple2<String, Long> count) {
            return count.f0.getBytes();
        }
    }

    static class Count implements SerializationSchema<Tuple2<String, Long>> {
        @Override
        public byte[] serialize(Tuple2<String, Long> count) {
            return Long.toString(count.f1).getBytes();
        }
    }

    // A checkpoint is whole once it has its metadata.
    static Optional<Path> newestCheckpoint(Path folder) throws Exception {
        if (!Files.isDirectory(folder)) {
            return Optional.empty();
        }
        try (var files = Files.walk(folder)) {
            return files.filter(file -> file.endsWith("_metadata")).map(Path::getParent)
                .max(Comparator.comparingLong(checkpoint -> checkpoint.toFile().lastModified()));
        }
    }

    public static void main(String[] arguments) throws Exception {
        String bootstrap = arguments[0], input = arguments[1], output = arguments[2];
        Path checkpoints = Path.of(arguments[3]);
        Configuration settings = new Configuration();
        settings.setString("execution.checkpointing.dir", checkpoints.toUri().toString());
        settings.setString("restart-strategy.type", "none");  // an error ends the program, and the test
        Optional<Path> newest = newestCheckpoint(checkpoints);
        newest.ifPresent(checkpoint -> settings.setString("execution.state-recovery.path", checkpoint.toUri().toString()));
        System.err.println("goes on from " + newest);

        var environment = StreamExecutionEnvironment.getExecutionEnvironment(settings);
        environment.setParallelism(1);
        environment.enableCheckpointing(300);
        environment.getCheckpointConfig().setExternalizedCheckpointRetention(
            ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
        var source = KafkaSource.<String>builder()
            .setBootstrapServers(bootstrap).setTopics(input).setGroupId(output)
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setProperty("partition.discovery.interval.ms", "1000")
            .setValueOnlyDeserializer(new SimpleStringSchema()).build();
        var sink = KafkaSink.<Tuple2<String, Long>>builder()
            .setBootstrapServers(bootstrap)
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionalIdPrefix(output)
            .setTransactionNamingStrategy(TransactionNamingStrategy.valueOf(arguments[4]))
            .setProperty("transaction.timeout.ms", "60000")
            .setRecordSerializer(KafkaRecordSerializationSchema.<Tuple2<String, Long>>builder()
                .setTopic(output).setKeySerializationSchema(new Word()).setValueSerializationSchema(new Count()).build())
            .build();
        environment.fromSource(source, WatermarkStrategy.noWatermarks(), "words")
            .flatMap((String line, Collector<Tuple2<String, Long>> out) -> {
                for (String word : line.split(" ")) {
                    out.collect(Tuple2.of(word, 1L));
                }
            }).returns(Types.TUPLE(Types.STRING, Types.LONG))
            .keyBy(count -> count.f0, Types.STRING)
            .sum(1)
            .sinkTo(sink);
        environment.execute("word count");
    }
}
