"""Share groups (KIP-932): the Java client's share consumer, and Kafka's tools for them. $PENSTOCK_KAFKA runs them against
another broker, such as a real Kafka: they expect the same of both."""
import subprocess
import uuid

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from support.process import Penstock, wait_until
from test_kafka_tools import HERE, QUIET, TOOLS, address, tool  # noqa: F401  (fixtures)

SHARE_GROUPS = "org.apache.kafka.tools.consumer.group.ShareGroupCommand"
CONSOLE = "org.apache.kafka.tools.consumer.ConsoleShareConsumer"


class Members:
    """One JVM with members of share groups."""

    def __init__(self, classes, broker):
        self.process = subprocess.Popen(["java", *QUIET, "-cp", f"{classes}:{TOOLS}/*", "ShareMembers", broker], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def __call__(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = []
        for line in self.process.stdout:
            if line.strip() == ".":
                return answer
            answer.append(line.rstrip("\n"))
        raise AssertionError(f"the members' process has ended: {answer}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def poll(self, name, seconds=20):
        """{value: how often it has been delivered} of one poll."""
        return {row.split()[2]: int(row.split()[3]) for row in self(f"poll {name} {seconds}")}

    def read(self, name, count):
        """Polls, and so accepts implicitly, until so many came."""
        values = []
        while len(values) < count:
            got = self.poll(name)
            assert got, f"{len(values)} of {count} records came"
            values += got
        return values


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("share-classes")
    subprocess.run(["javac", "-cp", f"{TOOLS}/*", "-d", folder, HERE / "java/ShareMembers.java"], check=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def jvm(address, classes):  # noqa: F811
    members = Members(classes, address)
    yield members
    members.kill()


def create(broker, name):
    admin = AdminClient({"bootstrap.servers": broker})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result()


@pytest.fixture
def topic(address):  # noqa: F811
    name = f"share-{uuid.uuid4().hex[:10]}"
    create(address, name)
    return name


def write(broker, topic, *values, partition=0):
    """Each value is a batch of its own."""
    producer = Producer({"bootstrap.servers": broker, "linger.ms": 0})
    for value in values:
        producer.produce(topic, str(value), partition=partition)
        assert producer.flush(30) == 0


def begin(jvm, group, **settings):
    more = " ".join(f"{name.replace('_', '.')}={value}" for name, value in settings.items())
    assert jvm(f"set {group} share.auto.offset.reset=earliest {more}".strip()) == []


def test_what_is_accepted_implicitly_is_not_read_again(address, topic, jvm):  # noqa: F811
    begin(jvm, topic)
    write(address, topic, *range(10))
    jvm(f"open a {topic} {topic} implicit")
    assert sorted(jvm.read("a", 10)) == sorted(str(i) for i in range(10))
    assert jvm("commit a") == ["0 ok"], "those of the last poll"
    jvm("close a")
    write(address, topic, "late")
    jvm(f"open b {topic} {topic} implicit")
    assert jvm.poll("b") == {"late": 1}
    assert jvm("commit b") == ["0 ok"]
    rows = [row.split() for row in jvm(f"offsets {topic}")]
    assert [row[:2] + row[3:] for row in rows] == [[topic, "0", "0"]], "nothing is left to read"
    jvm("close b")


def test_each_record_is_accepted_released_or_rejected(address, topic, jvm):  # noqa: F811
    begin(jvm, topic)
    write(address, topic, "good", "later", "bad")
    jvm(f"open a {topic} {topic} explicit")
    got = {}
    while len(got) < 3:
        now = jvm.poll("a")
        assert now
        for value in now:
            jvm(f"say a {dict(good='accept', later='release', bad='reject')[value]} {value}")
        assert all(row.endswith(" ok") for row in jvm("commit a"))
        got |= {value: count for value, count in now.items() if value not in got}
    assert got == {"good": 1, "later": 1, "bad": 1}
    assert jvm.poll("a") == {"later": 2}
    assert jvm("commit a") == [], "nothing said yet"
    jvm("say a accept")
    assert jvm("commit a") == ["0 ok"]
    assert jvm.poll("a", 2) == {}
    jvm("close a")


def test_a_record_is_given_up_after_its_last_delivery(address, topic, jvm):  # noqa: F811
    begin(jvm, topic, share_delivery_count_limit=3)
    write(address, topic, "poison", "next")
    jvm(f"open a {topic} {topic} explicit max.poll.records=1")
    seen = []
    while "next" not in [value for value, _ in seen] or seen.count(("poison", 3)) == 0:
        got = jvm.poll("a")
        assert got
        for value, count in got.items():
            seen.append((value, count))
            jvm(f"say a {'release' if value == 'poison' else 'accept'} {value}")
        assert all(row.endswith(" ok") for row in jvm("commit a"))
    assert [count for value, count in seen if value == "poison"] == [1, 2, 3]
    assert jvm.poll("a", 2) == {}
    jvm("close a")


def test_two_members_share_one_partition_and_one_leaves(address, topic, jvm):  # noqa: F811
    begin(jvm, topic)
    jvm(f"open a {topic} {topic} explicit max.poll.records=2 share.acquire.mode=record_limit")
    jvm(f"open b {topic} {topic} explicit max.poll.records=2 share.acquire.mode=record_limit")
    write(address, topic, *range(4))
    first, second = jvm.poll("a"), jvm.poll("b")
    assert first and second and not set(first) & set(second)
    jvm("say b accept")
    assert jvm("commit b") == ["0 ok"]
    jvm("close a")  # what it has and did not accept goes to the other
    left = dict(second)
    while len(left) < 4:
        got = jvm.poll("b")
        assert got and all(count == (2 if value in first else 1) for value, count in got.items()), got
        left |= got
        jvm("say b accept")
        assert jvm("commit b") == ["0 ok"]
    assert sorted(left) == [str(i) for i in range(4)]
    jvm("close b")


@pytest.mark.long  # the shortest lock is 15 s
def test_locks_end_unless_they_are_renewed(address, topic, jvm):  # noqa: F811
    begin(jvm, topic, share_record_lock_duration_ms=15000)
    write(address, topic, "lost")
    jvm(f"open a {topic} {topic} explicit")
    jvm(f"open b {topic} {topic} explicit")
    assert jvm.poll("a") == {"lost": 1}
    assert jvm.poll("b", 5) == {}
    jvm("say a renew")
    assert jvm("commit a") == ["0 ok"]
    assert jvm.poll("b", 12) == {}, "15 s after the renewal, not before"
    assert jvm.poll("b", 30) == {"lost": 2}
    jvm("say a accept")
    assert jvm("commit a") != ["0 ok"], "it is the other's now"
    jvm("say b accept")
    assert jvm("commit b") == ["0 ok"]
    jvm("close a")
    jvm("close b")


def test_records_of_aborted_transactions(address, topic, jvm):  # noqa: F811
    begin(jvm, topic, share_isolation_level="read_committed")
    producer = Producer({"bootstrap.servers": address, "transactional.id": topic})
    producer.init_transactions()
    for value, commits in (("kept", True), ("aborted", False), ("kept-too", True)):
        producer.begin_transaction()
        producer.produce(topic, value)
        (producer.commit_transaction if commits else producer.abort_transaction)()
    jvm(f"open a {topic} {topic} implicit")
    assert sorted(jvm.read("a", 2)) == ["kept", "kept-too"]
    jvm("close a")


def test_groups_by_kafkas_tools(address, topic, jvm):  # noqa: F811
    def groups(*arguments):
        return tool(SHARE_GROUPS, "--bootstrap-server", address, *arguments)
    begin(jvm, topic)
    write(address, topic, *range(6))
    jvm(f"open a {topic} {topic} explicit max.poll.records=2 share.acquire.mode=record_limit")
    assert len(jvm.poll("a")) == 2
    jvm("say a accept")
    assert jvm("commit a") == ["0 ok"]
    assert topic in groups("--list")
    assert "Stable" in groups("--describe", "--group", topic, "--state")
    members = [line for line in groups("--describe", "--group", topic, "--members").splitlines() if topic in line]
    assert len(members) == 1 and f"{topic}:0" in members[0]
    assert "not empty" in groups("--delete", "--group", topic).lower()
    jvm("close a")
    wait_until(lambda: "Empty" in groups("--describe", "--group", topic, "--state"), "the group empty", 60, 0.5)
    described = [line.split() for line in groups("--describe", "--group", topic, "--offsets").splitlines() if topic in line]
    assert len(described) == 1 and described[0][1:3] == [topic, "0"] and described[0][4] == "4", described
    groups("--reset-offsets", "--group", topic, "--topic", topic, "--to-earliest", "--execute")
    described = [line.split() for line in groups("--describe", "--group", topic, "--offsets").splitlines() if topic in line]
    assert described[0][3:5] == ["0", "6"]
    out = tool(CONSOLE, "--bootstrap-server", address, "--topic", topic, "--group", topic, "--max-messages", "6",
               "--timeout-ms", "30000")
    assert sorted(line for line in out.splitlines() if line.isdigit()) == [str(i) for i in range(6)]
    wait_until(lambda: "Empty" in groups("--describe", "--group", topic, "--state"), "the group empty", 60, 0.5)
    groups("--delete-offsets", "--group", topic, "--topic", topic)
    assert [line for line in groups("--describe", "--group", topic, "--offsets").splitlines() if f" {topic} " in line] == []
    groups("--delete", "--group", topic)
    assert topic not in groups("--list")


# What a client says whose acknowledgement went over a connection that broke: the one or the other, as its network thread
# has seen the end already or not. It does not say it again, so the records come once more.
DISCONNECTED = (["0 NotLeaderOrFollowerException"], ["0 UnknownServerException"])


def test_what_could_not_be_accepted_comes_again(classes, tmp_path):
    with Penstock(tmp_path, tmp_path / "data") as penstock:
        broker = f"127.0.0.1:{penstock.ports['kafka']}"
        create(broker, "kept")
        jvm = Members(classes, broker)
        begin(jvm, "group")
        write(broker, "kept", 0)
        jvm("open a group kept explicit")
        assert jvm.poll("a") == {"0": 1}
        penstock.kill()
        jvm("say a accept")
        assert jvm("commit a") in DISCONNECTED
        penstock.start()
        assert list(jvm.poll("a", 40)) == ["0"]
        jvm("say a accept")
        assert jvm("commit a") == ["0 ok"]
        jvm.kill()


def test_what_was_accepted_outlives_kill_9(classes, tmp_path):
    with Penstock(tmp_path, tmp_path / "data") as penstock:
        broker = f"127.0.0.1:{penstock.ports['kafka']}"
        create(broker, "kept")
        jvm = Members(classes, broker)
        begin(jvm, "group")
        write(broker, "kept", *range(6))
        jvm("open a group kept explicit max.poll.records=3 share.acquire.mode=record_limit")
        assert list(jvm.poll("a")) == ["0", "1", "2"]
        jvm("say a accept 0 1")
        jvm("say a release 2")
        assert jvm("commit a") == ["0 ok"]
        penstock.kill()
        penstock.start()
        again, is_refused = {}, False
        while len(again) < 4:  # the same member goes on
            got = jvm.poll("a", 40)
            assert got
            jvm("say a accept")
            said = jvm("commit a")
            assert said == ["0 ok"] or said in DISCONNECTED, "what it had fetched ahead was of the connection before"
            if said == ["0 ok"]:
                again |= got
            else:
                is_refused = True
        assert again.keys() == set("2345") and again["2"] >= 2
        assert is_refused or again == {"2": 2, "3": 1, "4": 1, "5": 1}
        assert jvm("offsets group") == ["kept 0 6 0"]
        jvm.kill()
