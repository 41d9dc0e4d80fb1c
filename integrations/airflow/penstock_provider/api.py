"""Penstock's REST API: requests and answers as values, without a client, so that hook and triggers share them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from penstock_provider.exceptions import PenstockError, PenstockRefused, PenstockUnavailable

ENDED = ("success", "failed")


@dataclass(frozen=True)
class Run:
    """Where a run is: under a DAG of a pipeline, or under "run:NAME" for a source or query that was run by itself."""

    dag: str
    run_id: str

    @property
    def path(self) -> str:
        return f"/api/v1/dags/{quote(self.dag, safe='')}/runs/{quote(self.run_id, safe='')}"

    def log_path(self, task: str) -> str:
        return f"{self.path}/tasks/{quote(task, safe='')}/log"


@dataclass
class RunReport:
    """A run as it stands, and the lines of its tasks' logs that are new since the last look."""

    state: str
    tasks: list[dict[str, Any]]
    lines: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def counts(self) -> dict[str, int]:
        """Of all tasks, added up; lag is the largest."""
        total: dict[str, int] = {}
        for task in self.tasks:
            for name, value in (task.get("counts") or {}).items():
                if isinstance(value, bool) or not isinstance(value, int):
                    continue
                total[name] = max(total.get(name, 0), value) if name == "lag" else total.get(name, 0) + value
        return total

    @property
    def why(self) -> str:
        """The notes of the tasks that did not succeed."""
        bad = [t for t in self.tasks if t["state"] not in ("success", "none")]
        return "; ".join(f"task {t['task']}: {t['state']}" + (f": {t['note']}" if t.get("note") else "") for t in bad)


def checked(response: httpx.Response, where: str) -> Any:
    """The answer's JSON; otherwise an error that says where, what and why."""
    try:
        body = response.json()
    except ValueError:
        raise PenstockError(
            f"what answers at {where} is not a Penstock (HTTP {response.status_code} without JSON for "
            f"{response.request.method} {response.request.url.path})"
        ) from None
    if response.is_success:
        return body
    error = body.get("error", {}) if isinstance(body, dict) else {}
    text = f"Penstock at {where}: {error.get('message', response.reason_phrase)} ({error.get('code', response.status_code)})"
    if response.status_code in (400, 401, 403, 405, 501):
        raise PenstockRefused(text)
    if response.status_code == 503:
        raise PenstockUnavailable(text)
    raise PenstockError(text)


def unreachable(where: str, error: httpx.HTTPError) -> PenstockUnavailable:
    return PenstockUnavailable(
        f"no Penstock answers at {where}: {error or type(error).__name__}. Is it up, and is the connection's host and "
        "port right? (penstock health)"
    )


def own_run_id(ti: Any, try_number: int) -> str:
    """The same for the same try, so that asking twice starts one run. Penstock allows what Airflow allows in a run_id."""
    parts = ["airflow", ti.dag_id, ti.task_id, ti.run_id]
    map_index = getattr(ti, "map_index", -1)
    if map_index is not None and map_index >= 0:
        parts.append(str(map_index))
    whole = "__".join([*parts, f"try{try_number}"])
    safe = re.sub(r"[^A-Za-z0-9_.~:+-]", "-", whole)
    if safe == whole and len(safe) <= 250:
        return safe
    digest = hashlib.sha256(whole.encode()).hexdigest()[:12]
    return f"{safe[:200]}__{digest}__try{try_number}"


def duration_text(duration: Any) -> str | None:
    """Penstock's "60s" from seconds, a timedelta or a text; None stays: until there is no more."""
    if duration is None or duration == "":
        return None
    if hasattr(duration, "total_seconds"):
        duration = duration.total_seconds()
    if isinstance(duration, (int, float)):
        if duration <= 0:
            raise ValueError(f"duration is {duration}; expected more than 0, or None for until there is no more")
        return f"{int(duration * 1_000_000)}us"
    return str(duration)
