"""Waiting in the triggerer: for a run's end, or for a condition. No worker is held meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from penstock_provider.api import Run
from penstock_provider.conditions import Condition
from penstock_provider.exceptions import PenstockRefused, PenstockUnavailable
from penstock_provider.hooks.penstock import PenstockHook


class _PenstockTrigger(BaseTrigger):
    """What both have: asking again and again, and patience with a Penstock that is away for a while."""

    def __init__(self, penstock_conn_id: str, poll_interval: float, patience: float) -> None:
        super().__init__()
        self.penstock_conn_id = penstock_conn_id
        self.poll_interval = poll_interval
        self.patience = patience
        self._away_since: float | None = None

    def _hook(self) -> PenstockHook:
        return PenstockHook(self.penstock_conn_id)

    def _is_away(self, error: PenstockUnavailable) -> TriggerEvent | None:
        """A run outlives a restart of Penstock, so a while of silence is no failure. The event when it was too long."""
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
            self.log.warning("%s; waiting up to %.0f s for it", error, self.patience)
        if now - self._away_since < self.patience:
            return None
        return TriggerEvent({"status": "unavailable", "message": str(error)})

    def _is_back(self) -> None:
        if self._away_since is not None:
            self.log.info("Penstock answers again")
        self._away_since = None


class PenstockRunTrigger(_PenstockTrigger):
    """
    Fires once when the run has ended, with its state, counts and notes.

    :param seen: how many lines of each log were shown before.
    :param deadline: seconds since 1970 (UTC); then the run is cancelled. None: none.
    """

    def __init__(
        self,
        penstock_conn_id: str,
        dag: str,
        run_id: str,
        seen: dict[str, int] | None = None,
        poll_interval: float = 2.0,
        patience: float = 300.0,
        deadline: float | None = None,
    ) -> None:
        super().__init__(penstock_conn_id, poll_interval, patience)
        self.dag_name = dag
        self.run_id = run_id
        self.seen = dict(seen or {})
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "penstock_conn_id": self.penstock_conn_id,
                "dag": self.dag_name,
                "run_id": self.run_id,
                "seen": self.seen,
                "poll_interval": self.poll_interval,
                "patience": self.patience,
                "deadline": self.deadline,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        hook, run = self._hook(), Run(self.dag_name, self.run_id)
        while True:
            try:
                report = await hook.areport(run, self.seen)
                self._is_back()
                for line in report.lines:
                    self.log.info("%s", line)
                if report.ended:
                    yield TriggerEvent({"status": report.state, "counts": report.counts, "message": report.why})
                    return
                if self.deadline is not None and time.time() >= self.deadline:
                    await hook.acancel_run(run)
                    yield TriggerEvent(
                        {"status": "timeout", "counts": report.counts, "message": "the run was cancelled"}
                    )
                    return
            except PenstockUnavailable as error:
                if event := self._is_away(error):
                    yield event
                    return
            except Exception as error:  # whatever it is, the task shall fail with it and not wait for ever
                yield TriggerEvent({"status": "error", "message": str(error)})
                return
            await asyncio.sleep(self.poll_interval)

    async def on_kill(self) -> None:
        """A person has cleared or marked the deferred task (Airflow 3.3 and newer)."""
        state = await self._hook().acancel_run(Run(self.dag_name, self.run_id))
        self.log.info("the task was killed: run %s is %s", self.run_id, state)


class PenstockConditionTrigger(_PenstockTrigger):
    """Fires once when the condition holds, with what it saw."""

    def __init__(
        self,
        penstock_conn_id: str,
        condition: dict[str, Any],
        poll_interval: float = 5.0,
        patience: float = 300.0,
    ) -> None:
        super().__init__(penstock_conn_id, poll_interval, patience)
        self.condition = condition

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "penstock_conn_id": self.penstock_conn_id,
                "condition": self.condition,
                "poll_interval": self.poll_interval,
                "patience": self.patience,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        hook, condition = self._hook(), Condition.from_dict(self.condition)
        while True:
            try:
                answer = await hook.arequest(*condition.request())
                self._is_back()
                holds, value, text = condition.judge(answer)
                self.log.info("%s", text)
                if holds:
                    yield TriggerEvent({"status": "success", "value": value, "message": text})
                    return
            except PenstockUnavailable as error:
                if event := self._is_away(error):
                    yield event
                    return
            except PenstockRefused as error:
                yield TriggerEvent({"status": "refused", "message": str(error)})
                return
            except Exception as error:
                yield TriggerEvent({"status": "error", "message": str(error)})
                return
            await asyncio.sleep(self.poll_interval)
