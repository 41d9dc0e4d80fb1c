"""What schema statements and batches may say. Everything here also holds of Apache Cassandra 5.0 (PENSTOCK_CQL), with
materialised views on."""
import uuid

import pytest
from cassandra import InvalidRequest, Unauthorized
from cassandra.cluster import Cluster
from cassandra.protocol import ConfigurationException, SyntaxException
from cassandra.query import BatchStatement, BatchType
from support.cql import refused


def rows(session, query, *values):
    return [tuple(row) for row in session.execute(query, *values)]


@pytest.mark.parametrize("options, message, error", [
    ("bloom_filter_fp_chance = 1.1", "bloom_filter_fp_chance must be larger than 6.71E-5", ConfigurationException),
    ("crc_check_chance = 2", "crc_check_chance must be larger than or equal to 0", ConfigurationException),
    ("speculative_retry = '101percentile'", "must be between (0.0 and 100.0)", ConfigurationException),
    ("speculative_retry = 'nope'", "Invalid value nope for option 'speculative_retry'", ConfigurationException),
    ("max_index_interval = 1", "must be greater than or equal to min_index_interval (128) (got 1)", ConfigurationException),
    ("default_time_to_live = 630720001", "must be less than or equal to 630720000", ConfigurationException),
    ("gc_grace_seconds = 'a'", "Invalid integer value a for 'gc_grace_seconds'", SyntaxException),
    ("cdc = 'maybe'", "Invalid boolean value maybe for 'cdc'", SyntaxException),
    ("comment = {'a': 'b'}", "Invalid value for property 'comment'. It should be a string", SyntaxException),
    ("compaction = 'a'", "Invalid value for property 'compaction'. It should be a map.", SyntaxException),
    ("comment = 'a' AND comment = 'b'", "Multiple definitions for property 'comment'", SyntaxException),
    ("compaction = {'class': LeveledCompactionStrategy}", "no viable alternative", SyntaxException),
    ("caching = {'keys': 'nope'}", "Invalid value 'nope' for caching sub-option 'keys'", ConfigurationException),
    ("compression = {'class': 'Nope'}", "Could not create Compression for type", ConfigurationException),
    ("compression = {'class': 'LZ4Compressor', 'chunk_length_in_kb': '5'}", "must be a power of 2", ConfigurationException),
    ("compression = {'class': 'LZ4Compressor', 'nope': '5'}", "Unknown compression options nope", ConfigurationException),
    ("compaction = {'class': 'Nope'}", "Unable to find compaction strategy class", ConfigurationException),
    ("compaction = {'class': 'SizeTieredCompactionStrategy', 'min_threshold': '1'}",
     "Min compaction threshold cannot be less than 2 (got 1)", ConfigurationException),
    ("compaction = {'class': 'SizeTieredCompactionStrategy', 'nope': '1'}",
     "Properties specified [nope] are not understood by SizeTieredCompactionStrategy", ConfigurationException),
    ("compaction = {'class': 'SizeTieredCompactionStrategy', 'bucket_high': '0.1'}",
     "bucket_high value (0.1) is less than or equal to the bucket_low value (0.5)", ConfigurationException),
    ("compaction = {'class': 'LeveledCompactionStrategy', 'fanout_size': '0'}",
     "fanout_size must be larger than 0, but was 0", ConfigurationException),
    ("compaction = {'class': 'TimeWindowCompactionStrategy', 'compaction_window_unit': 'x'}",
     "x is not valid for compaction_window_unit", ConfigurationException),
])
def test_options_of_tables(session, keyspace, options, message, error):
    refused(session, f"CREATE TABLE t (k int PRIMARY KEY) WITH {options}", message, error)
    assert rows(session, f"SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{keyspace}'") == []


