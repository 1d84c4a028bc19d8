"""The bench: its directory, the contenders it starts when they are asked for, and what figures do with them."""

import contextlib
import math
import os
import pathlib
import subprocess
import tempfile
import time

import gates
import material
import measure
from tuned_dovecot import Dovecot
from ours import Ours
from program import running, undisturbed
from server import BUILD, Sink, files_limit, stop_all

SCALES = {"full": 1.0, "quick": 0.2, "tiny": 0.004}
SETTLE = 0.1  # seconds in which a server may end what the last session began
HAMMER = BUILD / "tests/bench/hammer"


def words(line):
    """NAME=VALUE pairs as numbers."""
    return {name: float(value) for name, _, value in (word.partition("=") for word in line.split())}


def room():
    """How many connections may be held at a time: pop3d reckons with five descriptors each, and the kernel does not
    share connections out evenly; the generator wants one for each."""
    return min(files_limit() - 200, os.cpu_count() * (files_limit() - 200) // 5 * 4 // 5)


def remove(directory):
    """rm(1): there may be a hundred thousand files."""
    subprocess.run(["rm", "-rf", directory], stdin=subprocess.DEVNULL, check=False)


class Bench:
    def __init__(self, scale, directory=None):
        self.scale = scale
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="popgate-bench.", dir=directory))
        self.dir.chmod(0o755)
        self.running, self.seen, self.numbers, self.started = {}, set(), {}, 0
        self.sink = None
        self.accounts = material.Accounts(*{"full": (1000, 2600), "quick": (1000, 300), "tiny": (64, 60)}[scale])
        self.makers = {
            "popgate": lambda d: self._ours(d, "p256"), "popgate-rsa": lambda d: self._ours(d, "rsa"),
            "dovecot": lambda d: self._dovecot(d, "p256"), "dovecot-rsa": lambda d: self._dovecot(d, "rsa"),
            "nginx": lambda d: gates.Nginx(d, self.sink, self._pop_sink(), material.certificate(self.dir, "p256")),
            "haproxy": lambda d: gates.Haproxy(d, self.sink),
            "postfix": lambda d: gates.Postfix(d, self.sink, self.contender("dovecot"))}

    # -- contenders

    def _ours(self, directory, certificate):
        made = Ours(directory, self.mail_of("ours"), self.sink, certificate)
        made.mail.users()
        return made

    def _dovecot(self, directory, certificate):
        made = Dovecot(directory, self.mail_of("dovecot", "nobody"), certificate)
        made.mail.users()
        return made

    def _pop_sink(self):
        if "pop-sink" not in self.running:
            self.running["pop-sink"] = Sink(self.dir / "pop-sink").start("pop3")
        return self.running["pop-sink"]

    def mail_of(self, whose, owner=None):
        key = f"mail-{whose}"
        if key not in self.running:
            self.running[key] = material.Mail(self.dir / key, self.accounts, owner)
        return self.running[key]

    def start(self, name):
        """One more of that name, which the caller stops."""
        if self.sink is None:
            self.sink = Sink(self.dir / "sink").start()
        self.started += 1
        made = self.makers[name](self.dir / f"{name}.{self.started}")
        made.name = name
        try:
            return made.start()
        except BaseException:
            made.stop()
            raise

    def contender(self, name):
        """The one that stays until the bench ends."""
        if name not in self.running:
            self.running[name] = self.start(name)
        return self.running[name]

    @contextlib.contextmanager
    def fresh(self, name):
        made = self.start(name)
        try:
            yield made
        finally:
            made.stop()
            remove(made.dir)

    def stop(self, keep=False):
        with undisturbed():
            stop_all()
            if keep:
                print(f"kept: {self.dir}")
            else:
                remove(self.dir)

    def close(self):
        self.stop()

    # -- what a figure may ask

    def count(self, s, n):
        """How many of n sessions this run makes; peers, which take longer, get fewer."""
        return max(math.ceil(n * SCALES[self.scale] / (1 if s.name.startswith("popgate") else 4)), 1)

    def messages(self):
        return {"full": 500, "quick": 200, "tiny": 10}[self.scale]

    def paced(self):
        """Sessions of a figure whose sessions begin at 100 a second."""
        return {"full": 1000, "quick": 200, "tiny": 10}[self.scale]

    def heap(self):
        return {"full": 20000, "quick": 20000, "tiny": 50}[self.scale]

    def first_time(self, s, what):
        new = (s.dir, what) not in self.seen
        self.seen.add((s.dir, what))
        return new

    def take(self, s, n, what):
        """The first of n numbers that nothing asked for yet."""
        at = self.numbers.get((s.dir, what), 0)
        self.numbers[(s.dir, what)] = at + n
        return at

    def unseen(self, s, n):
        """n accounts with a hash whose password was not verified yet."""
        at = self.take(s, n, "hashed") + 32  # the first are those that come again
        assert at + n <= self.accounts.hashed, "all accounts with a hash have been seen; run fewer rounds"
        return at

    def grant(self, s, first):
        """The window for all addresses that messages come from, by logins."""
        if s.grants:
            self.hammer("pop3", s.pop, max(self.count(s, 6000), 400), first=first, sources=0,
                        users=self.accounts.users)

    def hammer(self, script, port, n, **options):
        answer = subprocess.run([HAMMER, script, str(port), str(n), *(f"{k}={v}" for k, v in options.items())],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200)
        assert answer.returncode == 0, f"hammer {script}: {answer.stderr}{answer.stdout}"
        return words(answer.stdout.splitlines()[-1])

    def load(self, s, script, port, n, fresh=False, same=False, least=1, **options):
        """Plays n sessions (as many as the scale says; same: exactly) and gives what hammer said, server_ms, and
        warmed. fresh: from addresses that have not logged in yet. Before the first of a kind some (warmed) are played
        that do not count, so that processes are there and files in the cache."""
        n = n if same and self.scale != "tiny" else max(self.count(s, n), least)
        options.setdefault("users", self.accounts.users)
        options.setdefault("at", 32)
        warmed = self._warming(s, script, port, n, options) if not same else 0
        if warmed:
            self.hammer(script, port, warmed, **(options | self._from(s, warmed, fresh)))
        options |= self._from(s, n, fresh)
        pids = s.pids()
        before = measure.cpu_ms(pids)
        result = self.hammer(script, port, n, **options)
        time.sleep(s.settle if self.scale == "full" and n >= 1000 else SETTLE)
        result["warmed"] = warmed
        result["server_ms"] = measure.cpu_ms(sorted(set(pids) | set(s.pids()))) - before
        return result

    def _warming(self, s, script, port, n, options):
        """How many sessions do not count: before the first of a kind. With maildrops it is one of each subscriber or
        more, for a server makes indexes and locks at the first visit."""
        if not self.first_time(s, f"{script} {port} {options.get('user')}"):
            return 0
        visits = options["users"] + options["at"] if script == "pop3" else 0
        return max(min(n, 400), options["at"], visits)

    def warm(self, s):
        """For a figure whose own sessions all count: plain logins before the first of them."""
        options = {"users": self.accounts.users, "at": 32}
        n = self._warming(s, "pop3", s.pop, 1, options)
        if n:
            self.hammer("pop3", s.pop, n, **(options | self._from(s, n, True)))

    def _from(self, s, n, fresh):
        """Where sessions come from."""
        return {"first": self.take(s, n, "addresses"), "sources": 0} if fresh else {}

    def held(self, s, script, port, n, **options):
        """kB of each of n connections that do nothing (quick: half as many; fewer say more about what is there
        once)."""
        n = min({"full": n, "quick": n // 2, "tiny": 8}[self.scale], room())
        options.setdefault("users", self.accounts.users)
        self.hammer(script.replace("-held", "-idle"), port, 16, at=16, **options)  # what is made once, is made now
        before = measure.pss_kb(s.pids())
        words = [HAMMER, script, port, n, f"at={n}", "opening=16", "first=1000", *(f"{k}={v}" for k, v in options.items())]
        with running(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            line = process.stdout.readline().strip()
            assert line == f"held={n}", f"hammer {script}: {line}"
            kb = max(measure.pss_kb(s.pids()) - before, 1)  # of a few, nothing may be seen
            process.communicate("", timeout=60)
            assert process.returncode == 0, f"{s.name} dropped connections that were held"
        return kb / n, f"{n} held"

    def logged_in_before(self, s, n):
        """Each worker has seen each of n subscribers: once for the size caches to be written, and often enough for
        nearly all of them when these are no longer new."""
        self.hammer("pop3", s.pop, n, first=1000, users=self.accounts.users)
        time.sleep(3)
        self.hammer("pop3", s.pop, 6 * n, first=1000, users=self.accounts.users, sources=n)

    def grants(self, s, n, lookups):
        """Figures of grants at the store's socket, and of lookups afterwards."""
        n = max(int(n * SCALES[self.scale]), 100)
        answer = subprocess.run([HAMMER, "grants", s.dir / "run", s.dir / "state", str(n),
                                 f"lookups={min(lookups, n)}"], stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, timeout=300)
        assert answer.returncode == 0, f"hammer grants: {answer.stderr}{answer.stdout}"
        return [words(line) for line in answer.stdout.splitlines()]
