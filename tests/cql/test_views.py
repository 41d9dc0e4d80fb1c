"""Materialised views. A real Cassandra gives the same answers, with materialized_views_enabled."""
import pytest
from cassandra import AlreadyExists
from cassandra.query import SimpleStatement
from support.cql import refused
from support.process import wait_until


def built(session, keyspace, *names):
    def all_there():
        rows = session.execute(f"SELECT view_name FROM system.built_views WHERE keyspace_name = '{keyspace}'")
        return {row.view_name for row in rows} == set(names)
    wait_until(all_there, "the views built")


@pytest.fixture
def scores(session, keyspace):
    session.execute("CREATE TABLE scores (player text, game text, year int, score int, note text, tags set<text>, "
                    "PRIMARY KEY (player, game, year))")
    session.execute("INSERT INTO scores (player, game, year, score, note) VALUES ('ann', 'go', 2020, 10, 'first')")
    session.execute("CREATE MATERIALIZED VIEW best AS SELECT * FROM scores WHERE game IS NOT NULL AND score IS NOT NULL "
                    "AND player IS NOT NULL AND year IS NOT NULL PRIMARY KEY (game, score, player, year) "
                    "WITH CLUSTERING ORDER BY (score DESC, player ASC, year ASC)")
    session.execute("CREATE MATERIALIZED VIEW by_year AS SELECT player, score FROM scores WHERE year >= 2021 AND "
                    "game IS NOT NULL AND player IS NOT NULL PRIMARY KEY (year, player, game)")
    built(session, keyspace, "best", "by_year")
    for player, game, year, score in (("ann", "go", 2021, 30), ("bob", "go", 2020, 20), ("bob", "go", 2021, 40),
                                      ("ann", "chess", 2021, 5)):
        session.execute(f"INSERT INTO scores (player, game, year, score) VALUES ('{player}', '{game}', {year}, {score})")
    return keyspace


def test_whoever_listens_hears_that_a_view_has_changed_with_its_table(session, scores):
    events = []
    connection = session.cluster.control_connection._connection
    connection.register_watchers({"SCHEMA_CHANGE": events.append}, register_timeout=20)
    session.execute("ALTER TABLE scores ADD more int")
    wait_until(lambda: {"scores", "best"} <= {event["table"] for event in events if event["keyspace"] == scores},
               "events of both")
    assert "by_year" not in {event["table"] for event in events if event["keyspace"] == scores}


def best(session, game="go", more=""):
    return [(row.score, row.player, row.year) for row in session.execute(f"SELECT * FROM best WHERE game = '{game}' {more}")]


def test_rows_in_the_views_order(session, scores):
    assert best(session) == [(40, "bob", 2021), (30, "ann", 2021), (20, "bob", 2020), (10, "ann", 2020)]
    assert best(session, more="AND score >= 20 AND score < 40") == [(30, "ann", 2021), (20, "bob", 2020)]
    assert best(session, more="ORDER BY score ASC LIMIT 2") == [(10, "ann", 2020), (20, "bob", 2020)]
    assert best(session, "chess") == [(5, "ann", 2021)]
    row = session.execute("SELECT note, writetime(note) AS w FROM best WHERE game = 'go' AND score = 10").one()
    assert row.note == "first" and row.w > 10**15
    rows = [(row.player, row.game, row.score) for row in session.execute("SELECT * FROM by_year WHERE year = 2021")]
    assert rows == [("ann", "chess", 5), ("ann", "go", 30), ("bob", "go", 40)]
    assert list(session.execute("SELECT * FROM by_year WHERE year = 2020")) == []
    assert session.execute("SELECT count(*) FROM best").one()[0] == 5


