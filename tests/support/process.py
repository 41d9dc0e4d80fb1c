"""Starts and stops `penstock up` for tests and benchmarks, on free ports, with its log kept."""
import io
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = pathlib.Path(os.environ.get("PENSTOCK_BINARY", ROOT / "build/release/src/penstock"))


def port_range():
    """Below the ports that the system gives to outgoing connections, one of which could take it before it is used; of
    tests that run side by side (pytest-xdist), each process has a part of them."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    part = (32_768 - 10_000) // workers
    return range(10_000 + worker * part, 10_000 + (worker + 1) * part)


GIVEN_PORTS = set()


def free_port():
    """One that nobody listens on, and that this process has not been given before: who got it may not listen yet."""
    while True:
        port = random.choice(port_range())
        if port in GIVEN_PORTS:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        GIVEN_PORTS.add(port)
        return port


def wait_until(condition, what, timeout=30, pause=0.02):
    """Waits for a condition, never for a time; the timeout only ends a test that would never end."""
    end = time.monotonic() + timeout
    last = None
    while time.monotonic() < end:
        try:
            got = condition()
            if got:
                return got
        except (OSError, AssertionError, KeyError, IndexError, urllib.error.URLError) as error:
            last = error
        time.sleep(pause)
    raise TimeoutError(f"{what} did not happen within {timeout} s; last: {last}")


def call_json(method, url, body=None, headers=None):
    """The answer in JSON, None when it is empty. An HTTPError says what the server says."""
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method,
                                     headers={"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        body = error.read()
        raise urllib.error.HTTPError(error.url, error.code, f"{error.msg}: {body[:500].decode(errors='replace')}",
                                     error.headers, io.BytesIO(body)) from None
    return json.loads(text) if text else None


def own_environment():
    """Without PENSTOCK_*: the clients' tests name addresses in it, which are settings to the program."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}


def empty_pipeline(folder):
    """A new folder of pipelines in the folder, for a process that runs none."""
    files = folder / "p"
    files.mkdir()
    (files / "empty.yaml").write_text("pipeline: empty\n")
    return files


class Penstock:
    """One process on a data directory. Ports stay the same over restarts, as clients expect."""

    def __init__(self, files, data, options=()):
        self.files = [str(f) for f in ([files] if isinstance(files, (str, pathlib.Path)) else files)]
        self.data = pathlib.Path(data)
        self.options = list(options)
        self.ports = {name: free_port() for name in ("console", "kafka", "cql", "schemas")}
        self.process = None
        self.log = self.data.parent / f"{self.data.name}.log"

    def start(self, wait=True):
        self.data.mkdir(parents=True, exist_ok=True)
        command = [str(BINARY), "up", *self.files, "--data", str(self.data), "--redirect-ports", "false",
                   "--no-progress", "--log-file", str(self.log)]
        for name, port in self.ports.items():
            command += [f"--{name}-port", str(port)]
        with open(f"{self.log}.out", "ab") as out:
            self.process = subprocess.Popen(command + self.options, stdout=out, stderr=out, env=own_environment())
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=30):
        def ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"penstock ended with {self.process.returncode}:\n{self.output()}")
            return self.get("/health")["status"] == "ok"
        wait_until(ready, "penstock answering", timeout)

    def output(self):
        out = pathlib.Path(f"{self.log}.out").read_text(errors="replace")
        log = self.log.read_text(errors="replace") if self.log.exists() else ""
        return (out + log)[-8000:]

    def url(self, path):
        return f"http://127.0.0.1:{self.ports['console']}{path}"

    def call(self, method, path, body=None, headers=None):
        return call_json(method, self.url(path), body, headers)

    def get(self, path):
        return self.call("GET", path)

    def sql(self, text):
        return self.call("POST", "/api/v1/sql", {"sql": text})["rows"]

    def query(self, name):
        """Its status, with the counts beside the rest."""
        found = {q["name"]: q for q in self.get("/api/v1/queries")}[name]
        return {**found, **found["counts"]}

    def source(self, name):
        return {s["name"]: s for s in self.get("/api/v1/sources")}[name]

    def topic_records(self, name):
        topic = self.get(f"/api/v1/topics/{name}")
        return sum(p["end_offset"] - p["start_offset"] for p in topic["partitions"])

    def stop(self):
        """As Ctrl-C does."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=30)
        return self.process.returncode if self.process else None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_bytes(self, what="VmRSS"):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(what + ":"):
                return int(line.split()[1]) * 1024
        raise KeyError(what)

    def command(self, *arguments, **keywords):
        """A client command against this process."""
        return subprocess.run([str(BINARY), *arguments, "--server", self.url("")], capture_output=True,
                              text=True, timeout=60, **keywords)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
