"""Log-in, roles, permissions and TLS on the CQL port. With PENSTOCK_CQL_ROLES=host:port a real Cassandra with
PasswordAuthenticator and CassandraAuthorizer is asked instead (user and password cassandra); TLS is left out then."""
import os
import ssl
import uuid

import pytest
from cassandra import AuthenticationFailed, InvalidRequest, Unauthorized
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, NoHostAvailable
from cassandra.query import BatchStatement
from support.certificates import make_certificates
from support.process import Penstock, wait_until

PASSWORD = "cassandra"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("cql-tls"))


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    if "PENSTOCK_CQL_ROLES" in os.environ:
        yield None
        return
    folder = tmp_path_factory.mktemp("roles")
    with Penstock(folder, folder / "data", ["--cql-password", PASSWORD]) as penstock:
        yield penstock


@pytest.fixture(scope="module")
def connect(node):
    host, port = os.environ.get("PENSTOCK_CQL_ROLES", f"127.0.0.1:{node.ports['cql'] if node else 0}").rsplit(":", 1)
    clusters = []

    def open_session(user, password, version=5):
        clusters.append(Cluster([host], port=int(port), protocol_version=version, connect_timeout=30,
                                auth_provider=PlainTextAuthProvider(user, password) if user else None))
        return clusters[-1].connect()
    yield open_session
    for cluster in clusters:
        cluster.shutdown()


@pytest.fixture(scope="module")
def root(connect):
    return connect("cassandra", PASSWORD)


@pytest.fixture
def place(root):
    """A keyspace with a table, and a role that may log in and nothing else."""
    name = "r_" + uuid.uuid4().hex[:10]
    root.execute(f"CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")
    root.execute(f"CREATE TABLE {name}.t (k int PRIMARY KEY, v int)")
    root.execute(f"CREATE ROLE {name} WITH PASSWORD = 'secret' AND LOGIN = true")
    yield name
    root.execute(f"DROP ROLE IF EXISTS {name}")
    root.execute(f"DROP KEYSPACE IF EXISTS {name}")


def refused(session, statement, text, kind=Unauthorized):
    with pytest.raises(kind) as caught:
        session.execute(statement)
    assert text in str(caught.value)


def allowed(session, statement):
    """Permissions may be cached for a moment by a real Cassandra."""
    def works():
        try:
            return [session.execute(statement)]
        except Unauthorized as error:
            raise AssertionError(error) from error
    return wait_until(works, statement)[0]


def failure(connect, user, password):
    with pytest.raises((NoHostAvailable, AuthenticationFailed)) as caught:
        connect(user, password)
    return str(caught.value)


def test_who_is_let_in(connect, root, place):
    assert f"Provided username {place} and/or password are incorrect" in failure(connect, place, "wrong")
    assert "Provided username nobody and/or password are incorrect" in failure(connect, "nobody", "secret")
    assert "cassandra" in failure(connect, None, None) or "authentic" in failure(connect, None, None).lower()
    for version in (3, 4, 5):
        assert connect(place, "secret", version).execute("SELECT key FROM system.local").one().key == "local"
    root.execute(f"ALTER ROLE {place} WITH LOGIN = false")
    assert "is not permitted to log in" in failure(connect, place, "secret")
    root.execute(f"ALTER ROLE {place} WITH LOGIN = true")
    connect(place, "secret")


