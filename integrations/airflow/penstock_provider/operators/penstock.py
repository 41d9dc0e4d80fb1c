"""Operators: run a source, a query or a DAG of Penstock, and wait for its end, as a worker or deferred."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any

from airflow.sdk import BaseOperator, Context, conf
from airflow.sdk.exceptions import AirflowSkipException

from penstock_provider.api import Run, duration_text, own_run_id
from penstock_provider.assets import DEFAULT_CONN_ID
from penstock_provider.exceptions import PenstockError, PenstockUnavailable
from penstock_provider.hooks.penstock import PenstockHook
from penstock_provider.triggers.penstock import PenstockRunTrigger

ON_EMPTY = ("fail", "skip", "succeed")


class _PenstockRunOperator(BaseOperator):
    """
    What all three have. The task's return value (XCom) is the run with its counts.

    :param deferrable: wait in the triggerer, which holds no worker.
    :param poll_interval: seconds between looks at the run.
    :param patience: seconds that Penstock may be away while the run is waited for; the run goes on when it is back.
    :param wait_for_completion: otherwise the task ends once the run is durable in Penstock, and emits no counts.
    """

    template_fields: Sequence[str] = ("penstock_conn_id",)
    ui_color = "#dcebf5"

    def __init__(
        self,
        *,
        penstock_conn_id: str = DEFAULT_CONN_ID,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 2.0,
        patience: float = 300.0,
        wait_for_completion: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.penstock_conn_id = penstock_conn_id
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.patience = patience
        self.wait_for_completion = wait_for_completion
        self._run: Run | None = None

    @cached_property
    def hook(self) -> PenstockHook:
        return PenstockHook(self.penstock_conn_id)

    # What differs: where a run is asked for, its DAG, and what is asked.
    def _request(self) -> tuple[str, str, dict[str, Any]]:
        raise NotImplementedError

    def _topics(self) -> list[str]:
        """Topics that the run writes, for the assets' offsets."""
        return []

    def _check(self, counts: dict[str, int]) -> None:
        """Raises when a run that has succeeded is not good enough."""

    def execute(self, context: Context) -> dict[str, Any] | None:
        path, dag, body = self._request()
        ti = context["ti"]
        self._end_earlier_try(dag, ti)
        self._run = self.hook.start_run(path, own_run_id(ti, ti.try_number), dag, body)
        self.log.info("Penstock runs %s, run %s", dag, self._run.run_id)
        if not self.wait_for_completion:
            return {"dag": dag, "run_id": self._run.run_id}
        deadline = time.time() + self.execution_timeout.total_seconds() if self.execution_timeout else None
        if self.deferrable:
            self.defer(
                trigger=PenstockRunTrigger(
                    self.penstock_conn_id,
                    dag,
                    self._run.run_id,
                    poll_interval=self.poll_interval,
                    patience=self.patience,
                    deadline=deadline,
                ),
                method_name="execute_complete",
                kwargs={"dag": dag, "run_id": self._run.run_id},
                # The trigger keeps the deadline itself, and cancels the run; this is for a triggerer that is gone.
                timeout=self.execution_timeout + timedelta(minutes=1) if self.execution_timeout else None,
            )
        return self._finish(context, self._run, self._wait(self._run))

    def execute_complete(self, context: Context, event: dict[str, Any], dag: str, run_id: str) -> dict[str, Any]:
        self._run = Run(dag, run_id)
        return self._finish(context, self._run, event)

    def on_kill(self) -> None:
        if self._run is None:
            return
        try:
            self.log.info("the task is killed: run %s is %s", self._run.run_id, self.hook.cancel_run(self._run))
        except Exception:
            self.log.exception("the task is killed, and its run %s could not be cancelled", self._run.run_id)

    def _end_earlier_try(self, dag: str, ti: Any) -> None:
        """A worker that was lost may have left the run of the try before this one behind."""
        if ti.try_number <= 1:
            return
        earlier = Run(dag, own_run_id(ti, ti.try_number - 1))
        if self.hook.run_exists(earlier):
            self.log.info("run %s of the try before is %s", earlier.run_id, self.hook.cancel_run(earlier))

    def _wait(self, run: Run) -> dict[str, Any]:
        """Until the run has ended: what the trigger would say."""
        seen: dict[str, int] = {}
        away_since: float | None = None
        while True:
            try:
                report = self.hook.report(run, seen)
                away_since = None
                for line in report.lines:
                    self.log.info("%s", line)
                if report.ended:
                    return {"status": report.state, "counts": report.counts, "message": report.why}
            except PenstockUnavailable as error:
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since >= self.patience:
                    return {"status": "unavailable", "message": str(error)}
                self.log.warning("%s; waiting for it", error)
            time.sleep(self.poll_interval)

    def _finish(self, context: Context, run: Run, event: dict[str, Any]) -> dict[str, Any]:
        counts = event.get("counts") or {}
        shown = ", ".join(f"{name} {value:,}" for name, value in counts.items())
        if event["status"] != "success":
            if event["status"] == "unavailable":
                raise PenstockUnavailable(event["message"])
            raise PenstockError(
                f"run {run.run_id} of {run.dag}: {event['status']}: {event['message'] or 'no reason is known'}"
                + (f" ({shown})" if shown else "")
            )
        self._check(counts)
        self.log.info("run %s of %s succeeded: %s", run.run_id, run.dag, shown or "no counts")
        result = {"dag": run.dag, "run_id": run.run_id, "counts": counts}
        self._tell_assets(context, result)
        return result

    def _tell_assets(self, context: Context, result: dict[str, Any]) -> None:
        """The events of the task's outlets say what was committed, and how far the topics go."""
        if not self.outlets:
            return
        extra = {"penstock": {**result, "end_offsets": {t: self.hook.end_offsets(t) for t in self._topics()}}}
        for outlet in self.outlets:
            context["outlet_events"][outlet].extra.update(extra)


