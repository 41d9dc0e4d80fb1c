"""Avro, JSON Schema and Protobuf topics with the embedded registry; tests/real/test_registry.py does the same with a real one."""
import pytest

from support import avro_topics as checks, protobuf_topics
from support.process import Penstock


@pytest.fixture(scope="module")
def topics(tmp_path_factory):
    folder = tmp_path_factory.mktemp("schemas")
    (folder / "pipeline.yaml").write_text(checks.PIPELINE)
    with Penstock(folder, folder / "data") as penstock:
        yield checks.Topics(penstock, f"http://127.0.0.1:{penstock.ports['schemas']}")


def test_queries_read_what_confluents_serializers_write(topics):
    checks.queries_read_what_confluents_serializers_write(topics)


def test_what_does_not_decode_is_kept_with_the_reason(topics):
    checks.what_does_not_decode_is_kept_with_the_reason(topics)


def test_sources_write_what_confluents_deserializers_read(topics):
    checks.sources_write_what_confluents_deserializers_read(topics)


def test_queries_write_what_confluents_deserializers_read(topics):
    checks.queries_write_what_confluents_deserializers_read(topics)


def test_queries_read_and_write_protobuf(topics):
    protobuf_topics.queries_read_and_write_protobuf(topics)


def test_sources_write_protobuf(topics):
    protobuf_topics.sources_write_protobuf(topics)
