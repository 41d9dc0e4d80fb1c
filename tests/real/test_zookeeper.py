"""Coordination by a real ZooKeeper: processes that share work, die, sleep, and lose their server."""
import re
import subprocess


def test_coordination_suite(real_zookeeper, suite, covers):
    shown = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "zookeeper"], capture_output=True, text=True,
                           check=True).stdout
    covers("Apache ZooKeeper", re.match(r"[0-9.]+", shown)[0], "one server", "coordination")
    suite.run("coordinate_test", "Zookeeper*", {
        "PENSTOCK_TEST_ZOOKEEPER": real_zookeeper.url,
        "PENSTOCK_TEST_ZOOKEEPER_SCRIPT": str(real_zookeeper.script),
        "ZOOKEEPER_PORT": real_zookeeper.environment["ZOOKEEPER_PORT"],
    })
