"""The provider package on a real Airflow with PostgreSQL, with a real Penstock: the tutorial's DAG as a user runs it."""

import json
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

from conftest import ROOT, System, running
from support.process import Penstock, free_port, wait_until

EXAMPLES = ROOT / "integrations/airflow/example_dags"
VERSION = "3.3.2"

# Three short ones beside the examples: a source that cannot get anything, a Penstock that is not there, and one that
# somebody stops.
MORE_DAGS = """
from datetime import datetime, timedelta
from airflow.sdk import DAG
from penstock_provider.operators.penstock import PenstockRunDagOperator, PenstockRunSourceOperator

common = {"schedule": None, "start_date": datetime(2026, 1, 1), "catchup": False}
with DAG("empty_run", **common):
    PenstockRunSourceOperator(task_id="run", source="nothing", duration="1s", deferrable=True)
with DAG("penstock_down", **common):
    PenstockRunSourceOperator(task_id="run", source="random_users", duration="1s", penstock_conn_id="penstock_down",
                              retries=1, retry_delay=timedelta(seconds=1))
with DAG("stopped_by_hand", **common):
    PenstockRunSourceOperator(task_id="run", source="random_users", duration="10m", deferrable=True, poll_interval=1)
with DAG("pipeline_dag", **common):
    PenstockRunDagOperator(task_id="run", penstock_dag="user_automation")
"""

# The example, its DAG shorter, and a source that finds nothing.
MORE_SOURCES = """
  nothing:
    file: { path: none/*.jsonl }
    topic: nothing
    autostart: false
"""


class Airflow:
    """Its REST API, as a person with a token."""

    def __init__(self, url):
        self.url = url
        self.token = self.call("POST", "/auth/token", {"username": "admin", "password": "admin"})["access_token"]

    def call(self, method, path, body=None, accept="application/json"):
        headers = {"Content-Type": "application/json", "Accept": accept}
        if hasattr(self, "token"):
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()[:500]}") from error
        return json.loads(text) if text and accept == "application/json" else text.decode()

    def api(self, method, path, body=None, **keywords):
        return self.call(method, f"/api/v2{path}", body, **keywords)

    def run(self, dag, conf=None):
        """Triggers it; its run id."""
        self.api("PATCH", f"/dags/{dag}", {"is_paused": False})
        return self.api("POST", f"/dags/{dag}/dagRuns", {"logical_date": None, "conf": conf or {}})["dag_run_id"]

    def state(self, dag, run):
        return self.api("GET", f"/dags/{dag}/dagRuns/{run}")["state"]

    def wait(self, dag, run, timeout=240):
        wait_until(lambda: self.state(dag, run) in ("success", "failed"), f"end of {dag} {run}", timeout, 0.3)
        return self.state(dag, run)

    def task(self, dag, run, task):
        return self.api("GET", f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}")

    def log(self, dag, run, task, number=1):
        path = f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{number}?full_content=true"
        return self.api("GET", path, accept="application/x-ndjson")

    def connect(self, name, port):
        self.api(
            "POST", "/connections", {"connection_id": name, "conn_type": "penstock", "host": "127.0.0.1", "port": port}
        )


@pytest.fixture(scope="module")
def penstock(tmp_path_factory):
    folder = tmp_path_factory.mktemp("airflow")
    text = (ROOT / "examples/users/users.yaml").read_text()
    text = (
        text.replace("for: 10s", "for: 2s")
        .replace("every: 2s", "every: 200ms")
        .replace("\ntopics:", MORE_SOURCES + "\ntopics:", 1)
    )
    (folder / "users.yaml").write_text(text)
    with Penstock(folder, folder / "data") as process:
        assert process.get("/api/v1/status")["problems"] == []
        yield process


@pytest.fixture(scope="module")
def airflow(real_postgres, penstock, tmp_path_factory):
    dags = tmp_path_factory.mktemp("dags")
    for file in EXAMPLES.glob("*.py"):
        shutil.copy(file, dags)
    (dags / "more.py").write_text(MORE_DAGS)
    port = free_port()
    system = System(
        "airflow.sh",
        "airflow",
        {"AIRFLOW_PORT": port, "AIRFLOW_DAGS": dags, "POSTGRES_PORT": real_postgres.environment["POSTGRES_PORT"]},
    )
    system("install", timeout=600)
    for _ in running(system, f"airflow-{port}/*.log"):
        client = Airflow(f"http://127.0.0.1:{port}")
        client.connect("penstock_default", penstock.ports["console"])
        client.connect("penstock_down", free_port())
        assert client.api("GET", "/importErrors")["import_errors"] == []
        names = {"user_automation", "after_users", "empty_run", "penstock_down", "stopped_by_hand", "pipeline_dag"}
        wait_until(lambda: names <= {dag["dag_id"] for dag in client.api("GET", "/dags")["dags"]}, "all DAGs", 180)
        yield client


def rows(penstock):
    return penstock.sql("SELECT count(*) FROM spark_streams.created_users")[0][0]


