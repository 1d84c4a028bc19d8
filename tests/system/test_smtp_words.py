"""What a client may say, what it is answered, and what reaches the next hop of it."""

import pytest

import mail
from hop import CLOSE, early, untouched
from ports import until
from talk import Talk

SOURCE, SENDER, TO = "127.0.0.71", "anna@example.net", "bob@else.test"


@pytest.fixture
def gate(farm, hop):
    farm.relay_to = hop.uri
    farm.smtpgate = f'networks = {{ "{SOURCE}/32" }}\n' + farm.smtpgate
    farm.start("smtpgate")
    return farm


def test_chunks_arrive_as_one_message_with_their_dots_doubled(gate, hop):
    letter = mail.tricky()
    for size in (1, 7, 1000, len(letter)):
        with gate.smtp(SOURCE) as smtp:
            assert "CHUNKING" in smtp.ehlo
            smtp.mail(SENDER, TO)
            pieces = [letter[at:at + size] for at in range(0, len(letter), size)]
            for n, piece in enumerate(pieces):
                last = " LAST" if n == len(pieces) - 1 else ""
                smtp.send(f"BDAT {len(piece)}{last}\r\n".encode() + piece)
            answers = [smtp.reply() for _ in pieces]
            assert all(a.startswith("250") for a in answers), answers
        assert mail.same(mail.unstuffed(hop.taken()[-1].body), letter)


def test_an_empty_last_chunk_and_a_last_line_without_its_end(gate, hop):
    with gate.smtp(SOURCE) as smtp:
        smtp.mail(SENDER, TO)
        smtp.send(b"BDAT 9\r\nX: y\r\n\r\nzBDAT 0 LAST\r\n")
        assert smtp.reply().startswith("250") and smtp.reply().startswith("250")
    assert hop.taken()[0].body.endswith(b"X: y\r\n\r\nz\r\n")


@pytest.mark.parametrize("chunk", [b"a\nb\r\n", b"a\rb\r\n", b"a\0\r\n", b"a\r", b"\n.\n"])
def test_a_chunk_is_held_to_the_same_line_ends(gate, hop, chunk):
    with gate.smtp(SOURCE) as smtp:
        smtp.mail(SENDER, TO)
        smtp.send(b"BDAT %d LAST\r\n" % len(chunk) + chunk + b"NOOP\r\n")
        assert smtp.reply().startswith("550 5.6.0") and smtp.reply().startswith("250")
        assert smtp.deliver(SENDER, [TO], b"fine\r\n").startswith("250")
    assert len(hop.taken()) == 1


def test_chunks_that_nobody_asked_for_are_no_commands(gate, hop):
    with gate.smtp(SOURCE) as smtp:
        smtp.send(b"BDAT 6 LAST\r\nQUIT\r\nBDAT 6\r\nQUIT\r\n")
        assert smtp.reply().startswith("503") and smtp.reply().startswith("503")
        smtp.mail(SENDER)
        smtp.send(b"BDAT 6 LAST\r\nQUIT\r\n")
        assert smtp.reply().startswith("554")
        assert smtp.says("BDAT x").startswith("501")
        assert smtp.says("BDAT 4294967297 LAST").startswith("552") and smtp.reply().startswith("421")
        assert smtp.ended()
    assert untouched(hop)


def test_rset_between_chunks_completes_nothing(gate, hop):
    with gate.smtp(SOURCE) as smtp:
        smtp.mail(SENDER, TO)
        smtp.send(b"BDAT 3\r\na\r\n")
        assert smtp.reply().startswith("250")
        assert smtp.says("DATA").startswith("503")
        assert smtp.says("RSET").startswith("250")
        assert smtp.deliver(SENDER, [TO], b"second\r\n").startswith("250")
    until(lambda: hop.open == 0, what="the next hop's connections ended")
    assert [message.whole for message in hop.messages] == [False, True]


@pytest.mark.parametrize("what", [CLOSE, early("552 5.2.2 full", 3)], ids=["closes", "answers"])
def test_a_hop_that_gives_up_between_chunks_is_heard_at_the_next(gate, hop, what):
    with gate.smtp(SOURCE) as smtp:
        hop.at["body"] = what
        smtp.mail(SENDER, TO)
        smtp.send(b"BDAT 3\r\na\r\n")
        first = smtp.reply()
        assert first.startswith(("250", "451", "552"))
        if what is CLOSE:
            until(lambda: gate.events("hop.failed"), what="the hop's end being noticed")
        else:
            hop.spoke_early()
            until(lambda: gate.events("hop.failed"), what="the early answer being heard")
        smtp.send(b"BDAT 6 LAST\r\nQUIT\r\n")
        assert smtp.reply().startswith("503" if not first.startswith("250") else ("451", "552"))
        del hop.at["body"]
        assert smtp.deliver(SENDER, [TO], b"again\r\n").startswith("250")
    assert len(hop.taken()) == 1


