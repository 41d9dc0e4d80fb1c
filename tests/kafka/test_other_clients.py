"""franz-go and KafkaJS against the Kafka port: a program each, which does admin, produce, groups with rebalances and
transactions, and ends with 0 or says what was wrong. PENSTOCK_KAFKA=host:port runs them against a real Kafka."""
import os
import pathlib
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("PENSTOCK_CACHE", pathlib.Path.home() / ".cache/penstock"))


def run(*command, folder=None, timeout=180):
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"{command}:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"


@pytest.mark.timeout(600)
def test_franz_go(address, topic, tmp_path):
    run("go", "build", "-o", tmp_path / "roundtrip", ".", folder=HERE / "go", timeout=400)
    run(tmp_path / "roundtrip", address, topic)


def test_kafkajs(address, topic):
    folder = CACHE / "kafkajs-2.2.4"
    folder.mkdir(parents=True, exist_ok=True)
    for file in (HERE / "js").iterdir():
        shutil.copy(file, folder)
    if not (folder / "node_modules/kafkajs").exists():
        run("npm", "ci", "--no-audit", "--no-fund", folder=folder)
    run("node", "roundtrip.js", address, topic, folder=folder)
