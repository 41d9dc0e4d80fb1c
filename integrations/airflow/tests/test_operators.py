from datetime import timedelta

import httpx
import pytest
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred

from conftest import log_answer, run_answer
from penstock_provider.assets import topic_asset
from penstock_provider.exceptions import PenstockError, PenstockUnavailable
from penstock_provider.operators.penstock import (
    PenstockRunDagOperator,
    PenstockRunQueryOperator,
    PenstockRunSourceOperator,
)

RUN_ID = "airflow__d__t__manual__2026-01-31T00:00:00+00:00__try1"
PATH = "/api/v1/dags/run%3Ausers/runs/airflow__d__t__manual__2026-01-31T00%3A00%3A00%2B00%3A00__try1"
COUNTS = {"fetched": 10, "acknowledged": 9, "rejected": 1}


def source(**kwargs):
    return PenstockRunSourceOperator(task_id="t", source="users", duration="60s", **kwargs)


@pytest.fixture
def running(answers):
    answers["POST", "/api/v1/sources/users/run"] = (201, {"dag": "run:users", "run_id": RUN_ID, "task": "run"})
    answers["GET", f"{PATH}/tasks/run/log"] = [log_answer("so far: fetched 5"), log_answer()]
    answers["GET", "/api/v1/sources"] = [[{"name": "users", "topic": "users_created"}]]
    answers["GET", "/api/v1/topics/users_created"] = {
        "partitions": [{"partition": 0, "end_offset": 5}, {"partition": 1, "end_offset": 4}]
    }
    return answers


def test_a_source_runs_and_its_counts_come_back(running, context, caplog):
    running["GET", PATH] = [run_answer("queued", tries=0), run_answer("running"), run_answer("success", counts=COUNTS)]
    operator = source(outlets=[topic_asset("users_created")])
    with caplog.at_level("INFO"):
        result = operator.execute(context)
    assert result == {"dag": "run:users", "run_id": RUN_ID, "counts": COUNTS}
    assert running.bodies("POST", "/api/v1/sources/users/run") == [
        {"allow_empty": False, "for": "60s", "run_id": RUN_ID}
    ]
    said = context["_events"]["users_created"].extra["penstock"]
    assert said["counts"] == COUNTS
    assert said["end_offsets"] == {"users_created": {"0": 5, "1": 4}}


def test_a_failed_run_fails_the_task_with_its_reason(running, context):
    running["GET", PATH] = run_answer("failed", note="fetched 0: the log acknowledged no record")
    with pytest.raises(PenstockError, match="task run: failed: fetched 0: the log acknowledged no record"):
        source().execute(context)


@pytest.mark.parametrize(("on_empty", "error"), [("fail", PenstockError), ("skip", AirflowSkipException)])
def test_an_empty_run(running, context, on_empty, error):
    running["GET", PATH] = run_answer("success", counts={"acknowledged": 0})
    with pytest.raises(error, match="acknowledged no record"):
        source(on_empty=on_empty, outlets=[topic_asset("users_created")]).execute(context)
    assert context["_events"] == {}


def test_an_empty_run_may_be_fine(running, context):
    running["GET", PATH] = run_answer("success", counts={"acknowledged": 0})
    assert source(on_empty="succeed").execute(context)["counts"] == {"acknowledged": 0}
    assert running.bodies("POST", "/api/v1/sources/users/run")[0]["allow_empty"] is True


def test_on_empty_is_checked():
    with pytest.raises(ValueError, match="expected one of fail, skip, succeed"):
        source(on_empty="maybe")


def test_penstock_may_be_away_for_a_while(running, context):
    running["GET", PATH] = [httpx.ConnectError("refused")] * 4 + [run_answer("success", counts=COUNTS)]
    assert source().execute(context)["counts"] == COUNTS


def test_but_not_for_ever(running, context):
    running["GET", PATH] = httpx.ConnectError("refused")
    with pytest.raises(PenstockUnavailable, match="no Penstock answers"):
        source(patience=0).execute(context)