def test_old_devices_have_their_line_ends_mended(farm, hop):
    farm.relay_to = hop.uri
    farm.smtpgate = (f'network "{SOURCE}" {{ note = "scanner" bare_line_ends = "rewrite" }}\n'
                     'network "127.0.0.72/32" { until = "2020-01-31" }')
    farm.start()
    with farm.smtp(SOURCE) as smtp:
        assert smtp.deliver(SENDER, [TO], b"Subject: x\n\na\rb\n.\n..c\n.\r\nd\r\n").startswith("250")
        assert smtp.says("NOOP").startswith("250")
    assert hop.taken()[0].body.endswith(b"Subject: x\r\n\r\na\r\nb\r\n..\r\n..c\r\n..\r\nd\r\n")
    assert farm.wait_event("smtp.relay")["note"] == "scanner"
    assert farm.relay_reply("127.0.0.72").startswith("550"), "its time is over"


def test_too_many_received_fields_end_it(gate, hop):
    field = b"Received: from a by b; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    with gate.smtp(SOURCE) as smtp:
        assert smtp.deliver(SENDER, [TO], field * 101 + b"\r\nx\r\n").startswith("554 5.4.6")
        assert smtp.deliver(SENDER, [TO], field * 99 + b"\r\n" + field * 9).startswith("250")
    assert len(hop.taken()) == 1


def test_who_speaks_before_the_greeting_is_cut(farm, hop):
    farm.relay_to, farm.smtpgate = hop.uri, 'greeting_delay = "300ms"'
    farm.start("smtpgate")
    with Talk(farm.smtp_port, SOURCE) as talk:
        talk.send(b"EHLO early.test\r\n")
        assert talk.line().startswith("554 5.5.1") and talk.ended()
    assert farm.wait_event("smtp.cut", reason="early")["addr"] == SOURCE
    with farm.smtp(SOURCE) as smtp:
        assert smtp.greeting.startswith("220")


