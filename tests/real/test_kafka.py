"""Topics in a real Kafka: the seam's whole suite, and what only a broker that goes away can show."""
import copy
import pathlib
import subprocess

import confluent_kafka
import pytest
from support.process import BINARY, free_port


def run_suites(kafka, suite, mode, covers, tests="*/Kafka:Kafka*", more=None):
    covers("Apache Kafka", kafka.version, mode, "topics")
    suite.run("broker_test", tests, {
        **{name: value for name, value in kafka.environment.items() if name.startswith(("KAFKA_", "ZOOKEEPER_"))},
        "PENSTOCK_TEST_KAFKA": kafka.url,
        "PENSTOCK_TEST_KAFKA_SCRIPT": str(kafka.script),
        **(more or {}),
    }, timeout=1500)


def test_topics_suite_on_kraft(real_kafka_kraft, suite, covers):
    run_suites(real_kafka_kraft, suite, "KRaft", covers)


def test_topics_suite_with_zookeeper(real_kafka_with_zookeeper, suite, covers):
    run_suites(real_kafka_with_zookeeper, suite, "with ZooKeeper", covers)


# What tells whether a connection works, for every way to make one.
CONNECTED = ("KafkaTest.DescriptionNamesTheBrokersOnly:KafkaTest.WrongPasswordIsSaidSo:"
             "KafkaTest.GroupsAreListedAsToolsSeeThem:"
             "*AcknowledgedMeansReadable/Kafka:*APositionIsKeptWithItsRecords/Kafka")


def test_password_is_asked_for(real_kafka_sasl, suite, covers):
    run_suites(real_kafka_sasl, suite, "KRaft, SASL/PLAIN", covers, CONNECTED)


def newest_librdkafka():
    """The one in a Python package, which is newer than Debian's."""
    [library] = (pathlib.Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs").glob("librdkafka-*.so*")
    return {"LD_PRELOAD": str(library)}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_over_tls(real_kafka_secured, suite, covers, mechanism):
    secured = copy.copy(real_kafka_secured)
    secured.url += f"?security.protocol=sasl_ssl&sasl.mechanism={mechanism}&ssl.ca.location={secured.certificate}"
    mode = f"KRaft, TLS, SASL/{mechanism}"
    # Debian 12's librdkafka cannot log in so.
    if mechanism != "PLAIN" and secured.version.startswith("4."):
        done = start_on(secured.url + "&retry.for=5s", secured)
        assert "librdkafka 2.0.2" in done.stderr and "cannot log in by SCRAM" in done.stderr, done.stderr
        run_suites(secured, suite, f"{mode}, librdkafka {confluent_kafka.libversion()[0]}", covers, CONNECTED,
                   newest_librdkafka())
    else:
        run_suites(secured, suite, mode, covers, CONNECTED)


def start_on(url, kafka):
    """penstock up, which is expected not to come up."""
    done = subprocess.run([BINARY, "up", kafka.certificate.parent, "--no-progress", "--kafka", url,
                           "--data", kafka.certificate.parent / "data",
                           *(f"--{name}-port={free_port()}" for name in ("console", "cql", "schemas"))],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "penstock-secret" not in done.stderr, done.stderr
    return done


def test_a_certificate_that_nobody_trusts_is_refused(real_kafka_secured):
    """And said so, by name, instead of waiting for ever."""
    done = start_on(real_kafka_secured.url + "?security.protocol=sasl_ssl&retry.for=3s", real_kafka_secured)
    assert "certificate" in done.stderr, done.stderr
