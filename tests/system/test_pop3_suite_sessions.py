"""POP3 judged from outside: sessions. The greeting, bytes that arrive in pieces, how a session may end and
what that deletes, one session a maildrop, what failures and capabilities say. RFC 1939 3 to 8, RFC 2449."""

import random
import re
import socket
import struct

import pytest

from pop3_host import LETTERS, running
from pop3_wire import END, MANY
from ports import until


@pytest.fixture(scope="module")
def host():
    with running() as made:
        yield made


@pytest.fixture
def box(host):
    return host.box().fill()


def next_stat(box):
    """STAT of the next session, once the last one has ended."""
    def ask():
        with box.greeted() as wire:
            return wire.login(box.name).startswith(b"+OK") and wire.says("STAT")

    return until(ask, 10, "the next session")


# -- greeting, RFC 1939 4

def test_the_greeting_is_one_line_and_nothing_follows(host, box):
    with box.wire() as wire:
        assert wire.reply().startswith(b"+OK")
        assert wire.says("QUIT").startswith(b"+OK") and wire.ended()


def test_who_speaks_before_the_greeting_is_heard_after_it(host, box):
    with box.wire() as wire:
        wire.send(f"USER {box.name}\r\nPASS secret\r\nSTAT\r\nQUIT\r\n".encode())
        answers = [wire.reply() for _ in range(5)]
        assert all(answer.startswith(b"+OK") for answer in answers) and wire.ended()


def test_the_greeting_tells_no_version(host, box):
    with box.wire() as wire:
        assert not re.search(rb"\d+\.\d+\.\d+|linux|debian|root", wire.reply().lower())


# -- pieces: the same session however its octets arrive

SESSION = (b"USER %s\r\nPASS secret\r\nSTAT\r\nLIST\r\nTOP 2 1\r\nDELE 1\r\nX\r\nRETR 2\r\n"
           b"UIDL 3\r\nQUIT\r\n")
ANSWERS = ("+OK", "+OK", "+OK 3 ", MANY, MANY, "+OK", "-ERR", MANY, "+OK 3 ", "+OK", END)


def in_pieces(box, pieces):
    with box.greeted() as wire:
        for piece in pieces:
            wire.send(piece)
        wire.run([(b"", *ANSWERS)])
    assert box.left() == 2


def test_one_octet_at_a_time(host, box):
    whole = SESSION % box.name.encode()
    in_pieces(box, [whole[i:i + 1] for i in range(len(whole))])


@pytest.mark.parametrize("at", range(1, len(SESSION) + 2))
def test_split_in_two(host, box, at):
    whole = SESSION % box.name.encode()
    in_pieces(box, [whole[:at], whole[at:]])


@pytest.mark.parametrize("seed", range(12))
def test_torn_at_random(host, box, seed):
    whole, source, pieces = SESSION % box.name.encode(), random.Random(seed), []
    while whole:
        n = source.randrange(1, 12)
        pieces, whole = [*pieces, whole[:n]], whole[n:]
    in_pieces(box, pieces)


@pytest.mark.parametrize("end", [b"\r\n", b"\n"], ids=["crlf", "lf"])
@pytest.mark.parametrize("command", [b"STAT", b"LIST 2", b"RETR 2", b"TOP 3 1", b"UIDL"])
def test_a_command_one_octet_at_a_time(host, box, command, end):
    with box.session() as wire:
        for octet in command + end:
            wire.send(bytes([octet]))
        assert wire.reply().startswith(b"+OK")
        if command[:4] in (b"RETR", b"TOP ", b"UIDL"):
            wire.body(short=False)
        assert wire.says("NOOP").startswith(b"+OK")


def test_many_large_answers_piped_and_read_late(host, box):
    box.put(b"Subject: large\n\n" + b"x" * 70 + b"\n" + b"y" * 60_000 + b"\n")
    with box.session() as wire:
        size = int(wire.table("LIST")[4])
        wire.send(b"RETR 4\r\n" * 150 + b"DELE 1\r\nNOOP\r\n")
        for _ in range(150):
            assert wire.reply().startswith(b"+OK")
            assert len(wire.body(short=False)) == size
        assert wire.reply().startswith(b"+OK") and wire.reply().startswith(b"+OK")


