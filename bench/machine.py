"""The machine that a benchmark runs on, and what processes take of it."""
import contextlib
import mmap
import os
import pathlib
import platform
import re

TICKS = os.sysconf("SC_CLK_TCK")


def processor():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return model[1] if model else platform.machine()


def machine():
    """The line that a benchmark's output begins with."""
    return f"{os.cpu_count()} x {processor()}, {platform.system()} {platform.release()}, load {os.getloadavg()[0]:.1f}"


def family(pid):
    """A process and all below it: their fields of /proc/PID/stat, from the state on."""
    everyone, found = {}, []
    for file in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            everyone[int(file.parent.name)] = file.read_text().rsplit(")", 1)[1].split()
    wanted = [pid]
    for one in wanted:
        found.append(everyone[one])
        wanted += [child for child, fields in everyone.items() if int(fields[1]) == one]
    return found


def cpu_seconds(pid):
    """Of the whole family, with what its ended members took."""
    return sum(int(field) for fields in family(pid) for field in fields[11:15]) / TICKS


def resident_mb(pid):
    return sum(int(fields[21]) for fields in family(pid)) * os.sysconf("SC_PAGE_SIZE") / 2**20


def warm_memory(megabytes=4096):
    """A virtual machine's first use of memory can cost ten times its later uses, and what is free goes back to the host: of
    two programs the second would find memory that the first one paid for. So it is used, and given back, before each."""
    with mmap.mmap(-1, megabytes * 2**20) as memory:
        for at in range(0, len(memory), mmap.PAGESIZE):
            memory[at] = 1
