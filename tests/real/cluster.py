"""Several Penstock processes that share work, on real systems."""
import pathlib
import signal
import subprocess
import urllib.error

from support.process import Penstock, wait_until

SESSION = "2s"


def read_committed(kafka, topic, kcat_format="%k\\t%s\\n"):
    """(key, value) of all committed records of a topic, by an independent client."""
    done = subprocess.run(["kcat", "-C", "-b", kafka.url.split("//")[1], "-t", topic, "-o", "beginning", "-e", "-q",
                           "-X", "isolation.level=read_committed", "-f", kcat_format],
                          capture_output=True, timeout=120, check=True)
    return [tuple(line.split("\t", 1)) for line in done.stdout.decode().split("\n") if line]


def wait_committed(kafka, topic, count):
    """The committed records once there are so many. Offsets do not tell: transactions' markers have some too."""
    def records():
        try:
            found = read_committed(kafka, topic)
        except subprocess.SubprocessError as error:  # it has just been started
            raise OSError(f"kcat: {error}") from error
        return found if len(found) >= count else None
    return wait_until(records, f"{count} records committed to {topic}", 120, 0.5)


class Member(Penstock):
    """One of the processes, with the names that the others know it by."""

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def status(self):
        return self.get("/api/v1/status")

    def id(self):
        return self.status()["member"]["id"]

    def logged(self, text):
        return text in self.log.read_text(errors="replace")


class Cluster:
    """Processes with the same pipeline files and each its own data directory."""

    def __init__(self, folder, pipeline, zookeeper, kafka, postgres, count=3, options=(), session=SESSION):
        self.folder = pathlib.Path(folder)
        pipelines = self.folder / "pipelines"
        pipelines.mkdir(parents=True)
        (pipelines / "shared.yaml").write_text(pipeline)
        shared = ["--coordination", f"{zookeeper.url}/{self.folder.name}?session={session}", "--kafka", kafka.url,
                  "--metadata", f"{postgres.url}?schema={self.folder.name.lower()}", *options]
        self.members = [Member(pipelines, self.folder / f"data{i}", shared) for i in range(count)]

    def __enter__(self):
        for member in self.members:
            member.start(wait=False)
        for member in self.members:
            member.wait_ready()
        self.wait_shared()
        for member in self.members:  # they all begin with the same topics at the same time
            assert not member.logged("already exists"), member.log
        return self

    def __exit__(self, *_):
        for member in self.members:
            if member.process and member.process.poll() is None:
                member.resume()
                member.process.kill()
                member.process.wait()

    def running(self):
        return [m for m in self.members if m.process and m.process.poll() is None]

    def who(self, asked):
        """The asked one's view: by address, what each runs; and who leads."""
        members = asked.status()["members"]
        return {m["address"]: set(m["runs"]) for m in members}, [m["address"] for m in members if m["leads"]]

    def wait_shared(self, among=None):
        """Until all of them, and nobody else, are members, one leads, and all work is assigned."""
        among = among or self.running()
        addresses = {m.url("") for m in among}

        def is_so():
            views = [self.who(m) for m in among]
            runs, leaders = views[0]
            return (all(view == views[0] for view in views) and set(runs) == addresses and len(leaders) == 1
                    and sum(len(r) for r in runs.values()) > 0)
        wait_until(is_so, "the work being shared", 60, 0.05)

    def leader(self, among=None):
        asked = (among or self.running())[0]
        _, leaders = self.who(asked)
        return next(m for m in self.members if m.url("") == leaders[0])

    def owner(self, work, among=None):
        runs, _ = self.who((among or self.running())[0])
        return next((m for m in self.members if work in runs.get(m.url(""), ())), None)

    def topic_records(self, topic):
        for member in self.running():
            try:
                return member.topic_records(topic)
            except (OSError, urllib.error.URLError):
                continue
        return 0
