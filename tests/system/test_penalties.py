"""Wrong passwords make the next login wait: counted by all workers of both daemons together, the same one
once, and never for who is at home."""

import base64
import crypt
import socket
import time

import pytest

from ports import until

RULES = 'penalty {{ free = {free} max = "1s" decay = "1h" }}'
HOME, AWAY = "127.0.0.6", "127.0.0.7"


@pytest.fixture
def strict(farm):
    farm.more = RULES.format(free=2)
    return farm


def wrong(farm, source, password, user="anna"):
    assert farm.login(source, user, password).startswith("-ERR")


def delays(farm, source):
    return farm.events("login.delayed", addr=source)


def fail_until_delayed(farm, source, user="anna"):
    """Other wrong passwords until one has to wait, which it does once the store has counted."""
    tried = []

    def once():
        tried.append(f"wrong{len(tried)}")
        wrong(farm, source, tried[-1], user)
        return delays(farm, source)

    until(once, 20, "a wrong password that has to wait")
    return len(tried)


def test_wrong_passwords_are_counted_by_all_workers_and_outlive_a_store(strict):
    strict.start("pop3d")
    assert fail_until_delayed(strict, AWAY) > 2

    def both():
        """Which of them hears a client is the kernel's choice."""
        wrong(strict, AWAY, f"further{time.monotonic_ns()}")
        return len({line["pid"] for line in delays(strict, AWAY)}) == 2

    until(both, 60, "each worker counting what the other saw, too")
    strict.end_store()
    until(strict.store_pids, 15, "a new store")
    until(lambda: strict.ctl("window", "stats").returncode == 0, 15, "the new store's view")
    before = len(delays(strict, AWAY))
    assert strict.login(AWAY).startswith("+OK"), "a right one waits, too, and is right"
    assert len(delays(strict, AWAY)) == before + 1
    assert delays(strict, AWAY)[-1]["only_if_wrong"] == "false"


def test_a_subscriber_at_home_does_not_wait_for_what_others_did(strict):
    strict.start("pop3d")
    assert strict.login(HOME).startswith("+OK")
    fail_until_delayed(strict, AWAY)
    assert strict.login(HOME).startswith("+OK")
    assert delays(strict, HOME)[-1]["only_if_wrong"] == "true"
    assert strict.login("127.0.0.8").startswith("+OK")
    assert delays(strict, "127.0.0.8")[-1]["only_if_wrong"] == "false", "anna is guessed at, from anywhere"
    assert strict.login("127.0.0.9", "bert").startswith("+OK")
    assert not delays(strict, "127.0.0.9"), "nobody guesses at bert"


def test_the_password_of_a_forgotten_device_counts_once(strict):
    strict.start("pop3d")
    for _ in range(12):
        wrong(strict, AWAY, "of-last-year")
    assert strict.login(AWAY).startswith("+OK")
    assert not delays(strict, AWAY)


def report(farm, source, user, times):
    """As a worker reports wrong passwords that it cannot tell apart, in a packet each."""
    address = bytes(10) + b"\xff\xff" + socket.inet_aton(source)
    packet = bytes([2, 4]) + bytes(8) + address + bytes(8) + bytes([len(user)]) + user.encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as store:
        store.connect(str(farm.dir / "run/store.sock"))
        for _ in range(times):
            store.send(packet)
    assert farm.ctl("window", "grant", "192.0.2.99", "--user", user).returncode == 0, "behind them in line"


def test_nobody_else_is_held_up_while_one_waits(strict):
    strict.workers, strict.drain_timeout = 1, "1s"  # hanging up does not shorten the wait
    strict.more = 'penalty { free = 0 max = "60s" decay = "1h" }'
    strict.start("pop3d")
    report(strict, AWAY, "anna@example.net", 20)
    with strict.pop(AWAY) as guesser:
        guesser.says("USER anna")
        guesser.send("PASS secret\r\n")
        strict.wait_event("login.delayed", addr=AWAY, ms=60000)
        assert strict.login("127.0.0.9", "bert").startswith("+OK")
        assert not strict.events("pop3.login", user="anna@example.net")


def test_both_daemons_count_together(strict):
    strict.smtp_listener = "auth = yes"
    strict.start()

    def authenticate(password):
        proof = base64.b64encode(b"\0anna\0" + password.encode()).decode()
        with strict.smtp(AWAY) as smtp:
            answer = smtp.says(f"AUTH PLAIN {proof}")
            smtp.says("QUIT")
            return answer

    tried = iter(range(100))

    def once():
        assert authenticate(f"guess{next(tried)}").startswith("535")
        return delays(strict, AWAY)

    until(once, 20, "a wait in the gate")
    before = len(delays(strict, AWAY))
    assert strict.login(AWAY).startswith("+OK")
    assert len(delays(strict, AWAY)) == before + 1
    assert delays(strict, AWAY)[-1]["prog"] == "pop3d"


def test_a_second_login_with_a_costly_hash_is_not_hashed_again(farm):
    """By no worker, and not after a reload either; but for another password, and for a changed account."""
    def took(password="secret"):
        start = time.monotonic()
        answer = farm.login(AWAY, password=password)
        return time.monotonic() - start, answer[:3]

    costly = crypt.crypt("secret", "$6$rounds=800000$saltstring")
    farm.users["anna@example.net"] = "{SHA512-CRYPT}" + costly
    farm.start("pop3d")
    first, answer = took()
    assert answer == "+OK"
    assert all(took()[1] == "+OK" for _ in range(4))
    assert min(took()[0] for _ in range(4)) < first / 4
    farm.reload("pop3d")
    farm.wait_event("config.loaded", generation=1)
    assert min(took()[0] for _ in range(4)) < first / 4
    slow, answer = took("Secret")
    assert answer == "-ER" and slow > first / 4
    assert took()[1] == "+OK", "verified again after a failure"