@pytest.mark.parametrize("lines", [b"X\r\n", b"\r\n", b"RETR 99\r\n", b"\0\r\n", b"STAT 1\r\n"])
def test_a_thousand_bad_commands_are_answered_or_cut(host, box, lines):
    with box.session() as wire:
        wire.send(lines * 1000)
        wire.half_close()
        for _ in range(1000):
            if (got := wire.reply()) is None:
                break
            assert got.startswith(b"-ERR")
        assert wire.ended()
    assert next_stat(box).startswith(b"+OK 3 ")


# -- ends: deletion only by a whole QUIT in TRANSACTION, RFC 1939 6

ENDS = {"nothing": b"", "q": b"Q", "quit": b"QUIT", "quit-cr": b"QUIT\r", "quit-space": b"QUIT ",
        "quit-junk": b"QUIT junk\r\n", "quit-nul": b"QUIT\0\r\n", "quit-cr-cr": b"QUIT\r\r",
        "dot": b".\r\n",
        "space-quit": b" QUIT\r\n", "quit-in-a-long-line": b"X" * 4090 + b"\rQUIT\r", "noop": b"NOOP\r\n",
        "quitt": b"QUITT\r\n", "half-dele": b"DELE 2", "retr": b"RETR 3\r\n", "tail": b"X" * 9000 + b"QUIT",
        "telnet-break": b"\xff\xf4\xff\xfd\x06", "eof-octet": b"\x04", "ctrl-z": b"\x1a\r\n"}


@pytest.mark.parametrize("how", ["close", "half-close", "reset"])
@pytest.mark.parametrize("words", ENDS)
def test_no_other_end_deletes(host, box, words, how):
    with box.session() as wire:
        assert wire.says("DELE 1").startswith(b"+OK")
        wire.send(ENDS[words])
        if how == "half-close":
            wire.half_close()
            while wire.raw():
                pass  # answers to what was whole
        elif how == "reset":
            wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert next_stat(box).startswith(b"+OK 3 ")
    assert box.left() == 3


@pytest.mark.parametrize("end", [b"QUIT\r\n", b"quit\r\n", b"QUIT\n", b"NOOP\r\nQUIT\r\n"])
def test_a_whole_quit_before_the_end_of_input_deletes(host, box, end):
    with box.session() as wire:
        assert wire.says("DELE 1").startswith(b"+OK")
        wire.send(end)
        wire.half_close()
        while (got := wire.reply()) is not None:
            assert got.startswith(b"+OK")
    assert box.left() == 2


def test_deletions_of_a_dropped_session_are_forgotten(host, box):
    with box.session() as wire:
        for number in (1, 2, 3):
            wire.says(f"DELE {number}")
    assert next_stat(box).startswith(b"+OK 3 ")


def test_a_session_that_ends_by_quit_frees_the_maildrop_before_its_reply(host, box):
    for _ in range(5):
        with box.session() as wire:
            assert wire.says("QUIT").startswith(b"+OK")  # and at once, before it is closed
            with box.greeted() as other:
                assert other.login(box.name).startswith(b"+OK")
                assert other.says("QUIT").startswith(b"+OK") and other.ended()


def test_quit_removes_nothing_that_took_the_place_of_a_message(host, box):
    """RFC 1939 6 UPDATE: only what was marked."""
    with box.session() as wire:
        wire.table("LIST")
        wire.says("DELE 1")
        path = sorted((box.maildir / "new").iterdir())[0]
        path.unlink()
        path.mkdir()
        (path / "x").write_bytes(b"")
        assert wire.says("QUIT") is not None and wire.ended()
    assert (path / "x").exists()


# -- one session a maildrop, RFC 1939 5 and RFC 2449 8.1.1

def test_a_second_session_is_refused_with_in_use(host, box):
    with box.session() as first:
        with box.greeted() as second:
            assert second.login(box.name).startswith(b"-ERR [IN-USE]")
            assert second.says("STAT").startswith(b"-ERR")
        assert first.says("STAT").startswith(b"+OK 3 ")
        first.says("DELE 1")
        assert first.says("QUIT").startswith(b"+OK")
    assert box.left() == 2


def test_in_use_is_told_to_the_right_password_only(host, box):
    with box.session(), box.greeted() as second:
        got = second.login(box.name, "wrong")
        assert got.startswith(b"-ERR") and b"IN-USE" not in got