def test_package_units():
    done = subprocess.run(
        [pathlib.Path(__file__).parent / "airflow.sh", "unit"], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0 and " passed" in done.stdout, (done.stdout + done.stderr)[-3000:]


def test_airflow_knows_the_provider(airflow):
    providers = airflow.api("GET", "/providers?limit=100")["providers"]
    assert "airflow-provider-penstock" in {p["package_name"] for p in providers}
    forms = {form["connection_type"]: form for form in airflow.call("GET", "/ui/connections/hook_meta")}
    assert forms["penstock"]["hook_name"] == "Penstock"
    assert {"tls", "ca_file", "timeout"} <= set(forms["penstock"]["extra_fields"])


def test_the_tutorials_dag_is_green_with_counts_rows_and_an_asset_event(airflow, penstock, covers, suite):
    covers("Apache Airflow", VERSION, "PostgreSQL, LocalExecutor, deferred", "scheduling")
    # Its own schedule makes a run as well, as soon as it is not paused; this is another one.
    airflow.api("PATCH", "/dags/after_users", {"is_paused": False})
    run = airflow.run("user_automation", {"duration": "6s"})
    wait_until(
        lambda: airflow.task("user_automation", run, "stream_data_from_api")["state"] == "deferred",
        "waiting without a worker",
        180,
        0.1,
    )
    assert airflow.wait("user_automation", run) == "success"

    log = airflow.log("user_automation", run, "stream_data_from_api")
    assert "Penstock runs run:random_users" in log
    assert "source random_users -> topic users_created for 6.0 s" in log, "Penstock's own log of the run"
    assert "so far: fetched" in log
    counts = airflow.api(
        "GET", f"/dags/user_automation/dagRuns/{run}/taskInstances/stream_data_from_api/xcomEntries/return_value"
    )["value"]
    counts = (json.loads(counts) if isinstance(counts, str) else counts)["counts"]
    assert counts["acknowledged"] > 0
    assert f"acknowledged {counts['acknowledged']:,}" in log
    assert rows(penstock) >= counts["acknowledged"]

    [asset] = airflow.api("GET", "/assets?name_pattern=users_created")["assets"]
    events = airflow.api("GET", f"/assets/events?asset_id={asset['id']}&source_dag_id=user_automation")["asset_events"]
    said = next(e["extra"]["penstock"] for e in events if e["source_run_id"] == run)
    assert said["counts"] == counts
    assert sum(said["end_offsets"]["users_created"].values()) <= penstock.topic_records("users_created")
    assert set(said["end_offsets"]["users_created"]) == {"0", "1", "2", "3"}
    # And a DAG that is scheduled on the asset has seen it.
    after = wait_until(
        lambda: airflow.api("GET", "/dags/after_users/dagRuns")["dag_runs"], "the DAG after it", 60, 0.3
    )[0]
    assert airflow.wait("after_users", after["dag_run_id"]) == "success"
    assert "topics now at {'users_created'" in airflow.log("after_users", after["dag_run_id"], "show")
    suite.ran += 1


def test_an_empty_run_fails(airflow, covers, suite):
    run = airflow.run("empty_run")
    assert airflow.wait("empty_run", run) == "failed"
    assert "the log acknowledged no record" in airflow.log("empty_run", run, "run")
    suite.ran += 1


def test_a_dag_of_a_pipeline(airflow):
    run = airflow.run("pipeline_dag")
    assert airflow.wait("pipeline_dag", run) == "success"
    log = airflow.log("pipeline_dag", run, "run")
    assert "[stream_data_from_api]" in log and "[report]" in log, "the logs of its tasks"


def test_a_penstock_that_is_down_is_tried_again_and_told(airflow):
    run = airflow.run("penstock_down")
    assert airflow.wait("penstock_down", run) == "failed"
    assert airflow.task("penstock_down", run, "run")["try_number"] == 2
    for number in (1, 2):
        assert "no Penstock answers at http://127.0.0.1:" in airflow.log("penstock_down", run, "run", number)


def test_marking_the_task_cancels_the_run(airflow, penstock):
    run = airflow.run("stopped_by_hand")
    wait_until(lambda: airflow.task("stopped_by_hand", run, "run")["state"] == "deferred", "the task waiting", 180, 0.2)

    def ours():
        return next(r for r in penstock.get("/api/v1/runs?dag=run:random_users") if "stopped_by_hand" in r["run_id"])

    wait_until(lambda: ours()["state"] == "running", "the run running")
    # Only a trigger that the triggerer has taken up is told that its task is killed.
    wait_until(lambda: "[penstock]" in airflow.log("stopped_by_hand", run, "run"), "a line of the trigger", 180, 0.3)
    airflow.api("PATCH", f"/dags/stopped_by_hand/dagRuns/{run}/taskInstances/run", {"new_state": "failed"})
    wait_until(lambda: ours()["state"] == "failed", "the run cancelled", 180, 0.2)
    assert ours()["tasks"][0]["note"] == "the run was cancelled"
