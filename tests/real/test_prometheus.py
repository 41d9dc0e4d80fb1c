"""A real Prometheus scrapes a real Penstock; the shipped alert rules and dashboard ask only for what there is."""

import http.server
import json
import pathlib
import re
import subprocess
import threading
import urllib.parse
import urllib.request

import pytest
import yaml

from conftest import ROOT, System, running
from support.process import Penstock, free_port, wait_until

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus/alerts.yml"
DASHBOARD = DEPLOY / "grafana/penstock.json"

PIPELINE = """
pipeline: watched

sources:
  people:
    http: { url: "https://randomuser.invalid/api/", query: { results: 20 }, records: /results, every: 200ms, replica: randomuser }
    key: /login/uuid
    topic: people
  broken:
    http: { url: "http://127.0.0.1:%d/", every: 50ms, retry: { attempts: 0, backoff: 10ms }, breaker: { failures: 2, open: 1h } }
    topic: never

queries:
  by_id:
    watermark: { column: _timestamp, delay: 1s }
    sql: SELECT login.uuid AS id, nat FROM people
    into: watched.by_id
    key: [id]

dags:
  report:
    schedule: "@daily"
    tasks:
      count: { sql: "SELECT count(*) FROM watched.by_id" }
"""


class Failing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(500)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def failing_api():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


@pytest.fixture(scope="module")
def penstock(tmp_path_factory, failing_api):
    folder = tmp_path_factory.mktemp("watched")
    (folder / "watched.yaml").write_text(PIPELINE % failing_api)
    with Penstock(folder, folder / "data") as process:
        assert process.get("/api/v1/status")["problems"] == []
        wait_until(lambda: process.query("by_id")["stored"] > 0, "a row")
        yield process