def test_each_statement_needs_its_permission(connect, root, place):
    user = connect(place, "secret")
    t = f"<table {place}.t> or any of its parents"
    for statement, missing in {
        f"SELECT * FROM {place}.t": f"User {place} has no SELECT permission on {t}",
        f"INSERT INTO {place}.t (k, v) VALUES (1, 1)": f"no MODIFY permission on {t}",
        f"UPDATE {place}.t SET v = 2 WHERE k = 1": f"no MODIFY permission on {t}",
        f"DELETE FROM {place}.t WHERE k = 1": f"no MODIFY permission on {t}",
        f"BEGIN BATCH INSERT INTO {place}.t (k, v) VALUES (1, 1); APPLY BATCH": f"no MODIFY permission on {t}",
        f"TRUNCATE {place}.t": f"no MODIFY permission on {t}",
        f"ALTER TABLE {place}.t ADD w int": f"no ALTER permission on {t}",
        f"DROP TABLE {place}.t": f"no DROP permission on {t}",
        f"CREATE TABLE {place}.u (k int PRIMARY KEY)": f"no CREATE permission on <all tables in {place}>",
        f"DROP KEYSPACE {place}": f"no DROP permission on <keyspace {place}>",
        "CREATE KEYSPACE other WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}":
            "no CREATE permission on <all keyspaces>",
        "SELECT role FROM system_auth.roles": "no SELECT permission on <table system_auth.roles>",
        f"GRANT SELECT ON {place}.t TO {place}": f"no AUTHORIZE permission on {t}",
        "CREATE ROLE other": "does not have sufficient privileges",
        f"DROP ROLE {place}": "does not have sufficient privileges",
        "ALTER ROLE cassandra WITH PASSWORD = 'x'": "does not have sufficient privileges",
        f"ALTER ROLE {place} WITH LOGIN = true": "You aren't allowed to alter LOGIN",
        f"ALTER ROLE {place} WITH SUPERUSER = true": "You aren't allowed to alter your own superuser status",
        "LIST ALL PERMISSIONS": "You are not authorized to view everyone's permissions",
        "LIST ROLES OF cassandra": "You are not authorized to view roles granted to cassandra",
    }.items():
        refused(user, statement, missing)
    # Clients read these, whoever they are; and names come before permissions.
    assert user.execute("SELECT count(*) FROM system_schema.tables").one()[0] > 10
    refused(user, f"SELECT * FROM {place}.nothing", "does not exist", InvalidRequest)
    root.execute(f"GRANT MODIFY ON {place}.t TO {place}")
    allowed(user, f"INSERT INTO {place}.t (k, v) VALUES (1, 1)")
    # Conditions tell what is there.
    refused(user, f"INSERT INTO {place}.t (k, v) VALUES (1, 1) IF NOT EXISTS", f"no SELECT permission on {t}")
    insert = user.prepare(f"INSERT INTO {place}.t (k, v) VALUES (?, ?)")
    user.execute(insert, (2, 2))
    batch = BatchStatement()
    batch.add(insert, (3, 3))
    user.execute(batch)
    root.execute(f"REVOKE MODIFY ON {place}.t FROM {place}")
    wait_until(lambda: raises(lambda: user.execute(insert, (4, 4))), "the permission is gone")
    assert root.execute(f"SELECT count(*) FROM {place}.t").one()[0] >= 3


def raises(call):
    try:
        call()
    except Unauthorized:
        return True
    return False


def test_roles_hand_permissions_on(connect, root, place):
    root.execute(f"CREATE ROLE readers_{place}")
    root.execute(f"CREATE ROLE all_{place}")
    root.execute(f"GRANT SELECT ON KEYSPACE {place} TO readers_{place}")
    root.execute(f"GRANT readers_{place} TO all_{place}")
    root.execute(f"GRANT all_{place} TO {place}")
    refused(root, f"GRANT {place} TO readers_{place}", "is a member of", InvalidRequest)
    refused(root, f"GRANT all_{place} TO {place}", f"{place} is a member of all_{place}", InvalidRequest)
    user = connect(place, "secret")
    allowed(user, f"SELECT * FROM {place}.t")
    assert {row.role for row in user.execute("LIST ROLES")} == {place, f"readers_{place}", f"all_{place}"}
    assert {row.role for row in user.execute(f"LIST ROLES OF {place} NORECURSIVE")} == {place, f"all_{place}"}
    rows = list(user.execute(f"LIST ALL PERMISSIONS OF {place}"))
    assert [tuple(row) for row in rows] == [(f"readers_{place}", f"readers_{place}", f"<keyspace {place}>", "SELECT")]
    assert [row.role for row in root.execute(f"LIST SELECT ON {place}.t OF {place}")] == [f"readers_{place}"]
    again = root.execute(f"GRANT SELECT ON KEYSPACE {place} TO readers_{place}")
    assert again.response_future.warnings == [
        f"Role 'readers_{place}' was already granted SELECT on <keyspace {place}>"]
    root.execute(f"DROP ROLE all_{place}")
    wait_until(lambda: raises(lambda: user.execute(f"SELECT * FROM {place}.t")), "the permission is gone")
    root.execute(f"DROP ROLE readers_{place}")


def test_what_one_makes_is_ones_own_until_it_is_dropped(connect, root, place):
    root.execute(f"GRANT CREATE ON KEYSPACE {place} TO {place}")
    user = connect(place, "secret")
    allowed(user, f"CREATE TABLE {place}.own (k int PRIMARY KEY)")
    user.execute(f"INSERT INTO {place}.own (k) VALUES (1)")
    user.execute(f"GRANT SELECT ON {place}.own TO cassandra")
    allowed(user, f"DROP TABLE {place}.own")
    left = {row.resource for row in root.execute(f"LIST ALL PERMISSIONS OF {place}")}
    assert left == {f"<keyspace {place}>"}
    root.execute(f"DROP KEYSPACE {place}")
    assert not list(root.execute(f"LIST ALL PERMISSIONS OF {place}"))


