"""SMTP messages from the RFCs and from what servers got wrong: DATA, where it ends, what is passed on."""

import pytest

from ports import until
from smtp_suite import HOLDER, STRANGER, close_gate, open_gate, play

HEAD = b"Subject: x\r\n\r\n"
START = ["MAIL FROM:<anna@example.net> => 250", "RCPT TO:<{f}> => 250", "DATA => 354"]


@pytest.fixture(scope="module")
def gate():
    made = open_gate(smtpgate='max_message_size = "200k"')
    yield made
    close_gate(made)


def passed_on(gate):
    """The last message at the hop without the line that the gate put on top."""
    got = gate.hop.taken()[-1].body
    assert got.startswith(b"Received: ")
    end = got.index(b"\r\n")
    while got[end + 2:end + 3] in (b" ", b"\t"):
        end = got.index(b"\r\n", end + 2)
    return got[end + 2:]


BODIES = {  # as on the wire, without the final dot: each goes on octet for octet
    "empty": b"", "one-empty-line": b"\r\n", "no-header": b"hello\r\n", "header-only": b"Subject: x\r\n",
    "stuffed-dot": HEAD + b"..\r\n", "stuffed-dots": HEAD + b"...\r\n....\r\n", "stuffed-text": HEAD + b"..a\r\n",
    "dot-in-a-line": HEAD + b"a.b\r\n.. \r\n", "dot-at-the-end-of-a-line": HEAD + b"a.\r\n",
    "dot-first": b"..\r\n", "dot-space": HEAD + b"x\r\n.. x\r\n", "two-dots-only": b"..\r\n..\r\n",
    "trailing-empty-lines": HEAD + b"\r\n\r\n\r\n", "spaces": HEAD + b"   \r\n\t\r\n",
    "8-bit": HEAD + bytes(range(128, 256)) + b"\r\n", "control": HEAD + bytes(n for n in range(1, 32) if n not in (10, 13)) + b"\r\n",
    "utf-8": HEAD + "\u00e9\u4e2d\r\n".encode(), "998": HEAD + b"x" * 998 + b"\r\n", "1000": HEAD + b"x" * 1000 + b"\r\n",
    "10000": HEAD + b"x" * 10_000 + b"\r\n", "100k-in-a-line": HEAD + b"x" * 100_000 + b"\r\n",
    "100k-of-dots": HEAD + b"." * 100_000 + b"\r\n", "lines-of-dots": HEAD + b"..\r\n" * 20_000,
    "short-lines": HEAD + b"\r\n" * 50_000, "from-line": b"From anna Tue Nov 24 10:00:00 2026\r\n" + HEAD,
    "received-by-others": b"Received: from x by y; Tue, 24 Nov 2026 10:00:00 +0000\r\n" + HEAD,
    "commands": HEAD + b"QUIT\r\nRSET\r\nDATA\r\nMAIL FROM:<a@else.test>\r\n", "return-path": b"Return-Path: <a@else.test>\r\n" + HEAD,
    "bcc": b"Bcc: a@else.test\r\n" + HEAD, "colon-missing": b"this is no header\r\n\r\nx\r\n", "delete": HEAD + b"\x7f\r\n",
    "long-header": b"Subject: " + b"y" * 5000 + b"\r\n\r\n", "folded": b"Subject: a\r\n b\r\n\tc\r\n\r\n",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("cut", [0, 1], ids=["whole", "in-pieces"])
def test_a_message_is_passed_on_octet_for_octet(gate, body, cut):
    wire, before = body + b".\r\n", len(gate.hop.taken())
    with gate.smtp(HOLDER) as talk:
        play(talk, START)
        if cut:
            for at in range(0, min(len(wire), 300), 1):
                talk.send(wire[at:at + 1])
            wire = wire[300:]
        for at in range(0, len(wire), 7001):
            talk.send(wire[at:at + 7001])
        assert talk.reply().startswith("250")
        assert talk.says("NOOP").startswith("250"), "one reply to a message"
    assert len(gate.hop.taken()) == before + 1
    assert passed_on(gate) == body


EVIL = b"MAIL FROM:<evil@else.test>\r\nRCPT TO:<evil@else.test>\r\nDATA\r\nevil\r\n.\r\n"
ENDS = {  # what is no end of a message, whoever thinks that it is one (RFC 5321 4.1.1.4, 2.3.8)
    "lf-dot-lf": b"\n.\n", "lf-dot-crlf": b"\n.\r\n", "crlf-dot-lf": b"\r\n.\n", "cr-dot-cr": b"\r.\r", "crlf-dot-cr": b"\r\n.\r",
    "cr-dot-crlf": b"\r.\r\n", "crlf-nul-dot-crlf": b"\r\n\0.\r\n", "crlf-dot-nul-crlf": b"\r\n.\0\r\n",
    "crlf-dot-cr-crlf": b"\r\n.\r\r\n", "cr-crlf-dot-crlf": b"\r\r\n.\r\r\n", "lf-lf-dot-crlf": b"\n\n.\r\n",
    "lf-cr-dot-lf-cr": b"\n\r.\n\r", "lf-dot-cr-lf-bare": b"\n.\r", "crlf-dot-lf-cr": b"\r\n.\n\r", "crlf-dot-crcr": b"\r\n.\r\r",
    "nul-lf-dot-lf": b"\0\n.\n", "cr-lf-cr-dot": b"\r\n\r.\r\n", "cr-nul-lf": b"\r\0\n.\r\0\n",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
@pytest.mark.parametrize("where", ["header", "body", "first"])
def test_nothing_else_ends_a_message_and_nothing_is_smuggled(gate, end, where):
    head = {"header": b"Subject: x", "body": HEAD + b"x", "first": b""}[where]
    message = head + end + EVIL  # the end that counts is the one that EVIL closes with
    before, sessions = len(gate.hop.taken()), len(gate.hop.sessions)
    with gate.smtp(HOLDER) as talk:
        play(talk, START)
        talk.send(message)
        assert talk.reply().startswith("550 5.6.0")
        assert talk.says("NOOP").startswith("250"), "one reply to one message"
        assert talk.says("RCPT TO:<bob@else.test>").startswith("503"), "the transaction is over"
    until(lambda: gate.hop.open == 0, 10, "the hop being let go")
    assert len(gate.hop.taken()) == before
    for session in gate.hop.sessions[sessions:]:
        assert not any(b"evil" in command for command in session.commands)
        bare = session.message.body.replace(b"\r\n", b"")
        assert not any(octet in bare for octet in (b"\n", b"\r", b"\0")), "it reached the hop"


@pytest.mark.parametrize("end", [b"\r\n..\r\n", b"\r\n. \r\n", b"\r\n.x\r\n", b"\r\n .\r\n", b".\r\n.a\r\n"])
def test_a_line_that_only_looks_like_the_end_is_text(gate, end):
    with gate.smtp(HOLDER) as talk:
        play(talk, START)
        talk.send(HEAD + b"x" + end)
        talk.send(b"more\r\n.\r\n")
        assert talk.reply().startswith("250")
        assert talk.says("NOOP").startswith("250")
    assert passed_on(gate).endswith(b"more\r\n")


def test_what_stands_behind_the_dot_is_the_next_command(gate):
    with gate.smtp(HOLDER) as talk:
        play(talk, START)
        talk.send(HEAD + b".\r\nNOOP\r\nQUIT\r\n")
        assert [talk.reply()[:3] for _ in range(3)] == ["250", "250", "221"]
        assert talk.reply() is None


@pytest.mark.parametrize("tail", [b"", b".", b".\r", b"x", b"x\r\n", b"\r\n.", b"\r\n.\r"])
def test_input_that_ends_before_the_end_of_a_message_sends_nothing(gate, tail):
    before = len(gate.hop.taken())
    with gate.smtp(HOLDER) as talk:
        play(talk, START)
        talk.send(HEAD + tail)
        talk.sock.shutdown(1)
        assert talk.ended()
    until(lambda: gate.hop.open == 0, 10, "the hop being let go")
    assert len(gate.hop.taken()) == before


SIZES = [("just-fits", 199_000, "250"), ("a-little-over", 210_000, "552"), ("ten-times", 2_000_000, "552")]


@pytest.mark.parametrize("octets, code", [case[1:] for case in SIZES], ids=[case[0] for case in SIZES])
def test_the_size_is_counted_whatever_was_declared(gate, octets, code):
    before = len(gate.hop.taken())
    with gate.smtp(HOLDER) as talk:
        play(talk, ["MAIL FROM:<anna@example.net> SIZE=10 => 250"] + START[1:])
        talk.send(HEAD + (b"x" * 78 + b"\r\n") * (octets // 80) + b".\r\n")
        assert talk.reply().startswith(code)
        assert talk.says("RCPT TO:<bob@else.test>").startswith("503")
        play(talk, START)
        talk.send(HEAD + b".\r\n")
        assert talk.reply().startswith("250"), "the next message is another matter"
    assert len(gate.hop.taken()) == before + (2 if code == "250" else 1)


def test_a_declared_size_over_the_limit_is_refused_at_once(gate):
    with gate.smtp(HOLDER) as talk:
        play(talk, ["MAIL FROM:<anna@example.net> SIZE=200001000 => 552 5.3.4", "RCPT TO:<{f}> => 503"])



@pytest.mark.parametrize("protocol, hello", [("ESMTP", "EHLO"), ("SMTP", "HELO")])
def test_one_received_line_says_how_it_came_and_names_no_subscriber(gate, protocol, hello):
    with gate.smtp(HOLDER, hello=None) as talk:
        play(talk, [f"{hello} client.example.test => 250"] + START)
        talk.send(HEAD + b".\r\n")
        assert talk.reply().startswith("250")
    body = gate.hop.taken()[-1].body
    line = body[:len(body) - len(passed_on(gate))]
    assert line.startswith(b"Received: from ") and f"with {protocol}".encode() in line
    assert b"client.example.test" in line and HOLDER.encode() in line and b"mail.example.net" in line
    assert b"anna" not in line and all(len(part) <= 998 for part in line.split(b"\r\n"))


@pytest.mark.parametrize("name", ["x (forged) by evil.test; id", "a\\", "(", ")", '"', "x;y", "<x>", "@", "x" * 400])
def test_no_hello_forges_a_received_line(gate, name):
    with gate.smtp(HOLDER, hello=None) as talk:
        if not talk.says(f"EHLO {name}").startswith("250"):
            return
        play(talk, START)
        talk.send(HEAD + b".\r\n")
        assert talk.reply().startswith("250")
    body = gate.hop.taken()[-1].body
    line = body[:len(body) - len(passed_on(gate))].replace(b"\r\n", b"")
    depth, semicolons = 0, 0
    for octet in line.replace(b"\\(", b"").replace(b"\\)", b"").replace(b"\\\\", b"").decode("latin-1"):
        depth += (octet == "(") - (octet == ")")
        semicolons += octet == ";" and depth == 0
        assert depth >= 0
    assert depth == 0 and semicolons == 1, line


def test_two_recipients_one_message(gate):
    with gate.smtp(HOLDER) as talk:
        play(talk, START[:2] + ["RCPT TO:<carol@else.test> => 250", "DATA => 354"])
        talk.send(HEAD + b".\r\n")
        assert talk.reply().startswith("250")
    assert gate.hop.taken()[-1].recipients == [b"RCPT TO:<bob@else.test>\r\n", b"RCPT TO:<carol@else.test>\r\n"]


def test_many_transactions_on_one_connection_each_whole_and_alone(gate):
    before = len(gate.hop.taken())
    with gate.smtp(HOLDER) as talk:
        for n in range(30):
            play(talk, START)
            talk.send(HEAD + b"number %d\r\n.\r\n" % n)
            assert talk.reply().startswith("250")
    got = gate.hop.taken()[before:]
    assert len(got) == 30
    for n, message in enumerate(got):
        assert b"number %d\r\n" % n in message.body and message.recipients == [b"RCPT TO:<bob@else.test>\r\n"]


def test_a_stranger_s_message_for_a_subscriber_is_delivered_and_no_other(gate):
    before = len(list(gate.maildir().glob("new/*")))
    with gate.smtp(STRANGER) as talk:
        play(talk, ["MAIL FROM:<who@else.test> => 250", "RCPT TO:<{u}> => 250", "RCPT TO:<{f}> => 550 5.7.1", "DATA => 354",
                    (HEAD + b"..x\r\n.\r\n", "250")])
    assert len(list(gate.maildir().glob("new/*"))) == before + 1
