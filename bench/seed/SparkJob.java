// The tutorial's Spark job: a topic of JSON, parsed, into a Cassandra table. KAFKA TOPIC TABLE CHECKPOINT, in that order;
// the connector's address is a setting of spark-submit. One line of JSON on standard output for each micro-batch.
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.from_json;

import com.datastax.spark.connector.cql.CassandraConnector;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQueryListener;
import org.apache.spark.sql.types.StructType;

public class SparkJob {
    static final String[] FIELDS = {"id", "first_name", "last_name", "gender", "address", "post_code", "email",
        "username", "dob", "registered_date", "phone", "picture"};

    public static void main(String[] arguments) throws Exception {
        SparkSession spark = SparkSession.builder().appName("SparkDataStreaming").getOrCreate();
        spark.sparkContext().setLogLevel("WARN");
        String columns = String.join(" TEXT, ", FIELDS).replaceFirst("id TEXT", "id TEXT PRIMARY KEY") + " TEXT";
        try (var session = new CassandraConnector(
                 com.datastax.spark.connector.cql.CassandraConnectorConf.fromSparkConf(spark.sparkContext().getConf()))
                 .openSession()) {
            session.execute("CREATE KEYSPACE IF NOT EXISTS spark_streams WITH replication = "
                + "{'class': 'SimpleStrategy', 'replication_factor': '1'}");
            session.execute("CREATE TABLE IF NOT EXISTS spark_streams." + arguments[2] + " (" + columns + ")");
        }
        spark.streams().addListener(new StreamingQueryListener() {
            public void onQueryStarted(QueryStartedEvent event) {}
            public void onQueryProgress(QueryProgressEvent event) {
                System.out.println("progress " + event.progress().json().replace("\n", " "));
                System.out.flush();
            }
            public void onQueryTerminated(QueryTerminatedEvent event) {}
        });
        StructType schema = new StructType();
        for (String field : FIELDS) schema = schema.add(field, "string");
        spark.readStream().format("kafka").option("kafka.bootstrap.servers", arguments[0])
            .option("subscribe", arguments[1]).option("startingOffsets", "earliest").load()
            .select(from_json(col("value").cast("string"), schema).alias("data")).select("data.*")
            .writeStream().format("org.apache.spark.sql.cassandra").option("keyspace", "spark_streams")
            .option("table", arguments[2]).option("checkpointLocation", arguments[3]).start().awaitTermination();
    }
}
