"""Protobuf topics: what Confluent's serializer writes is read by queries, and what sources and queries write is read by
Confluent's deserializer. Topics, sources and queries are those of avro_topics.PIPELINE."""
import datetime
import urllib.error

import pytest
from confluent_kafka.schema_registry import Schema
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2  # noqa: F401  (the last: imported)

Field = descriptor_pb2.FieldDescriptorProto
LOUD = 'syntax = "proto3"; package plant; message Loud { int64 id = 1; string place = 2; double level = 3; }'
ALARM = 'syntax = "proto3"; package plant; message Alarm { int32 code = 1; repeated string tags = 2; }'


def message_class(name, *fields, nested=(), imports=()):
    """Of a file of its own in the package plant: (field, number, type or a message's full name, label)."""
    file = descriptor_pb2.FileDescriptorProto(name=f"plant/{name}.proto", package="plant", syntax="proto3", dependency=imports)
    message = file.message_type.add(name=name)
    for inner, inner_fields in nested:
        add_fields(message.nested_type.add(name=inner), inner_fields)
    add_fields(message, fields)
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(f"plant.{name}"))


def add_fields(message, fields):
    for name, number, kind, label in fields:
        is_message = isinstance(kind, str)
        message.field.add(name=name, number=number, label=label, type=Field.TYPE_MESSAGE if is_message else kind,
                          type_name=f".{kind}" if is_message else None)


ONE, MANY = Field.LABEL_OPTIONAL, Field.LABEL_REPEATED
Event = message_class(
    "Event", ("id", 1, Field.TYPE_INT64, ONE), ("place", 2, "plant.Event.Place", ONE), ("readings", 3, Field.TYPE_DOUBLE, MANY),
    ("at", 4, "google.protobuf.Timestamp", ONE), ("raw", 5, Field.TYPE_BYTES, ONE),
    nested=[("Place", [("name", 1, Field.TYPE_STRING, ONE), ("floor", 2, Field.TYPE_SINT32, ONE)])],
    imports=["google/protobuf/timestamp.proto"])
Loud = message_class("Loud", ("id", 1, Field.TYPE_INT64, ONE), ("place", 2, Field.TYPE_STRING, ONE),
                     ("level", 3, Field.TYPE_DOUBLE, ONE))
Alarm = message_class("Alarm", ("code", 1, Field.TYPE_INT32, ONE), ("tags", 2, Field.TYPE_STRING, MANY))
SETTINGS = {"use.deprecated.format": False}


def event(number, level):
    made = Event(id=number, place=Event.Place(name="hall", floor=-1), readings=[level, 2], raw=b"\xff")
    made.at.FromDatetime(datetime.datetime(2024, 2, 29, 12, 0, 0, 500000))
    return made


def values(topics, topic, message, count):
    read = ProtobufDeserializer(message, SETTINGS)
    context = SerializationContext(topic, MessageField.VALUE)
    return [read(one.value(), context) for one in topics.records(topic, count)]


def queries_read_and_write_protobuf(topics):
    topics.registry.register_schema("loud-value", Schema(LOUD, "PROTOBUF"))
    write = ProtobufSerializer(Event, topics.registry, SETTINGS)
    context = SerializationContext("events", MessageField.VALUE)
    good = [write(event(number, level), context) for number, level in ((1, 80.5), (2, 30), (3, 90))]
    topics.produce("events", good[0], good[1][:-1], b"plain", good[1], good[2])
    rows = topics.rows("SELECT id, place, floor, first, CAST(at AS STRING) FROM shop.events ORDER BY id", 3)
    assert rows == [[number, "hall", -1, level, "2024-02-29 12:00:00.5"] for number, level in ((1, 80.5), (2, 30), (3, 90))]
    assert topics.rows("SELECT id, readings[1], raw FROM events WHERE id = 3", 1) == [[3, 2, "0xff"]]
    reasons = topics.letters("events", 4)  # two queries read it
    assert any("not a plant.Event of its schema" in reason for reason in reasons), reasons
    assert any("does not begin with the id of a schema" in reason for reason in reasons), reasons
    assert sorted((each.id, each.place, each.level) for each in values(topics, "loud", Loud, 2)) == [
        (1, "hall", 80.5), (3, "hall", 90)]


def sources_write_protobuf(topics):
    with pytest.raises(urllib.error.HTTPError, match="register one as alarms-value first"):
        topics.penstock.call("POST", "/ingest/alarms", [{"code": 1}])
    topics.registry.register_schema("alarms-value", Schema(ALARM, "PROTOBUF"))
    topics.penstock.call("POST", "/ingest/alarms", [{"code": 7, "tags": ["a", "b"]}, {"code": "many"}, {"cod": 1}])
    assert values(topics, "alarms", Alarm, 1) == [Alarm(code=7, tags=["a", "b"])]
    assert all("does not fit schema" in reason for reason in topics.letters("alarms", 2))
