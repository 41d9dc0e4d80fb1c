"""An API of people whose answers are known: what was served when, so that a row can be timed from the answer to the
table. The people are the built-in replica's."""
import collections
import http.server
import json
import pathlib
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from support.process import BINARY  # noqa: E402


def people(count):
    """That many, different ones, one after another."""
    replica = subprocess.Popen([str(BINARY), "replica", "randomuser", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        url = replica.stdout.readline().split()[-1]
        seen = set()
        page = 1
        while len(seen) < count:
            with urllib.request.urlopen(f"{url}?results=5000&seed=bench&page={page}", timeout=30) as answer:
                for person in json.load(answer)["results"]:
                    if person["login"]["uuid"] not in seen and len(seen) < count:
                        seen.add(person["login"]["uuid"])
                        yield person
            page += 1
    finally:
        replica.terminate()
        replica.wait()


class PeopleApi:
    """Serves them one after another, as many a request as `results` says; none when all are gone."""

    def __init__(self, everyone, sample_every=20):
        self.bodies = [(person["login"]["uuid"], json.dumps(person, ensure_ascii=False)) for person in everyone]
        self.next = 0
        self.sample_every = sample_every
        self.samples = collections.deque()  # (id, when the answer was sent)
        self.lock = threading.Lock()
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                body = api.take(int(asked.get("results", ["1"])[0])).encode()
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
                                 b"Content-Length: %d\r\n\r\n" % len(body) + body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/api/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, count):
        with self.lock:
            now, served = time.monotonic(), self.bodies[self.next:self.next + count]
            for position, (each, _) in enumerate(served, self.next):
                if position % self.sample_every == 0:
                    self.samples.append((each, now))
            self.next += len(served)
        return '{"results":[' + ",".join(body for _, body in served) + f'],"info":{{"results":{len(served)}}}}}'

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Latencies(threading.Thread):
    """Looks for the sampled people in a table, over CQL, until each is there: milliseconds from API to row."""

    def __init__(self, api, port, table="spark_streams.created_users"):
        super().__init__(daemon=True)
        from cassandra.cluster import Cluster
        self.api, self.table = api, table
        self.cluster = Cluster(["127.0.0.1"], port=port, protocol_version=4)
        self.session = self.cluster.connect()
        self.found = []
        self.ended = threading.Event()
        self.start()

    def run(self):
        statement, waiting = None, []
        while not self.ended.is_set():
            try:
                statement = statement or self.session.prepare(f"SELECT id FROM {self.table} WHERE id = ?")
            except Exception:  # the table is not there yet
                time.sleep(0.05)
                continue
            while self.api.samples:
                waiting.append(self.api.samples.popleft())
            # The oldest ones: rows become visible in about the order of the answers.
            asked = [(one, self.session.execute_async(statement, [one[0]])) for one in waiting[:50]]
            there = {one for one, answer in asked if answer.result().one()}
            now = time.monotonic()
            self.found += [(now - since) * 1000 for _, since in there]
            waiting = [one for one in waiting if one not in there]
            time.sleep(0.002)

    def stop(self):
        """Sorted milliseconds."""
        self.ended.set()
        self.join()
        self.cluster.shutdown()
        return sorted(self.found)


def quantile(values, part):
    return values[min(len(values) - 1, int(part * len(values)))] if values else float("nan")
