"""Where the server under test is: PENSTOCK_CQL=host:port, which may be a real Apache Cassandra, or else the running
example of tests/conftest.py."""
import os
import uuid

import pytest
from cassandra.cluster import Cluster


@pytest.fixture(scope="session", autouse=True)
def built(request):
    """With a server given nothing needs to be built."""
    if "PENSTOCK_CQL" not in os.environ:
        request.getfixturevalue("users")


@pytest.fixture(scope="session")
def address(built):
    where = os.environ["PENSTOCK_CQL"]
    host, port = where.rsplit(":", 1)
    return host, int(port)


@pytest.fixture(scope="session", params=[5, 4, 3], ids=["v5", "v4", "v3"])
def session(address, request):
    cluster = Cluster([address[0]], port=address[1], protocol_version=request.param)
    yield cluster.connect()
    cluster.shutdown()


@pytest.fixture
def keyspace(session):
    name = "t_" + uuid.uuid4().hex[:12]
    session.execute(f"CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")
    session.set_keyspace(name)
    yield name
    session.execute(f"DROP KEYSPACE {name}")
