"""penstock doctor: what it finds, and its exit code."""
import json
import socket
import subprocess
import threading

import pytest

from support.process import BINARY, Penstock, free_port, own_environment

PIPELINE = """
pipeline: p
topics: { t: { partitions: 2 }, avro: { format: avro } }
sources:
  hook: { webhook: { path: h, token: "${DOCTOR_TEST_TOKEN}" }, topic: t }
queries:
  q: { sql: "SELECT a FROM t", into: ks.t, key: [a] }
"""


def doctor(*arguments, environment=None):
    done = subprocess.run([BINARY, "doctor", *map(str, arguments), "-o", "json"], capture_output=True, text=True, timeout=60,
                          env={**own_environment(), "DOCTOR_TEST_TOKEN": "x", **(environment or {})})
    assert done.returncode in (0, 1), done.stderr
    findings = json.loads(done.stdout)
    assert (done.returncode == 1) == any(f["result"] == "error" for f in findings)
    assert all(f["action"] for f in findings if f["result"] != "ok"), findings
    return findings


def of(findings, system, result=None):
    return [f["found"] for f in findings if f["system"] == system and result in (None, f["result"])]


@pytest.fixture
def files(tmp_path):
    (tmp_path / "p.yaml").write_text(PIPELINE)
    return tmp_path


@pytest.fixture
def ports():
    return [option for name in ("console", "kafka", "cql", "schemas") for option in (f"--{name}-port", str(free_port()))]


def test_all_is_well(files, ports):
    findings = doctor(files, *ports)
    assert not [f for f in findings if f["result"] == "error"], findings
    systems = {f["system"] for f in findings}
    assert {"pipelines", "data", "ports", "topics", "schemas", "engine", "tables", "metadata", "coordination"} <= systems
    assert "embedded" in of(findings, "topics")[0]
    assert not (files / "data").exists(), "it changes nothing"


def test_beside_a_running_penstock(files, monkeypatch):
    monkeypatch.setenv("DOCTOR_TEST_TOKEN", "x")
    with Penstock(files, files / "data") as penstock:
        ports = [option for name, port in penstock.ports.items() for option in (f"--{name}-port", str(port))]
        kafka = penstock.ports["kafka"]
        findings = doctor(files, "--data", files / "data", *ports, "--advertised", f"127.0.0.1:{kafka}")
        assert "a Penstock runs on it now" in of(findings, "data")
        assert all("in use, by the Penstock that runs" in found for found in of(findings, "ports"))
        assert any("Kafka's protocol answers there" in found for found in of(findings, "topics", "ok"))
        wrong = doctor(files, "--data", files / "data", *ports, "--advertised", f"127.0.0.1:{free_port()}")
        assert of(wrong, "topics", "error")
        # A real registry and a real Kafka are what speaks their protocol: another Penstock does.
        real = doctor(files, "--data", files / "other", "--kafka", f"kafka://127.0.0.1:{kafka}",
                      "--schemas", f"http://127.0.0.1:{penstock.ports['schemas']}",
                      "--console-port", free_port(), "--cql-port", free_port())
        assert "topic t: 2 partitions" in of(real, "topics", "ok"), real
        assert any("is reached; Kafka" in found for found in of(real, "topics", "ok"))
        assert any("answers with 0 subjects" in found for found in of(real, "schemas", "ok"))


def test_what_is_wrong_is_found(files, ports):
    (files / "bad.yaml").write_text("pipeline: bad\nsurces: {}\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        findings = doctor(files, *ports[2:], "--console-port", port, environment={"DOCTOR_TEST_TOKEN": ""})
    assert any("bad.yaml:2:1: unknown key 'surces'" in found for found in of(findings, "pipelines", "error"))
    assert any(f"console on 127.0.0.1:{port}" in found for found in of(findings, "ports", "error"))


def test_a_variable_that_is_not_set(files, ports):
    environment = own_environment()
    environment.pop("DOCTOR_TEST_TOKEN", None)
    done = subprocess.run([BINARY, "doctor", files, *ports], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 1
    assert "the environment variable DOCTOR_TEST_TOKEN is not set" in done.stdout
    assert "1 error, " in done.stdout


def test_systems_that_are_away(files, ports):
    nobody = free_port()
    findings = doctor(files, *ports, "--kafka", f"kafka://127.0.0.1:{nobody}", "--schemas", f"http://127.0.0.1:{nobody}",
                      "--metadata", f"postgresql://u:secret@127.0.0.1:{nobody}/db")
    for system in ("topics", "schemas", "metadata"):
        assert of(findings, system, "error"), (system, findings)
    assert "secret" not in json.dumps(findings)


def test_a_listener_that_speaks_something_else(files, ports):
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1000)
                    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 10)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        findings = doctor(files, *ports, "--schemas", f"http://127.0.0.1:{port}", "--advertised", f"127.0.0.1:{port}")
    assert of(findings, "schemas", "error")
    assert any("does not speak Kafka's protocol" in found for found in of(findings, "topics"))


def test_wrong_settings_are_told_before_anything_is_dialled(files):
    done = subprocess.run([BINARY, "doctor", files, "--kafka", "http://x"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "--kafka" in done.stderr