def test_options_that_are_right(session, keyspace):
    for i, options in enumerate((
            "speculative_retry = 'MIN(99p,50ms)' AND additional_write_policy = 'NEVER'",
            "compression = {'enabled': 'false'}", "compression = {}", "caching = {'keys': 'NONE', 'rows_per_partition': '10'}",
            "compaction = {'class': 'UnifiedCompactionStrategy', 'scaling_parameters': 'T4'}",
            "compaction = {'class': 'LeveledCompactionStrategy', 'sstable_size_in_mb': '10', 'enabled': 'false'}",
            "CLUSTERING ORDER BY (c DESC)")):
        session.execute(f"CREATE TABLE t{i} (k int, c int, d int, PRIMARY KEY (k, c, d)) WITH {options}")
    name = "t" * 100
    session.execute(f"CREATE TABLE {name} (k int PRIMARY KEY)")
    for order, message in (("d DESC", "Missing CLUSTERING ORDER for column c"),
                           ("d DESC, c ASC", "(c must appear before d)"), ("c ASC, c DESC", "Duplicate column 'c'")):
        refused(session, f"CREATE TABLE u (k int, c int, d int, PRIMARY KEY (k, c, d)) WITH CLUSTERING ORDER BY ({order})", message)
    refused(session, "CREATE TABLE u ()", "no viable alternative at input ')'", SyntaxException)
    refused(session, "USE ?", "Bind variables cannot be used for keyspace names", SyntaxException)


def test_replication(session):
    data_center = session.execute("SELECT data_center FROM system.local").one().data_center
    name = "t_" + uuid.uuid4().hex[:12]
    simple, network = "'class': 'SimpleStrategy'", "'class': 'NetworkTopologyStrategy'"
    for replication, message, error in (
            (f"{simple}, 'replication_factor': 'a'", 'For input string: "a"', ConfigurationException),
            (f"{simple}, 'replication_factor': -1", "Replication factor must be non-negative, found -1", ConfigurationException),
            (f"{simple}, 'replication_factor': 1, 'nope': 1", "Unrecognized strategy option {nope}", ConfigurationException),
            (f"{network}, 'nope': 1", "Unrecognized strategy option {nope}", ConfigurationException),
            (f"{network}, '{data_center}': 0", "Configuration for at least one datacenter must be present", ConfigurationException),
            (f"{network}, '{data_center}': 1, '{data_center}': 2", "Multiple definition for property", SyntaxException),
            ("'class': 'LocalStrategy'", "LocalStrategy is reserved for internal use", InvalidRequest)):
        refused(session, f"CREATE KEYSPACE {name} WITH replication = {{{replication}}}", message, error)
    refused(session, f"CREATE KEYSPACE {name} WITH durable_writes = true", "Missing mandatory option 'replication'")
    refused(session, "ALTER KEYSPACE system WITH durable_writes = false", "not user-modifiable", Unauthorized)
    made = session.execute(f"CREATE KEYSPACE {name} WITH replication = {{{network}, 'replication_factor': 2}}")
    assert "is higher than the number of nodes 1" in str(made.response_future.warnings) or session.cluster.protocol_version < 4
    shown = session.execute(f"SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = '{name}'").one()
    assert dict(shown.replication) == {"class": "org.apache.cassandra.locator.NetworkTopologyStrategy", data_center: "2"}
    session.execute(f"DROP KEYSPACE {name}")