class PenstockRunSourceOperator(_PenstockRunOperator):
    """
    Runs a source for a time, or until it has no more, beside or without its continuous run.

    Success is what the log has acknowledged: a run that got nothing acknowledged fails unless asked otherwise.

    :param source: its name in the pipeline file.
    :param duration: "60s", seconds or a timedelta; None: until it has no more.
    :param on_empty: when nothing was acknowledged: "fail", "skip" (the task is skipped, and makes no asset event) or
        "succeed".
    """

    template_fields: Sequence[str] = (*_PenstockRunOperator.template_fields, "source", "duration")

    def __init__(self, *, source: str, duration: Any = None, on_empty: str = "fail", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if on_empty not in ON_EMPTY:
            raise ValueError(f"on_empty is {on_empty!r}; expected one of {', '.join(ON_EMPTY)}")
        self.source = source
        self.duration = duration
        self.on_empty = on_empty

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        body: dict[str, Any] = {"allow_empty": self.on_empty != "fail"}
        if text := duration_text(self.duration):
            body["for"] = text
        return f"/api/v1/sources/{self.source}/run", f"run:{self.source}", body

    def _topics(self) -> list[str]:
        source = self.hook.source(self.source)
        return [source["topic"]] if source else []

    def _check(self, counts: dict[str, int]) -> None:
        if counts.get("acknowledged", 0) > 0 or self.on_empty == "succeed":
            return
        message = f"the log acknowledged no record of source {self.source}"
        if self.on_empty == "skip":
            raise AirflowSkipException(message)
        raise PenstockError(message)


class PenstockRunQueryOperator(_PenstockRunOperator):
    """
    Runs a query for a time, or until it has caught up with its topics.

    :param query: its name in the pipeline file.
    :param duration: "60s", seconds or a timedelta; None: until it has caught up.
    :param on_empty: when it has processed nothing: "succeed" (it may have caught up before), "skip" or "fail".
    """

    template_fields: Sequence[str] = (*_PenstockRunOperator.template_fields, "query", "duration")

    def __init__(self, *, query: str, duration: Any = None, on_empty: str = "succeed", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if on_empty not in ON_EMPTY:
            raise ValueError(f"on_empty is {on_empty!r}; expected one of {', '.join(ON_EMPTY)}")
        self.query = query
        self.duration = duration
        self.on_empty = on_empty

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        text = duration_text(self.duration)
        return f"/api/v1/queries/{self.query}/run", f"run:{self.query}", {"for": text} if text else {}

    def _topics(self) -> list[str]:
        query = self.hook.query(self.query)
        into = query["into"] if query else ""
        return [into.removeprefix("topic:")] if into.startswith("topic:") else []

    def _check(self, counts: dict[str, int]) -> None:
        if counts.get("processed", 0) > 0 or self.on_empty == "succeed":
            return
        message = f"query {self.query} has processed no record"
        if self.on_empty == "skip":
            raise AirflowSkipException(message)
        raise PenstockError(message)


class PenstockRunDagOperator(_PenstockRunOperator):
    """
    Runs a DAG of a Penstock pipeline.

    :param penstock_dag: its name.
    :param conf: given to its tasks, as when it is triggered by hand.
    """

    template_fields: Sequence[str] = (*_PenstockRunOperator.template_fields, "penstock_dag", "conf")

    def __init__(self, *, penstock_dag: str, conf: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.penstock_dag = penstock_dag
        self.conf = conf

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        return f"/api/v1/dags/{self.penstock_dag}/trigger", self.penstock_dag, {"conf": self.conf or {}}
