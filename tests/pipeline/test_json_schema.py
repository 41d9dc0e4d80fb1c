"""The published JSON Schema, as editors use it: valid itself, accepts every example, marks what is wrong."""
import json
import pathlib

import jsonschema
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCHEMA = json.loads((ROOT / "docs/pipeline.schema.json").read_text())
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def places(text):
    """Where the schema finds something wrong."""
    return sorted("/".join(str(part) for part in error.absolute_path) for error in VALIDATOR.iter_errors(yaml.safe_load(text)))


def test_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", EXAMPLES, ids=[str(p.relative_to(ROOT)) for p in EXAMPLES])
def test_accepts_every_example(path):
    assert places(path.read_text()) == []


def test_defaults_and_examples_fit_their_own_keys():
    for part in [SCHEMA, *SCHEMA["$defs"].values()]:
        for name, key in part["properties"].items():
            check = jsonschema.Draft202012Validator({**key, "$defs": SCHEMA["$defs"]})
            for value in [*([key["default"]] if "default" in key else []), *key.get("examples", [])]:
                assert list(check.iter_errors(value)) == [], name


@pytest.mark.parametrize("text, expected", [
    ("sources: {}", [""]),
    ("pipeline: p\nfunctions: {}", [""]),
    ("pipeline: p\ntopics: {t: {partitions: '4'}}", ["topics/t/partitions"]),
    ("pipeline: p\ntopics: {t: {partitions: 0}}", ["topics/t/partitions"]),
    ("pipeline: p\ntopics: {t: {retention: soon}}", ["topics/t/retention"]),
    ("pipeline: p\ntopics: {t: {format: xml}}", ["topics/t/format"]),
    ("pipeline: p\nsources: {s: {topic: t}}", ["sources/s"]),
    ("pipeline: p\nsources: {s: {topic: t, http: {url: 'http://h', evry: 2s}}}", ["sources/s/http"]),
    ("pipeline: p\nsources: {s: {topic: t, http: {url: 'http://h', limit: 5 apples}}}", ["sources/s/http/limit"]),
    ("pipeline: p\nqueries: {q: {sql: SELECT 1, into: k.t, key: [[a, b], c DESC]}}", []),
    ("pipeline: p\nqueries: {q: {sql: SELECT 1, into: k.t, key: id}}", ["queries/q/key"]),
    ("pipeline: p\ndags: {d: {tasks: {t: {run: s, sql: SELECT 1}}}}", ["dags/d/tasks/t"]),
    ("pipeline: p\ntopics: {t: }", []),
])
def test_marks_what_is_wrong(text, expected):
    assert places(text) == expected
