"""The main job: an API's records through topic and query into a table, seen the same by every client."""
import contextlib
import json
import resource
import socket
import subprocess
import urllib.request

import pytest
from support.kafka_log import read_topic
from support.process import BINARY, ROOT, Penstock, own_environment, wait_until

ROW = "SELECT id, first_name, post_code, dob FROM spark_streams.created_users"


def test_every_acknowledged_record_is_one_row(tmp_path):
    """The source is stopped, so that the three counts can be compared while nothing moves."""
    (tmp_path / "p").mkdir()
    text = (ROOT / "examples/users/users.yaml").read_text()
    (tmp_path / "p/users.yaml").write_text(text)
    with Penstock(tmp_path / "p", tmp_path / "data") as penstock:
        wait_until(lambda: penstock.query("created_users")["stored"] >= 200, "two pages stored")
        penstock.call("POST", "/api/v1/sources/random_users/stop", {})
        wait_until(lambda: penstock.source("random_users")["state"] == "stopped", "the source stopped")
        wait_until(lambda: penstock.query("created_users")["lag"] == 0, "the query caught up")
        records = read_topic(penstock.ports["kafka"], "users_created")
        rows = {row[0]: row for row in penstock.sql(ROW)}
        assert len(records) == len(rows) >= 200
        for key, value in records:
            person = json.loads(value)
            row = rows[key]
            assert person["login"]["uuid"] == key
            assert row[1] == person["name"]["first"]
            assert row[2] == str(person["location"]["postcode"])
            assert row[3] == person["dob"]["date"]
        source = penstock.source("random_users")
        assert source["replica"] is True
        assert "randomuser.me" in source["detail"] or "replica" in source["detail"]


def test_as_many_files_are_opened_as_the_system_allows(tmp_path):
    """A shell's soft limit is 1,024, and each connection takes one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    (tmp_path / "p").mkdir()
    with contextlib.ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        try:
            penstock = stack.enter_context(Penstock(tmp_path / "p", tmp_path / "data"))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(300):
            stack.enter_context(socket.create_connection(("127.0.0.1", penstock.ports["kafka"]), 10))

        def metrics():
            with urllib.request.urlopen(penstock.url("/metrics"), timeout=10) as answer:
                return dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[0] != "#")
        wait_until(lambda: float(metrics()["process_open_fds"]) > 300, "all connections accepted")
        assert float(metrics()["process_max_fds"]) == hard


def test_replica_records_say_so(users):
    headers = subprocess.run(
        ["kcat", "-C", "-b", f"127.0.0.1:{users.ports['kafka']}", "-t", "users_created", "-c", "5", "-q",
         "-f", "%h\\n"], capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    assert len(headers) == 5
    assert all("penstock.origin=replica:randomuser" in line for line in headers)


def test_windowed_counts_add_up(users):
    wait_until(lambda: users.query("users_per_minute")["stored"] > 0, "a window stored")
    rows = users.sql("SELECT nat, minute, people, mean_age FROM spark_streams.users_per_minute")
    assert rows and all(row[2] > 0 and 15 < row[3] < 100 for row in rows)


def test_continues_where_it_stopped(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p/users.yaml").write_text((ROOT / "examples/users/users.yaml").read_text())
    penstock = Penstock(tmp_path / "p", tmp_path / "data").start()
    wait_until(lambda: penstock.query("created_users")["stored"] >= 100, "rows stored")
    assert penstock.stop() == 0
    penstock.start()
    wait_until(lambda: penstock.query("created_users")["stored"] >= 100, "more rows stored")
    penstock.call("POST", "/api/v1/sources/random_users/stop", {})
    wait_until(lambda: penstock.source("random_users")["state"] == "stopped", "the source stopped")
    wait_until(lambda: penstock.query("created_users")["lag"] == 0, "caught up")
    keys = [key for key, _ in read_topic(penstock.ports["kafka"], "users_created")]
    assert len(keys) == len(set(keys)) >= 200
    assert {row[0] for row in penstock.sql("SELECT id FROM spark_streams.created_users")} == set(keys)
    people = sum(row[0] for row in penstock.sql("SELECT people FROM spark_streams.users_per_minute"))
    assert people == len(keys)
    assert penstock.stop() == 0


def test_a_second_process_on_the_same_data_is_refused(users, tmp_path):
    second = subprocess.run([str(BINARY), "up", str(users.files[0]), "--data", str(users.data), "--no-progress"],
                            capture_output=True, text=True, timeout=30, env=own_environment())
    assert second.returncode == 1
    assert str(users.process.pid) in second.stderr


def test_a_port_in_use_is_named_with_its_setting(users, tmp_path):
    (tmp_path / "p").mkdir()
    second = subprocess.run([str(BINARY), "up", str(tmp_path / "p"), "--no-progress", "--console-port", "0",
                             "--cql-port", "0", "--schemas-port", "0", "--redirect-ports", "false",
                             "--kafka-port", str(users.ports["kafka"])], capture_output=True, text=True, timeout=30,
                            env=own_environment())
    assert second.returncode == 1
    assert str(users.ports["kafka"]) in second.stderr and "kafka-port" in second.stderr


def test_trigger_runs_the_dag_and_counts_what_was_acknowledged(users):
    done = users.command("trigger", "user_automation", "--wait", "--output", "json")
    assert done.returncode == 0, done.stderr
    run_id = json.loads(done.stdout)["run_id"]
    run = users.get(f"/api/v1/dags/user_automation/runs/{run_id}")
    assert run["state"] == "success"
    tasks = {task["task"]: task for task in run["tasks"]}
    assert tasks["stream_data_from_api"]["counts"]["acknowledged"] > 0
    assert tasks["report"]["state"] == "success"


@pytest.mark.parametrize("command", [["topics", "list"], ["status"], ["runs"], ["schemas"],
                                     ["sql", "SELECT count(*) FROM spark_streams.created_users"]])
def test_commands_answer_in_json(users, command):
    done = users.command(*command, "--output", "json")
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)


def test_commands_say_what_to_do_when_nothing_runs():
    done = subprocess.run([str(BINARY), "status", "--server", "http://127.0.0.1:1"], capture_output=True, text=True,
                          timeout=30)
    assert done.returncode == 1
    assert "penstock up" in done.stderr
