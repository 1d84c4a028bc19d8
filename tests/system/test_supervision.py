"""Workers killed and configs reloaded under load. What is promised: no connect is refused or reset, what was
answered 250 is at the next hop exactly once, and nothing is there twice. Only the sessions of a killed worker
break off."""

import os
import pathlib
import random
import re
import resource
import signal
import threading
import time

import pytest

import mail
from ports import until
from test_processes import refuses

pytestmark = pytest.mark.release


class Load:
    """Clients that check every reply, each with a maildrop and an address of its own, until told to stop."""

    def __init__(self, farm, clients=3):
        self.farm, self.over = farm, threading.Event()
        self.refused, self.wrong, self.broken, self.resets = [], [], 0, 0
        self.sent, self.logins, self.tried = set(), 0, 0
        self.lock = threading.Lock()
        for n in range(clients):
            farm.users[f"user{n}@example.net"] = "{PLAIN}secret"
        self.threads = [threading.Thread(target=self.loop, args=(session, n))
                        for n in range(clients) for session in (self.pop, self.smtp)]

    def loop(self, session, n):
        while not self.over.is_set():
            try:
                session(n)
            except ConnectionRefusedError as error:
                self.refused.append(repr(error))
            except ConnectionResetError:
                self.resets += 1
                self.broken += 1
            except (OSError, AttributeError, IndexError):
                self.broken += 1  # None for a line is the end of input
            except AssertionError as error:
                self.wrong.append(str(error))

    def pop(self, n):
        with self.farm.pop(f"127.0.8.{n + 1}") as talk:
            if talk.greeting is None:
                raise OSError("ended")
            assert talk.greeting.startswith("+OK"), talk.greeting
            talk.says(f"USER user{n}")
            answer = talk.says("PASS secret")
            assert answer is None or answer.startswith(("+OK", "-ERR [IN-USE]", "-ERR [SYS/TEMP]")), answer
            self.logins += answer is not None and answer.startswith("+OK")
            talk.says("QUIT")

    def smtp(self, n):
        with self.lock:
            self.tried += 1
            name = f"letter-{self.tried}-"
        with self.farm.smtp(f"127.0.8.{n + 101}") as talk:
            answers = talk.mail("x@else.test", f"user{n}@example.net")
            assert answers[-1].startswith(("250", "451", "421")), answers
            if answers[-1].startswith("250"):
                answer = talk.data(b"Subject: %s\r\n\r\n%s\r\n" % (name.encode(), b"x" * 3000))
                assert answer is None or answer.startswith(("250", "451", "421")), answer
                if answer and answer.startswith("250"):
                    with self.lock:
                        self.sent.add(name)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def check(self, hop):
        self.check_letters([message.body for message in hop.taken()])

    def check_letters(self, letters):
        there = [re.search(rb"letter-\d+-", letter).group().decode() for letter in letters]
        assert not self.refused and not self.wrong, (self.refused[:3], self.wrong[:3])
        assert len(there) == len(set(there)), "a message is there twice"
        assert self.sent <= set(there), f"answered 250 and lost: {self.sent - set(there)}"


def serves(pid):
    """A worker, or the deliver role; not what a supervisor starts for a moment."""
    try:
        return b"--child" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def kill_workers(farm, seconds, reload_every=None):
    """One worker of one daemon every 50 ms."""
    choice, end, killed = random.Random(1), time.monotonic() + seconds, 0
    reloaded = time.monotonic()
    while time.monotonic() < end:
        name = choice.choice(("pop3d", "smtpgate"))
        workers = [pid for pid in farm.children(name) if serves(pid)]
        if workers:
            killed += 1
            try:
                os.kill(choice.choice(workers), signal.SIGKILL)
            except ProcessLookupError:
                pass
        if reload_every and time.monotonic() - reloaded > reload_every:
            reloaded = time.monotonic()
            farm.reload("pop3d")
            farm.reload("smtpgate")
        time.sleep(0.05)
    return killed


def under_fire(farm, hop, seconds, reload_every=None):
    farm.deliver_to = farm.relay_to = hop.uri
    load = Load(farm)
    farm.start()
    with load:
        killed = kill_workers(farm, seconds, reload_every)
        quiet = len(load.sent), load.logins
        until(lambda: len(load.sent) > quiet[0] + 20 and load.logins > quiet[1] + 20, 30,
              "mail and logins going on")
    load.check(hop)
    assert killed > seconds
    farm.may_report = True
    print(f"{killed} kills, {len(load.sent)} messages, {load.logins} logins, {load.broken} broken off")


