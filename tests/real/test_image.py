"""The container image, built by buildah from the shipped Dockerfile, and the program running in it.

No container engine and no registry are needed: the base image is made of a debootstrap, and the program is the one that
`make build` has built (the Dockerfile's PREBUILT; compiling inside would take ten minutes more).
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from conftest import ROOT
from support.process import BINARY, free_port, wait_until

HERE = pathlib.Path(__file__).parent
BASE = "localhost/penstock-test/debian:12"
IMAGE = "localhost/penstock-test/penstock:latest"


def run(*command, timeout=600, **keywords):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=timeout, **keywords)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout.strip()


class Buildah:
    def __init__(self, folder):
        self.folder = folder
        self.command = [
            "buildah",
            "--root",
            str(folder / "root"),
            "--runroot",
            str(folder / "run"),
            "--storage-driver",
            "vfs",
        ]

    def __call__(self, *arguments, **keywords):
        return run(*self.command, *arguments, **keywords)

    def in_container(self, container, *command, **keywords):
        return subprocess.Popen(
            [*self.command, "run", "--isolation", "chroot", container, "--", *command],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **keywords,
        )


@pytest.fixture(scope="module")
def buildah():
    assert os.geteuid() == 0, "debootstrap and buildah's chroot isolation need root"
    # Not under the tests' own folder: what is in there is another user's.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-image-"))
    yield Buildah(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def image(buildah):
    tar = run(HERE / "debian_root.sh").splitlines()[-1]
    container = buildah("from", "scratch")
    buildah("add", "-q", container, tar, "/")
    buildah("commit", "-q", "--rm", "--format", "docker", container, BASE)
    run(
        ROOT / "tools/make_image.sh",
        BINARY,
        IMAGE,
        "--build-arg",
        f"BASE={BASE}",
        "--isolation",
        "chroot",
        env={**os.environ, "ENGINE": " ".join([*buildah.command, "bud", "--format", "docker"])},
    )
    return json.loads(buildah("inspect", "--type", "image", IMAGE))


@pytest.fixture
def container(buildah, image):
    name = buildah("from", "--pull-never", IMAGE)
    yield name
    buildah("rm", name)


def test_it_has_a_user_a_volume_and_a_health_check(image):
    config = image["Docker"]["config"]
    assert config["User"] == "penstock"
    assert config["Healthcheck"]["Test"] == ["CMD", "penstock", "health"]
    assert list(config["Volumes"]) == ["/var/lib/penstock"]
    assert {"8080/tcp", "9092/tcp", "9042/tcp", "8081/tcp", "9021/tcp", "9090/tcp"} == set(config["ExposedPorts"])
    assert config["Entrypoint"] == ["penstock"]


def test_it_is_small_and_holds_no_sources(buildah, container):
    mount = pathlib.Path(buildah("mount", container))
    try:
        assert not (mount / "source").exists()
        added = sum(f.lstat().st_size for f in (mount / "usr/bin").glob("penstock"))
        assert added < 60 << 20, added
        base = int(run("du", "-sm", mount).split()[0])
        assert base < 400, f"{base} MiB, of which the bare Debian has about 200"
        setuid = run("find", mount, "-xdev", "-user", "10001", "-perm", "/6000")
        assert setuid == ""
    finally:
        buildah("umount", container)


def test_it_runs_is_healthy_and_a_row_arrives(buildah, container, covers, suite):
    covers("Container image", "Debian 12", "built by buildah", "deployment")
    ports = {name: free_port() for name in ("console", "kafka", "cql", "schemas")}
    server = f"http://127.0.0.1:{ports['console']}"

    def penstock(*arguments, timeout=60):
        return subprocess.run(
            [
                *buildah.command,
                "run",
                "--isolation",
                "chroot",
                container,
                "--",
                "penstock",
                *arguments,
                "--server",
                server,
            ],
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def rows():
        counted = penstock("sql", "-o", "json", "SELECT count(*) AS n FROM spark_streams.created_users")
        return json.loads(counted.stdout)[0]["n"]

    assert penstock("health").returncode == 1, "nothing runs yet"
    options = [part for name, port in ports.items() for part in (f"--{name}-port", str(port))]
    process = buildah.in_container(
        container, "penstock", "up", "/etc/penstock/pipelines", "--no-progress", "--redirect-ports", "false", *options
    )
    try:
        wait_until(lambda: process.poll() is not None or penstock("health").returncode == 0, "health", 60, 0.3)
        assert process.poll() is None, process.stdout.read()
        assert penstock("health", "--ready").returncode == 0
        wait_until(lambda: rows() > 0, "a row", 60, 0.3)
        status = json.loads(penstock("status", "-o", "json").stdout)["status"]
        assert status["data_directory"] == "/var/lib/penstock"
        user = subprocess.run(
            [*buildah.command, "run", "--isolation", "chroot", container, "--", "id", "-u"],
            capture_output=True,
            text=True,
        ).stdout.strip()
        assert user == "10001"
    finally:
        # The process in the container is the one whose parent's chain leads to buildah's: told by its own port.
        for pid in run(
            "pgrep", "-f", f"penstock up /etc/penstock/pipelines .*--console-port {ports['console']}( |$)"
        ).split():
            if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "penstock":
                os.kill(int(pid), 15)
        output, _ = process.communicate(timeout=60)
    assert "stopping: what was acknowledged is kept" in output
    suite.ran += 1
