import httpx
import pytest
from airflow.sdk import Connection

from conftest import log_answer, run_answer
from penstock_provider.api import Run, duration_text, own_run_id
from penstock_provider.exceptions import PenstockError, PenstockRefused, PenstockUnavailable
from penstock_provider.hooks.penstock import PenstockHook


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"host": "h", "port": 81}, "http://h:81"),
        ({"host": "http://h:81"}, "http://h:81"),
        ({"host": "https://h/"}, "https://h:443"),
        ({"host": "h", "extra": '{"tls": true}'}, "https://h:443"),
        ({"host": "::1"}, "http://[::1]:8080"),
    ],
)
def test_address_of_a_connection(connection, url):
    settings = PenstockHook.settings_of(Connection(conn_id="c", conn_type="penstock", **connection))
    assert settings["base_url"] == url


def test_login_and_timeout_of_a_connection():
    connection = Connection(conn_id="c", conn_type="penstock", login="u", password="p", extra='{"timeout": 5}')
    settings = PenstockHook.settings_of(connection)
    assert settings["auth"] == ("u", "p")
    assert settings["timeout"] == 5


def test_an_error_says_where_and_why(answers):
    answers["GET", "/api/v1/topics/t"] = (400, {"error": {"code": "invalid", "message": "no such partition"}})
    with pytest.raises(PenstockRefused, match="http://127.0.0.1:8080 .connection penstock_default.*no such partition"):
        PenstockHook().end_offsets("t")


def test_nobody_there_is_tried_again_and_then_told(answers):
    answers["GET", "/api/v1/status"] = httpx.ConnectError("connection refused")
    with pytest.raises(PenstockUnavailable, match="no Penstock answers at http://127.0.0.1:8080.*Is it up"):
        PenstockHook().request("GET", "/api/v1/status")
    assert len(answers.asked) == PenstockHook.tries
    assert PenstockHook().test_connection()[0] is False


def test_what_is_no_penstock_is_told(answers, monkeypatch):
    settings = {"base_url": "http://h", "transport": httpx.MockTransport(lambda r: httpx.Response(200, text="<html>"))}
    monkeypatch.setattr(PenstockHook, "_client_settings", lambda self: settings)
    with pytest.raises(PenstockError, match="is not a Penstock"):
        PenstockHook().request("GET", "/api/v1/status")


def test_test_connection(answers):
    answers["GET", "/api/v1/status"] = {"version": "0.1.0", "data_directory": "/data"}
    assert PenstockHook().test_connection() == (True, "Penstock 0.1.0, data in /data")


def test_a_run_that_was_started_before_is_the_same_run(answers):
    answers["POST", "/api/v1/sources/s/run"] = (409, {"error": {"code": "exists", "message": "a run of that id"}})
    answers["GET", "/api/v1/dags/run%3As/runs/r"] = run_answer("running")
    assert PenstockHook().start_run("/api/v1/sources/s/run", "r", "run:s", {}) == Run("run:s", "r")


def test_a_run_that_cannot_be_started_is_an_error(answers):
    answers["POST", "/api/v1/sources/s/run"] = (
        404,
        {"error": {"code": "not_found", "message": "there is no source 's'"}},
    )
    with pytest.raises(PenstockError, match="there is no source 's'"):
        PenstockHook().start_run("/api/v1/sources/s/run", "r", "run:s", {})


def test_a_report_has_only_new_lines(answers):
    answers["GET", "/api/v1/dags/d/runs/r"] = run_answer("running", counts={"acknowledged": 5, "fetched": 6})
    answers["GET", "/api/v1/dags/d/runs/r/tasks/run/log"] = [log_answer("one", "two"), log_answer("three")]
    hook, seen = PenstockHook(), {}
    first = hook.report(Run("d", "r"), seen)
    assert first.lines == ["[penstock] one", "[penstock] two"]
    assert first.counts == {"acknowledged": 5, "fetched": 6}
    assert not first.ended
    assert hook.report(Run("d", "r"), seen).lines == ["[penstock] three"]
    assert seen == {"run#1": 3}


def test_own_run_id(context):
    ti = context["ti"]
    assert own_run_id(ti, 2) == "airflow__d__t__manual__2026-01-31T00:00:00+00:00__try2"
    ti.task_id, ti.map_index = "x" * 300, 3
    long = own_run_id(ti, 1)
    assert len(long) <= 250 and long.endswith("__try1")
    assert long != own_run_id(ti, 2)
    ti.task_id = "tä sk"
    assert own_run_id(ti, 1).isascii()


def test_durations():
    from datetime import timedelta

    assert duration_text("60s") == "60s"
    assert duration_text(1.5) == "1500000us"
    assert duration_text(timedelta(minutes=1)) == "60000000us"
    assert duration_text(None) is None
    with pytest.raises(ValueError, match="more than 0"):
        duration_text(0)
