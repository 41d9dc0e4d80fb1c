"""Sensors: wait for rows, for a query's lag, or for its watermark."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator, Context, PokeReturnValue, conf

from penstock_provider.assets import DEFAULT_CONN_ID
from penstock_provider.conditions import Condition
from penstock_provider.exceptions import PenstockError, PenstockRefused, PenstockUnavailable
from penstock_provider.hooks.penstock import PenstockHook
from penstock_provider.triggers.penstock import PenstockConditionTrigger


class _PenstockSensor(BaseSensorOperator):
    """What all three have. The task's return value (XCom) is what was seen when the condition held."""

    template_fields: Sequence[str] = ("penstock_conn_id",)
    ui_color = "#e8f1e4"

    def __init__(
        self,
        *,
        penstock_conn_id: str = DEFAULT_CONN_ID,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        patience: float = 300.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.penstock_conn_id = penstock_conn_id
        self.deferrable = deferrable
        self.patience = patience

    def _condition(self) -> Condition:
        raise NotImplementedError

    def poke(self, context: Context) -> PokeReturnValue:
        condition = self._condition()
        method, path, body = condition.request()
        holds, value, text = condition.judge(PenstockHook(self.penstock_conn_id).request(method, path, json=body))
        self.log.info("%s", text)
        return PokeReturnValue(holds, value)

    def execute(self, context: Context) -> Any:
        if not self.deferrable:
            return super().execute(context)
        first = self.poke(context)
        if first.is_done:
            return first.xcom_value
        self.defer(
            trigger=PenstockConditionTrigger(
                self.penstock_conn_id,
                self._condition().to_dict(),
                poll_interval=self.poke_interval,
                patience=self.patience,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        if event["status"] == "success":
            self.log.info("%s", event["message"])
            return event["value"]
        errors = {"unavailable": PenstockUnavailable, "refused": PenstockRefused}
        raise errors.get(event["status"], PenstockError)(event["message"])


class PenstockRowsSensor(_PenstockSensor):
    """
    Waits until a table has rows, or a statement gives some.

    :param table_or_sql: ``keyspace.table``, of which all rows count, or a SELECT.
    :param at_least: how many.
    """

    template_fields: Sequence[str] = (*_PenstockSensor.template_fields, "table_or_sql")
    template_ext: Sequence[str] = (".sql",)

    def __init__(self, *, table_or_sql: str, at_least: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table_or_sql = table_or_sql
        self.at_least = at_least

    def _condition(self) -> Condition:
        return Condition("rows", self.table_or_sql, self.at_least)


class PenstockLagSensor(_PenstockSensor):
    """
    Waits until a running query has no more than so many records before it.

    :param query: its name.
    :param at_most: records.
    """

    template_fields: Sequence[str] = (*_PenstockSensor.template_fields, "query")

    def __init__(self, *, query: str, at_most: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.query = query
        self.at_most = at_most

    def _condition(self) -> Condition:
        return Condition("lag", self.query, self.at_most)


class PenstockWatermarkSensor(_PenstockSensor):
    """
    Waits until a query's watermark has reached a time: no record before it is expected any more.

    :param query: its name.
    :param reached: ISO 8601, usually ``{{ data_interval_end }}``.
    """

    template_fields: Sequence[str] = (*_PenstockSensor.template_fields, "query", "reached")

    def __init__(self, *, query: str, reached: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.query = query
        self.reached = reached

    def _condition(self) -> Condition:
        return Condition("watermark", self.query, str(self.reached))
