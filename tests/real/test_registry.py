"""Schemas in a real Confluent-compatible registry: Confluent's clients and Penstock's topics on it, and what happens while
it is away."""
import os
import subprocess
import sys

import pytest
from confluent_kafka.serialization import MessageField, SerializationContext
from confluent_kafka.schema_registry.avro import AvroSerializer

from support import avro_topics as checks, protobuf_topics
from support.process import ROOT, Penstock, wait_until


@pytest.fixture(scope="module")
def topics(real_registry, tmp_path_factory):
    folder = tmp_path_factory.mktemp("schemas")
    (folder / "pipeline.yaml").write_text(checks.PIPELINE)
    with Penstock(folder, folder / "data", ["--schemas", real_registry.url]) as penstock:
        yield checks.Topics(penstock, real_registry.url)


def test_topics_with_schemas(topics, covers, suite):
    covers("Apicurio Registry", "3.3.3", "Confluent's API, in memory", "schemas")
    for check in (checks.queries_read_what_confluents_serializers_write,
                  checks.what_does_not_decode_is_kept_with_the_reason,
                  checks.sources_write_what_confluents_deserializers_read,
                  checks.queries_write_what_confluents_deserializers_read,
                  protobuf_topics.queries_read_and_write_protobuf,
                  protobuf_topics.sources_write_protobuf):
        check(topics)
        suite.ran += 1


def test_the_console_shows_its_schemas(topics):
    assert "orders-value" in topics.penstock.get("/api/v1/schemas")
    assert topics.penstock.get("/api/v1/schemas/readings-value/latest")["version"] == 2
    listed = topics.penstock.command("schemas")
    assert listed.returncode == 0 and "orders-value" in listed.stdout
    assert "schemas" not in topics.penstock.get("/api/v1/status")["ports"]


def test_the_registry_goes_away(real_registry, topics, covers, suite):
    """What has a known schema goes on; what has a new one waits, says so, and is lost in no case."""
    covers("Apicurio Registry", "3.3.3", "Confluent's API, in memory", "schemas")
    context = SerializationContext("orders", MessageField.VALUE)
    known = AvroSerializer(topics.registry, checks.ORDER % "")
    known_bytes = known(checks.order(20), context)
    new = AvroSerializer(topics.registry, checks.ORDER % ', {"name": "later", "type": "int", "default": 0}')
    new_bytes = new(checks.order(21, later=1), context)
    real_registry("freeze")
    topics.produce("orders", known_bytes)
    topics.rows("SELECT id FROM shop.orders WHERE id = 20", 1)
    topics.produce("orders", new_bytes)
    waiting = wait_until(lambda: (q := topics.penstock.query("shop_orders"))["state"] == "waiting" and q,
                         "the query to wait for the registry", timeout=90)
    assert "schema registry" in waiting["detail"]
    real_registry("thaw")
    topics.rows("SELECT id FROM shop.orders WHERE id = 21", 1)
    suite.ran += 1


def test_confluents_client_agrees_with_it(real_registry, covers, suite):
    """The tests of our own registry, on the real one: what both do alike. The texts of refusals are each one's own."""
    covers("Apicurio Registry", "3.3.3", "Confluent's API, in memory", "schemas")
    alike = ("registers_and_finds or avro_serializer or json_serializer or protobuf_serializer or what_is_no_schema or "
             "avro_schema_that_refers")
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                           ROOT / "tests/registry/test_confluent_client.py", "-k", alike],
                          env={**os.environ, "PENSTOCK_SCHEMAS": real_registry.url, "PENSTOCK_URL": "none"},
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-3000:]
    suite.ran += 1
