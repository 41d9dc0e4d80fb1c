import pytest
from airflow.sdk.exceptions import TaskDeferred

from penstock_provider.conditions import Condition
from penstock_provider.exceptions import PenstockError, PenstockRefused, PenstockUnavailable
from penstock_provider.sensors.penstock import PenstockLagSensor, PenstockRowsSensor, PenstockWatermarkSensor


def rows(*values, count=None):
    return {"rows": [list(v) for v in values], "row_count": len(values) if count is None else count}


def test_rows_of_a_table(answers, context):
    answers["POST", "/api/v1/sql"] = [rows([0]), rows([5])]
    sensor = PenstockRowsSensor(task_id="t", table_or_sql="ks.people", at_least=5)
    assert not sensor.poke(context).is_done
    assert sensor.poke(context).xcom_value == 5
    assert answers.bodies("POST", "/api/v1/sql")[0] == {"sql": "SELECT count(*) AS n FROM ks.people"}


def test_rows_of_a_statement(answers, context):
    answers["POST", "/api/v1/sql"] = rows([1], [2], count=2)
    sensor = PenstockRowsSensor(task_id="t", table_or_sql="SELECT id FROM ks.people WHERE nat = 'CH'", at_least=2)
    assert sensor.poke(context).is_done


def test_watermark():
    condition = Condition("watermark", "q", "2026-01-31T00:00:00+01:00")
    answer = [{"name": "q", "state": "running", "detail": "", "counts": {}, "watermark": "2026-01-30T23:00:00.000Z"}]
    assert condition.judge(answer)[0]
    answer[0]["watermark"] = "2026-01-30T22:59:59.999Z"
    assert not condition.judge(answer)[0]
    answer[0]["watermark"] = None
    assert not condition.judge(answer)[0]
    with pytest.raises(ValueError):
        Condition("watermark", "q", "soon")
    with pytest.raises(ValueError, match="expected rows, lag or watermark"):
        Condition("size", "q", 1)


def test_deferred_only_when_it_has_to_wait(answers, context):
    lag = [{"name": "q", "state": "running", "detail": "", "counts": {"lag": 0}, "watermark": None}]
    answers["GET", "/api/v1/queries"] = [lag]
    sensor = PenstockLagSensor(task_id="t", query="q", deferrable=True)
    assert sensor.execute(context) == 0
    answers["GET", "/api/v1/queries"] = [[{**lag[0], "counts": {"lag": 7}}]]
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(context)
    assert deferred.value.trigger.condition == {"kind": "lag", "target": "q", "limit": 0}


@pytest.mark.parametrize(
    ("status", "error"),
    [("unavailable", PenstockUnavailable), ("refused", PenstockRefused), ("error", PenstockError)],
)
def test_resumed(context, status, error):
    sensor = PenstockWatermarkSensor(task_id="t", query="q", reached="2026-01-31T00:00:00Z", deferrable=True)
    assert sensor.execute_complete(context, {"status": "success", "value": "x", "message": ""}) == "x"
    with pytest.raises(error, match="why"):
        sensor.execute_complete(context, {"status": status, "message": "why"})
