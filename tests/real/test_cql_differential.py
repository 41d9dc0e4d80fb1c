"""Generated CQL statements, run on a real Cassandra and on Penstock; rows, their order, the result's columns and the errors'
codes are compared. What differs on purpose is listed here and in docs/cql.md with its reason, or it is a failure."""
import decimal
import math
import os
import re
import subprocess
import sys
import uuid

import pytest
from cassandra import DriverException, RequestExecutionException
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.protocol import ErrorMessage, SyntaxException
from cassandra.query import SimpleStatement, tuple_factory
from cql_generator import Generator
from support.process import ROOT, Penstock, empty_pipeline

pytestmark = pytest.mark.long

SEEDS = [int(seed) for seed in os.environ.get("PENSTOCK_SEEDS", "1 2 3 4").split()]
TABLES, EACH = 8, 110

# (what the statement looks like, what the outcomes look like): why they may differ.
WANTED = [
    (r"\[\{[a-z]+: ", "^\\('rows'", "a column named after a type's value as key: Cassandra sorts the value's fields"),
    (r"(min|max)\(", "UUID.*b'", "the least of timeuuids: Cassandra says that it is a blob"),
    ("", r"Server error.*java\.lang\.", "Cassandra has a fault there: it answers with an exception of Java's"),
    ("", r"code=1300", "Cassandra has a fault there: its own read fails"),
]


class Side:
    """One server: a statement in, an outcome that can be compared out."""

    def __init__(self, host, port, name):
        self.where = host, port
        self.connect()
        self.session.execute(f"CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")
        self.session.set_keyspace(name)
        self.name = name

    def connect(self, keyspace=None):
        profile = ExecutionProfile(row_factory=tuple_factory, request_timeout=60)
        self.cluster = Cluster([self.where[0]], port=self.where[1], protocol_version=5,
                               execution_profiles={EXEC_PROFILE_DEFAULT: profile},
                               schema_metadata_enabled=False, token_metadata_enabled=False)
        self.session = self.cluster.connect(keyspace)

    def run(self, statement, fetch_size):
        try:
            result = self.session.execute(SimpleStatement(statement, fetch_size=fetch_size))
            names = list(result.column_names or [])
            return ("rows", names, [tuple(comparable(value) for value in row) for row in result])
        except SyntaxException as error:
            return ("error", 0x2000, str(error))
        except NoHostAvailable as error:
            if "code=0000" not in str(error):
                raise
            return ("error", 0, str(error))
        except (ErrorMessage, RequestExecutionException, DriverException) as error:
            if "Failed decoding" in str(error):  # a time beyond Python's: the driver gives its connections up
                self.cluster.shutdown()
                self.connect(self.name)
            found = re.search(r"code=([0-9a-f]{4})", str(error))
            return ("error", int(found.group(1), 16) if found else type(error).__name__, str(error))

    def close(self):
        self.session.execute(f"DROP KEYSPACE {self.name}", timeout=60)
        self.cluster.shutdown()


def comparable(value):
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else value
    if isinstance(value, tuple):
        return tuple(comparable(part) for part in value)
    if hasattr(value, "items"):
        return [(comparable(k), comparable(v)) for k, v in value.items()]
    if isinstance(value, (list, set, frozenset)) or type(value).__name__ in ("SortedSet", "OrderedMapSerializedKey"):
        return [comparable(part) for part in value]
    if isinstance(value, decimal.Decimal):
        return str(value.normalize())  # a key does not keep how its number was written
    return str(value) if type(value).__name__ == "Duration" else value


def same(ours, theirs):
    if ours[0] != theirs[0]:
        return False
    return ours[1] == theirs[1] if ours[0] == "error" else ours[1:] == theirs[1:]


def reason(statement, ours, theirs):
    for text, outcome, why in WANTED:
        if re.search(text, statement) and re.search(outcome, f"{ours} | {theirs}"):
            return why
    return None


def differences(ours, theirs, seed, tables=TABLES, each=EACH):
    """Every (statement, ours, theirs) that is not the same and not wanted; how many were run."""
    found, count = [], 0
    generator = Generator(seed)
    for statement in generator.statements(tables, each):
        count += 1
        fetch_size = generator.r.choice((2, 5, 5000))
        if "GROUP BY" in statement:
            fetch_size = 5000  # Cassandra refuses its own paging state when partitions have one row each
        got, wanted = ours.run(statement, fetch_size), theirs.run(statement, fetch_size)
        if not same(got, wanted) and reason(statement, got, wanted) is None:
            found.append((statement, got, wanted))
    return found, count


@pytest.fixture(scope="module")
def both(real_cassandra, tmp_path_factory):
    folder = tmp_path_factory.mktemp("differential")
    theirs = int(real_cassandra.url.rsplit(":", 1)[1])
    with Penstock(empty_pipeline(folder), folder / "data") as penstock:
        yield ("127.0.0.1", penstock.ports["cql"]), ("127.0.0.1", theirs)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_answers(both, seed, covers, real_cassandra):
    covers("Apache Cassandra", real_cassandra.version, "generated statements, the same answers of both", "tables")
    name = "d" + uuid.uuid4().hex[:10]
    sides = [Side(*address, name) for address in both]
    try:
        found, count = differences(*sides, seed)
    finally:
        for side in sides:
            side.close()
    print(f"seed {seed}: {count} statements")
    assert not found, "\n\n".join(f"{s}\n  ours:   {o}\n  theirs: {t}" for s, o, t in found[:20])


def test_sasi_indexes(real_cassandra, covers):
    """The tests of our own SASI indexes, on the real ones."""
    covers("Apache Cassandra", real_cassandra.version, "SASI indexes and LIKE, the same answers", "tables")
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ROOT / "tests/cql/test_sasi.py"],
                          env={**os.environ, "PENSTOCK_CQL": real_cassandra.url.removeprefix("cassandra://"),
                               "PENSTOCK_URL": "none"}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:]
