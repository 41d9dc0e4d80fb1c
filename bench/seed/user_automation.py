"""The tutorial's ingestion DAG on Airflow 3: one person a request, one message a person, for some seconds.

As everybody who follows the tutorial has it, but for the id, which is the API's and not a new one, so that a row can be
followed; and Kafka's answers are awaited before the task ends.
"""
import json
import os
import sys
import time

import requests
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Param, get_current_context

sys.path.append(os.environ["SEED_PACKAGES"])  # kafka-python


def format_data(person):
    location = person["location"]
    return {
        "id": person["login"]["uuid"],
        "first_name": person["name"]["first"],
        "last_name": person["name"]["last"],
        "gender": person["gender"],
        "address": f"{location['street']['number']} {location['street']['name']}, {location['city']}, "
                   f"{location['state']}, {location['country']}",
        "post_code": str(location["postcode"]),
        "email": person["email"],
        "username": person["login"]["username"],
        "dob": person["dob"]["date"],
        "registered_date": person["registered"]["date"],
        "phone": person["phone"],
        "picture": person["picture"]["medium"],
    }


def stream_data():
    from kafka import KafkaProducer
    seconds = get_current_context()["params"]["seconds"]
    producer = KafkaProducer(bootstrap_servers=os.environ["SEED_KAFKA"], max_block_ms=5000, acks="all", linger_ms=5)
    session, sent, end = requests.Session(), [], time.monotonic() + seconds
    while time.monotonic() < end:
        answer = session.get(os.environ["SEED_API"], timeout=10)
        answer.raise_for_status()
        person = format_data(answer.json()["results"][0])
        sent.append(producer.send("users_created", json.dumps(person).encode()))
    producer.flush(timeout=30)
    producer.close(timeout=10)
    assert all(each.succeeded() for each in sent), "not all were acknowledged"
    return len(sent)


with DAG("user_automation", schedule=None, catchup=False, params={"seconds": Param(60, type="integer")}):
    PythonOperator(task_id="stream_data_from_api", python_callable=stream_data)
