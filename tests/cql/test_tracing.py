"""Tracing, custom payloads and warnings."""
import os
import shutil
import subprocess
import sys

import pytest
from cassandra.query import BatchStatement, SimpleStatement


def test_a_trace_of_each_kind_of_request(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
    insert = session.prepare("INSERT INTO t (k, v) VALUES (?, ?)")
    batch = BatchStatement()
    batch.add(insert, (2, "b"))
    for statement, values, request, query in (
            (SimpleStatement("SELECT * FROM t WHERE k = 1"), None, "Execute CQL3 query", "SELECT * FROM t WHERE k = 1"),
            (insert, (1, "a"), "Execute CQL3 prepared query", "INSERT INTO t (k, v) VALUES (?, ?)"),
            (batch, None, "Execute batch of CQL3 queries", None)):
        trace = session.execute(statement, values, trace=True).get_query_trace(20)
        assert trace.request_type == request and trace.duration.total_seconds() > 0
        assert trace.client in ("127.0.0.1", "::1") and trace.events
        assert trace.parameters["consistency_level"] in ("ONE", "LOCAL_ONE", "LOCAL_QUORUM")
        assert trace.parameters["serial_consistency_level"] == "SERIAL"
        if query:
            assert trace.parameters["query"] == query
        elapsed = [event.source_elapsed for event in trace.events]
        assert elapsed == sorted(elapsed)
    assert session.execute("SELECT * FROM t").get_query_trace() is None


def test_clients_are_shown(session, keyspace):
    found = session.execute("SELECT * FROM system_views.clients WHERE address = '127.0.0.1'")
    mine = [row for row in found if "Python Driver" in row.driver_name and row.keyspace_name == keyspace]
    assert mine and all(row.protocol_version == session.cluster.protocol_version for row in mine)
    assert all(row.connection_stage == "ready" and row.hostname == "localhost" and row.username for row in mine)
    assert sum(row.request_count for row in mine) > 0 and mine[0].client_options["DRIVER_NAME"] == mine[0].driver_name


def test_prepared_statements_are_shown(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY)")
    prepared = session.prepare("SELECT k FROM t WHERE k = ?")
    found = session.execute("SELECT logged_keyspace, query_string FROM system.prepared_statements WHERE prepared_id = %s",
                            (prepared.query_id,)).one()
    assert tuple(found) == (keyspace, "SELECT k FROM t WHERE k = ?")
    session.execute("DROP TABLE t")
    assert not list(session.execute("SELECT * FROM system.prepared_statements WHERE prepared_id = %s", (prepared.query_id,)))


def test_a_failed_request_is_traced_too(session, keyspace):
    future = session.execute_async(SimpleStatement("SELECT * FROM nothing"), trace=True)
    with pytest.raises(Exception):
        future.result()


def test_cqlsh_traces(address):
    beside = os.path.join(os.path.dirname(sys.executable), "cqlsh")
    program = beside if os.path.exists(beside) else shutil.which("cqlsh")
    if not program:
        pytest.skip("cqlsh is not installed")
    done = subprocess.run([program, address[0], str(address[1]), "-e", "TRACING ON; SELECT key FROM system.local;"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Tracing session:" in done.stdout and "Request complete" in done.stdout, done.stdout


def test_a_custom_payload_is_ignored(session, keyspace):
    if session.cluster.protocol_version < 4:
        pytest.skip("version 3 has none")
    session.execute("CREATE TABLE t (k int PRIMARY KEY)")
    session.execute(SimpleStatement("INSERT INTO t (k) VALUES (1)"), custom_payload={"a": b"b"})
    assert session.execute("SELECT k FROM t", custom_payload={"a": b""}).one().k == 1
