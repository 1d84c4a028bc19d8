"""Whose password costs much takes neither processor nor thread from the others: hashes are computed by threads of their
own, and these stand back."""

import base64
import pathlib
import select

import pytest

import mail
from ports import until

NICER_BY, AT_ONCE = 10, 1  # crew.c, hashing.h
SCHED_BATCH = 3
ENDLESS = "{BLF-CRYPT}$2b$31$" + "a" * 21 + "u" + "x" * 31  # days


def threads(pid):
    """tid: (state, nice value, policy, ticks of CPU) of each; proc_pid_stat(5)."""
    def of(task):
        words = (task / "stat").read_text().rpartition(")")[2].split()
        return words[0], int(words[16]), int(words[38]), int(words[11]) + int(words[12])
    return {int(task.name): of(task) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()}


def begin_login(farm, daemon, n):
    client = (farm.pop if daemon == "pop3d" else farm.smtp)(f"127.0.9.{n + 1}")
    if daemon == "pop3d":
        assert client.says("USER cleo").startswith("+OK")
        client.send("PASS secret")
    else:
        client.send("AUTH PLAIN " + base64.b64encode(b"\0cleo\0secret").decode())
    return client


def fetch(farm):
    with farm.pop("127.0.0.3") as pop:
        assert pop.login().startswith("+OK")
        assert pop.says("STAT").startswith("+OK 1 ")
        assert pop.many("RETR 1")[1].endswith(b"whole\r\n")


def relay(farm):
    with farm.smtp("127.0.0.3") as smtp:
        assert smtp.says("AUTH PLAIN " + base64.b64encode(b"\0anna\0secret").decode()).startswith("235")


@pytest.fixture
def host(farm):
    farm.workers = 1
    farm.smtp_listener = "auth = yes"
    farm.users["cleo@example.net"] = ENDLESS
    mail.put(farm.maildir(), b"Subject: one\n\nwhole\n")
    farm.start()
    yield farm
    farm.kill_all()  # who drains waits for what has begun


@pytest.mark.parametrize("daemon, meanwhile", [("pop3d", fetch), ("smtpgate", relay)])
def test_hashes_stand_back_and_hold_up_no_file(host, daemon, meanwhile):
    worker, = host.role(daemon, "worker")
    own = threads(worker)[worker][1]

    def behind():
        return {tid: thread for tid, thread in threads(worker).items()
                if thread[1:3] == (min(own + NICER_BY, 19), SCHED_BATCH)}

    until(lambda: len(behind()) == AT_ONCE, 20, "the threads for hashes")
    crowd = [begin_login(host, daemon, n) for n in range(AT_ONCE + 2)]
    until(lambda: [state for state, _, _, ticks in behind().values() if ticks > 0] == ["R"] * AT_ONCE, 20,
          "all of them computing")
    others = {tid: thread for tid, thread in threads(worker).items() if tid not in behind()}
    assert len(others) > 1 and all(thread[1:3] == (own, 0) for thread in others.values()), others
    for _ in range(3):
        meanwhile(host)
    assert [thread[0] for thread in behind().values()] == ["R"] * AT_ONCE
    assert not select.select([client.sock for client in crowd], [], [], 0)[0], "one of them is through: nothing was shown"
    for client in crowd:
        client.close()
    meanwhile(host)
