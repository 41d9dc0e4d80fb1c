import asyncio
import importlib
import time

import httpx
import pytest
from airflow.sdk.serde import deserialize, serialize

from conftest import log_answer, run_answer
from penstock_provider.conditions import Condition
from penstock_provider.triggers.penstock import PenstockConditionTrigger, PenstockRunTrigger

PATH = "/api/v1/dags/run%3As/runs/r"


def first_event(trigger):
    async def first():
        async for event in trigger.run():
            return event.payload

    return asyncio.run(first())


def run_trigger(**kwargs):
    return PenstockRunTrigger("penstock_default", "run:s", "r", poll_interval=0, **kwargs)


@pytest.mark.parametrize(
    "trigger",
    [
        run_trigger(seen={"run#1": 2}, deadline=5.0),
        PenstockConditionTrigger("c", Condition("lag", "q", 0).to_dict(), poll_interval=1),
    ],
)
def test_a_trigger_survives_being_stored(trigger):
    path, kwargs = trigger.serialize()
    kwargs = deserialize(serialize(kwargs))
    module, _, name = path.rpartition(".")
    again = getattr(importlib.import_module(module), name)(**kwargs)
    assert again.serialize() == trigger.serialize()


def test_it_fires_when_the_run_has_ended(answers):
    answers["GET", PATH] = [run_answer("running"), run_answer("success", counts={"acknowledged": 3})]
    answers["GET", f"{PATH}/tasks/run/log"] = [log_answer("one"), log_answer("two")]
    trigger = run_trigger()
    assert first_event(trigger) == {"status": "success", "counts": {"acknowledged": 3}, "message": ""}
    assert trigger.seen == {"run#1": 2}


def test_a_restart_of_penstock_is_waited_for(answers):
    answers["GET", PATH] = [httpx.ConnectError("refused")] * 5 + [run_answer("success")]
    answers["GET", f"{PATH}/tasks/run/log"] = log_answer()
    assert first_event(run_trigger())["status"] == "success"


def test_one_that_does_not_come_back_is_told(answers):
    answers["GET", PATH] = httpx.ConnectError("refused")
    event = first_event(run_trigger(patience=0))
    assert event["status"] == "unavailable"
    assert "no Penstock answers" in event["message"]


def test_after_its_deadline_the_run_is_cancelled(answers):
    answers["GET", PATH] = run_answer("running")
    answers["GET", f"{PATH}/tasks/run/log"] = log_answer()
    answers["POST", f"{PATH}/cancel"] = run_answer("failed")
    assert first_event(run_trigger(deadline=time.time() - 1))["status"] == "timeout"
    assert answers.bodies("POST", f"{PATH}/cancel") == [None]


def test_a_run_that_is_gone_is_an_error(answers):
    event = first_event(run_trigger())
    assert event["status"] == "error" and "nothing at" in event["message"]


def test_killed_it_cancels_the_run(answers):
    answers["POST", f"{PATH}/cancel"] = run_answer("failed")
    asyncio.run(run_trigger().on_kill())
    assert answers.bodies("POST", f"{PATH}/cancel") == [None]


def query(state="running", lag=0, watermark=None, detail=""):
    return [{"name": "q", "state": state, "detail": detail, "counts": {"lag": lag}, "watermark": watermark}]


def test_a_condition_is_waited_for(answers):
    answers["GET", "/api/v1/queries"] = [query("waiting"), query(lag=9), query(lag=2)]
    trigger = PenstockConditionTrigger("c", Condition("lag", "q", 3).to_dict(), poll_interval=0)
    assert first_event(trigger)["value"] == 2


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [(query("failed", detail="type"), "error", "query q has failed: type"), ([[]], "refused", "has no query 'q'")],
)
def test_what_cannot_come_true_is_told(answers, answer, status, message):
    answers["GET", "/api/v1/queries"] = [answer] if answer != [[]] else [[]]
    event = first_event(PenstockConditionTrigger("c", Condition("lag", "q", 3).to_dict(), poll_interval=0))
    assert event["status"] == status
    assert message in event["message"]
