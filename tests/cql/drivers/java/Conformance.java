// The port as the Java driver uses it. Arguments: HOST PORT. README.md beside the folder says what each part does.
import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.cql.AsyncResultSet;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.BatchStatementBuilder;
import com.datastax.oss.driver.api.core.cql.BatchType;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.DefaultBatchType;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.ResultSet;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.data.CqlDuration;
import com.datastax.oss.driver.api.core.data.TupleValue;
import com.datastax.oss.driver.api.core.metadata.schema.ClusteringOrder;
import com.datastax.oss.driver.api.core.metadata.schema.TableMetadata;
import com.datastax.oss.driver.api.core.servererrors.AlreadyExistsException;
import com.datastax.oss.driver.api.core.servererrors.InvalidQueryException;
import com.datastax.oss.driver.api.core.servererrors.SyntaxError;
import com.datastax.oss.driver.api.core.type.DataTypes;
import com.datastax.oss.driver.api.core.uuid.Uuids;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;

public class Conformance {
    static String host;
    static int port;

    static void check(boolean right, Object what) {
        if (!right) throw new AssertionError(String.valueOf(what));
    }

    static CqlSession connect(String protocol, String keyspace) {
        var config = DriverConfigLoader.programmaticBuilder()
            .withString(DefaultDriverOption.PROTOCOL_VERSION, protocol)
            .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, Duration.ofSeconds(30))
            .withDuration(DefaultDriverOption.CONNECTION_INIT_QUERY_TIMEOUT, Duration.ofSeconds(30))
            .withDuration(DefaultDriverOption.METADATA_SCHEMA_WINDOW, Duration.ofMillis(50))
            .build();
        var builder = CqlSession.builder().addContactPoint(new InetSocketAddress(host, port))
            .withLocalDatacenter("datacenter1").withConfigLoader(config);
        return keyspace == null ? builder.build() : builder.withKeyspace(keyspace).build();
    }

    static void types(CqlSession session) throws Exception {
        session.execute("CREATE TABLE types (k int PRIMARY KEY, a ascii, b bigint, c blob, d boolean, e date, f decimal, g double, "
            + "h duration, i float, j inet, l int, m smallint, n text, o time, p timestamp, q timeuuid, r tinyint, s uuid, t varint, "
            + "u list<int>, v set<text>, w map<text, bigint>, x frozen<list<int>>, y tuple<int, text>)");
        TupleValue tuple = DataTypes.tupleOf(DataTypes.INT, DataTypes.TEXT).newValue(7, "x");
        Object[] values = {"plain", Long.MIN_VALUE, ByteBuffer.wrap(new byte[] {0, -1, 16}), true, LocalDate.of(2024, 2, 29),
            new BigDecimal("-12345678901234567890.0123"), -1.5e300, CqlDuration.newInstance(14, 3, 5000000001L), 0.5f,
            InetAddress.getByName("2001:db8::1"), Integer.MIN_VALUE, Short.MIN_VALUE, "Zo\u00eb \ud83d\ude00",
            LocalTime.parse("23:59:59.123456789"), Instant.parse("1999-12-31T23:59:59.999Z"), Uuids.timeBased(), Byte.MIN_VALUE,
            UUID.randomUUID(), BigInteger.TWO.pow(100), List.of(3, 1, 2), Set.of("a", "b"), Map.of("k", 1L, "l", 2L), List.of(9, 8),
            tuple};
        String[] names = "a b c d e f g h i j l m n o p q r s t u v w x y".split(" ");
        var insert = session.prepare("INSERT INTO types (k, " + String.join(", ", names) + ") VALUES (1"
            + ", ?".repeat(names.length) + ")");
        session.execute(insert.bind(values));
        Row row = session.execute("SELECT * FROM types WHERE k = 1").one();
        for (int i = 0; i < names.length; i++)
            check(Objects.equals(row.getObject(names[i]), values[i]), names[i] + ": " + row.getObject(names[i]));
        session.execute(session.prepare("INSERT INTO types (k, n) VALUES (?, ?)").bind(2, null));
        check(session.execute("SELECT n FROM types WHERE k = 2").one().isNull("n"), "null");
    }

    static void prepared(CqlSession session, String protocol) {
        session.execute("CREATE TABLE prepared (k int PRIMARY KEY, v text, w text)");
        PreparedStatement insert = session.prepare("INSERT INTO prepared (k, v, w) VALUES (:k, :v, :w)");
        for (int k = 0; k < 50; k++)
            session.execute(insert.boundStatementBuilder().setInt("k", k).setString("v", "" + k).setString("w", "w").build());
        PreparedStatement select = session.prepare("SELECT * FROM prepared WHERE k = ?");
        if (!protocol.equals("V3")) {
            check(insert.getPartitionKeyIndices().equals(List.of(0)), insert.getPartitionKeyIndices());
            session.execute(insert.boundStatementBuilder().setInt("k", 1).setString("v", "new").build());
            Row row = session.execute(select.bind(1)).one();
            check("new".equals(row.getString("v")) && "w".equals(row.getString("w")), row.getFormattedContents());
        }
        session.execute("ALTER TABLE prepared ADD z int");
        session.execute("UPDATE prepared SET z = 5 WHERE k = 3");
        if (protocol.equals("V5")) {
            // Only version 5 tells the client that the columns of its statement have changed.
            check(session.execute(select.bind(3)).one().getInt("z") == 5, "after ALTER");
            check(select.getResultSetDefinitions().contains("z"), "the statement's metadata");
        }
        check(session.execute("SELECT * FROM prepared WHERE k = 3").one().getInt("z") == 5, "after ALTER, not prepared");
    }

    static void paging(CqlSession session) throws Exception {
        session.execute("CREATE TABLE paging (p int, c int, PRIMARY KEY (p, c))");
        PreparedStatement insert = session.prepare("INSERT INTO paging (p, c) VALUES (?, ?)");
        for (int p = 0; p < 5; p++)
            for (int c = 0; c < 21; c++) session.execute(insert.bind(p, c));
        SimpleStatement all = SimpleStatement.newInstance("SELECT p, c FROM paging");
        for (int size : new int[] {1, 7, 105, 1000}) {
            Set<List<Integer>> seen = new HashSet<>();
            for (Row row : session.execute(all.setPageSize(size))) check(seen.add(List.of(row.getInt(0), row.getInt(1))), "twice");
            check(seen.size() == 105, seen.size() + " rows with pages of " + size);
        }
        int rows = 0;
        ByteBuffer state = null;
        do {
            AsyncResultSet page = session.executeAsync(all.setPageSize(40).setPagingState(state)).toCompletableFuture().get();
            for (Row ignored : page.currentPage()) rows++;
            state = page.getExecutionInfo().getPagingState();
        } while (state != null);
        check(rows == 105, rows + " rows by paging state");
    }

    static void batches(CqlSession session) {
        session.execute("CREATE TABLE batches (k int PRIMARY KEY, v text)");
        session.execute("CREATE TABLE counters (k int PRIMARY KEY, n counter)");
        PreparedStatement insert = session.prepare("INSERT INTO batches (k, v) VALUES (?, ?)");
        int at = 0;
        for (BatchType kind : new BatchType[] {DefaultBatchType.LOGGED, DefaultBatchType.UNLOGGED}) {
            BatchStatementBuilder batch = BatchStatement.builder(kind);
            for (int i = 0; i < 10; i++) batch.addStatement(insert.bind(at++, "x"));
            batch.addStatement(SimpleStatement.newInstance("DELETE FROM batches WHERE k = 1000"));
            session.execute(batch.build());
        }
        check(session.execute("SELECT count(*) FROM batches").one().getLong(0) == 20, "rows by batches");
        PreparedStatement add = session.prepare("UPDATE counters SET n = n + ? WHERE k = 1");
        BatchStatementBuilder batch = BatchStatement.builder(DefaultBatchType.COUNTER);
        for (long i = 0; i < 3; i++) batch.addStatement(add.bind(i));
        session.execute(batch.build());
        check(session.execute("SELECT n FROM counters WHERE k = 1").one().getLong(0) == 3, "counter");
    }

    static void lwt(CqlSession session) {
        session.execute("CREATE TABLE lwt (k int PRIMARY KEY, v int)");
        PreparedStatement insert = session.prepare("INSERT INTO lwt (k, v) VALUES (1, ?) IF NOT EXISTS");
        check(session.execute(insert.bind(10)).wasApplied(), "the first insert");
        ResultSet second = session.execute(insert.bind(11));
        check(!second.wasApplied() && second.one().getInt("v") == 10, "the second insert");
        PreparedStatement update = session.prepare("UPDATE lwt SET v = ? WHERE k = 1 IF v = ?");
        check(session.execute(update.bind(12, 10)).wasApplied(), "the update");
        ResultSet refused = session.execute(update.bind(13, 10));
        check(!refused.wasApplied() && refused.one().getInt("v") == 12, "the second update");
        check(!session.execute("DELETE FROM lwt WHERE k = 2 IF EXISTS").wasApplied(), "deleting what is not there");
    }

    static void fails(Class<? extends Exception> how, CqlSession session, String statement) {
        try {
            session.execute(statement);
        } catch (Exception error) {
            check(how.isInstance(error), error);
            return;
        }
        throw new AssertionError("no error: " + statement);
    }

    static void errors(CqlSession session) {
        fails(SyntaxError.class, session, "SELECT * FORM nothing");
        fails(InvalidQueryException.class, session, "SELECT * FROM nothing");
        fails(AlreadyExistsException.class, session, "CREATE TABLE lwt (k int PRIMARY KEY)");
    }

    static void events(CqlSession session, String protocol, String keyspace) throws Exception {
        // The driver asks for what an event names, and for nothing without one.
        try (CqlSession other = connect(protocol, keyspace)) {
            other.execute("CREATE TABLE announced (k int PRIMARY KEY)");
            long end = System.nanoTime() + 30_000_000_000L;
            while (session.getMetadata().getKeyspace(keyspace).orElseThrow().getTable("announced").isEmpty()) {
                check(System.nanoTime() < end, "no event of the new table");
                Thread.sleep(20);
            }
        }
    }

    public static void main(String[] args) throws Exception {
        host = args[0];
        port = Integer.parseInt(args[1]);
        for (String protocol : new String[] {"V3", "V4", "V5"}) {
            try (CqlSession admin = connect(protocol, null)) {
                check(admin.getMetadata().getNodes().size() == 1, admin.getMetadata().getNodes());
                check(admin.getMetadata().getTokenMap().isPresent(), "no tokens");
                System.out.println("ok connect");
                String keyspace = "java_" + protocol.toLowerCase() + "_" + System.nanoTime();
                admin.execute("CREATE KEYSPACE " + keyspace
                    + " WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
                try (CqlSession session = connect(protocol, keyspace)) {
                    ResultSet made = session.execute("CREATE TABLE described (a int, b text, c timestamp, v set<int>, "
                        + "PRIMARY KEY ((a, b), c)) WITH CLUSTERING ORDER BY (c DESC) AND comment = 'of java'");
                    check(made.getExecutionInfo().isSchemaInAgreement(), "no agreement");
                    TableMetadata table = session.refreshSchema().getKeyspace(keyspace).orElseThrow().getTable("described").orElseThrow();
                    check(table.getPartitionKey().size() == 2, table.getPartitionKey());
                    check(table.getClusteringColumns().containsValue(ClusteringOrder.DESC), table.getClusteringColumns());
                    check("of java".equals(table.getOptions().get(CqlIdentifier.fromCql("comment"))), table.getOptions());
                    System.out.println("ok schema");
                    types(session);
                    System.out.println("ok types");
                    prepared(session, protocol);
                    System.out.println("ok prepared");
                    paging(session);
                    System.out.println("ok paging");
                    batches(session);
                    System.out.println("ok batches");
                    lwt(session);
                    System.out.println("ok lwt");
                    errors(session);
                    System.out.println("ok errors");
                    events(session, protocol, keyspace);
                    System.out.println("ok events");
                }
                admin.execute("DROP KEYSPACE " + keyspace);
            }
        }
    }
}