@pytest.mark.parametrize("octets", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\n\r\nMAIL FROM:<>\r\n",
                                    b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", b"SSH-2.0-x\r\n"])
def test_other_protocols_are_cut(gate, hop, octets):
    with gate.smtp(SOURCE, hello=None) as smtp:
        smtp.send(octets)
        assert smtp.reply().startswith("421") and smtp.ended()
    assert gate.wait_event("smtp.cut", reason="foreign")
    assert untouched(hop)


def test_too_many_errors_are_the_end(gate):
    with gate.smtp(SOURCE) as smtp:
        answers = [smtp.says("NONSENSE") for _ in range(20)]
        assert all(a.startswith("500") for a in answers) and smtp.reply().startswith("421") and smtp.ended()
    assert gate.wait_event("smtp.cut", reason="errors")


def test_command_lines_end_in_crlf_alone_and_have_an_end(gate):
    with gate.smtp(SOURCE) as smtp:
        smtp.send(b"NOOP\nNOOP\r\n")
        assert smtp.reply().startswith("500") and smtp.reply().startswith("250")
        smtp.send(b"NOOP\rQUIT\r\n")
        assert smtp.reply().startswith("500")
        assert smtp.says("NOOP " + "x" * 500).startswith("250")
        smtp.send(b"NOOP " + b"x" * 60000 + b"\r\nQUIT\0\r\n")
        assert smtp.reply().startswith("500") and smtp.reply().startswith("500")
        assert smtp.says("NOOP").startswith("250")


def test_parameters_that_no_hop_offers_are_unknown(farm, hop):
    hop.at["ehlo"] = "250-hop.test\r\n250 SIZE 100000000"
    farm.relay_to, farm.smtpgate = hop.uri, f'networks = {{ "{SOURCE}/32" }}'
    farm.start("smtpgate")
    with farm.smtp(SOURCE) as smtp:
        for word in ("DSN", "SMTPUTF8", "BINARYMIME", "BURL"):
            assert word not in smtp.ehlo
        for parameter in ("RET=FULL", "ENVID=x", "SMTPUTF8", "MT-PRIORITY=1", "X"):
            assert smtp.says(f"MAIL FROM:<{SENDER}> {parameter}").startswith("555"), parameter
        smtp.send("MAIL FROM:<\u00e4nna@example.net>\r\n".encode())
        assert smtp.reply().startswith("553 5.6.7")
        assert smtp.says(f"MAIL FROM:<{SENDER}> SIZE=1 SIZE=1").startswith("501")
        assert smtp.says(f"MAIL FROM:<{SENDER}> SIZE=99999999999999999999").startswith("552 5.3.4")
        assert smtp.says(f"MAIL FROM:<{SENDER}> SIZE=10").startswith("250")
        assert smtp.says(f"RCPT TO:<{TO}> NOTIFY=NEVER").startswith("555")
    assert untouched(hop)


def test_recipients_are_limited_and_the_limit_is_told(farm, hop):
    farm.relay_to, farm.smtpgate = hop.uri, f'networks = {{ "{SOURCE}" }} max_recipients = 3'
    farm.start("smtpgate")
    with farm.smtp(SOURCE) as smtp:
        assert "LIMITS RCPTMAX=3" in smtp.ehlo
        answers = smtp.mail(SENDER, *[f"r{n}@else.test" for n in range(5)])
        assert [a[:9] for a in answers[4:]] == ["452 4.5.3"] * 2
        assert smtp.data(b"x\r\n").startswith("250")
    assert len(hop.taken()[0].recipients) == 3


ALL = "250-hop.test\r\n250-SIZE 100000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-PIPELINING\r\n250 DSN"


def ehlo(farm):
    with farm.smtp(SOURCE) as smtp:
        return smtp.ehlo


def test_what_the_hop_offers_is_announced_and_goes_on(farm, hop):
    hop.at["ehlo"] = ALL
    farm.relay_to = farm.deliver_to = hop.uri
    farm.smtpgate = f'networks = {{ "{SOURCE}" }} identify = "none"'
    farm.workers = 1  # each learns by itself what the hop offers
    farm.start("smtpgate")
    until(lambda: "DSN" in ehlo(farm), what="the hop's EHLO being known")
    assert "SMTPUTF8" in ehlo(farm) and "8BITMIME" in ehlo(farm) and "SIZE 100000" in ehlo(farm)
    with farm.smtp(SOURCE) as smtp:
        smtp.send("MAIL FROM:<\u00e4nna@example.net> smtputf8 body=8bitmime RET=hdrs ENVID=a+2Bb SIZE=20\r\n".encode())
        assert smtp.reply().startswith("250")
        smtp.send("RCPT TO:<b\u00f6b@else.test> NOTIFY=SUCCESS,delay ORCPT=utf-8;b\u00f6b@else.test\r\n".encode())
        assert smtp.reply().startswith("250")
        assert smtp.data("Subject: \u00fc\r\n\r\nx\r\n".encode()).startswith("250")
        assert smtp.says(f"MAIL FROM:<{SENDER}> SIZE=100001").startswith("552")
    got = hop.taken()[0]
    path, *words = got.mail.decode().split()[1:]
    assert path == "FROM:<\u00e4nna@example.net>"
    assert {"SMTPUTF8", "BODY=8BITMIME", "RET=HDRS", "ENVID=a+2Bb", "SIZE=20"} == set(words)
    path, *words = got.recipients[0].decode().split()[1:]
    assert path == "TO:<b\u00f6b@else.test>"
    assert {"NOTIFY=SUCCESS,DELAY", "ORCPT=utf-8;b\u00f6b@else.test"} == set(words)
    assert b"with UTF8SMTP id" in got.body


def test_a_hop_that_then_offers_less_is_answered_by_rule(farm, hop):
    hop.at["ehlo"] = ALL
    farm.relay_to = farm.deliver_to = hop.uri
    farm.smtpgate = f'networks = {{ "{SOURCE}" }} identify = "none"'
    farm.workers = 1  # each learns by itself what the hop offers
    farm.start("smtpgate")
    until(lambda: "DSN" in ehlo(farm), what="the hop's EHLO being known")
    with farm.smtp(SOURCE) as smtp:
        hop.at["ehlo"] = "250 hop.test"
        assert smtp.says(f"MAIL FROM:<{SENDER}> BODY=8BITMIME RET=FULL").startswith("250")
        assert smtp.says(f"RCPT TO:<{TO}> NOTIFY=NEVER").startswith("250")
        assert smtp.data(b"caf\xc3\xa9\r\n").startswith("554 5.6.3")
        assert smtp.says(f"MAIL FROM:<{SENDER}> BODY=8BITMIME").startswith("250")
        assert smtp.says(f"RCPT TO:<{TO}>").startswith("250")
        assert smtp.data(b"plain\r\n").startswith("250"), "what is 7-bit goes through"
        smtp.send("MAIL FROM:<\u00e4@example.net> SMTPUTF8\r\n".encode())
        assert smtp.reply().startswith("250")
        assert smtp.says(f"RCPT TO:<{TO}>").startswith("553 5.6.7")
    assert [message.whole for message in hop.messages] == [False, True]
    assert not any(b"RET" in message.mail or b"NOTIFY" in message.recipients[0] for message in hop.messages)