def test_what_batches_may_hold(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
    session.execute("CREATE TABLE c (k int PRIMARY KEY, n counter)")
    insert = session.prepare("INSERT INTO t (k, v) VALUES (?, ?)")
    count = session.prepare("UPDATE c SET n = n + 1 WHERE k = ?")

    def batch(kind, rows_of_t=0, counters=0, size=1):
        out = BatchStatement(kind)
        for i in range(rows_of_t):
            out.add(insert, (i, "x" * size))
        for i in range(counters):
            out.add(count, (i,))
        return out

    for wrong, message in (
            (batch(BatchType.LOGGED, counters=1), "Cannot include a counter statement in a logged batch"),
            (batch(BatchType.UNLOGGED, 1, 1), "Counter and non-counter mutations cannot exist in the same batch"),
            (batch(BatchType.COUNTER, 1), "Cannot include non-counter statement in a counter batch"),
            (batch(BatchType.UNLOGGED, 60, size=1024), "Batch too large")):
        refused(session, wrong, message)
    assert rows(session, "SELECT * FROM t") == [] and rows(session, "SELECT * FROM c") == []
    session.execute(batch(BatchType.COUNTER, counters=2))
    assert sorted(rows(session, "SELECT * FROM c")) == [(0, 1), (1, 1)]
    session.execute(batch(BatchType.LOGGED, 1, size=100_000))  # one partition: as large as it likes
    warned = session.execute(batch(BatchType.UNLOGGED, 20, size=1024)).response_future.warnings or []
    if session.cluster.protocol_version >= 4:
        assert any("exceeding specified threshold of 5" in text for text in warned)
        assert any("Unlogged batch covering 20 partitions" in text for text in warned)


def test_columns_that_come_back(session, keyspace):
    session.execute("CREATE TABLE t (k int, c int, v int, s set<text>, st int static, PRIMARY KEY (k, c))")
    session.execute("INSERT INTO t (k, c, v, s) VALUES (0, 0, 1, {'a'})")
    session.execute("ALTER TABLE t DROP (v, s)")
    for column, message in (
            ("v text", "Cannot add a column 'v' of type text, incompatible with previously dropped column 'v' of type int"),
            ("v int static", "Cannot re-add previously dropped column 'v' of kind STATIC, incompatible with previous kind REGULAR"),
            ("s set<int>", "Cannot add a column 's' of type set<int>, incompatible"),
            ("s list<text>", "Cannot add a column 's' of type list<text>, incompatible")):
        refused(session, f"ALTER TABLE t ADD {column}", message)
    session.execute("ALTER TABLE t ADD (v int, s set<blob>)")
    assert rows(session, "SELECT v, s FROM t") == [(None, None)]
    shown = rows(session, f"SELECT column_name, kind, type FROM system_schema.dropped_columns WHERE keyspace_name = '{keyspace}'")
    assert shown == [("s", "regular", "set<text>"), ("v", "regular", "int")]


def test_columns_dropped_as_of_a_time(session, keyspace):
    session.execute("CREATE TABLE t (k int, c int, v int, st int static, m map<int, int>, PRIMARY KEY (k, c))")
    for k, time in ((1, 10_000), (2, 20_000), (3, 30_000)):
        session.execute(f"INSERT INTO t (k, c, v, st, m) VALUES ({k}, 0, {k}, {k}, {{1: {k}}}) USING TIMESTAMP {time}")
    session.execute("ALTER TABLE t DROP (v, st, m) USING TIMESTAMP 20000")
    assert sorted(rows(session, "SELECT * FROM t")) == [(1, 0), (2, 0), (3, 0)]
    session.execute("ALTER TABLE t ADD (v int, st int static, m map<int, int>)")
    found = sorted(rows(session, "SELECT k, v, st, m FROM t"))
    assert found == [(1, None, None, None), (2, None, None, None), (3, 3, 3, {1: 3})]
    session.execute("INSERT INTO t (k, c, v) VALUES (1, 0, 5)")
    assert rows(session, "SELECT v FROM t WHERE k = 1") == [(5,)]
    refused(session, "ALTER TABLE t DROP nope USING TIMESTAMP 1", "Column nope was not found in table")


def test_types_in_partition_keys_stay(session, keyspace):
    session.execute("CREATE TYPE u (a int)")
    session.execute("CREATE TABLE t (k frozen<u> PRIMARY KEY, v int)")
    refused(session, "ALTER TYPE u ADD b int", f"as the type is being used in partition key by the following tables: {keyspace}.t")


def test_durations_have_no_order(session, keyspace):
    session.execute("CREATE TYPE u (d duration)")
    session.execute("CREATE TABLE t (k int PRIMARY KEY, u u, f frozen<u>, d duration, p tuple<duration>)")
    refused(session, "CREATE INDEX ON t (f)", "Secondary indexes are not supported on UDTs containing durations")
    refused(session, "SELECT * FROM t WHERE u > {d: 1s} ALLOW FILTERING", "Slice restrictions are not supported on UDTs containing durations")
    refused(session, "UPDATE t SET d = 1s WHERE k = 1 IF d > 1s",
            "Slice conditions ( > ) are not supported on durations")
    refused(session, "UPDATE t SET d = 1s WHERE k = 1 IF p >= (1s)", "Slice conditions are not supported on tuples containing durations")


def test_the_same_index_twice(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v vector<float, 2>, w vector<float, 2>)")
    session.execute("CREATE CUSTOM INDEX one ON t (v) USING 'sai'")
    refused(session, "CREATE CUSTOM INDEX two ON t (v) USING 'sai'", "Index two is a duplicate of existing index one")
    session.execute("CREATE CUSTOM INDEX IF NOT EXISTS two ON t (v) USING 'sai'")
    for order, message in (("v ANN OF [1, 2], w ANN OF [1, 2]", "Cannot specify more than one ANN ordering"),
                           ("v ANN OF [1, 2] DESC", "Descending ANN ordering is not supported")):
        refused(session, f"SELECT k FROM t ORDER BY {order} LIMIT 2", message)
    assert rows(session, "SELECT k FROM t ORDER BY v ANN OF [1, 2] ASC LIMIT 2") == []


def test_how_options_are_shown(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY) WITH compaction = {'class': 'LeveledCompactionStrategy'} "
                    "AND compression = {'class': 'ZstdCompressor'} AND caching = {'keys': 'NONE'}")
    shown = session.execute(f"SELECT compaction, compression, caching FROM system_schema.tables WHERE keyspace_name = '{keyspace}'").one()
    assert dict(shown.compaction) == {"class": "org.apache.cassandra.db.compaction.LeveledCompactionStrategy", "min_threshold": "4",
                                      "max_threshold": "32"}
    assert dict(shown.compression) == {"class": "org.apache.cassandra.io.compress.ZstdCompressor", "chunk_length_in_kb": "16"}
    assert dict(shown.caching) == {"keys": "NONE", "rows_per_partition": "NONE"}
    session.execute("ALTER TABLE t WITH compression = {}")
    shown = session.execute(f"SELECT compression FROM system_schema.tables WHERE keyspace_name = '{keyspace}'").one()
    assert dict(shown.compression) == {"enabled": "false"}


