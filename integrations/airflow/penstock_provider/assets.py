"""Assets that stand for what Penstock writes.

    PenstockRunSourceOperator(source="random_users", outlets=[topic_asset("users_created")], ...)

The event that the operator's success makes carries the run's counts and the topic's end offsets.
"""

from __future__ import annotations

from urllib.parse import SplitResult

from airflow.sdk import Asset

DEFAULT_CONN_ID = "penstock_default"


def topic_asset(topic: str, conn_id: str = DEFAULT_CONN_ID) -> Asset:
    return Asset(uri=f"penstock://{conn_id}/topics/{topic}", name=topic)


def table_asset(table: str, conn_id: str = DEFAULT_CONN_ID) -> Asset:
    """table: keyspace.name."""
    return Asset(uri=f"penstock://{conn_id}/tables/{table}", name=table)


def sanitize_uri(uri: SplitResult) -> SplitResult:
    kind, _, name = uri.path.strip("/").partition("/")
    if not uri.netloc or kind not in ("topics", "tables") or not name:
        raise ValueError("expected penstock://CONNECTION/topics/TOPIC or penstock://CONNECTION/tables/KEYSPACE.TABLE")
    return uri
