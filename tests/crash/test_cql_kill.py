"""kill -9 under concurrent CQL writes, start again, and compare with a model of what was asked for: what was acknowledged is
there, what was under way is there as a whole or not at all."""
import os
import random
import sys
import threading
import time

import pytest
from cassandra import DriverException
from cassandra.cluster import Cluster, NoHostAvailable
from support.process import Penstock

KILLS = int(os.environ.get("PENSTOCK_CRASHES", "5"))
SEED = int(os.environ.get("PENSTOCK_SEED", str(random.randrange(1 << 30))))
WRITERS = 4
KEPT = 5  # of a writer's numbered entries the last ones stay

SCHEMA = """
CREATE KEYSPACE crash WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
CREATE TYPE crash.mark (round int, n int);
CREATE TABLE crash.rows (w int, c int, n int, last int static, m crash.mark, PRIMARY KEY (w, c));
CREATE TABLE crash.registers (w int PRIMARY KEY, n int, items map<int, int>);
CREATE TABLE crash.counters (w int PRIMARY KEY, n counter)
"""


class Writer(threading.Thread):
    """Writes one number after another, each in several ways, until the server is gone. asked is the last number that was
    sent, done the last one that was acknowledged, of each way."""

    def __init__(self, number, session, model):
        super().__init__(daemon=True)
        self.number, self.model = number, model
        execute, prepare = session.execute, session.prepare
        w = number
        batch = prepare("BEGIN BATCH INSERT INTO crash.rows (w, c, n, last) VALUES (?, 0, ?, ?); "
                        "INSERT INTO crash.rows (w, c, n) VALUES (?, 1, ?); UPDATE crash.rows SET m.n = ?, m.round = ? "
                        "WHERE w = ? AND c = 1; DELETE FROM crash.rows WHERE w = ? AND c > 1 AND c < ?; "
                        "INSERT INTO crash.rows (w, c, n) VALUES (?, ?, ?) APPLY BATCH")
        swap = prepare("UPDATE crash.registers SET n = ? WHERE w = ? IF n = ?")
        entry = prepare("UPDATE crash.registers SET items[?] = ?, items[?] = null WHERE w = ?")
        count = prepare("UPDATE crash.counters SET n = n + 1 WHERE w = ?")
        self.ways = {
            "batch": lambda n: execute(batch, (w, n, n, w, n, n, n, w, w, n + 10, w, n + 10, n)),
            "swap": lambda n: self.swap(execute(swap, (n, w, n - 1)).one()),
            "entry": lambda n: execute(entry, (n, n, n - KEPT, w)),
            "count": lambda n: execute(count, (w,)),
        }

    @staticmethod
    def swap(row):
        assert row[0], f"a register was changed by nobody: {row}"

    def run(self):
        try:
            while True:
                for way, write in self.ways.items():
                    state = self.model[self.number][way]
                    state["asked"] = state["done"] + 1
                    write(state["asked"])
                    state["done"] = state["asked"]
        except (DriverException, NoHostAvailable, OSError):
            pass  # the server was killed: that is what this test is about


def connect(penstock):
    cluster = Cluster(["127.0.0.1"], port=penstock.ports["cql"], schema_metadata_enabled=False, token_metadata_enabled=False)
    return cluster, cluster.connect()


def settle(state, found, what):
    """One write may have been under way: it counts when it is there."""
    assert state["done"] <= found <= state["asked"], f"{what}: {state['done']} acknowledged, {state['asked']} sent, {found} found"
    state["done"] = state["asked"] = found


def compare(session, model):
    for w, ways in model.items():
        rows = {row.c: row for row in session.execute("SELECT c, n, last, m FROM crash.rows WHERE w = %s", (w,))}
        n = rows[0].n if rows else 0
        settle(ways["batch"], n, f"batches of {w}")
        if n > 0:
            marks = (rows[0].last, rows[1].n, rows[1].m.n, rows[1].m.round, rows[n + 10].n)
            assert set(rows) == {0, 1, n + 10} and set(marks) == {n}, f"half a batch of {w}: {rows}"
        register = session.execute("SELECT n, items FROM crash.registers WHERE w = %s", (w,)).one()
        settle(ways["swap"], register.n or 0, f"compare and set of {w}")
        entries = dict(register.items or {})
        settle(ways["entry"], max(entries, default=0), f"entries of {w}")
        last = ways["entry"]["done"]
        assert entries == {i: i for i in range(max(1, last - KEPT + 1), last + 1)}, f"entries of {w}"
        counter = session.execute("SELECT n FROM crash.counters WHERE w = %s", (w,)).one()
        settle(ways["count"], counter.n if counter else 0, f"counter of {w}")


@pytest.mark.parametrize("sync", ["batch", "periodic"])
def test_killed_under_concurrent_writes(tmp_path, sync):
    print(f"PENSTOCK_SEED={SEED}", file=sys.stderr)
    chance = random.Random(SEED)
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "empty.yaml").write_text("pipeline: empty\n")
    with Penstock(folder, tmp_path / "data", ["--commitlog-sync", sync]) as penstock:
        cluster, session = connect(penstock)
        setting = session.execute("SELECT value FROM system_views.settings WHERE name = 'commitlog_sync'").one()
        assert setting.value == sync
        for statement in SCHEMA.split(";"):
            session.execute(statement)
        model = {w: {way: {"asked": 0, "done": 0} for way in ("batch", "swap", "entry", "count")} for w in range(WRITERS)}
        for w in range(WRITERS):
            session.execute("INSERT INTO crash.registers (w, n) VALUES (%s, 0)", (w,))
        for _ in range(KILLS):
            writers = [Writer(w, session, model) for w in range(WRITERS)]
            for writer in writers:
                writer.start()
            time.sleep(chance.uniform(0.05, 0.6))
            penstock.kill()
            for writer in writers:
                writer.join()
            cluster.shutdown()
            penstock.start()
            cluster, session = connect(penstock)
            compare(session, model)
        cluster.shutdown()
        assert sum(ways["batch"]["done"] for ways in model.values()) > KILLS
