// The Spark Cassandra connector on the CQL port: rows written, read by token ranges, and filtered by the server.
// Arguments: HOST PORT KEYSPACE.
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.sum;

import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;

public class SparkTables {
    static Dataset<Row> table(SparkSession spark, String keyspace, String name) {
        return spark.read().format("org.apache.spark.sql.cassandra").options(Map.of("keyspace", keyspace, "table", name)).load();
    }

    static void write(Dataset<Row> rows, String keyspace, String name) {
        rows.write().format("org.apache.spark.sql.cassandra").options(Map.of("keyspace", keyspace, "table", name))
            .mode(SaveMode.Append).save();
    }

    static void check(boolean right, Object what) {
        if (!right) throw new AssertionError(String.valueOf(what));
    }

    public static void main(String[] args) {
        String keyspace = args[2];
        SparkSession spark = SparkSession.builder().master("local[2]").appName("tables")
            .config("spark.ui.enabled", "false").config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.cassandra.connection.host", args[0]).config("spark.cassandra.connection.port", args[1])
            // Small splits, so that a scan is many token ranges.
            .config("spark.cassandra.input.split.sizeInMB", "1")
            .config("spark.sql.catalog.tables", "com.datastax.spark.connector.datasource.CassandraCatalog")
            .getOrCreate();
        try {
            Dataset<Row> made = spark.range(5000).select(col("id").cast("int").as("p"), col("id").mod(lit(7)).cast("int").as("c"),
                col("id").cast("string").as("name"), col("id").multiply(lit(2)).as("n"));
            write(made, keyspace, "written");
            Dataset<Row> read = table(spark, keyspace, "written");
            check(read.count() == 5000, read.count());
            check(read.agg(sum("n")).first().getLong(0) == 5000L * 4999, "the sum");
            check(read.select("p").distinct().count() == 5000, "rows twice");
            // By token ranges: more than one task reads.
            check(read.javaRDD().getNumPartitions() >= 1, read.javaRDD().getNumPartitions());
            check(read.filter("p = 42").select("name").first().getString(0).equals("42"), "one partition");
            check(read.filter("p IN (1, 2, 3)").count() == 3, "some partitions");
            check(read.filter("p = 8 AND c >= 1").count() == 1, "a slice");
            // Rows that are there are replaced.
            write(read.filter("p < 10").withColumn("name", lit("again")), keyspace, "written");
            check(read.filter("name = 'again'").count() == 10, "replaced rows");
            // As SQL, through the catalogue; and a table that Spark makes itself.
            check(spark.sql("SELECT count(*) FROM tables." + keyspace + ".written WHERE n > 100").first().getLong(0) == 4949, "SQL");
            spark.sql("CREATE TABLE tables." + keyspace + ".copied (p INT, name STRING) USING cassandra PARTITIONED BY (p)");
            spark.sql("INSERT INTO tables." + keyspace + ".copied SELECT p, name FROM tables." + keyspace + ".written WHERE p < 100");
            check(table(spark, keyspace, "copied").count() == 100, "the copy");
            Dataset<Row> joined = table(spark, keyspace, "copied").join(read, "p").filter("c = 3");
            check(joined.count() == 14, joined.count());
            System.out.println("ok");
        } finally {
            spark.stop();
        }
    }
}