def test_describing_without_a_keyspace(address):
    session = Cluster([address[0]], port=address[1], protocol_version=5).connect()
    for statement, message, error in (
            ("DESCRIBE nope", "'nope' not found in keyspaces", InvalidRequest),
            ("DESCRIBE TABLE nope", "No keyspace specified and no current keyspace", InvalidRequest),
            ("DESCRIBE MATERIALIZED VIEWS", "mismatched input 'VIEWS' expecting K_VIEW", SyntaxException)):
        refused(session, statement, message, error)
    found = rows(session, "DESCRIBE COLUMNFAMILIES")
    assert ("system", "table", "local") in found and found == rows(session, "DESCRIBE TABLES")
    for name in ("system_auth", "system_traces", "system_distributed"):
        wanted = f"CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': '1'}}"
        assert session.execute(f"DESCRIBE KEYSPACE {name}").one().create_statement.startswith(wanted)
    session.cluster.shutdown()


def test_describing_the_cluster(session, keyspace, address):
    described = session.execute("DESCRIBE CLUSTER").one()
    assert described.partitioner == "Murmur3Partitioner" and set(map(int, described.range_ownership))
    assert {node for nodes in described.range_ownership.values() for node in nodes} == {f"/{address[0]}:7000"}
    without = Cluster([address[0]], port=address[1], protocol_version=5).connect()
    assert without.execute("DESCRIBE CLUSTER").column_names == ["cluster", "partitioner", "snitch"]
    without.cluster.shutdown()


