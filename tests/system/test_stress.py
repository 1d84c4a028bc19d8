"""A store that is killed, stopped, started twice, and whose clock is stepped; readers that are killed and
stopped. What was acknowledged counts, and nobody gets a wrong answer for good."""

import ctypes
import datetime
import os
import random
import signal
import subprocess
import time

import pytest

from house import RELEASE
from ports import until
from test_story import address

SURE = ("550 5.7.1", "451")


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class Kills:
    """Ends store, workers and command line in turn, each at a moment of its own, and keeps what was
    acknowledged: grants whose command said so."""

    def __init__(self, farm):
        self.farm, self.random, self.granted, self.killed = farm, random.Random(1), set(), 0

    def victims(self, n):
        """None for the command line."""
        return [self.farm.store_pids, lambda: self.farm.children("pop3d"),
                lambda: self.farm.children("smtpgate"), lambda: None][n % 4]()

    def round(self, n):
        self.answers()
        if n % 4 == 0:
            time.sleep(0.6)  # seen alive by both supervisors: one that dies at once each time is started ever later
        victims = self.victims(n)
        grant = subprocess.Popen([self.farm.program("popgate"), "-c", self.farm.conf, "window", "grant",
                                  address(n), "--user", "anna"], env=self.farm.env(),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.random.uniform(0, 0.01))
        if victims is None:
            grant.kill()
        elif victims:
            signal_all([self.random.choice(victims)], signal.SIGKILL)
            self.killed += 1
        if grant.wait(30) == 0:
            self.granted.add(address(n))

    def answers(self):
        until(lambda: self.farm.ctl("window", "grant", "127.1.255.1", "--user", "bert").returncode == 0, 20,
              "a store that answers")

    def check(self):
        self.answers()
        rows = {row["addr"] for row in self.farm.table("window", "list")}
        assert rows >= self.granted, f"lost: {self.granted - rows}"

    def run(self, rounds):
        for n in range(rounds):
            self.round(n)
            if n % 100 == 99:
                self.check()
        self.check()
        assert len(self.granted) > rounds / 8 and self.killed > rounds / 4


@pytest.mark.release
def test_kills_of_store_workers_and_command_line_lose_nothing_acknowledged(farm):
    farm.start()
    Kills(farm).run(12)


@pytest.mark.soak
@pytest.mark.release
def test_a_thousand_kills_lose_nothing_acknowledged(farm):
    farm.start()
    Kills(farm).run(1000)