def test_workers_killed_every_50_ms_cost_no_connect_and_no_message(farm, hop):
    under_fire(farm, hop, 3)


@pytest.mark.parametrize("kills", [True, False])
def test_the_deliver_role_under_fire_loses_and_doubles_nothing(farm, kills):
    """Killed like any worker; and reloaded each second, which costs nobody anything."""
    load = Load(farm)
    farm.start()
    with load:
        if kills:
            kill_workers(farm, 4, reload_every=1)
        else:
            for n in range(1, 5):
                farm.reload("smtpgate")
                until(lambda n=n: len(load.sent) > 10 * n, 30, "mail being delivered")
        quiet = len(load.sent)
        until(lambda: len(load.sent) > quiet + 20, 60, "mail being delivered again")
    load.check_letters([path.read_bytes() for path in (farm.dir / "mail").rglob("*")
                        if path.is_file() and path.parent.name in ("new", "cur")])
    assert kills or load.broken == 0
    farm.may_report = True
    print(f"{len(load.sent)} messages delivered, {load.broken} broken off")


@pytest.mark.soak
def test_a_minute_of_kills_and_a_reload_each_second(farm, hop):
    under_fire(farm, hop, 60, reload_every=1)


def test_a_reload_each_second_breaks_nothing_at_all(farm, hop):
    farm.deliver_to = farm.relay_to = hop.uri
    load = Load(farm)
    farm.start()
    with load:
        for n in range(1, 5):
            farm.reload("pop3d")
            farm.reload("smtpgate")
            time.sleep(1)
            until(lambda n=n: len(load.sent) > 5 * n and load.logins > 5 * n, 30, "mail and logins going on")
    load.check(hop)
    assert load.broken == 0


def test_sigterm_within_an_update_still_deletes_all(farm):
    farm.start("pop3d")
    for n in range(400):
        mail.put(farm.maildir(), b"Subject: %d\n\nx\n" % n)
    with farm.pop() as pop:
        assert pop.login().startswith("+OK")
        pop.send(b"".join(b"DELE %d\r\n" % (n + 1) for n in range(400)) + b"QUIT\r\n")
        assert pop.line().startswith("+OK")  # the first is deleted, the others are on their way
        farm.running["pop3d"].terminate()
        answers = [pop.line() for _ in range(400)]
        assert all(answer.startswith("+OK") for answer in answers), answers[-1]
    assert farm.end("pop3d") == 0
    assert mail.files(farm.maildir()) == []


def test_a_worker_that_dies_at_its_first_step_is_no_fork_bomb(farm):
    """Here a signal comes as soon as it is there."""
    farm.start("pop3d")
    pid = farm.pid("pop3d")
    born = set()
    end = time.monotonic() + 4
    while time.monotonic() < end:
        for worker in farm.role("pop3d", "worker"):
            born.add(worker)
            try:
                os.kill(worker, signal.SIGSEGV)
            except ProcessLookupError:
                pass
    assert 4 < len(born) < 40, f"{len(born)} workers in 4 s"
    assert farm.pid("pop3d") == pid
    until(lambda: farm.login().startswith("+OK"), 30, "a worker that is left alone serving")
    assert not refuses(farm.pop_port)
    farm.may_report = True


def test_more_clients_than_descriptors_are_told_so(farm):
    """The limit of open files lies far below max_connections: those above it hear why."""
    farm.workers = 1
    farm.pop3d = farm.smtpgate = "max_connections_per_address = 10000"
    farm.write()
    for name, dial, full, count in (("pop3d", farm.pop, "-ERR", 140), ("smtpgate", farm.smtp, "421", 140)):
        process = farm.spawn(name)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (200, 200))
        farm.ready(name)
        farm.reload(name)
        lowered = farm.wait_event("limits.lowered", prog=name)
        assert lowered["level"] == "warn"
        more = {"hello": None} if name == "smtpgate" else {}
        until(lambda: held_open(dial, more, full, count), 20, "each client being answered")


def held_open(dial, more, full, count):
    held = [dial("127.0.0.77", **more) for _ in range(count)]
    greetings = [talk.greeting for talk in held]
    for talk in held:
        talk.close()
    assert None not in greetings, "somebody was closed without a word"
    return any(g.startswith(full) for g in greetings) and any(not g.startswith(full) for g in greetings)
