"""Many clients, slow ones, ones that never read, ones that vanish: nobody else notices."""

import itertools
import socket

import pytest

import mail
from ports import until
from talk import Pop

SOURCE, OTHER = "127.0.12.1", "127.0.12.2"
BIG = 200_000_000


def sources():
    """Loopback addresses, each as often as a client address may connect by default."""
    for a, b in itertools.product(range(1, 250), range(1, 250)):
        yield from itertools.repeat(f"127.20.{a}.{b}", 50)


def serves(farm):
    """A newcomer is served from greeting to QUIT."""
    with farm.pop(OTHER) as pop:
        assert pop.login("bert").startswith("+OK")
        assert pop.says("STAT").startswith("+OK ")
        assert pop.says("QUIT").startswith("+OK")


def reset(pop):
    """Hangs up with a RST instead of a FIN."""
    pop.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    pop.close()


def hold(farm, number):
    return [farm.pop(source) for source in itertools.islice(sources(), number)]


def test_2000_connections_are_held_and_others_served(farm):
    farm.start("pop3d")
    held = hold(farm, 2000)
    assert all(pop.greeting.startswith("+OK") for pop in held)
    serves(farm)
    for pop in held[::7]:
        pop.send("CAPA")
    for pop in held[::7]:
        assert pop.line().startswith("+OK")
    for pop in held:
        pop.close()
    serves(farm)


@pytest.mark.release
def test_a_held_connection_costs_little_memory(farm):
    farm.workers = 1
    farm.start("pop3d")
    worker = farm.role("pop3d", "worker")[0]
    for pop in hold(farm, 200):  # whatever is made once, is made now
        pop.close()
    serves(farm)
    before = farm.memory(worker)
    held = hold(farm, 1500)
    assert farm.memory(worker) - before < 1500 * 4000
    for pop in held:
        pop.close()


def big(farm):
    """A message of 200 MB that takes no room on the disk; its size stands in its name."""
    path = mail.put(farm.maildir(), b"Subject: big\n\n", f"1700000000.M1P1.host,W={BIG + 3}")
    with open(path, "r+b") as file:
        file.truncate(BIG)
        file.seek(BIG - 1)
        file.write(b"\n")


def never_reads(farm, check):
    """Asks for it and does not read; check() meanwhile."""
    farm.workers = 1
    big(farm)
    farm.start("pop3d")
    with farm.pop(SOURCE) as pop:
        pop.login()
        size = int(pop.says("LIST 1").split()[2])
        pop.send("RETR 1")
        assert pop.line().startswith("+OK")
        check()
        for _ in range(5):
            serves(farm)
        got, ended = 0, b""
        while not ended.endswith(b"\n.\r\n"):
            piece = pop.file.read1(1 << 20)
            assert piece, "it ended early"
            got, ended = got + len(piece), (ended + piece)[-4:]
        assert got == size + 3
        assert pop.says("QUIT").startswith("+OK")


@pytest.mark.soak
def test_a_client_that_does_not_read_200_mb_holds_nobody_up(farm):
    never_reads(farm, lambda: None)


@pytest.mark.release
def test_a_client_that_does_not_read_200_mb_costs_no_memory(farm):
    def check():
        worker = farm.role("pop3d", "worker")[0]
        serves(farm)
        assert farm.memory(worker) < 10_000_000

    never_reads(farm, check)


def test_a_client_that_never_reads_is_cut_in_the_end(farm):
    farm.pop3d = 'idle_timeout = "1s"'
    big(farm)
    farm.start("pop3d")
    with farm.pop(SOURCE) as pop:
        pop.login()
        pop.send("RETR 1")
        assert farm.wait_event("pop3.logout", 20)["reason"] == "idle"


def test_slow_senders_are_heard_out_octet_by_octet(farm):
    farm.start("pop3d")
    says = b"USER nobody\r\nNOOP\r\nCAPA\r\nQUIT\r\n"
    slow = [farm.pop(source) for source in itertools.islice(sources(), 150)]
    for at in range(len(says)):
        for pop in slow:
            pop.send(says[at:at + 1])
        if at % 8 == 0:
            serves(farm)
    for pop in slow:
        assert [pop.line()[:4] for _ in range(3)] == ["+OK ", "-ERR", "+OK "]
        assert pop.ended()
        pop.close()


MOMENTS = {  # what was said before the reset, and whether an answer was waited for
    "greeted": (b"", False),
    "in USER": (b"USER an", False),
    "in PASS": (b"USER anna\r\nPASS secret\r\n", False),
    "in AUTH": (b"AUTH PLAIN\r\n", True),
    "in RETR": (b"RETR 1\r\n", True),
    "in UPDATE": (b"DELE 1\r\nRSET\r\nQUIT\r\n", True),
}


def test_a_reset_in_the_middle_leaves_nothing_behind(farm):
    farm.workers = 1
    mail.put(farm.maildir(), mail.large(3_000_000))
    farm.start("pop3d")
    worker = farm.role("pop3d", "worker")
    for when, (says, waits) in list(MOMENTS.items()) * 15:
        with Pop(farm.pop_port, SOURCE) as pop:
            if when in ("in RETR", "in UPDATE"):
                until(lambda p=pop: p.login().startswith("+OK"), 10, "the lock of the one before")
            pop.send(says)
            if waits:
                assert pop.line().startswith("+")
            reset(pop)
    until(lambda: farm.login(SOURCE).startswith("+OK"), 10, "the lock being free")
    assert farm.role("pop3d", "worker") == worker
    assert len(mail.files(farm.maildir())) == 1


STATES = {
    "greeted": [], "in AUTHORIZATION": ["CAPA"], "behind USER": ["USER anna"], "in half a line": [b"US"],
    "in AUTH": ["AUTH PLAIN"], "in TRANSACTION": ["USER anna", "PASS secret", "DELE 1"],
    "in half a QUIT": ["USER anna", "PASS secret", "DELE 1", b"QUIT"],
}


def test_silence_ends_the_session_in_every_state_without_a_word(farm):
    farm.pop3d = 'idle_timeout = "1s"'
    farm.users |= {f"u{n}@example.net": "{PLAIN}secret" for n in range(len(STATES))}
    for n in range(len(STATES)):
        mail.put(farm.maildir(f"u{n}"), b"Subject: x\n\nx\n")
    farm.start("pop3d")
    talks = []
    for n, says in enumerate(STATES.values()):
        pop = farm.pop(SOURCE)
        talks.append(pop)
        for command in says:
            pop.send(command.replace("anna", f"u{n}") if isinstance(command, str) else command)
            if isinstance(command, str):
                assert pop.line().startswith("+")
            if command == "CAPA":
                while pop.line() != ".":
                    pass
    for pop in talks:
        assert pop.file.read() == b"", "something was said"
        pop.close()
    for n in range(len(STATES)):
        assert len(mail.files(farm.maildir(f"u{n}"))) == 1, "silence deleted a message"