@pytest.mark.soak
def test_every_page_damaged_in_every_way():
    ran = subprocess.run([RELEASE / "tests/damage_test"], env={**os.environ, "POPGATE_SOAK": "1"},
                         capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout


def test_of_stores_started_at_once_one_stays(farm):
    farm.write()
    stores = [subprocess.Popen([farm.program("popgate-store"), "-c", farm.conf], env=farm.env(),
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(5)]
    until(lambda: sum(store.poll() is None for store in stores) == 1, 20, "one store left")
    until(lambda: farm.ctl("window", "stats").returncode == 0, 15, "it answering")
    left, = (store for store in stores if store.poll() is None)
    assert all(store.returncode == 75 for store in stores if store is not left)
    assert farm.ctl("window", "grant", "127.0.0.9", "--user", "anna").returncode == 0
    left.terminate()
    assert left.wait(10) == 0
    for store in stores:
        store.stderr.close()


@pytest.mark.release
def test_a_store_that_hangs_is_killed_and_replaced(farm, hop):
    farm.relay_to = hop.uri
    farm.start()
    assert farm.login("127.0.1.1").startswith("+OK")
    hung = farm.store_pid()
    os.kill(hung, signal.SIGSTOP)
    until(lambda: farm.relay_reply("127.0.1.9").startswith("451 4.3.0"), 20, "no no from an old view")
    event = farm.wait_event("store.hung", 40)
    assert event["store"] == str(hung) and event["killed"] == "true"
    until(lambda: farm.store_pids() not in ([], [hung]), 20, "another store")
    until(lambda: farm.relay_reply("127.0.1.9").startswith("550 5.7.1"), 20, "a no that is sure")
    assert farm.relay_reply("127.0.1.1").startswith("250")


@pytest.mark.release
def test_a_gate_that_slept_two_lifetimes_relays_for_nobody_who_has_left(farm, hop):
    farm.lifetime, farm.slack, farm.relay_to = "2s", "0s", hop.uri
    farm.start()
    with farm.smtp("127.0.1.1") as early, farm.smtp("127.0.1.2") as late:
        assert farm.login("127.0.1.1").startswith("+OK")
        workers = farm.role("smtpgate", "worker")
        signal_all(workers, signal.SIGSTOP)
        time.sleep(4.5)  # two lifetimes: nothing to be awaited but the time
        early.send("MAIL FROM:<anna@example.net>")
        signal_all(workers, signal.SIGCONT)
        assert early.reply().startswith("250")
        assert early.says("RCPT TO:<bob@else.test>").startswith(SURE)
        assert farm.login("127.0.1.2").startswith("+OK")
        assert late.mail("anna@example.net", "bob@else.test")[-1].startswith("250")


class Clock:
    """What time it is for the processes of a farm, by libfaketime; timers go on as they are."""

    def __init__(self, farm):
        self.path = farm.dir / "state" / "clock"  # where the sandboxes let them read
        self.step(0)
        farm.environment.update(LD_PRELOAD="/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
                                FAKETIME_TIMESTAMP_FILE=str(self.path), FAKETIME_NO_CACHE="1",
                                FAKETIME_DONT_FAKE_MONOTONIC="1", FAKETIME_DONT_RESET="1",
                                DONT_FAKE_MONOTONIC="1")

    def step(self, seconds):
        beside = self.path.with_suffix(".new")
        beside.write_text(f"{seconds:+d}")
        os.replace(beside, self.path)


@pytest.mark.release
def test_a_clock_that_is_stepped_back_and_forth(farm, hop):
    farm.relay_to = hop.uri
    clock = Clock(farm)
    farm.start()
    seen = datetime.datetime.fromisoformat(farm.events("config.loaded")[-1]["ts"].rstrip("Z"))
    assert abs((seen - datetime.datetime.utcnow()).total_seconds()) < 60
    assert farm.login("127.0.1.1").startswith("+OK")
    clock.step(1200)
    until(lambda: farm.login("127.0.1.2") and farm.relay_reply("127.0.1.2").startswith("250"), 15,
          "a login in the future")
    assert farm.relay_reply("127.0.1.1").startswith("250"), "37 minutes have not gone by"
    clock.step(0)
    assert farm.wait_event("store.clock", 15)["level"] == "error"
    until(lambda: farm.login("127.0.1.3") and farm.relay_reply("127.0.1.3").startswith("250"), 15,
          "a login in the past")
    assert farm.ctl("window", "revoke", "127.0.1.3").returncode == 0
    until(lambda: farm.relay_reply("127.0.1.3").startswith("550"), 15, "a revocation in the past")
    for source in ("127.0.1.1", "127.0.1.2"):
        assert farm.relay_reply(source).startswith("250")
    clock.step(7200)
    until(lambda: farm.relay_reply("127.0.1.1").startswith("550"), 15, "the window being over")
    assert not farm.relay_reply("127.0.1.2").startswith("250")
    clock.step(-7200)
    until(lambda: farm.login("127.0.1.4") and farm.relay_reply("127.0.1.4").startswith("250"), 20,
          "a login long ago")


class StuckReader:
    """Another program that reads the view and never comes to an end of it."""

    RDONLY = 0x20000

    def __init__(self, view):
        lmdb = ctypes.CDLL("liblmdb.so.0")
        env, txn = ctypes.c_void_p(), ctypes.c_void_p()
        lmdb.mdb_env_set_maxreaders.argtypes = [ctypes.c_void_p, ctypes.c_uint]
        lmdb.mdb_env_open.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint]
        lmdb.mdb_txn_begin.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p]
        assert lmdb.mdb_env_create(ctypes.byref(env)) == 0
        assert lmdb.mdb_env_set_maxreaders(env, 510) == 0
        assert lmdb.mdb_env_open(env, str(view).encode(), self.RDONLY, 0o640) == 0
        assert lmdb.mdb_txn_begin(env, None, self.RDONLY, ctypes.byref(txn)) == 0


@pytest.mark.soak
@pytest.mark.release
def test_a_reader_that_is_stuck_is_reported_and_left_with_the_old_view(farm):
    farm.start()
    farm.login("127.0.1.1")
    before = os.readlink(farm.dir / "state/view")
    child = os.fork()
    if child == 0:
        try:
            StuckReader(farm.dir / "state" / before)
            signal.pause()
        finally:
            os._exit(1)
    try:
        event = farm.wait_event("store.reader_stuck", 30)
        assert event["reader"] == str(child) and event["replaced"] == "false"
        farm.wait_event("store.reader_stuck", 40, replaced="true")
        until(lambda: os.readlink(farm.dir / "state/view") != before, 10, "a new view")
        assert {row["addr"] for row in farm.table("window", "list")} == {"127.0.1.1"}
        assert farm.login("127.0.1.2").startswith("+OK")
        until(lambda: not farm.relay_reply("127.0.1.2").startswith(SURE), 10, "the gate reading it")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
