"""Partitions that are read again and again, which a server may keep in memory, and are changed in between by every kind of
statement. Everything here also holds of Apache Cassandra 5.0 (PENSTOCK_CQL), but for the view where views are off."""
import time

import pytest
from cassandra import InvalidRequest
from cassandra.query import SimpleStatement
from support.process import wait_until

ROWS, READS = 100, 8
NOTE = "a note that is long enough for a partition to be worth keeping " * 4


@pytest.fixture
def table(session, keyspace):
    session.execute("CREATE TABLE t (p int, c int, s int static, v int, note text, PRIMARY KEY (p, c))")
    insert = session.prepare("INSERT INTO t (p, c, v, note) VALUES (?, ?, ?, ?)")
    for p in (1, 2):
        for c in range(ROWS):
            session.execute(insert, (p, c, c, NOTE))
    session.execute("INSERT INTO t (p, s) VALUES (1, 7)")


def read(session, where="p = 1", order="", what="c, s, v FROM t"):
    """The last of many reads, which all say the same."""
    select = session.prepare(f"SELECT {what} WHERE {where} {order}")
    answers = {tuple(map(tuple, session.execute(select))) for _ in range(READS)}
    assert len(answers) == 1
    return list(answers.pop())


def test_changes_between_reads(session, table):
    expected = {c: (c, 7, c) for c in range(ROWS)}

    def check():
        rows = [expected[c] for c in sorted(expected)]
        assert read(session) == rows
        assert read(session, order="ORDER BY c DESC") == rows[::-1]
        assert read(session, "p = 1 AND c >= 10 AND c < 20") == [row for row in rows if 10 <= row[0] < 20]
        assert read(session, "p = 1 AND c > 90", "ORDER BY c DESC LIMIT 3") == [r for r in rows[::-1] if r[0] > 90][:3]

    check()
    session.execute("INSERT INTO t (p, c, v) VALUES (1, 500, 1)")
    expected[500] = (500, 7, 1)
    check()
    session.execute("UPDATE t SET v = -1 WHERE p = 1 AND c = 15")
    expected[15] = (15, 7, -1)
    check()
    session.execute("UPDATE t SET s = 8 WHERE p = 1")
    expected = {c: (c, 8, v) for c, (_, _, v) in expected.items()}
    check()
    session.execute("DELETE FROM t WHERE p = 1 AND c = 12")
    del expected[12]
    check()
    session.execute("DELETE FROM t WHERE p = 1 AND c >= 17 AND c < 30")
    expected = {c: row for c, row in expected.items() if not 17 <= c < 30}
    check()
    session.execute("DELETE v FROM t WHERE p = 1 AND c = 31")
    expected[31] = (31, 8, None)
    check()
    session.execute("INSERT INTO t (p, c, v) VALUES (1, 40, 4) IF NOT EXISTS")
    check()
    session.execute("UPDATE t SET v = 44 WHERE p = 1 AND c = 40 IF v = 40")
    expected[40] = (40, 8, 44)
    check()
    session.execute("BEGIN BATCH INSERT INTO t (p, c, v) VALUES (2, 1, 1); UPDATE t SET v = 99 WHERE p = 1 AND c = 41; APPLY BATCH")
    expected[41] = (41, 8, 99)
    check()
    session.execute("ALTER TABLE t ADD more int")
    check()
    session.execute("DELETE FROM t WHERE p = 1")
    assert read(session) == []
    session.execute("INSERT INTO t (p, c, v) VALUES (1, 1, 1)")
    assert read(session) == [(1, None, 1)]
    assert len(read(session, "p = 2")) == ROWS
    session.execute("TRUNCATE t")
    assert read(session) == [] and read(session, "p = 2") == []


