"""Log-in by SASL, TLS with and without clients' certificates, and permissions, with librdkafka and kafka-python."""
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient,
                                   NewTopic, ResourcePatternType, ResourceType, ScramCredentialInfo, ScramMechanism,
                                   UserScramCredentialUpsertion)
from kafka import KafkaProducer
from support.certificates import make_certificates
from support.process import Penstock

PASSWORD = "of admin's own"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secured(certificates, tmp_path_factory):
    """TLS and a password."""
    folder = tmp_path_factory.mktemp("secured")
    options = ["--kafka-password", PASSWORD, "--kafka-tls-certificate", str(certificates / "server.pem"),
               "--kafka-tls-key", str(certificates / "server.key")]
    with Penstock(folder, folder / "data", options) as penstock:
        yield f"127.0.0.1:{penstock.ports['kafka']}"


def settings(address, certificates, user="admin", password=PASSWORD, mechanism="PLAIN"):
    return {"bootstrap.servers": address, "security.protocol": "SASL_SSL", "sasl.mechanism": mechanism,
            "sasl.username": user, "sasl.password": password, "ssl.ca.location": str(certificates / "ca.pem"),
            "log_level": 0}


def create(client_settings, topic):
    admin = AdminClient(client_settings)
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result()
    return admin


def error_of(call):
    with pytest.raises(KafkaException) as refused:
        call()
    return refused.value.args[0].code()


def delivery_error(producer, topic):
    errors = []
    producer.produce(topic, b"x", on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(30) == 0
    return errors[0]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_password_lets_in_and_a_wrong_one_does_not(secured, certificates, topic, mechanism):
    create(settings(secured, certificates, mechanism=mechanism), topic)
    assert delivery_error(Producer(settings(secured, certificates, mechanism=mechanism)), topic) is None
    errors = []
    wrong = AdminClient({**settings(secured, certificates, password="guessed", mechanism=mechanism),
                         "error_cb": errors.append})
    assert error_of(lambda: wrong.list_topics(timeout=5)) in (KafkaError._TRANSPORT, KafkaError._AUTHENTICATION,
                                                              KafkaError._ALL_BROKERS_DOWN)
    wrong.poll(1)
    assert KafkaError._AUTHENTICATION in {error.code() for error in errors}


def test_without_tls_or_a_login_nobody_is_served(secured, certificates):
    plain = AdminClient({"bootstrap.servers": secured, "log_level": 0})
    assert error_of(lambda: plain.list_topics(timeout=3)) in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)
    nobody = AdminClient({"bootstrap.servers": secured, "security.protocol": "SSL", "log_level": 0,
                          "ssl.ca.location": str(certificates / "ca.pem")})
    assert error_of(lambda: nobody.list_topics(timeout=3)) in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)


def test_kafka_python_logs_in(secured, certificates, topic):
    create(settings(secured, certificates), topic)
    producer = KafkaProducer(bootstrap_servers=secured, security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512",
                             sasl_plain_username="admin", sasl_plain_password=PASSWORD,
                             ssl_cafile=str(certificates / "ca.pem"))
    assert producer.send(topic, b"x").get(timeout=30).offset == 0
    producer.close()


def test_users_are_made_and_may_do_what_they_are_permitted(secured, certificates, topic):
    admin = create(settings(secured, certificates), topic)
    user = f"bob-{topic}"
    admin.alter_user_scram_credentials([UserScramCredentialUpsertion(
        user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), b"bob's")])[user].result()
    described = admin.describe_user_scram_credentials([user])[user].result()
    assert [info.iterations for info in described.scram_credential_infos] == [4096]
    bob = settings(secured, certificates, user, "bob's", "SCRAM-SHA-256")
    assert topic not in AdminClient(bob).list_topics(timeout=10).topics
    assert delivery_error(Producer(bob), topic).code() == KafkaError.TOPIC_AUTHORIZATION_FAILED

    def allow(kind, name, operation):
        acl = AclBinding(kind, name, ResourcePatternType.LITERAL, f"User:{user}", "*", operation,
                         AclPermissionType.ALLOW)
        admin.create_acls([acl])[acl].result()
        return acl
    written = allow(ResourceType.TOPIC, topic, AclOperation.WRITE)
    assert delivery_error(Producer(bob), topic) is None
    consumer = Consumer({**bob, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    codes = set()
    while KafkaError.GROUP_AUTHORIZATION_FAILED not in codes:
        message = consumer.poll(20)
        assert message is not None, codes
        codes.add(message.error().code())
    consumer.close()
    allow(ResourceType.TOPIC, topic, AclOperation.READ)
    allow(ResourceType.GROUP, topic, AclOperation.READ)
    consumer = Consumer({**bob, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    assert consumer.poll(20).value() == b"x"
    consumer.close()
    mine = AclBindingFilter(ResourceType.ANY, None, ResourcePatternType.ANY, f"User:{user}", None, AclOperation.ANY,
                            AclPermissionType.ANY)
    assert len(admin.describe_acls(mine).result()) == 3
    bobs = AdminClient(bob)
    assert error_of(bobs.create_acls([written])[written].result) == KafkaError.CLUSTER_AUTHORIZATION_FAILED
    only = AclBindingFilter(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, f"User:{user}", "*",
                            AclOperation.WRITE, AclPermissionType.ALLOW)
    assert admin.delete_acls([only])[only].result() == [written]
    assert delivery_error(Producer(bob), topic).code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_clients_certificates_say_who_they_are(certificates, tmp_path, topic):
    options = ["--kafka-tls-certificate", str(certificates / "server.pem"),
               "--kafka-tls-key", str(certificates / "server.key"),
               "--kafka-tls-client-authority", str(certificates / "ca.pem"),
               "--kafka-super-users", "User:CN=alice,O=Example"]
    with Penstock(tmp_path, tmp_path / "data", options) as penstock:
        address = f"127.0.0.1:{penstock.ports['kafka']}"
        tls = {"bootstrap.servers": address, "security.protocol": "SSL", "log_level": 0,
               "ssl.ca.location": str(certificates / "ca.pem")}
        alice = {**tls, "ssl.certificate.location": str(certificates / "alice.pem"),
                 "ssl.key.location": str(certificates / "alice.key")}
        create(alice, topic)
        assert delivery_error(Producer(alice), topic) is None
        assert error_of(lambda: AdminClient(tls).list_topics(timeout=3)) in (KafkaError._TRANSPORT,
                                                                             KafkaError._ALL_BROKERS_DOWN)


def test_beyond_loopback_only_with_a_password(tmp_path):
    refused = Penstock(tmp_path, tmp_path / "data", ["--kafka-host", "0.0.0.0"]).start(wait=False)
    assert refused.process.wait(30) != 0
    assert "PENSTOCK_KAFKA_PASSWORD" in refused.output()
    with Penstock(tmp_path, tmp_path / "data2", ["--kafka-host", "0.0.0.0", "--kafka-password", "x"]) as penstock:
        assert penstock.get("/health")["status"] == "ok"