def test_in_use_leaves_the_connection_in_authorization(host, box):
    with box.greeted() as second:
        with box.session() as first:
            assert second.login(box.name).startswith(b"-ERR [IN-USE]")
            assert second.says("NOOP").startswith(b"-ERR")
            first.says("QUIT")
        assert second.login(box.name).startswith(b"+OK")
        assert second.says("STAT").startswith(b"+OK 3 ")


def test_a_dropped_session_frees_the_maildrop(host, box):
    with box.session() as first:
        first.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert next_stat(box).startswith(b"+OK 3 ")


def test_ten_at_once_and_one_gets_in(host, box):
    wires = [box.wire() for _ in range(10)]
    for wire in wires:
        wire.reply()
        wire.send(f"USER {box.name}\r\nPASS secret\r\n".encode())
    answers = [(wire.reply(), wire.reply())[1] for wire in wires]
    assert sum(answer.startswith(b"+OK") for answer in answers) == 1
    assert sum(answer.startswith(b"-ERR [IN-USE]") for answer in answers) == 9
    for wire in wires:
        wire.close()


def test_sessions_of_two_subscribers_are_apart(host, box):
    other = host.box().fill(LETTERS[:2])
    with box.session() as mine, other.session() as theirs:
        assert mine.says("DELE 1").startswith(b"+OK")
        assert theirs.says("STAT").startswith(b"+OK 2 ")
        assert mine.says("STAT").startswith(b"+OK 2 ")
        assert theirs.message("RETR 1") == LETTERS[0]
        assert not set(mine.table("UIDL")) & {1}
        mine.says("QUIT")
        theirs.says("QUIT")
    assert (box.left(), other.left()) == (2, 2)


def test_the_last_user_counts_and_no_other(host, box):
    other = host.box().fill(LETTERS[:1])
    with box.greeted() as wire:
        wire.says(f"USER {other.name}")
        wire.says(f"USER {box.name}")
        if wire.says("PASS secret").startswith(b"+OK"):
            assert wire.says("STAT").startswith(b"+OK 3 ")


# -- failures tell nothing

def failure(box, name, password, how):
    with box.greeted() as wire:
        if how == "pass":
            return [wire.says(f"USER {name}").replace(name.encode(), b""),
                    wire.says(f"PASS {password}").replace(name.encode(), b"")]
        return [wire.says(f"APOP {name} {'0' * 32}")]


@pytest.mark.parametrize("name", ["nobody", "nobody@example.net", "nobody@other.test", "root", "a" * 60,
                                  "../x", "%u"])
@pytest.mark.parametrize("how", ["pass", "apop"])
def test_unknown_subscribers_hear_what_known_ones_hear(host, box, how, name):
    """RFC 1939 13, RFC 5034 7: no oracle for names."""
    assert failure(box, name, "wrong", how) == failure(box, box.name, "wrong", how)


@pytest.mark.parametrize("wrong", ["same", "different"])
def test_failures_of_a_connection_are_limited(host, box, wrong):
    with box.greeted() as wire:
        for n in range(21):
            got = wire.login(box.name, "wrong" if wrong == "same" else f"wrong{n}")
            if got is None:
                break
            assert got.startswith(b"-ERR")
        assert n < 20, "as many guesses as one likes"


# -- capabilities, RFC 2449 5 and 6

def capabilities(wire):
    first, body = wire.many("CAPA")
    assert body is not None, first
    return body.split(b"\r\n")[:-1]


def test_capabilities_are_the_same_after_login(host, box):
    """RFC 2449 6, RFC 2595 4, RFC 3206, RFC 6856: announced in both states, no differences but in what
    EXPIRE and LOGIN-DELAY say of the subscriber."""
    with box.greeted() as wire:
        before = capabilities(wire)
        wire.login(box.name)
        after = capabilities(wire)
    both = [[line.split()[0] for line in lines] for lines in (before, after)]
    assert both[0] == both[1]
    assert [line for line in before if line[:6] not in (b"EXPIRE", b"LOGIN-")] \
        == [line for line in after if line[:6] not in (b"EXPIRE", b"LOGIN-")]


def test_capabilities_are_the_same_after_a_failure_and_each_time(host, box):
    with box.greeted() as wire:
        before = capabilities(wire)
        wire.says(f"USER {box.name}")
        assert capabilities(wire) == before
        wire.login(box.name, "wrong")
        assert capabilities(wire) == capabilities(wire) == before