def test_changes_between_reads_of_single_rows(session, keyspace):
    session.execute("CREATE TABLE one (p int PRIMARY KEY, v int, m map<text, int>, note text)")
    for p in range(50):
        session.execute(f"INSERT INTO one (p, v, note) VALUES ({p}, {p}, 'x')")

    def check(*rows):
        assert read(session, "p = 7", what="p, v, note, m FROM one") == list(rows)
        assert read(session, "p = 8", what="p, v FROM one") == [(8, 8)]

    check((7, 7, "x", None))
    session.execute("UPDATE one SET v = 70 WHERE p = 7")
    check((7, 70, "x", None))
    session.execute("UPDATE one SET m['a'] = 1 WHERE p = 7")
    assert [row.m["a"] for row in session.execute("SELECT m FROM one WHERE p = 7")] == [1]
    session.execute("DELETE note, m FROM one WHERE p = 7")
    check((7, 70, None, None))
    assert session.execute("UPDATE one SET v = 71 WHERE p = 7 IF v = 70").one().applied
    check((7, 71, None, None))
    assert not session.execute("UPDATE one SET v = 72 WHERE p = 7 IF v = 70").one().applied
    check((7, 71, None, None))
    session.execute("BEGIN BATCH UPDATE one SET v = 73 WHERE p = 7; INSERT INTO one (p, v) VALUES (51, 1); APPLY BATCH")
    check((7, 73, None, None))
    session.execute("DELETE FROM one WHERE p = 7")
    check()
    assert session.execute("INSERT INTO one (p, v) VALUES (7, 1) IF NOT EXISTS").one().applied
    check((7, 1, None, None))
    session.execute("INSERT INTO one (p, v) VALUES (7, 2) USING TTL 2")
    check((7, 2, None, None))
    wait_until(lambda: not list(session.execute("SELECT v FROM one WHERE p = 7 AND v = 2 ALLOW FILTERING")), "expiry", 20)
    session.execute("TRUNCATE one")
    assert read(session, "p = 8", what="p, v FROM one") == []
    session.execute("DROP TABLE one")
    session.execute("CREATE TABLE one (p int PRIMARY KEY, v int)")
    assert read(session, "p = 8", what="p, v FROM one") == []


def test_rows_expire(session, table):
    session.execute("INSERT INTO t (p, c, v) VALUES (1, 500, 1) USING TTL 2")
    assert len(read(session)) == ROWS + 1
    start = time.monotonic()
    wait_until(lambda: len(read(session)) == ROWS, "the row being gone", 20, 0.1)
    assert time.monotonic() - start < 15
    session.execute("UPDATE t USING TTL 2 SET v = 5 WHERE p = 1 AND c = 5")
    wait_until(lambda: read(session, "p = 1 AND c >= 5 AND c <= 6") == [(5, 7, None), (6, 7, 6)], "the value being gone", 20, 0.1)


def test_pages_of_a_partition(session, table):
    for _ in range(READS):
        answer = session.execute(SimpleStatement("SELECT c FROM t WHERE p = 1", fetch_size=7))
        assert [row.c for row in answer] == list(range(ROWS))
    answer = session.execute(SimpleStatement("SELECT c FROM t WHERE p = 1", fetch_size=7))
    assert [row.c for row in answer.current_rows] == list(range(7))
    session.execute("DELETE FROM t WHERE p = 1 AND c >= 10 AND c < 20")
    seen = list(range(7))
    while answer.has_more_pages:
        answer.fetch_next_page()
        seen += [row.c for row in answer.current_rows]
    assert seen == [c for c in range(ROWS) if not 10 <= c < 20]


def test_a_view_of_it(session, table):
    def rows():
        return read(session, what="c, v FROM by_v")
    try:
        session.execute("CREATE MATERIALIZED VIEW by_v AS SELECT p, c, v, note FROM t "
                        "WHERE v IS NOT NULL AND p IS NOT NULL AND c IS NOT NULL PRIMARY KEY (p, v, c)")
    except InvalidRequest as error:
        assert "not enabled" in str(error) or "disabled" in str(error)
        pytest.skip(str(error))
    wait_until(lambda: len(rows()) == ROWS, "the view being built", 30, 0.1)
    session.execute("UPDATE t SET v = 1000 WHERE p = 1 AND c = 0")
    wait_until(lambda: rows()[-1] == (0, 1000), "the view's new row", 10, 0.05)
    session.execute("DELETE FROM t WHERE p = 1 AND c = 1")
    wait_until(lambda: len(rows()) == ROWS - 1, "the view's row being gone", 10, 0.05)