def test_the_tables_of_system_auth(root, place):
    root.execute(f"GRANT SELECT, MODIFY ON {place}.t TO {place}")
    row = root.execute(f"SELECT * FROM system_auth.roles WHERE role = '{place}'").one()
    assert row.can_login and not row.is_superuser and row.salted_hash.startswith("$2a$10$")
    row = root.execute(f"SELECT permissions FROM system_auth.role_permissions WHERE role = '{place}'").one()
    assert set(row.permissions) == {"SELECT", "MODIFY"}
    rows = root.execute(f"SELECT role FROM system_auth.resource_role_permissons_index WHERE resource = 'data/{place}/t'")
    assert place in {row.role for row in rows}


def test_hashed_passwords_and_users(connect, root, place):
    hashed = root.execute(f"SELECT salted_hash FROM system_auth.roles WHERE role = '{place}'").one().salted_hash
    root.execute(f"CREATE ROLE copy_{place} WITH HASHED PASSWORD = '{hashed}' AND LOGIN = true")
    connect(f"copy_{place}", "secret")
    root.execute(f"DROP ROLE copy_{place}")
    refused(root, "CREATE ROLE bad WITH HASHED PASSWORD = 'nonsense'", "Invalid hashed password", InvalidRequest)
    root.execute(f"CREATE USER user_{place} WITH PASSWORD 'secret' NOSUPERUSER")
    assert f"user_{place}" in {row.name for row in root.execute("LIST USERS")}
    connect(f"user_{place}", "secret")
    root.execute(f"DROP USER user_{place}")
    refused(root, f"DROP USER user_{place}", f"user_{place} doesn't exist", InvalidRequest)


def test_roles_outlive_a_restart(tmp_path):
    def session_of(penstock, user, password):
        clusters.append(Cluster(["127.0.0.1"], port=penstock.ports["cql"],
                                auth_provider=PlainTextAuthProvider(user, password)))
        return clusters[-1].connect()

    clusters = []
    with Penstock(tmp_path, tmp_path / "data", ["--cql-password", "first"]) as penstock:
        session = session_of(penstock, "cassandra", "first")
        session.execute("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
        session.execute("CREATE TABLE k.t (k int PRIMARY KEY)")
        session.execute("CREATE ROLE ann WITH PASSWORD = 'secret' AND LOGIN = true")
        session.execute("GRANT SELECT ON k.t TO ann")
        clusters[-1].shutdown()
    # The superuser's password is what the setting says.
    with Penstock(tmp_path, tmp_path / "data", ["--cql-password", "second"]) as penstock:
        user = session_of(penstock, "ann", "secret")
        assert list(user.execute("SELECT * FROM k.t")) == []
        refused(user, "TRUNCATE k.t", "no MODIFY permission")
        assert session_of(penstock, "cassandra", "second").execute("LIST USERS").one()
        for cluster in clusters[1:]:
            cluster.shutdown()


def test_without_a_password_nobody_is_anybody(address):
    """AllowAllAuthenticator: all is allowed but what needs a name."""
    cluster = Cluster([address[0]], port=address[1])
    try:
        refused(cluster.connect(), "CREATE ROLE somebody", "You have to be logged in and not anonymous")
    finally:
        cluster.shutdown()


def test_tls_with_and_without_certificates_of_clients(certificates, tmp_path):
    if "PENSTOCK_CQL_ROLES" in os.environ:
        pytest.skip("the server given has its own certificates")

    def context(name=None):
        made = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
        made.check_hostname = False
        if name:
            made.load_cert_chain(str(certificates / f"{name}.pem"), str(certificates / f"{name}.key"))
        return made

    def name_of_node(port, with_context):
        cluster = Cluster(["127.0.0.1"], port=port, ssl_context=with_context, connect_timeout=10)
        try:
            return cluster.connect().execute("SELECT key FROM system.local").one().key
        finally:
            cluster.shutdown()

    options = ["--cql-tls-certificate", str(certificates / "server.pem"), "--cql-tls-key", str(certificates / "server.key")]
    with Penstock(tmp_path, tmp_path / "one", options) as penstock:
        port = penstock.ports["cql"]
        assert name_of_node(port, context()) == "local"
        with pytest.raises(NoHostAvailable):
            name_of_node(port, None)
    options += ["--cql-tls-client-authority", str(certificates / "ca.pem")]
    with Penstock(tmp_path, tmp_path / "two", options) as penstock:
        port = penstock.ports["cql"]
        assert name_of_node(port, context("alice")) == "local"
        with pytest.raises(NoHostAvailable):
            name_of_node(port, context())