def test_options_in_quotes_count(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v int) WITH default_time_to_live = '100' "
                    "AND bloom_filter_fp_chance = '0.5' AND cdc = 'no'")
    session.execute("INSERT INTO t (k, v) VALUES (0, 0)")
    assert 90 < session.execute("SELECT ttl(v) FROM t").one()[0] <= 100
    assert tuple(session.execute("SELECT default_time_to_live, bloom_filter_fp_chance, cdc FROM system_schema.tables WHERE "
                                 f"keyspace_name = '{keyspace}'").one()) in ((100, 0.5, False), (100, 0.5, None))


@pytest.mark.parametrize("name, shown", [
    ("Int32Type", "int"), ("UTF8Type", "text"), ("BytesType", "blob"), ("IntegerType", "varint"), ("DateType", "timestamp"),
    ("LongType", "bigint"), ("SimpleDateType", "date"), ("InetAddressType", "inet"), ("ListType(Int32Type)", "list<int>"),
    ("FrozenType(SetType(TimeUUIDType))", "frozen<set<timeuuid>>"), ("MapType(UTF8Type , Int32Type)", "map<text, int>"),
    ("TupleType(Int32Type,UTF8Type)", "frozen<tuple<int, text>>"), ("VectorType(FloatType , 3)", "vector<float, 3>"),
    ("ReversedType(Int32Type)", "int"), ("", "blob")])
@pytest.mark.parametrize("package", ["", "org.apache.cassandra.db.marshal."])
def test_types_by_their_classes(session, keyspace, package, name, shown):
    whole = package + name if name else ""
    session.execute(f"CREATE TABLE t (k int PRIMARY KEY, v '{whole}')")
    assert rows(session, f"SELECT type FROM system_schema.columns WHERE keyspace_name = '{keyspace}' AND table_name = 't' "
                "AND column_name = 'v'") == [(shown,)]


def test_a_reversed_class_is_an_order(session, keyspace):
    session.execute("CREATE TABLE t (k int, c 'ReversedType(Int32Type)', l 'LexicalUUIDType', PRIMARY KEY (k, c))")
    for c in range(3):
        session.execute(f"INSERT INTO t (k, c, l) VALUES (0, {c}, 00000000-0000-0000-0000-00000000000{c})")
    assert rows(session, "SELECT c FROM t") == [(2,), (1,), (0,)]


@pytest.mark.parametrize("name, message", [
    ("Nope", "Error setting type Nope: Unable to find abstract-type class 'org.apache.cassandra.db.marshal.Nope'"),
    ("com.example.Foo", "Error setting type com.example.Foo: Unable to find abstract-type class 'com.example.Foo'"),
    ("int", "Error setting type int: Unable to find abstract-type class 'org.apache.cassandra.db.marshal.int'"),
    ("Int32Type(", "Cannot parse type Int32Type(: Syntax error parsing 'Int32Type(' at char 10: unexpected end of string")])
def test_classes_that_are_no_types(session, keyspace, name, message):
    refused(session, f"CREATE TABLE t (k int PRIMARY KEY, v '{name}')", message, SyntaxException)


def test_a_mask_that_is_not_there_is_dropped(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v int)")
    session.execute("ALTER TABLE t ALTER v DROP MASKED")
    session.execute("ALTER TABLE t ALTER IF EXISTS nope DROP MASKED")
    session.execute("ALTER TABLE IF EXISTS nope ALTER v DROP MASKED")
    with pytest.raises(InvalidRequest) as error:
        session.execute("ALTER TABLE t ALTER nope DROP MASKED")
    assert "Column with name 'nope' doesn't exist on table 't'" in str(error.value)
