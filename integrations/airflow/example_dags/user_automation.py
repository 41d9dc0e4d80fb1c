"""
The well-known tutorial's DAG `user_automation`, with Penstock doing the work.

There, a task fetches for a minute and hands each record to a Kafka producer without waiting for it: it is green even when
nothing was ever sent. Here the task is green only when Penstock's log has acknowledged records, its log shows how many
and how fast, and the asset `users_created` gets an event with the counts and offsets, on which other DAGs are scheduled.

Needs a connection `penstock_default` (type Penstock, host and port of a running `penstock up examples/users`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, Param

from penstock_provider.assets import table_asset, topic_asset
from penstock_provider.operators.penstock import PenstockRunQueryOperator, PenstockRunSourceOperator
from penstock_provider.sensors.penstock import PenstockRowsSensor

with DAG(
    "user_automation",
    description="People from the API into the topic users_created and the table created_users",
    schedule="@daily",
    start_date=datetime(2023, 9, 3, 10, 0),
    catchup=False,
    default_args={"owner": "airscholar", "retries": 1, "retry_delay": timedelta(seconds=10)},
    tags=["penstock"],
    params={"duration": Param("60s", type="string", description="How long to fetch, such as 60s")},
) as dag:
    stream_data_from_api = PenstockRunSourceOperator(
        task_id="stream_data_from_api",
        source="random_users",
        duration="{{ params.duration }}",
        outlets=[topic_asset("users_created")],
        deferrable=True,
    )
    into_the_table = PenstockRunQueryOperator(
        task_id="into_the_table",
        query="created_users",
        outlets=[table_asset("spark_streams.created_users")],
    )
    rows_are_there = PenstockRowsSensor(
        task_id="rows_are_there",
        table_or_sql="spark_streams.created_users",
        at_least=1,
        poke_interval=5,
        timeout=300,
        deferrable=True,
    )
    stream_data_from_api >> into_the_table >> rows_are_there
