"""The Java client's members of groups that the broker assigns (KIP-848), and Kafka's tool for groups. $PENSTOCK_KAFKA runs them
against another broker, such as a real Kafka: they expect the same of both."""
import subprocess

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
from support.process import wait_until
from test_kafka_tools import HERE, QUIET, TOOLS, address, tool, topic  # noqa: F401  (fixtures)

GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"


class Members:
    """One JVM in which members come and go."""

    def __init__(self, classes, broker):
        self.process = subprocess.Popen(["java", *QUIET, "-cp", f"{classes}:{TOOLS}/*", "GroupMembers", broker], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def show(self):
        """By name: how many records it has read, and what is assigned to it."""
        self.say("show")
        rows, log = {}, []
        for line in self.process.stdout:
            if line.strip() == ".":
                return rows
            name, *words = line.split(" ")
            if words and words[0].isdigit():
                rows[name] = (int(words[0]), [word.strip() for word in words[1:] if word.strip()])
            else:
                log.append(line)
        raise AssertionError(f"the members' process has ended:\n{''.join(log[-30:])}")

    def wait_for(self, counts, what):
        """Until the members have so many partitions, and none is at two of them."""
        def settled():
            rows = self.show()
            owned = [partition for _, partitions in rows.values() for partition in partitions]
            return sorted(len(p) for _, p in rows.values()) == counts and len(set(owned)) == len(owned) and rows
        return wait_until(settled, what, 90, 0.1)


@pytest.fixture(scope="module")
def classes(address, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("classes")
    subprocess.run(["javac", "-cp", f"{TOOLS}/*", "-d", folder, HERE / "java/GroupMembers.java"], check=True, timeout=120)
    return folder


@pytest.fixture
def members(classes, address):  # noqa: F811
    started = []

    def start():
        started.append(Members(classes, address))
        return started[-1]
    yield start
    for each in started:
        each.process.kill()
        each.process.wait()


def grow(broker, name, partitions):
    admin = AdminClient({"bootstrap.servers": broker})
    admin.create_partitions([NewPartitions(name, partitions)])[name].result()


def write(broker, name, count, partitions):
    producer = Producer({"bootstrap.servers": broker})
    for i in range(count):
        producer.produce(name, str(i), partition=i % partitions)
    assert producer.flush(30) == 0


@pytest.mark.long  # a session takes 45 s to end
def test_members_come_leave_and_are_killed(address, topic, members):  # noqa: F811
    grow(address, topic, 6)
    write(address, topic, 60, 6)
    first = members()
    first.say(f"join a {topic} - {topic}")
    first.wait_for([6], "one member with all partitions")
    wait_until(lambda: first.show()["a"][0] == 60, "all records read", 30, 0.1)
    first.say(f"join b {topic} - {topic}")
    first.wait_for([3, 3], "two members that share")
    other = members()
    other.say(f"join c {topic} - {topic}")
    first.wait_for([2, 2], "two of three members")
    other.wait_for([2], "the third member")
    state = tool(GROUPS, "--bootstrap-server", address, "--describe", "--group", topic, "--state")
    assert "Stable" in state and "uniform" in state
    rows = [line.split() for line in
            tool(GROUPS, "--bootstrap-server", address, "--describe", "--group", topic).splitlines() if topic in line]
    assert sorted(int(row[2]) for row in rows) == list(range(6))
    wait_until(lambda: all(row[5] == "0" for row in (line.split() for line in tool(
        GROUPS, "--bootstrap-server", address, "--describe", "--group", topic).splitlines() if topic in line)),
        "every record committed", 60, 0.1)
    told = tool(GROUPS, "--bootstrap-server", address, "--describe", "--group", topic, "--members", "--verbose")
    assert sum(topic in line for line in told.splitlines()) >= 3
    assert f"{topic} " in tool(GROUPS, "--bootstrap-server", address, "--list", "--type", "consumer").replace("\n", " ")
    assert topic not in tool(GROUPS, "--bootstrap-server", address, "--list", "--type", "classic")
    first.say("leave b")
    first.wait_for([3], "what b had is shared")
    other.process.kill()  # says nothing: its session must end
    first.wait_for([6], "what a killed member had is given away")
    assert "not empty" in tool(GROUPS, "--bootstrap-server", address, "--delete", "--group", topic)
    first.say("leave a")
    wait_until(lambda: first.show() == {}, "the last one gone")
    assert "Empty" in tool(GROUPS, "--bootstrap-server", address, "--describe", "--group", topic, "--state")
    tool(GROUPS, "--bootstrap-server", address, "--reset-offsets", "--to-earliest", "--topic", topic, "--group", topic,
         "--execute")
    first.say(f"join d {topic} - {topic}")
    wait_until(lambda: first.show()["d"][0] == 60, "all records read again", 30, 0.1)


def test_a_static_member_comes_back_to_its_partitions(address, topic, members):  # noqa: F811
    jvm = members()
    jvm.say(f"join a {topic} first {topic}")
    jvm.say(f"join b {topic} second {topic}")
    before = jvm.wait_for([1, 1], "two static members")
    jvm.say("leave a")
    jvm.wait_for([1], "b alone, with no more than before")
    jvm.say(f"join again {topic} first {topic}")
    after = jvm.wait_for([1, 1], "the first member is back")
    assert after["again"][1] == before["a"][1] and after["b"][1] == before["b"][1]


def test_topics_by_the_brokers_expression(address, topic, members):  # noqa: F811
    jvm = members()
    jvm.say(f"join a {topic} - ~{topic}(-late|-later)?")
    jvm.wait_for([2], "the topic that is there")
    admin = AdminClient({"bootstrap.servers": address})
    for name in ("-late", "-latest", "-later"):
        admin.create_topics([NewTopic(topic + name, 3, 1)])[topic + name].result()
    rows = jvm.wait_for([8], "and those that come")
    assert {partition.rpartition("-")[0] for partition in rows["a"][1]} == {topic, f"{topic}-late", f"{topic}-later"}
    jvm.say(f"join b {topic} - ~(")
    wait_until(lambda: "InvalidRegularExpression" in " ".join(jvm.show()["b"][1]), "the wrong one refused", 30, 0.1)


def test_static_members_change_their_protocol_one_by_one(address, topic, members):  # noqa: F811
    grow(address, topic, 4)
    jvm = members()
    for name, instance in (("a", "first"), ("b", "second")):
        jvm.say(f"join {name} {topic} {instance} {topic} classic")
    before = jvm.wait_for([2, 2], "two members of the classic protocol")
    jvm.say("leave a")  # a static member of that protocol says nothing
    jvm.say(f"join a {topic} first {topic}")
    mixed = jvm.wait_for([2, 2], "one member of each protocol")
    assert mixed["a"][1] == before["a"][1] and mixed["b"][1] == before["b"][1]
    write(address, topic, 40, 4)
    wait_until(lambda: sum(read for read, _ in jvm.show().values()) == 40, "every record read", 30, 0.1)
    jvm.say("leave b")
    jvm.say(f"join b {topic} second {topic}")
    jvm.wait_for([2, 2], "two members of the consumer protocol")
    assert topic in tool(GROUPS, "--bootstrap-server", address, "--list", "--type", "consumer")
