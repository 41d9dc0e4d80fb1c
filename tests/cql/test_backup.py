"""penstock backup: a copy of the tables that is consistent although they are written meanwhile."""
import shutil
import threading

from cassandra.cluster import Cluster
from cassandra.query import BatchStatement
from support.process import Penstock, wait_until


def test_a_backup_under_writes_and_going_back_to_it(tmp_path):
    with Penstock(tmp_path, tmp_path / "data") as penstock:
        cluster = Cluster(["127.0.0.1"], port=penstock.ports["cql"])
        session = cluster.connect()
        session.execute("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
        session.execute("CREATE TABLE k.t (p int, c int, PRIMARY KEY (p, c))")
        session.execute("CREATE INDEX ON k.t (c)")
        insert = session.prepare("INSERT INTO k.t (p, c) VALUES (?, ?)")
        stopping, written = threading.Event(), []

        def write():
            for i in range(100_000):
                # Both rows, or none.
                batch = BatchStatement()
                batch.add(insert, (1, i))
                batch.add(insert, (2, i))
                session.execute(batch)
                written.append(i)
                if stopping.is_set():
                    return
        writer = threading.Thread(target=write)
        writer.start()
        wait_until(lambda: len(written) > 50, "rows")
        before = len(written)
        done = penstock.command("backup", "first")
        assert done.returncode == 0 and "backups/first" in done.stdout, done.stderr
        wait_until(lambda: len(written) > before + 20, "rows after the backup")
        stopping.set()
        writer.join()
        for name, text in (("first", "already"), ("../up", "a backup's name"), (".hidden", "a backup's name")):
            again = penstock.command("backup", name)
            assert again.returncode == 1 and text in again.stderr, again.stderr
        session.execute("TRUNCATE k.t")
        cluster.shutdown()
    shutil.rmtree(tmp_path / "data/tables")
    shutil.copytree(tmp_path / "data/backups/first", tmp_path / "data/tables")
    with Penstock(tmp_path, tmp_path / "data") as penstock:
        cluster = Cluster(["127.0.0.1"], port=penstock.ports["cql"])
        session = cluster.connect()
        rows = {p: [row.c for row in session.execute(f"SELECT c FROM k.t WHERE p = {p}")] for p in (1, 2)}
        assert rows[1] == rows[2] == list(range(len(rows[1]))) and before <= len(rows[1]) <= len(written)
        assert [row.p for row in session.execute("SELECT p FROM k.t WHERE c = 7")] == [1, 2]
        cluster.shutdown()
