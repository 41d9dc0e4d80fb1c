"""The same pipeline, the same steps, on every layer's both sides: the rows must be those of the embedded layers.

The steps of one combination run in order on one Penstock: main job, bad records, restart, kill -9, and each system
stopped and started again under load.
"""
import contextlib
import json

import pytest
from seam_suite import SeamRun
from support.process import wait_until

# name -> the fixtures of the systems that it runs on, by the setting that names them
COMBINATIONS = {
    "embedded": {},
    "kafka": {"kafka": "real_kafka_module"},
    "postgresql": {"metadata": "real_postgres"},
    "cassandra": {"tables": "real_cassandra"},
    "spark": {"engine": "spark_for_seams"},
    "together": {"kafka": "real_kafka_module", "tables": "real_cassandra", "metadata": "real_postgres",
                 "schemas": "real_registry", "coordination": "real_zookeeper"},
    "all_on_spark": {"kafka": "real_kafka_module", "tables": "real_cassandra", "metadata": "real_postgres",
                     "schemas": "real_registry", "coordination": "real_zookeeper", "engine": "spark_for_seams"},
}
LONG = ("spark", "all_on_spark")  # what they show, test_spark.py, fail-over with Spark and `together` show in parts
STOPS_THE_DATA = ("kafka", "tables", "engine")  # a pipeline stands still while one of these is away, and says so
ROWS = {}  # step -> the rows of the embedded layers


class Combination:
    def __init__(self, name, systems, folder):
        self.name, self.systems = name, systems
        urls = {setting: system.url for setting, system in systems.items()}
        if "engine" in urls:
            urls["engine"] += f"/;checkpoints={folder}/checkpoints"
        options = [part for setting, url in urls.items() for part in (f"--{setting}", url)]
        self.run = SeamRun(f"s_{name}", folder, options)
        self.penstock = self.run.penstock

    def compare(self, step):
        rows = self.run.settled_rows()
        plain = {table: [tuple(row) for row in found] for table, found in rows.items()}
        assert plain == ROWS.setdefault(step, plain), "differs from the embedded layers' rows"


@pytest.fixture(scope="module", params=[pytest.param(name, marks=[pytest.mark.long] if name in LONG else [])
                                        for name in COMBINATIONS])
def combination(request, tmp_path_factory):
    systems = {setting: request.getfixturevalue(fixture) for setting, fixture in COMBINATIONS[request.param].items()}
    one = Combination(request.param, systems, tmp_path_factory.mktemp(request.param))
    with contextlib.closing(one.run):
        one.penstock.start()
        yield one


def test_main_job(combination):
    combination.run.more_pages(20)
    combination.run.post_numbers(0, 10)
    combination.compare("main job")


def test_bad_records_are_kept_apart(combination):
    run = combination.run
    good = [{"id": "good-1", "n": 1001}, {"id": "good-2", "n": 1002}]
    lines = [json.dumps(good[0]), '{"id": "bad-1", "n": "many"}', json.dumps(good[1])]
    run.post(lines, good)

    def is_set_apart():
        status = combination.penstock.query(f"{run.name}_all_posts")
        assert status["rejected"] == 1, status
        return True
    wait_until(is_set_apart, "the bad one set apart", 60)
    letters = combination.penstock.get(f"/api/v1/topics/{run.name}_posts.dlq/records")
    assert [json.loads(letter["value"])["id"] for letter in letters] == ["bad-1"]
    combination.compare("bad records")


def test_restart(combination):
    assert combination.penstock.stop() == 0
    combination.run.more_pages(10)
    combination.penstock.start()
    combination.run.post_numbers(10, 5)
    combination.compare("restart")


def test_killed_under_load(combination):
    run = combination.run
    before = combination.penstock.topic_records(f"{run.name}_items")
    run.more_pages(60)
    wait_until(lambda: combination.penstock.topic_records(f"{run.name}_items") > before + 200, "records flowing", 60)
    combination.penstock.kill()
    combination.penstock.start()
    run.post_numbers(15, 5)
    combination.compare("killed")


def test_systems_stopped_and_started_under_load(combination):
    run = combination.run
    for setting, system in combination.systems.items():
        before = combination.penstock.topic_records(f"{run.name}_items")
        run.more_pages(60)
        wait_until(lambda: combination.penstock.topic_records(f"{run.name}_items") > before + 200, "records flowing", 60)
        system("stop")
        if setting in STOPS_THE_DATA:
            wait_until(run.troubles, f"{system.name} shown as away", 60)
        assert combination.penstock.get("/api/v1/status")["version"]
        system("start")
        run.post_numbers(20 + run.pages, 5)
    run.settled_rows()
