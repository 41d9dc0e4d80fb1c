"""Reads whole topics with kcat: an independent client says what is in the log."""
import subprocess


def read_topic(port, topic, kcat_format="%k\\t%s\\n"):
    """(key, value) of all records, in no order over partitions."""
    done = subprocess.run(["kcat", "-C", "-b", f"127.0.0.1:{port}", "-t", topic, "-o", "beginning", "-e", "-q",
                           "-f", kcat_format], capture_output=True, timeout=120, check=True)
    lines = done.stdout.decode().split("\n")
    return [tuple(line.split("\t", 1)) for line in lines if line]
