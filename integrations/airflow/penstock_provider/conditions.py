"""What sensors wait for: one request each, and whether its answer is enough."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from penstock_provider.exceptions import PenstockError, PenstockRefused


@dataclass(frozen=True)
class Condition:
    """
    kind "rows": ``target`` is SQL, or a table's name; its rows, or its count(*), are at least ``limit``.
    kind "lag": the query ``target`` has at most ``limit`` records before it.
    kind "watermark": the watermark of the query ``target`` has reached ``limit`` (ISO 8601).
    """

    kind: str
    target: str
    limit: Any

    def __post_init__(self) -> None:
        if self.kind not in ("rows", "lag", "watermark"):
            raise ValueError(f"condition {self.kind!r}; expected rows, lag or watermark")
        if self.kind == "watermark":
            parse_time(self.limit)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Condition:
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def request(self) -> tuple[str, str, Any]:
        if self.kind != "rows":
            return ("GET", "/api/v1/queries", None)
        return ("POST", "/api/v1/sql", {"sql": self._sql()})

    def judge(self, answer: Any) -> tuple[bool, Any, str]:
        """Whether it holds, what was seen, and the same for people."""
        if self.kind == "rows":
            rows = answer["rows"][0][0] if self._is_table() else answer["row_count"]
            return rows >= self.limit, rows, f"{self.target}: {rows} rows, expected {self.limit} or more"
        query = next((q for q in answer if q["name"] == self.target), None)
        if query is None:
            raise PenstockRefused(f"Penstock has no query {self.target!r}")
        if query["state"] == "failed":
            raise PenstockError(f"query {self.target} has failed: {query['detail']}")
        if self.kind == "lag":
            lag = query["counts"]["lag"]
            running = query["state"] == "running"
            text = f"query {self.target} is {query['state']}, lag {lag}, expected running and {self.limit} or less"
            return running and lag <= self.limit, lag, text
        watermark = query["watermark"]
        reached = watermark is not None and parse_time(watermark) >= parse_time(self.limit)
        return reached, watermark, f"query {self.target}: watermark {watermark or 'none yet'}, expected {self.limit}"

    def _is_table(self) -> bool:
        return len(self.target.split()) == 1

    def _sql(self) -> str:
        return f"SELECT count(*) AS n FROM {self.target}" if self._is_table() else self.target


def parse_time(value: Any) -> datetime:
    """ISO 8601, or a datetime; without a zone it is UTC."""
    time = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)