def test_views_follow_their_table(session, scores):
    session.execute("UPDATE scores SET score = 50 WHERE player = 'ann' AND game = 'go' AND year = 2020")
    assert best(session)[0] == (50, "ann", 2020) and len(best(session)) == 4
    session.execute("UPDATE scores USING TIMESTAMP 1000 SET score = 60 WHERE player = 'ann' AND game = 'go' AND year = 2020")
    assert best(session)[0] == (50, "ann", 2020) and len(best(session)) == 4
    session.execute("DELETE score FROM scores WHERE player = 'ann' AND game = 'go' AND year = 2020")
    assert len(best(session)) == 3
    session.execute("UPDATE scores SET note = 'x', tags = {'a'} WHERE player = 'bob' AND game = 'go' AND year = 2021")
    row = session.execute("SELECT note, tags FROM best WHERE game = 'go' AND score = 40").one()
    assert row.note == "x" and set(row.tags) == {"a"}
    session.execute("DELETE FROM scores WHERE player = 'bob'")
    assert best(session) == [(30, "ann", 2021)]
    session.execute("BEGIN BATCH INSERT INTO scores (player, game, year, score) VALUES ('eve', 'go', 2022, 1); "
                    "DELETE FROM scores WHERE player = 'ann' AND game = 'go' AND year = 2021; APPLY BATCH")
    assert best(session) == [(1, "eve", 2022)]
    session.execute("TRUNCATE scores")
    assert best(session) == []
    session.execute("INSERT INTO scores (player, game, year, score) VALUES ('eve', 'go', 2022, 2)")
    assert best(session) == [(2, "eve", 2022)]


def test_paging_over_a_view(session, scores):
    insert = session.prepare("INSERT INTO scores (player, game, year, score) VALUES (?, ?, ?, ?)")
    for i in range(200):
        session.execute(insert, (f"p{i % 7}", f"g{i % 3}", i, i * 13 % 101))
    everything = [(r.game, r.score, r.player, r.year) for r in session.execute("SELECT * FROM best")]
    assert len(everything) == len(set(everything)) == 205
    for size in (1, 7, 64):
        rows = session.execute(SimpleStatement("SELECT * FROM best", fetch_size=size))
        assert [(r.game, r.score, r.player, r.year) for r in rows] == everything
    rows = session.execute(SimpleStatement("SELECT * FROM best WHERE game = 'g1' ORDER BY score ASC", fetch_size=9))
    assert [(r.game, r.score, r.player, r.year) for r in rows] == [row for row in everything if row[0] == "g1"][::-1]
    rows = session.execute(SimpleStatement("SELECT * FROM best PER PARTITION LIMIT 2", fetch_size=2))
    assert len(list(rows)) == sum(min(2, sum(1 for g, *_ in everything if g == game)) for game in {g for g, *_ in everything})


def test_rules(session, scores):
    where = "game IS NOT NULL AND player IS NOT NULL AND year IS NOT NULL"
    for statement, text in {
        "INSERT INTO best (game, score, player, year) VALUES ('go', 1, 'x', 1)": "Cannot directly modify a materialized view",
        "TRUNCATE best": "Cannot TRUNCATE materialized view directly",
        "DROP TABLE best": "Cannot use DROP TABLE on a materialized view",
        "ALTER TABLE best ADD x int": "Cannot use ALTER TABLE on a materialized view",
        "DROP TABLE scores": "Cannot drop a table when materialized views still depend on it",
        "ALTER TABLE scores DROP note": "Cannot drop column note on base table scores with materialized views",
        "CREATE INDEX ON best (note)": "Secondary indexes on materialized views aren't supported",
        f"CREATE MATERIALIZED VIEW v AS SELECT * FROM scores WHERE {where} PRIMARY KEY (game, player)":
            "without primary key columns from base scores (year)",
        f"CREATE MATERIALIZED VIEW v AS SELECT * FROM scores WHERE {where} PRIMARY KEY (score, game, player, year)":
            "is required to be filtered by 'IS NOT NULL'",
        f"CREATE MATERIALIZED VIEW v AS SELECT * FROM scores WHERE {where} AND score IS NOT NULL AND note IS NOT NULL "
        "PRIMARY KEY (score, note, game, player, year)": "Cannot include more than one non-primary key column",
        f"CREATE MATERIALIZED VIEW v AS SELECT * FROM best WHERE {where} AND score IS NOT NULL "
        "PRIMARY KEY (score, game, player, year)": "cannot be created against other materialized views",
        "DROP MATERIALIZED VIEW nothing": "doesn't exist",
    }.items():
        refused(session, statement, text)
    refused(session, f"CREATE MATERIALIZED VIEW best AS SELECT * FROM scores WHERE {where} PRIMARY KEY (game, player, year)",
            "already exists", AlreadyExists)
    session.execute(f"CREATE MATERIALIZED VIEW IF NOT EXISTS best AS SELECT * FROM scores WHERE {where} "
                    "PRIMARY KEY (game, player, year)")


