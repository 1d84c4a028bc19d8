"""Real SMTP clients send through the gate to a real Postfix, octet for octet."""

import pytest

import clients
import mail
from talk import smtp_from

SOURCE = "127.0.0.6"
SENDER = "anna@example.net"


@pytest.fixture
def gate(farm, postfix):
    farm.relay_to = f"smtp:127.0.0.1:{postfix.port}"
    farm.start()
    assert farm.login(SOURCE).startswith("+OK")
    return farm


def test_smtplib(gate, postfix):
    letters = [mail.message("one"), mail.tricky("two"), mail.large(300_000)]
    with smtp_from(gate.smtp_port, SOURCE) as smtp:
        for letter in letters:
            assert smtp.sendmail(SENDER, ["bob@else.test", "carol@else.test"], letter) == {}
    for box in ("bob@else.test", "carol@else.test"):
        got = postfix.wait_for(box, 3)
        for letter in letters:
            assert any(mail.same(stored, letter) for stored in got)


def test_msmtp(gate, postfix):
    letter = mail.tricky()
    clients.msmtp(gate, SOURCE, SENDER, ["bob@else.test", "dave@else.test"], mail.lf(letter))
    for box in ("bob@else.test", "dave@else.test"):
        assert mail.same(postfix.wait_for(box)[0], letter)


def test_swaks(gate, postfix, directory):
    letter = mail.message("swaks", b".dot\r\n..two\r\nplain\r\n")
    clients.swaks(gate, SOURCE, SENDER, ["bob@else.test"], letter, directory)
    assert mail.same(postfix.wait_for("bob@else.test")[0].rstrip(b"\n") + b"\n", letter)


def test_curl(gate, postfix, directory):
    letter = mail.tricky("curl")
    clients.curl_send(gate, SOURCE, SENDER, ["bob@else.test"], letter, directory)
    assert mail.same(postfix.wait_for("bob@else.test")[0], letter)


def test_each_of_them_is_told_when_it_may_not(gate, postfix, directory):
    stranger, letter = "127.0.0.7", mail.message()
    clients.msmtp(gate, stranger, SENDER, ["bob@else.test"], letter, code=65)
    assert b"550 5.7.1" in clients.swaks(gate, stranger, SENDER, ["bob@else.test"], letter, directory,
                                         code=24)
    clients.curl_send(gate, stranger, SENDER, ["bob@else.test"], letter, directory, code=55)
    assert postfix.messages("bob@else.test") == []


def test_postfix_own_refusal_reaches_the_client(gate):
    with gate.smtp(SOURCE) as smtp:
        answers = smtp.mail(SENDER, "unknown@else.test", "bob@else.test")
        assert answers[1].startswith("550 5.1.1") and "unknown" in answers[1]
        assert answers[2].startswith("250")


def test_one_received_line_is_added_and_names_no_subscriber(gate, postfix):
    letter = mail.message()
    clients.msmtp(gate, SOURCE, SENDER, ["bob@else.test"], letter)
    lines = mail.trace(postfix.wait_for("bob@else.test")[0])
    assert lines.count(b"Received:") == 2, "Postfix's and ours"
    ours = lines[lines.rindex(b"Received:"):]
    assert b"127.0.0.6" in ours and b"mail.example.net" in ours and b"anna" not in ours


def test_size_is_enforced_when_declared_and_when_not(farm, hop):
    farm.smtpgate, farm.relay_to = 'max_message_size = "64k"', hop.uri
    farm.start()
    farm.login(SOURCE)
    with farm.smtp(SOURCE) as smtp:
        assert "SIZE 65536" in smtp.ehlo
        assert smtp.says(f"MAIL FROM:<{SENDER}> SIZE=70000").startswith("552 5.3.4")
        assert smtp.deliver(SENDER, ["bob@else.test"], mail.stuffed(mail.large(90_000))).startswith("552 5.3.4")
        assert smtp.deliver(SENDER, ["bob@else.test"], mail.stuffed(mail.large(60_000))).startswith("250")
    assert [message.whole for message in hop.messages].count(True) == 1


def test_a_static_network_relays_without_a_login(farm, hop):
    farm.smtpgate, farm.relay_to = 'networks = { "127.0.0.64/26" }', hop.uri
    farm.start("smtpgate")
    assert farm.relay_reply("127.0.0.70").startswith("250")
    assert farm.relay_reply("127.0.0.60").startswith(("550 5.7.1", "451"))