@pytest.fixture(scope="module")
def promtool():
    done = subprocess.run(
        [pathlib.Path(__file__).parent / "prometheus.sh", "fetch"], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return pathlib.Path(done.stdout.strip().splitlines()[-1]) / "promtool"


def tool(promtool, *arguments):
    return subprocess.run(
        [promtool, *arguments], capture_output=True, text=True, timeout=120, cwd=DEPLOY / "prometheus"
    )


@pytest.fixture(scope="module")
def prometheus(penstock, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prometheus")
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    # As shipped, but quicker, so that a test need not wait for minutes; the rules' own times are tested by promtool.
    config["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{penstock.ports['console']}"]
    rules = yaml.safe_load(RULES.read_text())
    for rule in rules["groups"][0]["rules"]:
        rule["for"] = "1s"
    (folder / "alerts.yml").write_text(yaml.safe_dump(rules))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    system = System(
        "prometheus.sh", "prometheus", {"PROMETHEUS_PORT": port, "PROMETHEUS_CONFIG": folder / "prometheus.yml"}
    )
    system.url = f"http://127.0.0.1:{port}"
    yield from running(system, f"prometheus-{port}/*.log")


def ask(prometheus, path, **parameters):
    url = f"{prometheus.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        body = json.load(answer)
    assert body["status"] == "success", body
    return body["data"]


def values(prometheus, query):
    """By labels, without the scrape's own."""
    result = {}
    for series in ask(prometheus, "query", query=query)["result"]:
        labels = {k: v for k, v in series["metric"].items() if k not in ("__name__", "job", "instance")}
        result[tuple(sorted(labels.items()))] = float(series["value"][1])
    return result


def one(prometheus, query):
    found = values(prometheus, query)
    assert len(found) == 1, f"{query}: {found}"
    return next(iter(found.values()))


def metrics_text(penstock):
    with urllib.request.urlopen(penstock.url("/metrics"), timeout=30) as answer:
        return answer.read().decode()


def test_rules_are_right_and_their_tests_pass(promtool):
    for arguments in (
        ("check", "rules", "alerts.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "alerts_test.yml"),
    ):
        done = tool(promtool, *arguments)
        assert done.returncode == 0 and "SUCCESS" in done.stdout, done.stdout + done.stderr


def test_every_alert_has_a_test():
    tests = (DEPLOY / "prometheus/alerts_test.yml").read_text()
    alerts = [rule["alert"] for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]]
    groups = re.findall(r'alertname=~"(\w+)\.\*"', tests)
    assert [a for a in alerts if a not in tests and not any(a.startswith(g) for g in groups)] == []


def test_metrics_are_well_formed(penstock, promtool):
    text = metrics_text(penstock)
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 3), done.stderr  # 3: only advice on names
    advice = [line for line in done.stderr.splitlines() if "no help text" in line or "counter" in line]
    assert advice == []


def test_targets_are_up_and_series_have_sane_values(prometheus, penstock, covers, suite):
    version = ask(prometheus, "status/buildinfo")["version"].split("+")[0]
    covers("Prometheus", version, "scrapes /metrics", "metrics")
    wait_until(lambda: one(prometheus, 'up{job="penstock"}') == 1, "the target up")
    [target] = ask(prometheus, "targets")["activeTargets"]
    assert target["health"] == "up" and target["lastError"] == ""

    wait_until(lambda: one(prometheus, 'penstock_query_stored_rows_total{query="by_id"}') > 0, "rows seen")
    wait_until(
        lambda: one(prometheus, 'rate(penstock_source_acknowledged_records_total{source="people"}[10s])') > 1, "a rate"
    )
    assert one(prometheus, 'penstock_source_state{source="people",state="running"}') == 1
    assert one(prometheus, 'sum(penstock_source_state{source="people"})') == 1, "one state at a time"
    assert one(prometheus, 'penstock_source_replica{source="people"}') == 1
    assert 0 <= one(prometheus, 'penstock_query_lag_records{query="by_id"}') < 10_000
    assert abs(one(prometheus, 'time() - penstock_query_watermark_timestamp_seconds{query="by_id"}')) < 300
    assert abs(one(prometheus, "time() - process_start_time_seconds{job='penstock'}")) < 300
    assert 1e6 < one(prometheus, 'process_resident_memory_bytes{job="penstock"}') < 4e9
    assert 0 < one(prometheus, "penstock_disk_free_bytes") <= one(prometheus, "penstock_disk_size_bytes")
    wait_until(
        lambda: (
            one(
                prometheus,
                'histogram_quantile(0.99, rate(penstock_http_request_seconds_bucket{route="/metrics"}[10s]))',
            )
            < 5
        ),
        "a latency",
    )

    penstock.command("trigger", "report", "--wait")
    wait_until(
        lambda: one(prometheus, 'penstock_dag_last_run_state{dag="report",state="success"}') == 1, "the run seen"
    )
    wait_until(lambda: one(prometheus, 'penstock_orchestrate_runs_total{state="success"}') >= 1, "the run counted")
    types = {name: kinds[0]["type"] for name, kinds in ask(prometheus, "metadata").items()}
    assert types["penstock_source_acknowledged_records_total"] == "counter"
    assert types["penstock_query_lag_records"] == "gauge"
    assert types["penstock_http_request_seconds"] == "histogram"
    assert [name for name, kind in types.items() if name.endswith("_total") != (kind == "counter")] == []
    suite.ran += 1


def test_an_open_circuit_fires(prometheus, suite, covers):
    def firing():
        return {
            (a["labels"]["alertname"], a["labels"].get("source"))
            for a in ask(prometheus, "alerts")["alerts"]
            if a["state"] == "firing"
        }

    wait_until(lambda: ("PenstockSourceCircuitOpen", "broken") in firing(), "the alert", 60, 0.2)
    assert ("PenstockSourceCircuitOpen", "people") not in firing()
    assert ("PenstockReplicaAnswers", "people") in firing()


def test_a_penstock_that_stops_is_noticed_and_so_is_its_return(prometheus, penstock):
    def is_firing():
        return any(
            a["labels"]["alertname"] == "PenstockDown" and a["state"] == "firing"
            for a in ask(prometheus, "alerts")["alerts"]
        )

    penstock.stop()
    try:
        wait_until(is_firing, "the alert", 60, 0.2)
    finally:
        penstock.start()
    wait_until(lambda: not is_firing(), "the alert gone", 60, 0.2)


def names_in(expressions):
    found = set()
    for expression in expressions:
        bare = re.sub(r'"[^"]*"', '""', expression)
        found |= set(re.findall(r"\b((?:penstock|process)_[a-z0-9_]+)", bare))
    return found


def test_rules_and_dashboard_name_only_metrics_that_there_are(penstock):
    # Some appear with the first request, run, group or commit.
    penstock.command("trigger", "report", "--wait")
    from confluent_kafka import Consumer, Producer

    address = {"bootstrap.servers": f"127.0.0.1:{penstock.ports['kafka']}"}
    producer = Producer(address)
    producer.produce("people", b"{}")
    assert producer.flush(30) == 0
    consumer = Consumer({**address, "group.id": "readers", "auto.offset.reset": "earliest"})
    consumer.subscribe(["people"])
    assert wait_until(lambda: consumer.poll(1.0), "a record").error() is None
    consumer.commit(asynchronous=False)
    consumer.close()
    wait_until(lambda: "penstock_query_watermark_timestamp_seconds{" in metrics_text(penstock), "a watermark")
    there = set(re.findall(r"^([a-z0-9_]+)(?:\{| )", metrics_text(penstock), re.M))

    rules = [rule["expr"] for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]]
    dashboard = json.loads(DASHBOARD.read_text())
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(panels) > 30
    labels = {"penstock_group_lag_records": ("group", "topic")}
    assert names_in(rules) - there == set()
    assert names_in(panels) - there == set()
    for name, expected in labels.items():
        assert re.search(name + "{" + ",".join(f'{label}="[^"]+"' for label in expected) + "}", metrics_text(penstock))


def test_every_expression_of_the_dashboard_is_one(prometheus):
    dashboard = json.loads(DASHBOARD.read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    for panel in dashboard["panels"]:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]
        for target in panel.get("targets", []):
            ask(prometheus, "query", query=target["expr"].replace("$instance", ".*").replace("$__rate_interval", "1m"))