def test_capabilities_are_well_formed(host, box):
    """RFC 2449 3: a tag of printable characters, single spaces before the parameters, no tag twice."""
    with box.greeted() as wire:
        lines = capabilities(wire)
    for line in lines:
        assert re.fullmatch(rb"[!-,/-~][!-~]*( [!-~]+)*", line), line
    tags = [line.split()[0] for line in lines]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("line", ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "USER",
                                  r"EXPIRE (NEVER|\d+)( USER)?", r"SASL( [A-Z0-9_-]{1,20})+",
                                  r"UTF8( USER)?", "LANG"])
def test_a_capability_is_announced(host, box, line):
    with box.greeted() as wire:
        assert any(re.fullmatch(line.encode(), got) for got in capabilities(wire))


def test_each_mechanism_announced_begins_and_no_other_does(host, box):
    """RFC 5034 4, RFC 2449 6.3."""
    with box.greeted() as wire:
        sasl = next(line.split()[1:] for line in capabilities(wire) if line.startswith(b"SASL "))
    for mechanism in (*sasl, b"NONE-SUCH", b"ANONYMOUS", b"EXTERNAL", b"GSSAPI", b"NTLM", b"DIGEST-MD5"):
        with box.greeted() as wire:
            wire.send(b"AUTH " + mechanism + b"\r\n")
            got = wire.line()
            assert got.startswith(b"+ ") == (mechanism in sasl), (mechanism, got)


def test_expire_never_means_that_nothing_is_deleted(host, box):
    """RFC 2449 6.7: with NEVER, a message that was fetched is there next time."""
    with box.session() as wire:
        assert b"EXPIRE NEVER" in capabilities(wire)
        for number in (1, 2, 3):
            wire.message(f"RETR {number}")
        wire.says("QUIT")
    assert next_stat(box).startswith(b"+OK 3 ")


# -- idleness, RFC 1939 3: the server closes, and deletes nothing

@pytest.fixture(scope="module")
def hasty():
    def soon(made):
        made.pop3d = 'idle_timeout = "1s"'

    with running(soon) as made:
        yield made


def test_idle_sessions_are_closed_and_delete_nothing(hasty):
    boxes = {words: hasty.box().fill() for words in ("", "QUIT", "DELE 2\r", "X" * 100)}
    wires = []
    for words, box in boxes.items():
        wire = box.wire()
        wires.append((box, wire))
        wire.reply()
        assert wire.login(box.name).startswith(b"+OK") and wire.says("DELE 1").startswith(b"+OK")
        wire.send(words.encode())
    silent = hasty.box().wire()
    silent.reply()
    for wire in (silent, *(wire for _, wire in wires)):
        while (got := wire.reply()) is not None:
            assert got.startswith(b"-ERR"), "an idle session may hear why it ends, and no more"
        wire.close()
    for box, _ in wires:
        assert next_stat(box).startswith(b"+OK 3 ")


# -- what an operator may set, RFC 2449 6.5, 6.9 and 8.1.1

@pytest.fixture(scope="module")
def strict():
    def settings(made):
        made.pop3d = 'login_delay = "1h"\nimplementation = false'

    with running(settings) as made:
        yield made


def test_a_login_delay_is_announced_and_kept(strict):
    box, other = strict.box().fill(), strict.box().fill()
    with box.greeted() as wire:
        assert b"LOGIN-DELAY 3600" in capabilities(wire)
        assert wire.login(box.name, "wrong").startswith(b"-ERR"), "which is no login"
        assert wire.login(box.name).startswith(b"+OK")
        assert wire.says("DELE 1").startswith(b"+OK") and wire.says("QUIT").startswith(b"+OK")
    with box.greeted() as wire:
        assert wire.login(box.name).startswith(b"-ERR [LOGIN-DELAY]")
        assert wire.says("STAT").startswith(b"-ERR")
        assert b"LOGIN-DELAY" not in wire.login(box.name, "wrong"), "told to the right password only"
        assert wire.login(other.name).startswith(b"+OK")
    assert box.left() == 2


def test_the_implementation_can_be_hidden(strict):
    box = strict.box()
    with box.greeted() as wire:
        assert not any(line.startswith(b"IMPLEMENTATION") for line in capabilities(wire))
        wire.login(box.name)
        assert not any(line.startswith(b"IMPLEMENTATION") for line in capabilities(wire))
