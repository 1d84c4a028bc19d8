"""What every contender is: processes with a directory, ports and a log, started, measured, ended by pid."""

import contextlib
import os
import pathlib
import resource
import secrets
import signal
import socket
import subprocess
import sys
import time

import measure

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from ports import free_port, reachable, until  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("POPGATE_RELEASE", SOURCE / "build/release"))
PEERS = pathlib.Path(os.environ.get("POPGATE_PEERS", SOURCE / "build/peers"))


def files_limit():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def raise_files_limit(wanted):
    """For us and all that we start: as far as the hard limit at least, and to what is wanted where we may."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_limit(), files_limit()))
    wanted = max(min(wanted, int(pathlib.Path("/proc/sys/fs/nr_open").read_text())), files_limit())
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))


STARTED = []  # servers that are not stopped yet, whoever holds them


def stop_all():
    """The last first. Whatever happens to one of them, the others are ended."""
    for made in reversed(STARTED.copy()):
        try:
            made.stop()
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            print(f"{made.name} in {made.dir} did not end: {error}")


class Server:
    """name: how tables call it. mark: in the environment of all its processes that keep theirs. settle: seconds
    after which it has done what many sessions left to be done."""

    name = "server"
    settle = 0.1

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True)
        self.dir.chmod(0o755)
        self.mark = f"POPGATE_BENCH={os.getpid()}.{secrets.token_hex(8)}"
        self.roots = []

    def begun(self):
        """Before the first process of its own: from now on it is to be stopped."""
        if self not in STARTED:
            STARTED.append(self)

    def spawn(self, *words, env=None, log="log"):
        self.begun()
        name, _, value = self.mark.partition("=")
        with open(self.dir / log, "ab") as out:
            process = subprocess.Popen([str(w) for w in words], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       cwd=self.dir, env={**os.environ, name: value, **(env or {})},
                                       start_new_session=True)  # an interrupt at the terminal is for us to pass on
        self.roots.append(process)
        return process

    def said(self):
        return " / ".join(path.read_text(errors="replace")[-1500:] for path in sorted(self.dir.glob("*log*"))
                          if path.is_file())

    def wait(self, *ports):
        for port in ports:
            until(lambda p=port: reachable(p), 20, lambda p=port: f"{self.name} at port {p}: {self.said()}")

    def pids(self):
        """Whose CPU time and memory counts."""
        return self.own()

    def own(self):
        return measure.tree([process.pid for process in self.roots if process.poll() is None], [self.mark])

    def stop(self):
        """TERM, then KILL, to what we started and what that started, by pid."""
        for process in reversed(self.roots):
            if process.poll() is None:
                process.terminate()
        end = time.monotonic() + 5
        while self.own() and time.monotonic() < end:
            for process in self.roots:
                process.poll()
            if not [p for p in self.roots if p.poll() is None]:
                self._signal(signal.SIGTERM)  # a store outlives its daemons
            time.sleep(0.05)
        self._signal(signal.SIGKILL)
        for process in self.roots:
            process.wait(5)
        if self in STARTED:
            STARTED.remove(self)

    def _signal(self, which):
        for pid in self.own():
            try:
                os.kill(pid, which)
            except ProcessLookupError:
                pass


class Sink(Server):
    """The next hop of every gate."""

    name = "sink"

    def start(self, *words):
        self.port = free_port()
        self.spawn(BUILD / "tests/bench/sink", self.port, *words)
        self.wait(self.port)
        return self

    def taken(self):
        """How many messages came so far, and how many octets of them."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as sock:
            sock.sendall(b"XCOUNT\r\nQUIT\r\n")
            text = b""
            while piece := sock.recv(1000):
                text += piece
        words = text.split(b"\n")[1].split()
        return int(words[1]), int(words[2])


class NoNames(Server):
    """The name server of every gate that asks for names."""

    name = "nonames"

    def start(self):
        self.port = free_port()
        self.spawn(BUILD / "tests/bench/nonames", self.port)
        return self
