"""Confluent's own Python client against the schema registry. The address comes from $PENSTOCK_SCHEMAS, where any
Confluent-compatible registry may answer; without it the running example is used."""
import io
import json
import os
import struct
import uuid

import fastavro
import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext


@pytest.fixture(scope="module")
def address(request):
    if "PENSTOCK_SCHEMAS" not in os.environ:
        request.getfixturevalue("users")
    return os.environ["PENSTOCK_SCHEMAS"]


@pytest.fixture
def client(address):
    return SchemaRegistryClient({"url": address})


@pytest.fixture
def subject():
    return f"test-{uuid.uuid4()}-value"


def record(*fields):
    return Schema(json.dumps({"type": "record", "name": "User", "fields": list(fields)}), "AVRO")


NAME = {"name": "name", "type": "string"}
AGE = {"name": "age", "type": "int"}
AGE_OR_0 = {"name": "age", "type": "int", "default": 0}


def error_of(call):
    with pytest.raises(SchemaRegistryError) as caught:
        call()
    return caught.value


def test_registers_and_finds(client, subject):
    schema_id = client.register_schema(subject, record(NAME))
    assert client.register_schema(subject, record(NAME)) == schema_id
    assert json.loads(client.get_schema(schema_id).schema_str)["fields"] == [NAME]
    found = client.lookup_schema(subject, record(NAME))
    assert (found.subject, found.version, found.schema_id) == (subject, 1, schema_id)
    assert subject in client.get_subjects()
    assert client.get_versions(subject) == [1]
    assert client.get_latest_version(subject).schema_id == schema_id
    assert client.get_version(subject, 1).schema.schema_type == "AVRO"
    assert subject in client.get_subjects_by_schema_id(schema_id)
    assert any(v.subject == subject and v.version == 1 for v in client.get_schema_versions(schema_id))
    assert {"AVRO", "JSON"} <= set(client.get_schema_types())


def test_the_text_is_the_same_however_it_is_written(client, address, subject):
    one = client.register_schema(subject, Schema('{"type":"record","name":"User","fields":[{"name":"name","type":"string"}]}', "AVRO"))
    # Another client, as the first one keeps what it has registered.
    two = SchemaRegistryClient({"url": address}).register_schema(
        subject, Schema('{ "name": "User",\n "fields": [ {"type": "string", "name": "name"} ], "type": "record" }', "AVRO"))
    assert one == two


def test_compatibility(client, subject):
    client.register_schema(subject, record(NAME))
    assert client.test_compatibility(subject, record(NAME, AGE_OR_0))
    assert not client.test_compatibility(subject, record(NAME, AGE))
    refused = error_of(lambda: client.register_schema(subject, record(NAME, AGE)))
    assert (refused.http_status_code, refused.error_code) == (409, 409)
    assert "READER_FIELD_MISSING_DEFAULT_VALUE" in refused.error_message
    client.set_compatibility(subject, "FORWARD")
    assert client.get_compatibility(subject) == "FORWARD"
    client.register_schema(subject, record(NAME, AGE))
    assert client.get_versions(subject) == [1, 2]


def test_levels(client, subject):
    refused = error_of(lambda: client.get_compatibility(subject))
    assert (refused.http_status_code, refused.error_code) == (404, 40408)
    refused = error_of(lambda: client.set_compatibility(subject, "SIDEWAYS"))
    assert (refused.http_status_code, refused.error_code) == (422, 42203)
    assert client.get_compatibility() in {"BACKWARD", "NONE", "FORWARD", "FULL", "BACKWARD_TRANSITIVE", "FORWARD_TRANSITIVE",
                                          "FULL_TRANSITIVE"}


def test_what_is_not_there(client, subject):
    assert error_of(lambda: client.get_latest_version(subject)).error_code == 40401
    assert error_of(lambda: client.get_schema(2_000_000_000)).error_code == 40403
    client.register_schema(subject, record(NAME))
    assert error_of(lambda: client.get_version(subject, 9)).error_code == 40402
    assert error_of(lambda: client.lookup_schema(subject, record(AGE))).error_code == 40403


def test_what_is_no_schema(client, subject):
    refused = error_of(lambda: client.register_schema(subject, Schema('{"type":"record"}', "AVRO")))
    assert (refused.http_status_code, refused.error_code) == (422, 42201)


def test_deletes(client, subject):
    client.register_schema(subject, record(NAME))
    client.register_schema(subject, record(NAME, AGE_OR_0))
    assert client.delete_version(subject, 1) == 1
    assert client.get_versions(subject) == [2]
    assert client.delete_subject(subject) == [2]
    assert subject not in client.get_subjects()
    assert subject in client.get_subjects(deleted=True)


def test_permanent_delete(client, subject):
    client.register_schema(subject, record(NAME))
    assert error_of(lambda: client.delete_subject(subject, permanent=True)).error_code == 40405
    client.delete_subject(subject)
    assert client.delete_subject(subject, permanent=True) == [1]
    assert subject not in client.get_subjects(deleted=True)


def test_json_schema(client, subject):
    text = json.dumps({"type": "object", "properties": {"id": {"type": "integer"}}, "additionalProperties": False})
    schema_id = client.register_schema(subject, Schema(text, "JSON"))
    assert client.get_schema(schema_id).schema_type == "JSON"
    narrower = json.dumps({"type": "object", "properties": {"id": {"type": "integer", "minimum": 1}}, "additionalProperties": False})
    assert not client.test_compatibility(subject, Schema(narrower, "JSON"))


def test_avro_serializer_round_trip(client):
    topic = f"users-{uuid.uuid4()}"
    context = SerializationContext(topic, MessageField.VALUE)
    old = record(NAME)
    data = AvroSerializer(client, old.schema_str)({"name": "Ann"}, context)
    magic, schema_id = struct.unpack(">bI", data[:5])
    assert magic == 0
    assert client.get_latest_version(f"{topic}-value").schema_id == schema_id
    plain = fastavro.schemaless_reader(io.BytesIO(data[5:]), json.loads(client.get_schema(schema_id).schema_str), None)
    assert plain == {"name": "Ann"}
    # A reader with a newer schema fills in the default.
    assert AvroDeserializer(client, record(NAME, AGE_OR_0).schema_str)(data, context) == {"name": "Ann", "age": 0}


def test_json_serializer_round_trip(client):
    topic = f"orders-{uuid.uuid4()}"
    context = SerializationContext(topic, MessageField.VALUE)
    schema = json.dumps({"title": "order", "type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]})
    data = JSONSerializer(schema, client)({"id": 7}, context)
    assert JSONDeserializer(schema, schema_registry_client=client)(data, context) == {"id": 7}
