"""Confluent's own Python client against the schema registry. The address comes from $PENSTOCK_SCHEMAS, where any
Confluent-compatible registry may answer; without it the running example is used."""
import base64
import io
import json
import os
import struct
import uuid

import fastavro
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2  # noqa: F401  (the last: imported)
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient, SchemaRegistryError
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext


@pytest.fixture(scope="module")
def address(request):
    if "PENSTOCK_SCHEMAS" not in os.environ:
        request.getfixturevalue("users")
    return os.environ["PENSTOCK_SCHEMAS"]


def connect(address):
    """A request whose answer does not come is sent again."""
    return SchemaRegistryClient({"url": address, "timeout": 10})


@pytest.fixture
def client(address):
    return connect(address)


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
    two = connect(address).register_schema(
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


def test_avro_schema_that_refers_to_another(client, subject):
    name = Schema(json.dumps({"type": "record", "name": "test.Name", "fields": [{"name": "text", "type": "string"}]}), "AVRO")
    client.register_schema(f"{subject}-name", name)
    person = Schema(json.dumps({"type": "record", "name": "test.Person", "fields": [{"name": "name", "type": "test.Name"}]}),
                    "AVRO", [SchemaReference("test.Name", f"{subject}-name", 1)])
    topic = subject.removesuffix("-value")
    context = SerializationContext(topic, MessageField.VALUE)
    data = AvroSerializer(client, person)({"name": {"text": "Ann"}}, context)
    assert AvroDeserializer(client)(data, context) == {"name": {"text": "Ann"}}
    found = client.get_latest_version(subject)
    assert [(one.subject, one.version) for one in found.schema.references] == [(f"{subject}-name", 1)]


def test_what_is_referred_to_must_be_there_and_stays(client, subject):
    client.register_schema(f"{subject}-name", Schema('{"type": "fixed", "name": "Name", "size": 4}', "AVRO"))

    def names(version):
        return Schema('{"type": "array", "items": "Name"}', "AVRO", [SchemaReference("Name", f"{subject}-name", version)])
    refused = error_of(lambda: client.register_schema(subject, names(7)))
    assert refused.error_code == 42201 and "No schema reference found" in refused.error_message
    client.register_schema(subject, names(1))
    refused = error_of(lambda: client.delete_version(f"{subject}-name", 1))
    assert (refused.http_status_code, refused.error_code) == (422, 42206)


def test_json_schema_that_refers_to_another(client, subject):
    client.register_schema(f"{subject}-name", Schema(json.dumps({"type": "string", "minLength": 1}), "JSON"))

    def person(**more):
        text = json.dumps({"title": "person", "type": "object", "properties": {"name": {"$ref": "name.json"}}, **more})
        return Schema(text, "JSON", [SchemaReference("name.json", f"{subject}-name", 1)])
    context = SerializationContext(subject.removesuffix("-value"), MessageField.VALUE)
    data = JSONSerializer(person(), client)({"name": "Ann"}, context)
    assert JSONDeserializer(None, schema_registry_client=client)(data, context) == {"name": "Ann"}
    assert not client.test_compatibility(subject, person(required=["name"]))


def message_class(name, *fields, imports=(), package="test"):
    """Of a file of its own: (field, number, type or the full name of a message)."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}/{name}.proto", package=package, syntax="proto3", dependency=imports)
    message = file.message_type.add(name=name)
    for field, number, kind in fields:
        is_message = isinstance(kind, str)
        message.field.add(name=field, number=number, label=1, type=11 if is_message else kind,
                          type_name=f".{kind}" if is_message else None)
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(f"{package}.{name}"))


def test_protobuf_serializer_round_trip(client, subject):
    package = f"test{uuid.uuid4().hex}"
    text = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
    Name = message_class("Name", ("text", 1, text), package=package)
    Event = message_class("Event", ("name", 1, f"{package}.Name"), ("at", 2, "google.protobuf.Timestamp"), package=package,
                          imports=[f"{package}/Name.proto", "google/protobuf/timestamp.proto"])
    context = SerializationContext(subject.removesuffix("-value"), MessageField.VALUE)
    event = Event(name=Name(text="Ann"))
    event.at.FromSeconds(1_700_000_000)
    settings = {"use.deprecated.format": False}
    data = ProtobufSerializer(Event, client, settings)(event, context)
    assert ProtobufDeserializer(Event, settings)(data, context) == event
    found = client.get_latest_version(subject)
    assert f"{package}/Name.proto" in [one.subject for one in found.schema.references]
    assert found.schema.schema_type == "PROTOBUF"


def test_protobuf_schemas(client, address, subject):
    def as_text(field):
        return Schema(f'syntax = "proto3"; message Event {{ {field} }}', "PROTOBUF")
    schema_id = client.register_schema(subject, as_text("int32 name = 1;"))
    assert client.get_schema(schema_id).schema_str == 'syntax = "proto3";\n\nmessage Event {\n  int32 name = 1;\n}\n\n'
    # Another client, as the first one keeps the text.
    serialized = connect(address).get_schema(schema_id, fmt="serialized").schema_str
    file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(serialized))
    assert [message.name for message in file.message_type] == ["Event"]
    assert client.lookup_schema(subject, Schema(serialized, "PROTOBUF")).schema_id == schema_id
    assert client.test_compatibility(subject, as_text("string other = 9;"))
    assert not client.test_compatibility(subject, as_text("string name = 1;"))
    refused = error_of(lambda: client.register_schema(subject, as_text("string name = 1;")))
    assert refused.http_status_code == 409 and "FIELD_SCALAR_KIND_CHANGED" in refused.error_message
    refused = error_of(lambda: client.register_schema(subject, as_text("string name")))
    assert refused.error_code == 42201 and "line 1" in refused.error_message
