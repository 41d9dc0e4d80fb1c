"""Topics whose records have schemas: what Confluent's serializers write is read by queries, and what sources and queries
write is read by Confluent's deserializers. Which registry holds the schemas is the caller's choice. Here are the checks of
Avro and JSON Schema, in protobuf_topics those of Protobuf."""
import datetime
import decimal
import uuid

from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from support.process import wait_until

PIPELINE = """
pipeline: with_schemas
topics:
  orders: { format: avro }
  returns: { format: avro }
  clicks: { format: json_schema }
  readings: { format: avro }
  notes: { format: json_schema }
  declared: { format: avro, schema: "id INT, at TIMESTAMP, price DOUBLE" }
  hot: { format: avro }
  seen: { format: json_schema }
  events: { format: protobuf }
  loud: { format: protobuf }
  alarms: { format: protobuf }
sources:
  alarms: { webhook: { path: alarms }, topic: alarms }
  readings: { webhook: { path: readings }, key: /station, topic: readings }
  notes: { webhook: { path: notes }, topic: notes }
  declared: { webhook: { path: declared }, topic: declared }
queries:
  shop_orders:
    sql: |
      SELECT id, amount, placed, day, customer.city AS city, items[0].name AS first_item, kind, coalesce(note, '-') AS note
      FROM orders
    into: shop.orders
    key: [id]
  shop_clicks:
    sql: SELECT id, page FROM clicks
    into: shop.clicks
    key: [id]
  hot:
    sql: SELECT station, celsius, CAST('2024-02-29 12:00:00.000001' AS TIMESTAMP) AS at, tags FROM readings WHERE celsius > 40
    into: topic:hot
    key: [station]
  seen:
    sql: SELECT station, celsius FROM readings
    into: topic:seen
  shop_events:
    sql: SELECT id, place.name AS place, place.floor AS floor, readings[0] AS first, at FROM events
    into: shop.events
    key: [id]
  loud:
    sql: SELECT id, place.name AS place, readings[0] AS level FROM events WHERE readings[0] > 40
    into: topic:loud
"""

ORDER = """{"type": "record", "name": "Order", "namespace": "shop", "fields": [
  {"name": "id", "type": "long"},
  {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
  {"name": "placed", "type": {"type": "long", "logicalType": "timestamp-millis"}},
  {"name": "day", "type": {"type": "int", "logicalType": "date"}},
  {"name": "customer", "type": {"type": "record", "name": "Customer", "fields": [
    {"name": "name", "type": "string"}, {"name": "city", "type": ["null", "string"], "default": null}]}},
  {"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [
    {"name": "name", "type": "string"}, {"name": "count", "type": "int"}]}}},
  {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["NEW", "OLD"]}},
  {"name": "uid", "type": {"type": "string", "logicalType": "uuid"}}%s]}"""
WITH_NOTE = ORDER % ', {"name": "note", "type": "string", "default": "none"}'
CLICK = '{"title": "click", "type": "object", "properties": {"id": {"type": "integer"}, "page": {"type": "string"}}, "required": ["id"]}'


def order(number, **more):
    return {"id": number, "amount": decimal.Decimal("12.50"), "day": datetime.date(2024, 2, 29),
            "placed": datetime.datetime(2024, 2, 29, 12, 0, 0, 500000, tzinfo=datetime.timezone.utc),
            "customer": {"name": "Ann", "city": "Ghent"}, "items": [{"name": "pen", "count": 2}], "kind": "NEW",
            "uid": str(uuid.UUID(int=number)), **more}


class Topics:
    """Confluent's clients against a running Penstock and a registry."""

    def __init__(self, penstock, registry):
        self.penstock = penstock
        self.kafka = f"127.0.0.1:{penstock.ports['kafka']}"
        self.registry = SchemaRegistryClient({"url": registry, "timeout": 10})  # an answer that does not come is asked for again

    def produce(self, topic, *values):
        producer = Producer({"bootstrap.servers": self.kafka})
        failed = []
        for value in values:
            producer.produce(topic, value=value, on_delivery=lambda error, _: error and failed.append(error))
        assert producer.flush(30) == 0 and not failed, failed

    def records(self, topic, count):
        """The topic's first records, as they are."""
        # A consumer that comes before its topic looks for it again only after a long time.
        wait_until(lambda: self.penstock.topic_records(topic) >= count, f"{count} records written to {topic}")
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": str(uuid.uuid4()), "auto.offset.reset": "earliest"})
        consumer.subscribe([topic])
        found = []

        def poll():
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                found.append(message)
            return len(found) >= count
        try:
            wait_until(poll, f"{count} records in {topic}")
        finally:
            consumer.close()
        return found

    def avro(self, topic, count=1):
        read = AvroDeserializer(self.registry)
        context = SerializationContext(topic, MessageField.VALUE)
        return [read(message.value(), context) for message in self.records(topic, count)]

    def json(self, topic, count=1):
        read = JSONDeserializer(None, schema_registry_client=self.registry)
        context = SerializationContext(topic, MessageField.VALUE)
        return [read(message.value(), context) for message in self.records(topic, count)]

    def rows(self, sql, count):
        def ready():
            rows = self.penstock.sql(sql)
            return rows if len(rows) >= count else None
        return wait_until(ready, f"{count} rows of {sql}")

    def letters(self, topic, count):
        return [dict(message.headers())["penstock.dlq.reason"].decode() for message in self.records(f"{topic}.dlq", count)]