def test_schema(session, scores):
    rows = {row.view_name: row for row in session.execute(
        f"SELECT * FROM system_schema.views WHERE keyspace_name = '{scores}'")}
    assert rows["best"].base_table_name == "scores" and rows["best"].include_all_columns
    assert not rows["by_year"].include_all_columns and rows["by_year"].where_clause.startswith("year >= 2021")
    tables = {row.table_name for row in session.execute(
        f"SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{scores}'")}
    assert tables == {"scores"}
    session.cluster.refresh_schema_metadata()
    metadata = session.cluster.metadata.keyspaces[scores]
    assert set(metadata.views) == {"best", "by_year"} and set(metadata.tables["scores"].views) == {"best", "by_year"}
    text = session.execute("DESCRIBE MATERIALIZED VIEW best").one().create_statement
    assert "PRIMARY KEY (game, score, player, year)" in text and "CLUSTERING ORDER BY (score DESC, player ASC, year ASC)" in text
    session.execute("ALTER TABLE scores ADD extra int")
    session.execute("UPDATE scores SET extra = 7 WHERE player = 'bob' AND game = 'go' AND year = 2021")
    assert session.execute("SELECT * FROM best WHERE game = 'go' LIMIT 1").one().extra == 7
    session.execute("ALTER MATERIALIZED VIEW best WITH comment = 'of the best'")
    session.execute("DROP MATERIALIZED VIEW best")
    session.execute("DROP MATERIALIZED VIEW IF EXISTS best")
    session.execute("DROP MATERIALIZED VIEW by_year")
    session.execute(text.replace("best", "again", 1))
    built(session, scores, "again")
    assert session.execute("SELECT count(*) FROM again").one()[0] == 5
    session.execute("DROP MATERIALIZED VIEW again")
    session.execute("DROP TABLE scores")


def test_an_empty_text_is_a_key_of_a_view(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
    session.execute("CREATE MATERIALIZED VIEW by_v AS SELECT * FROM t WHERE v IS NOT NULL AND k IS NOT NULL PRIMARY KEY (v, k)")
    built(session, keyspace, "by_v")
    session.execute("INSERT INTO t (k, v) VALUES (123, '')")
    session.execute("INSERT INTO t (k, v) VALUES (124, null)")
    assert [tuple(row) for row in session.execute("SELECT * FROM by_v")] == [("", 123)]
    refused(session, "SELECT * FROM by_v WHERE v = ''", "Key may not be empty")


def test_views_of_compact_tables(session, keyspace):
    session.execute("CREATE TABLE t (k int, c int, d int, v int, PRIMARY KEY (k, c, d)) WITH COMPACT STORAGE")
    session.execute("CREATE TABLE u (k int PRIMARY KEY, v int) WITH COMPACT STORAGE")
    session.execute("CREATE MATERIALIZED VIEW by_v AS SELECT * FROM t WHERE v IS NOT NULL AND k IS NOT NULL AND c IS NOT NULL "
                    "AND d IS NOT NULL PRIMARY KEY (v, k, c, d)")
    built(session, keyspace, "by_v")
    session.execute("INSERT INTO t (k, c, d, v) VALUES (1, 2, 3, 4)")
    session.execute("INSERT INTO t (k, c, v) VALUES (1, 2, 4)")
    assert [tuple(row) for row in session.execute("SELECT v, k, c, d FROM by_v")] == [(4, 1, 2, 3)]
    refused(session, "CREATE MATERIALIZED VIEW w AS SELECT * FROM u WHERE k IS NOT NULL AND v IS NOT NULL PRIMARY KEY (v, k)",
            "Cannot include static column 'v' in materialized view 'w'")


def test_what_a_view_may_select_and_how_it_is_ordered(session, keyspace):
    session.execute("CREATE TABLE t (k int, c int, x int, m map<text, text>, PRIMARY KEY (k, c))")
    where = "WHERE k IS NOT NULL AND c IS NOT NULL AND x IS NOT NULL"
    for part in ("m['a']", "m['a'..'b']"):
        refused(session, f"CREATE MATERIALIZED VIEW v AS SELECT {part} FROM t {where} PRIMARY KEY (c, k)",
                f"Can only select columns by name when defining a materialized view (got {part})")
    for order in ("c ASC", "x ASC", "x ASC, c ASC", "c ASC, x ASC, x ASC"):
        refused(session, f"CREATE MATERIALIZED VIEW v AS SELECT * FROM t {where} PRIMARY KEY (k, c, x) "
                         f"WITH CLUSTERING ORDER BY ({order})", "CLUSTERING ORDER BY")
