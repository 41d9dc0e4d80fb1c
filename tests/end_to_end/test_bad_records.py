"""Bad data is kept, with its reason, and the good goes on."""
import json
import subprocess

from support.process import Penstock, wait_until

PIPELINE = """
pipeline: things
topics:
  things: { partitions: 1, schema: "id STRING, n BIGINT, at STRING" }
queries:
  all_things:
    sql: SELECT id, n, CAST(at AS TIMESTAMP) AS at FROM things
    into: test.things
    key: [id]
"""


def produce(penstock, topic, lines):
    subprocess.run(["kcat", "-P", "-b", f"127.0.0.1:{penstock.ports['kafka']}", "-t", topic],
                   input="\n".join(lines).encode(), check=True, timeout=60)


def test_bad_records_go_to_the_dead_letter_topic(tmp_path):
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "things.yaml").write_text(PIPELINE)
    with Penstock(folder, tmp_path / "data") as penstock:
        good = [json.dumps({"id": f"g{i}", "n": i, "at": "2026-01-01T00:00:00Z"}) for i in range(10)]
        bad = ["not json", '{"id": "b1", "n": "many", "at": "2026-01-01T00:00:00Z"}',
               '{"id": "b2", "n": 1, "at": "yesterday"}', '{"id": "b3", "n": 2', '{"n": 5, "at": "2026-01-01T00:00:00Z"}']
        produce(penstock, "things", good[:5] + bad + good[5:])
        wait_until(lambda: penstock.query("all_things")["processed"] == 15, "all records processed")
        wait_until(lambda: penstock.query("all_things")["lag"] == 0, "all records committed")
        assert sorted(row[0] for row in penstock.sql("SELECT id FROM test.things")) == [f"g{i}" for i in range(10)]
        letters = subprocess.run(
            ["kcat", "-C", "-b", f"127.0.0.1:{penstock.ports['kafka']}", "-t", "things.dlq", "-o", "beginning", "-e",
             "-q", "-f", "%h\\t%s\\n"], capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
        assert [line.split("\t", 1)[1] for line in letters] == bad
        assert all("penstock.dlq.reason=" in line and "penstock.dlq.offset=" in line for line in letters)
        assert penstock.query("all_things")["rejected"] == 5