def queries_read_what_confluents_serializers_write(topics):
    context = SerializationContext("orders", MessageField.VALUE)
    old = AvroSerializer(topics.registry, ORDER % "")
    topics.produce("orders", old(order(1), context))
    new = AvroSerializer(topics.registry, WITH_NOTE)
    topics.produce("orders", new(order(2, note="soon"), context), old(order(3), context))
    rows = topics.rows("SELECT id, amount, CAST(placed AS STRING), CAST(day AS STRING), city, first_item, kind FROM shop.orders ORDER BY id", 3)
    assert rows == [[n, 12.5, "2024-02-29 12:00:00.5", "2024-02-29", "Ghent", "pen", "NEW"] for n in (1, 2, 3)]
    # Bounded queries take the columns of the newest schema, with its defaults.
    assert topics.rows("SELECT id, note FROM orders ORDER BY id", 3) == [[1, "none"], [2, "soon"], [3, "none"]]

    kind = '{"type": "enum", "name": "Kind", "symbols": ["NEW", "OLD"]}'
    topics.registry.register_schema("shop.Kind", Schema(kind.replace('"Kind"', '"shop.Kind"'), "AVRO"))
    by_reference = Schema((ORDER % "").replace(kind, '"shop.Kind"'), "AVRO", [SchemaReference("shop.Kind", "shop.Kind", 1)])
    context = SerializationContext("returns", MessageField.VALUE)
    topics.produce("returns", AvroSerializer(topics.registry, by_reference)(order(4, kind="OLD"), context))
    assert topics.rows("SELECT id, kind FROM returns", 1) == [[4, "OLD"]]
    decoded = topics.penstock.command("consume", "returns", "--decode").stdout
    assert '"id":4,' in decoded and '"amount":12.50,' in decoded and '"kind":"OLD"' in decoded
    assert "uses     shop.Kind, version 1 of shop.Kind" in topics.penstock.command("schemas", "returns-value").stdout

    clicks = JSONSerializer(CLICK, topics.registry)
    topics.produce("clicks", clicks({"id": 1, "page": "/"}, SerializationContext("clicks", MessageField.VALUE)))
    assert topics.rows("SELECT id, page FROM shop.clicks", 1) == [[1, "/"]]


def what_does_not_decode_is_kept_with_the_reason(topics):
    context = SerializationContext("orders", MessageField.VALUE)
    good = AvroSerializer(topics.registry, ORDER % "")(order(9), context)
    topics.produce("orders", good[:-3], b"\0\x7f\xff\xff\xff rest", b"plain", good)
    topics.rows("SELECT id FROM shop.orders WHERE id = 9", 1)
    reasons = topics.letters("orders", 3)
    assert any("not a record of its schema" in reason for reason in reasons), reasons
    assert any("schema 2147483647 is not to be had" in reason for reason in reasons), reasons
    assert any("does not begin with the id of a schema" in reason for reason in reasons), reasons


def sources_write_what_confluents_deserializers_read(topics):
    post = topics.penstock.call
    post("POST", "/ingest/readings", [{"station": "a", "celsius": 41.25, "tags": {"roof": True}}])
    post("POST", "/ingest/readings", [{"station": "b", "celsius": 41.5, "wind-speed": [1, 2]}, {"station": "c", "celsius": 3}])
    readings = {reading["station"]: reading for reading in topics.avro("readings", 3)}
    assert readings["a"]["celsius"] == 41.25 and readings["a"]["tags"] == {"roof": True}
    assert readings["b"]["celsius"] == 41.5 and readings["b"]["wind_speed"] == [1, 2]
    assert topics.registry.get_versions("readings-value") == [1, 2]
    assert topics.rows("SELECT station, `wind-speed`[1] FROM readings ORDER BY station", 3) == [["a", None], ["b", 2], ["c", None]]

    post("POST", "/ingest/notes", [{"text": "x", "n": 1}, {"text": None}])
    assert topics.json("notes", 2) == [{"text": "x", "n": 1}, {"text": None}]

    post("POST", "/ingest/declared", [{"id": 1, "at": "2024-02-29T12:00:00Z", "price": 2, "more": "ignored"}, {"id": "one"}])
    noon = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc)
    assert topics.avro("declared") == [{"id": 1, "at": noon, "price": 2.0}]
    assert "does not fit schema" in topics.letters("declared", 1)[0]


def queries_write_what_confluents_deserializers_read(topics):
    hot = {row["station"]: row for row in topics.avro("hot", 2)}
    at = datetime.datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=datetime.timezone.utc)
    assert (hot["a"]["celsius"], hot["a"]["at"], hot["a"]["tags"]) == (41.25, at, {"roof": True})
    assert hot["b"]["tags"] is None
    assert sorted(row["station"] for row in topics.json("seen", 3)) == ["a", "b", "c"]
