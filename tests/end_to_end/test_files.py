"""Pipelines are files: saved means running, wrong means listed with its place while the last good version runs."""
import json
import subprocess

from support.process import BINARY, ROOT, Penstock, wait_until

GOOD = """pipeline: posts
sources:
  posted: { webhook: { path: posted }, key: /id, topic: posts }
topics:
  posts: { partitions: 1, schema: "id STRING, n BIGINT" }
queries:
  all_posts:
    sql: |
      SELECT id, n
      FROM posts
    into: test.posts
    key: [id]
"""


def check(path, *options):
    return subprocess.run([str(BINARY), "check", str(path), *options], capture_output=True, text=True, timeout=60)


def test_the_examples_are_right():
    for folder in sorted((ROOT / "examples").iterdir()):
        done = check(folder)
        assert done.returncode == 0, done.stderr


def test_errors_have_their_place(tmp_path):
    file = tmp_path / "posts.yaml"
    file.write_text(GOOD.replace("      SELECT id, n\n", "      SELECT id, nn\n"))
    done = check(file)
    assert done.returncode == 1
    assert f"{file}:9:18" in done.stderr and "did you mean n?" in done.stderr
    assert done.stderr.count("^") == 1

    file.write_text(GOOD.replace("partitions: 1", "partitons: 1"))
    problems = json.loads(check(file, "--output", "json").stdout)
    assert problems[0]["line"] == 5 and "partitions" in problems[0]["text"]


def test_a_saved_file_runs_and_a_wrong_one_does_not_stop_it(tmp_path):
    folder = tmp_path / "p"
    folder.mkdir()
    with Penstock(folder, tmp_path / "data") as penstock:
        file = folder / "posts.yaml"
        file.write_text(GOOD)
        wait_until(lambda: penstock.query("all_posts")["state"] in ("running", "waiting"), "the query running")
        penstock.call("POST", "/ingest/posted", {"id": "a", "n": 1})

        file.write_text(GOOD.replace("FROM posts", "FROM pots"))
        problems = wait_until(lambda: penstock.get("/api/v1/status")["problems"], "the problem listed")
        assert problems[0]["line"] == 10 and "pots" in problems[0]["text"]
        penstock.call("POST", "/ingest/posted", {"id": "b", "n": 2})
        wait_until(lambda: len(penstock.sql("SELECT id FROM test.posts")) == 2, "the last good version running")

        file.write_text(GOOD + "    watermark: { column: _timestamp, delay: 5s }\n")
        wait_until(lambda: not penstock.get("/api/v1/status")["problems"], "the problem gone")
        assert penstock.get("/api/v1/pipelines")[0]["revision"] == 2

        # A restart with a wrong file runs the last good revision.
        file.write_text("pipeline: [")
        wait_until(lambda: penstock.get("/api/v1/status")["problems"], "the problem listed")
        penstock.stop()
        penstock.start()
        wait_until(lambda: penstock.get("/api/v1/status")["problems"], "the problem listed again")
        penstock.call("POST", "/ingest/posted", {"id": "c", "n": 3})
        wait_until(lambda: len(penstock.sql("SELECT id FROM test.posts")) == 3, "the last good revision running")
