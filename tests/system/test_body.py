"""Where a message ends: at CRLF.CRLF and nowhere else, whatever the client sends before it."""

import pytest

import mail

SOURCE, SENDER, TO = "127.0.0.12", "anna@example.net", "bob@else.test"
SMUGGLED = b"MAIL FROM:<evil@else.test>\r\nRCPT TO:<bob@else.test>\r\nDATA\r\nevil\r\n.\r\n"
FORBIDDEN = {
    "LF.LF": b"a\n.\n" + SMUGGLED, "LF.CRLF": b"a\n.\r\n" + SMUGGLED, "CRLF.LF": b"a\r\n.\n" + SMUGGLED,
    "CR.CR": b"a\r.\r" + SMUGGLED, "CR.CRLF": b"a\r.\r\n" + SMUGGLED, "CRLF.CR": b"a\r\n.\r" + SMUGGLED,
    "bare-LF": b"a\nb\r\n", "bare-CR": b"a\rb\r\n", "CR-at-end": b"a\r\r\n", "NUL": b"a\0b\r\n",
    "NUL.dot": b"a\r\n\0.\r\n", "LF-first": b"\n.\r\n",
}


@pytest.fixture
def gate(farm, hop):
    farm.relay_to = hop.uri
    farm.start()
    assert farm.login(SOURCE).startswith("+OK")
    return farm


@pytest.mark.parametrize("body", FORBIDDEN.values(), ids=FORBIDDEN.keys())
@pytest.mark.parametrize("piecewise", [False, True], ids=["at-once", "by-octets"])
def test_what_is_no_line_end_is_refused_and_never_forwarded(gate, hop, body, piecewise):
    """Only the first CRLF.CRLF ends it; what a smuggler put before is body, what stands behind it are
    commands."""
    octets = b"Subject: x\r\n\r\n" + body
    end = (octets + b".\r\n").index(b"\r\n.\r\n") + 5
    message = (octets + b".\r\n")[:end]
    with gate.smtp(SOURCE) as smtp:
        smtp.mail(SENDER, TO)
        assert smtp.says("DATA").startswith("354")
        for piece in ([message[i:i + 1] for i in range(len(message))] if piecewise else [message]):
            smtp.send(piece)
        assert smtp.reply().startswith("550 5.6.0")
        assert smtp.says("NOOP").startswith("250"), "one answer to one message"
        assert smtp.says("RSET").startswith("250")
        letter = mail.tricky()
        assert smtp.deliver(SENDER, [TO], mail.stuffed(letter)).startswith("250")
    assert len(hop.taken()) == 1 and mail.same(mail.unstuffed(hop.taken()[0].body), letter)
    for got in hop.messages:
        bare = got.body.replace(b"\r\n", b"")
        assert not any(octet in bare for octet in (b"\n", b"\r", b"\0")), "it reached the next hop"
    assert not any(b"evil" in command for session in hop.sessions for command in session.commands)


def test_a_message_arrives_the_same_however_it_is_cut(gate, hop):
    letter = mail.tricky()
    wire = mail.stuffed(letter) + b".\r\n"
    for size in (1, 2, 3, 7, 64, len(wire)):
        with gate.smtp(SOURCE) as smtp:
            smtp.mail(SENDER, TO)
            assert smtp.says("DATA").startswith("354")
            for at in range(0, len(wire), size):
                smtp.send(wire[at:at + size])
            assert smtp.reply().startswith("250")
        assert mail.same(mail.unstuffed(hop.taken()[-1].body), letter)


def test_a_whole_session_in_one_packet(gate, hop):
    letter = mail.tricky()
    with gate.smtp(SOURCE) as smtp:
        smtp.send(b"MAIL FROM:<anna@example.net>\r\nRCPT TO:<bob@else.test>\r\nDATA\r\n")
        assert [smtp.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
        smtp.send(mail.stuffed(letter) + b".\r\nMAIL FROM:<>\r\nRCPT TO:<anna@example.net>\r\nRSET\r\nQUIT\r\n")
        assert [smtp.reply()[:3] for _ in range(5)] == ["250", "250", "250", "250", "221"]
        assert smtp.line() is None
    assert mail.same(mail.unstuffed(hop.taken()[0].body), letter)


def test_the_empty_message_and_the_one_of_a_single_dot(gate, hop):
    for body in (b"", b"..\r\n", b"\r\n", b"a\r\n..\r\n"):
        with gate.smtp(SOURCE) as smtp:
            assert smtp.deliver(SENDER, [TO], body).startswith("250")
        assert hop.taken()[-1].body.endswith(body)
