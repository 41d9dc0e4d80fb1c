"""Topics in a real Kafka: the seam's whole suite, and what only a broker that goes away can show."""
import pytest


def run_suites(kafka, suite, mode, covers, tests="*/Kafka:Kafka*"):
    covers("Apache Kafka", kafka.version, mode, "topics")
    suite.run("broker_test", tests, {
        **{name: value for name, value in kafka.environment.items() if name.startswith(("KAFKA_", "ZOOKEEPER_"))},
        "PENSTOCK_TEST_KAFKA": kafka.url,
        "PENSTOCK_TEST_KAFKA_SCRIPT": str(kafka.script),
    }, timeout=1500)


def test_topics_suite_on_kraft(real_kafka_kraft, suite, covers):
    run_suites(real_kafka_kraft, suite, "KRaft", covers)


def test_topics_suite_with_zookeeper(real_kafka_with_zookeeper, suite, covers):
    run_suites(real_kafka_with_zookeeper, suite, "with ZooKeeper", covers)


@pytest.mark.parametrize("real_kafka", ["sasl"], indirect=True)
def test_password_is_asked_for(real_kafka, suite, covers):
    run_suites(real_kafka, suite, "KRaft, SASL/PLAIN", covers,
               "KafkaTest.*:*AcknowledgedMeansReadable/Kafka:*APositionIsKeptWithItsRecords/Kafka")
