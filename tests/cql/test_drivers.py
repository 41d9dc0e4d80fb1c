"""The port as the drivers of other languages use it: one program for each, all of one shape (drivers/README.md)."""
import collections
import os
import pathlib
import shutil
import subprocess

import pytest

DRIVERS = pathlib.Path(__file__).resolve().parent / "drivers"
CACHE = pathlib.Path(os.environ.get("PENSTOCK_CACHE", pathlib.Path.home() / ".cache/penstock"))
PARTS = ("connect", "schema", "types", "prepared", "paging", "batches", "lwt", "errors", "events")


def built(command, **keywords):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, **keywords)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout.strip()


def copied(name, version):
    """The program in a folder of the cache, beside what its language fetches and makes."""
    folder = CACHE / f"{name}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    for file in (DRIVERS / name).iterdir():
        shutil.copy(file, folder)
    return folder


def node():
    folder = copied("node", "cassandra-driver-4.8.0")
    if not (folder / "node_modules/cassandra-driver").exists():
        built(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder)
    return ["node", folder / "main.js"], 2


def go():
    folder = copied("go", "gocql-1.7.0")
    program = shutil.which("go") or "/usr/local/go/bin/go"
    # Its own go and no other version of it; the modules are those of go.sum.
    built([program, "build", "-o", "conformance", "."], cwd=folder,
          env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"})
    return [folder / "conformance"], 2


def java():
    jars = built([DRIVERS / "java/driver.sh"]).splitlines()[-1]
    folder = copied("java", "cassandra-driver-classes")
    built(["javac", "-cp", f"{jars}/*", "-d", folder, folder / "Conformance.java"])
    return ["java", "-Xmx192m", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*:{folder}", "Conformance"], 3


def rust():
    folder = copied("rust", "scylla-1.9.0")
    # The crates are those of Cargo.lock, and what they become stays beside them, in the cache.
    built(["cargo", "build", "--locked", "--quiet"], cwd=folder,
          env={**os.environ, "CARGO_HOME": str(CACHE / "cargo"), "CARGO_TARGET_DIR": str(folder / "target")})
    return [folder / "target/debug/conformance"], 1


@pytest.mark.parametrize("driver", [node, go, java, rust], ids=lambda driver: driver.__name__)
def test_driver(address, driver):
    command, versions = driver()
    done = subprocess.run([*command, address[0], str(address[1])], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    seen = collections.Counter(line[3:] for line in done.stdout.splitlines() if line.startswith("ok "))
    # Each part once for each version of the protocol that the driver has.
    assert seen == {part: versions for part in PARTS}
