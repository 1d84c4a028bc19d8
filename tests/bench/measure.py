"""What a server costs, as the kernel counts it: CPU time and memory of all its processes.

CPU time is that of every process below the roots, and of those that ended there and were waited for, so
that a server that forks for each connection is counted whole. The clock of a living process has
nanoseconds (CPUCLOCK_SCHED of clock_gettime(2)); of the dead, /proc/PID/stat knows hundredths."""

import os
import pathlib
import re
import statistics
import time

TICK = os.sysconf("SC_CLK_TCK")


def stat(pid):
    """What stands behind the name in /proc/PID/stat; [1] is the parent, [13] and [14] are the dead children's."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def tree(roots, marks=()):
    """Pids of the roots and of all below them; and of those that carry one of the marks, which are NAME=VALUE in
    the environment, or stand below one that does (a store outlives who started it)."""
    parents, found = {}, set(roots)
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            pid = int(entry.name)
            parents[pid] = int(stat(pid)[1])
            if marks and any(mark.encode() in (entry / "environ").read_bytes().split(b"\0") for mark in marks):
                found.add(pid)
        except OSError:
            pass  # gone meanwhile
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return sorted(pid for pid in found if pid in parents)


def cpu_ms(pids):
    total = 0.0
    for pid in pids:
        try:
            dead = stat(pid)
            total += time.clock_gettime((~pid << 3) | 2) * 1e3
            total += (int(dead[13]) + int(dead[14])) * 1e3 / TICK
        except OSError:
            pass
    return total


def pss_kb(pids):
    """Memory in kB, what is shared counted in shares. PermissionError: nobody is told, and
    nothing would be no answer."""
    total = 0
    for pid in pids:
        try:
            found = re.search(r"^Pss:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
            total += int(found.group(1)) if found else 0
        except (FileNotFoundError, ProcessLookupError):
            pass
        except PermissionError as error:
            raise PermissionError("how much memory a daemon has is told to root alone: sudo") from error
    return total


class Spread:
    """Several measurements of one thing: its median, and how far they lie apart."""

    def __init__(self, values):
        self.values = sorted(values)
        self.median = statistics.median(values)

    def __str__(self):
        return (f"{number(self.median)}" if len(self.values) < 2 else
                f"{number(self.median)} ({number(self.values[0])}-{number(self.values[-1])})")


def number(value):
    """Three digits that count."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if value < 1 else f"{value:.3g}" if value < 100 else f"{value:.0f}"
