"""Runs of a source or query that somebody asks for over the REST API: their progress, cancelling, and a restart."""

import json
import urllib.error

import pytest

from support.process import ROOT, Penstock, wait_until

ENDED = ("success", "failed")


@pytest.fixture
def penstock(tmp_path):
    text = (ROOT / "examples/users/users.yaml").read_text()
    # Nothing runs by itself, so that what is counted is what was asked for.
    text = text.replace("    topic: users_created\n", "    topic: users_created\n    autostart: false\n", 1)
    text = text.replace('    schedule: "@daily"\n', "").replace("every: 2s", "every: 100ms")
    text = text.replace(
        "\ntopics:",
        "\n  nothing:\n    file: { path: none.jsonl }\n    topic: nothing\n    autostart: false\n\ntopics:",
        1,
    )
    (tmp_path / "users.yaml").write_text(text)
    (tmp_path / "none.jsonl").write_text("")
    with Penstock(tmp_path, tmp_path / "data") as process:
        assert process.get("/api/v1/status")["problems"] == []
        yield process


def start(penstock, what, **body):
    answer = penstock.call("POST", f"/api/v1/{what}/run", body)
    return f"/api/v1/dags/{answer['dag'].replace(':', '%3A')}/runs/{answer['run_id'].replace(':', '%3A').replace('+', '%2B')}"


def ended(penstock, path):
    return wait_until(lambda: (run := penstock.get(path))["state"] in ENDED and run, f"the end of {path}", 60)


def test_a_source_runs_for_a_time_and_its_counts_grow_meanwhile(penstock):
    path = start(penstock, "sources/random_users", **{"for": "4s"})
    seen = wait_until(lambda: penstock.get(path)["tasks"][0]["counts"].get("acknowledged"), "counts while it runs")
    assert penstock.get(path)["state"] == "running"
    run = ended(penstock, path)
    assert run["state"] == "success"
    counts = run["tasks"][0]["counts"]
    assert counts["acknowledged"] >= seen > 0
    assert counts["acknowledged"] == penstock.topic_records("users_created")
    lines = [line["text"] for line in penstock.get(f"{path}/tasks/run/log")["lines"]]
    assert "source random_users -> topic users_created for 4.0 s" in lines[0]
    assert f"acknowledged {counts['acknowledged']:,}" in lines[-1]


def test_a_query_runs_until_it_has_caught_up(penstock):
    fetched = ended(penstock, start(penstock, "sources/random_users", **{"for": "1s"}))
    run = ended(penstock, start(penstock, "queries/created_users"))
    assert run["state"] == "success" and run["tasks"][0]["counts"]["lag"] == 0
    assert (
        penstock.sql("SELECT count(*) FROM spark_streams.created_users")[0][0]
        == fetched["tasks"][0]["counts"]["acknowledged"]
    )


def test_nothing_acknowledged_fails_unless_that_is_fine(penstock):
    failed = ended(penstock, start(penstock, "sources/nothing"))
    assert failed["state"] == "failed"
    assert "the log acknowledged no record" in failed["tasks"][0]["note"]
    assert ended(penstock, start(penstock, "sources/nothing", allow_empty=True))["state"] == "success"


def test_a_run_is_cancelled_and_the_source_stops(penstock):
    path = start(penstock, "sources/random_users", **{"for": "1h", "run_id": "mine"})
    wait_until(lambda: penstock.get(path)["tasks"][0]["counts"].get("acknowledged"), "records")
    done = penstock.command("runs", "run:random_users", "mine", "--cancel")
    assert done.returncode == 0 and "the run was cancelled" in done.stdout, done.stdout + done.stderr
    wait_until(lambda: penstock.source("random_users")["state"] != "running", "the source stopped")
    kept = penstock.topic_records("users_created")
    again = penstock.call("POST", path + "/cancel")
    assert again["state"] == "failed"
    assert penstock.topic_records("users_created") == kept


def test_the_same_id_starts_one_run(penstock):
    start(penstock, "sources/random_users", **{"for": "1s", "run_id": "once"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        start(penstock, "sources/random_users", **{"for": "1s", "run_id": "once"})
    assert refused.value.code == 409
    assert "has a run once already" in json.loads(refused.value.read())["error"]["message"]


def test_a_run_goes_on_after_a_restart_and_a_killed_one_has_failed(penstock):
    path = start(penstock, "sources/random_users", **{"for": "2s"})
    wait_until(lambda: penstock.get(path)["state"] == "running", "it runs")
    penstock.stop()
    penstock.start()
    assert ended(penstock, path)["state"] == "success"
    path = start(penstock, "sources/random_users", **{"for": "1h"})
    wait_until(lambda: penstock.get(path)["tasks"][0]["counts"].get("acknowledged"), "records")
    penstock.kill()
    penstock.start()
    run = ended(penstock, path)
    assert run["state"] == "failed" and run["tasks"][0]["note"] == "the process ended while it ran"
