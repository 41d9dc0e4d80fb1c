"""penstock schemas register and produce --schema: what Confluent's own client and deserializers read of it."""
import json
import os
import uuid

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ORDER = {"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "long"},
    {"name": "note", "type": ["null", "string"], "default": None},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}
PERSON = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Person", "type": "object",
          "properties": {"name": {"type": "string"}}, "required": ["name"]}


@pytest.fixture
def topic(users):
    name = f"produced-{uuid.uuid4().hex[:12]}"
    admin = AdminClient({"bootstrap.servers": os.environ["PENSTOCK_KAFKA"]})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result()
    return name


@pytest.fixture
def registry(users):
    return SchemaRegistryClient({"url": os.environ["PENSTOCK_SCHEMAS"], "timeout": 10})


def produce(users, topic, lines, *arguments):
    return users.command("produce", topic, *arguments, input="".join(line + "\n" for line in lines))


def records(topic, count):
    consumer = Consumer({"bootstrap.servers": os.environ["PENSTOCK_KAFKA"], "group.id": f"{topic}-readers",
                         "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found = []
    while len(found) < count:
        got = consumer.consume(count - len(found), timeout=15)
        assert got, f"{len(found)} of {count} records came"
        found += got
    consumer.close()
    return found


def value_of(topic):
    return SerializationContext(topic, MessageField.VALUE)


def test_avro_with_keys(users, registry, topic):
    registry.register_schema(f"{topic}-value", Schema(json.dumps(ORDER), "AVRO"))
    key_id = registry.register_schema(f"{topic}-key", Schema('"string"', "AVRO"))
    done = produce(users, topic, ['"a";{"id": 1, "at": "2026-01-31T08:00:00Z"}', '"b";{"id": 2, "note": "x", "at": 0}'],
                   "--schema", "latest", "--key-schema", str(key_id), "-k", ";")
    assert done.returncode == 0, done.stderr
    read = AvroDeserializer(registry)
    found = [(read(each.key(), SerializationContext(topic, MessageField.KEY)), read(each.value(), value_of(topic)))
             for each in records(topic, 2)]
    assert [key for key, _ in found] == ["a", "b"]
    assert [value["note"] for _, value in found] == [None, "x"]
    assert [value["at"].isoformat() for _, value in found] == ["2026-01-31T08:00:00+00:00", "1970-01-01T00:00:00+00:00"]


def test_what_does_not_fit_names_its_line(users, registry, topic):
    registry.register_schema(f"{topic}-value", Schema(json.dumps(ORDER), "AVRO"))
    done = produce(users, topic, ['{"id": 1, "at": 0}', '{"id": 2, "at": 0}', '{"id": "three", "at": 0}'], "--schema", "latest")
    assert done.returncode == 1
    assert "after 2 records acknowledged: line 3: value: does not fit schema" in done.stderr
    assert 'id: expected a whole number, found "three"' in done.stderr
    assert len(records(topic, 2)) == 2


def test_a_schema_that_uses_another(users, registry, topic, tmp_path):
    for name, text in {
        "money.avsc": {"type": "record", "name": "Money", "namespace": "shop", "fields": [{"name": "cents", "type": "long"}]},
        "order.avsc": {"type": "record", "name": "Order", "fields": [{"name": "price", "type": "shop.Money"}]},
        "references.json": [{"name": "shop.Money", "subject": f"{topic}-money"}],
        "half.json": [{"name": "shop.Money"}],
        "missing.json": [{"name": "shop.Money", "subject": "nowhere"}],
    }.items():
        (tmp_path / name).write_text(json.dumps(text))
    (tmp_path / "broken.json").write_text("[")

    def register(subject, file, *references):
        return users.command("schemas", "register", subject, str(tmp_path / file), *references)

    assert register(f"{topic}-money", "money.avsc").returncode == 0
    for references, why in {(): "shop.Money", ("half.json",): "references[0].subject", ("missing.json",): "nowhere",
                            ("broken.json",): "broken.json: "}.items():
        done = register(f"{topic}-value", "order.avsc", *(f"--references={tmp_path / each}" for each in references))
        assert done.returncode == 1 and why in done.stderr, (references, done.stderr)
    done = register(f"{topic}-value", "order.avsc", f"--references={tmp_path / 'references.json'}")
    assert done.returncode == 0, done.stderr
    assert registry.get_latest_version(f"{topic}-value").schema.references == [SchemaReference("shop.Money", f"{topic}-money", 1)]
    assert produce(users, topic, ['{"price": {"cents": 250}}'], "--schema", "latest").returncode == 0
    assert AvroDeserializer(registry)(records(topic, 1)[0].value(), value_of(topic)) == {"price": {"cents": 250}}


def test_json_schema(users, registry, topic):
    registry.register_schema(f"{topic}-value", Schema(json.dumps(PERSON), "JSON"))
    assert produce(users, topic, ['{"name": "Ann"}'], "--schema", "latest").returncode == 0
    read = JSONDeserializer(None, schema_registry_client=registry)
    assert read(records(topic, 1)[0].value(), value_of(topic)) == {"name": "Ann"}


def test_protobuf(users, registry, topic):
    package = f"p{uuid.uuid4().hex}"
    registry.register_schema(f"{topic}-value", Schema(
        f'syntax = "proto3"; package {package}; message Event {{ int32 id = 1; repeated string tags = 2; }}', "PROTOBUF"))
    assert produce(users, topic, ['{"id": 7, "tags": ["a", "b"]}'], "--schema", "latest").returncode == 0
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    message = file.message_type.add(name="Event")
    message.field.add(name="id", number=1, label=1, type=5)
    message.field.add(name="tags", number=2, label=3, type=9)
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
    Event = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(f"{package}.Event"))
    read = ProtobufDeserializer(Event, {"use.deprecated.format": False})
    assert read(records(topic, 1)[0].value(), value_of(topic)) == Event(id=7, tags=["a", "b"])