def test_a_penstock_that_is_down_is_told(answers, context):
    answers["POST", "/api/v1/sources/users/run"] = httpx.ConnectError("refused")
    answers["GET", PATH] = httpx.ConnectError("refused")
    with pytest.raises(PenstockUnavailable, match="no Penstock answers at .*Is it up"):
        source().execute(context)


def test_a_second_try_ends_what_the_first_left_behind(running, context):
    context["ti"].try_number = 2
    second = PATH.replace("try1", "try2")
    running["GET", PATH] = run_answer("running")
    running["POST", f"{PATH}/cancel"] = run_answer("failed")
    running["GET", second] = run_answer("success", counts=COUNTS)
    running["GET", f"{second}/tasks/run/log"] = log_answer()
    source().execute(context)
    assert running.bodies("POST", f"{PATH}/cancel") == [None]


def test_on_kill_cancels(running, context):
    running["GET", PATH] = run_answer("failed", note="the run was cancelled")
    running["POST", f"{PATH}/cancel"] = run_answer("failed")
    operator = source()
    operator.on_kill()
    assert running.bodies("POST", f"{PATH}/cancel") == []
    with pytest.raises(PenstockError):
        operator.execute(context)
    operator.on_kill()
    assert running.bodies("POST", f"{PATH}/cancel") == [None]


def test_without_waiting(running, context):
    assert source(wait_for_completion=False).execute(context) == {"dag": "run:users", "run_id": RUN_ID}


def test_deferred_and_resumed(running, context):
    operator = source(deferrable=True, execution_timeout=timedelta(minutes=5), outlets=[topic_asset("users_created")])
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    assert deferred.value.method_name == "execute_complete"
    assert deferred.value.trigger.serialize()[1]["run_id"] == RUN_ID
    assert deferred.value.trigger.deadline is not None
    event = {"status": "success", "counts": COUNTS, "message": ""}
    result = source(outlets=operator.outlets).execute_complete(context, event, **deferred.value.kwargs)
    assert result["counts"] == COUNTS
    assert context["_events"]["users_created"].extra["penstock"]["run_id"] == RUN_ID
    with pytest.raises(PenstockError, match="timeout: the run was cancelled"):
        operator.execute_complete(
            context, {"status": "timeout", "message": "the run was cancelled"}, "run:users", RUN_ID
        )


def test_a_query_until_it_has_caught_up(answers, context):
    path = PATH.replace("run%3Ausers", "run%3Aq")
    answers["POST", "/api/v1/queries/q/run"] = (201, {})
    answers["GET", path] = run_answer("success", counts={"processed": 0, "lag": 0})
    answers["GET", f"{path}/tasks/run/log"] = log_answer()
    assert PenstockRunQueryOperator(task_id="t", query="q").execute(context)["counts"]["lag"] == 0
    with pytest.raises(PenstockError, match="processed no record"):
        PenstockRunQueryOperator(task_id="t", query="q", on_empty="fail").execute(context)


def test_a_dag_with_conf(answers, context):
    path = PATH.replace("run%3Ausers", "user_automation")
    answers["POST", "/api/v1/dags/user_automation/trigger"] = (201, {"run_id": RUN_ID})
    tasks = run_answer("success", counts={"acknowledged": 3})
    tasks["tasks"].append({"task": "report", "state": "success", "try_number": 2, "note": "", "counts": {"rows": 2}})
    answers["GET", path] = tasks
    answers["GET", f"{path}/tasks/run/log"] = log_answer("fetching")
    answers["GET", f"{path}/tasks/report/log"] = log_answer("nat")
    operator = PenstockRunDagOperator(task_id="t", penstock_dag="user_automation", conf={"day": 1})
    assert operator.execute(context)["counts"] == {"acknowledged": 3, "rows": 2}
    assert answers.bodies("POST", "/api/v1/dags/user_automation/trigger") == [{"conf": {"day": 1}, "run_id": RUN_ID}]
