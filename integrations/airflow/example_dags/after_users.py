"""Runs whenever Penstock has committed people, and shows what the event says: counts, and how far the topic goes."""

from __future__ import annotations

from airflow.sdk import DAG, task

from penstock_provider.assets import topic_asset

users_created = topic_asset("users_created")

with DAG("after_users", schedule=[users_created], catchup=False, tags=["penstock"]) as dag:

    @task(inlets=[users_created])
    def show(inlet_events=None):
        said = inlet_events[users_created][-1].extra["penstock"]
        print(f"acknowledged {said['counts']['acknowledged']}, topics now at {said['end_offsets']}")
        return said

    show()
