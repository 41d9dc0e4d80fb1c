"""A hook that speaks to a function instead of a server: these tests are of the package alone. tests/real/test_airflow.py
of the project runs it on a real Airflow with a real Penstock."""

import os
import tempfile
from types import SimpleNamespace

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="penstock-airflow-"))
os.environ.setdefault("AIRFLOW__CORE__UNIT_TEST_MODE", "True")

import httpx  # noqa: E402
import pytest  # noqa: E402

from penstock_provider.hooks.penstock import PenstockHook  # noqa: E402


class Answers:
    """What each path answers: JSON, (status, JSON), or an exception; the last of a list again and again."""

    def __init__(self):
        self.by_path = {}
        self.asked = []

    def __setitem__(self, request, answers):
        self.by_path[request] = list(answers) if isinstance(answers, list) else [answers]

    def __call__(self, request):
        body = httpx.Response(200, content=request.content).json() if request.content else None
        path = request.url.raw_path.decode().partition("?")[0]
        self.asked.append((request.method, path, body))
        answers = self.by_path.get((request.method, path))
        if answers is None:
            return httpx.Response(404, json={"error": {"code": "not_found", "message": f"nothing at {path}"}})
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        return httpx.Response(status, json=content)

    def bodies(self, method, path):
        return [body for m, p, body in self.asked if (m, p) == (method, path)]


@pytest.fixture
def answers(monkeypatch):
    table = Answers()
    settings = {"base_url": "http://127.0.0.1:8080", "transport": httpx.MockTransport(table)}

    async def async_settings(self):
        return settings

    monkeypatch.setattr(PenstockHook, "_client_settings", lambda self: settings)
    monkeypatch.setattr(PenstockHook, "_async_client_settings", async_settings)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return table


@pytest.fixture
def context():
    ti = SimpleNamespace(
        dag_id="d", task_id="t", run_id="manual__2026-01-31T00:00:00+00:00", map_index=-1, try_number=1
    )
    events = {}

    class OutletEvents:
        def __getitem__(self, asset):
            return events.setdefault(asset.name, SimpleNamespace(extra={}))

    return {"ti": ti, "outlet_events": OutletEvents(), "_events": events}


def run_answer(state, task_state=None, counts=None, note="", tries=1):
    return {
        "state": state,
        "tasks": [
            {"task": "run", "state": task_state or state, "try_number": tries, "note": note, "counts": counts or {}}
        ],
    }


def log_answer(*lines):
    return {"try_number": 1, "lines": [{"time": "2026-01-31T00:00:00.000Z", "text": line} for line in lines]}
