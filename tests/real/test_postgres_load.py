"""Processes whose metadata is a real PostgreSQL: the server restarts under them, and two of them share one database."""
import re
import subprocess

import pytest
from support.process import BINARY, Penstock, wait_until

PIPELINE = """
pipeline: ticking
dags:
  ticks:
    schedule: every 1s
    tasks:
      first: { shell: "echo ${PENSTOCK_RUN_ID:-none}", retries: 20, retry_delay: 100ms }
      second: { shell: "sleep 0.2; echo second", retries: 20, retry_delay: 100ms, after: [first] }
  long:
    tasks:
      one: { shell: "sleep 1; echo one" }
      two: { shell: "sleep 1; echo two", after: [one] }
      three: { shell: "echo three", after: [two] }
"""


@pytest.fixture
def pipelines(tmp_path):
    assert BINARY.exists(), f"{BINARY} is missing: run make build"
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "ticking.yaml").write_text(PIPELINE)
    return folder


@pytest.fixture
def covers_postgres(suite, covers):
    shown = subprocess.run(["/usr/lib/postgresql/15/bin/postgres", "--version"], capture_output=True, text=True,
                           check=True).stdout
    covers("PostgreSQL", re.search(r"\d+\.\d+", shown)[0], "one server", "metadata")
    suite.ran += 1


def runs_of(penstock, dag, state=None):
    return [r for r in penstock.get(f"/api/v1/runs?limit=500&dag={dag}") if state in (None, r["state"])]


def process(pipelines, tmp_path, name, real_postgres, schema):
    return Penstock(pipelines, tmp_path / name, ["--metadata", f"{real_postgres.url}?schema={schema}"])


def test_the_server_dies_under_a_run(tmp_path, pipelines, real_postgres, covers_postgres):
    """kill -9 of the server in the middle of a run: the run waits for it, and every task succeeds in its first try."""
    with process(pipelines, tmp_path, "data", real_postgres, "dies") as penstock:
        run_id = penstock.call("POST", "/api/v1/dags/long/trigger")["run_id"]

        def run():
            return penstock.get(f"/api/v1/dags/long/runs/{run_id}")
        for task, command in ((0, "kill"), (1, "stop")):
            wait_until(lambda task=task: run()["tasks"][task]["state"] == "running", f"task {task} running", 30)
            real_postgres(command)
            real_postgres("start")
        wait_until(lambda: run()["state"] == "success", "the run's success", 60, 0.1)
        assert [(t["state"], t["try_number"]) for t in run()["tasks"]] == [("success", 1)] * 3
        for task in ("one", "two", "three"):
            log = penstock.get(f"/api/v1/dags/long/runs/{run_id}/tasks/{task}/log")
            assert [line["text"] for line in log["lines"]].count(task) == 1, log
        before = len(runs_of(penstock, "ticks", "success"))
        wait_until(lambda: len(runs_of(penstock, "ticks", "success")) > before, "scheduled runs going on", 30)


def test_two_processes_on_one_database(tmp_path, pipelines, real_postgres, covers_postgres):
    """Started at once on an empty database; one makes the runs, and the other when that one has gone."""
    both = [process(pipelines, tmp_path, name, real_postgres, "two") for name in ("a", "b")]
    try:
        for each in both:
            each.start(wait=False)
        for each in both:
            each.wait_ready()
        refused = {}

        def one_is_refused():
            for each in both:
                answer = each.command("trigger", "long")
                if answer.returncode != 0:
                    refused[each] = answer.stderr
            return refused
        wait_until(one_is_refused, "one of them making no runs", 30, 0.2)
        [(waiting, why)] = refused.items()
        assert "another process makes the runs of DAGs" in why, why
        leading = next(each for each in both if each is not waiting)
        wait_until(lambda: len(runs_of(waiting, "ticks", "success")) > 2, "runs", 30)
        leading.kill()
        before = len(runs_of(waiting, "ticks"))
        wait_until(lambda: len(runs_of(waiting, "ticks", "success")) > before, "the other one making runs", 60)
        assert waiting.command("trigger", "long").returncode == 0
        for run in runs_of(waiting, "ticks", "success"):
            log = waiting.get(f"/api/v1/dags/ticks/runs/{run['run_id']}/tasks/second/log")
            tries = {t["task"]: t["try_number"] for t in run["tasks"]}
            assert [line["text"] for line in log["lines"]].count("second") == 1, (run, log)
            assert all(number >= 1 for number in tries.values())
        ids = [r["run_id"] for r in runs_of(waiting, "ticks")]
        assert len(set(ids)) == len(ids)
    finally:
        for each in both:
            if each.process and each.process.poll() is None:
                each.process.kill()
                each.process.wait()
