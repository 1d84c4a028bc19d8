"""SMTP AUTH, RFC 4954: who is there is asked once, checked well, and forgotten with the connection."""

import base64
import smtplib

import pytest

import clients
import mail
from ports import free_port
from talk import PATIENCE, Smtp

SOURCE, TO = "127.0.0.61", "bob@else.test"


@pytest.fixture
def gate(farm, hop):
    farm.submission_port = free_port()
    farm.relay_to = hop.uri
    farm.smtpgate = f'listener "127.0.0.1:{farm.submission_port}" {{ role = "submission" }}\n' + farm.smtpgate
    farm.start("smtpgate")
    return farm


def b64(octets):
    return base64.b64encode(octets).decode()


def plain(user="anna@example.net", password="secret"):
    return b64(f"\0{user}\0{password}".encode())


def test_it_is_offered_where_it_is_to_be_and_only_there(gate):
    with Smtp(gate.submission_port, SOURCE) as smtp:
        offered = next(line for line in smtp.ehlo.split("\n") if "AUTH" in line).split()[1:]
        assert {"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"} <= set(offered)
        assert not any(word.endswith("-PLUS") for word in offered), "there is no TLS to bind to"
        for word in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
            assert smtp.says(f"AUTH {word} !").startswith("501"), "not base64"
    with gate.smtp(SOURCE) as smtp:
        assert "AUTH" not in smtp.ehlo
        assert smtp.says(f"AUTH PLAIN {plain()}").startswith("502")
        assert smtp.says("MAIL FROM:<a@b.test> AUTH=<>").startswith("555")


SHAPES = {
    "initial": ["AUTH PLAIN " + plain()], "later": ["AUTH PLAIN", plain()], "lower-case": ["auth plain", plain("anna")],
    "login": ["AUTH LOGIN", b64(b"anna@example.net"), b64(b"secret")],
    "login-initial": ["AUTH LOGIN " + b64(b"anna"), b64(b"secret")],
}


def test_plain_and_login_in_each_of_their_shapes(gate, hop):
    for shape in SHAPES.values():
        with Smtp(gate.submission_port, SOURCE) as smtp:
            answers = [smtp.says(line) for line in shape]
            assert all(a.startswith("334") for a in answers[:-1]) and answers[-1].startswith("235 2.7.0"), shape
            assert smtp.says("AUTH PLAIN " + plain()).startswith("503")
            assert smtp.says("MAIL FROM:<anna@example.net> AUTH=anna+2B@example.net").startswith("250")
            assert smtp.says(f"RCPT TO:<{TO}>").startswith("250")
            assert smtp.says("AUTH PLAIN").startswith("503")
            assert smtp.data(b"x\r\n").startswith("250")
    assert len(hop.taken()) == len(SHAPES)
    assert b"with ESMTPA id" in hop.taken()[0].body and b"anna" not in hop.taken()[0].body
    event = gate.wait_event("smtp.relay", proof="auth")
    assert event["user"] == "anna@example.net" and event["to"] == TO
    assert len(gate.events("smtp.auth", user="anna@example.net")) == len(SHAPES)


def test_smtplib_logs_in(gate, hop):
    with smtplib.SMTP("127.0.0.1", gate.submission_port, "client.test", PATIENCE, (SOURCE, 0)) as smtp:
        smtp.login("bert@example.net", "secret")
        assert smtp.sendmail("bert@example.net", [TO], mail.message()) == {}
    assert len(hop.taken()) == 1


@pytest.mark.parametrize("mechanism", ["cram-md5", "scram-sha-256"])
def test_a_password_that_is_never_sent(gate, hop, mechanism):
    for password, code in (("secret", 0), ("wrong", 77)):
        clients.run("msmtp", "-C", "/dev/null", "--host=127.0.0.1", f"--port={gate.submission_port}", "--tls=off",
                    f"--auth={mechanism}", "--user=anna@example.net", f"--passwordeval=echo {password}",
                    "--from=anna@example.net", "--", TO, stdin=mail.lf(mail.message()), code=code)
    assert len(hop.taken()) == 1
    assert gate.wait_event("smtp.auth")["mechanism"] == mechanism
    assert gate.wait_event("smtp.auth_failed")["mechanism"] == mechanism


def test_failures_say_the_same_whoever_it_is_and_end_the_connection(gate):
    with Smtp(gate.submission_port, SOURCE) as smtp:
        answers = [smtp.says("AUTH PLAIN " + plain(user, "wrong")) for user in ("anna", "nobody", "bert")]
        assert answers[0] == answers[1] and answers[0].startswith("535 5.7.8")
        assert answers[2].startswith("535") and smtp.reply().startswith("421 4.7.0") and smtp.ended()
    assert gate.wait_event("smtp.cut", reason="auth-failures")
    failed = gate.events("smtp.auth_failed")
    assert [event["user"] for event in failed] == ["anna@example.net", "nobody@example.net", "bert@example.net"]
    assert all("wrong" not in str(event) for event in gate.events())


def test_an_exchange_is_given_up_or_too_long(gate):
    with Smtp(gate.submission_port, SOURCE) as smtp:
        assert smtp.says("AUTH NONSENSE").startswith("504 5.5.4")
        assert smtp.says("AUTH PLAIN").startswith("334")
        assert smtp.says("*").startswith("501")
        assert smtp.says("AUTH PLAIN").startswith("334")
        assert smtp.says("A" * 13000).startswith("500 5.5.6")
        assert smtp.says("AUTH PLAIN " + "A" * 12000).startswith(("501", "535"))
        assert smtp.says("AUTH PLAIN =").startswith(("501", "535"))
        assert smtp.says("NOOP").startswith("250")
        assert smtp.says("AUTH PLAIN " + plain()).startswith("235")


def test_no_password_in_clear_from_elsewhere(farm, hop):
    """From the loopback network it may; the rule itself is the gate's, seen by what it offers."""
    farm.submission_port, farm.relay_to = free_port(), hop.uri
    farm.smtpgate = f'listener "127.0.0.1:{farm.submission_port}" {{ role = "submission" }}'
    farm.start("smtpgate")
    with Smtp(farm.submission_port, SOURCE) as smtp:
        assert "PLAIN" in smtp.ehlo


@pytest.mark.parametrize("binding", ["off", "log", "enforce"])
def test_whose_sender_it_is(farm, hop, binding):
    farm.smtpgate = f'sender_binding = "{binding}"\n'
    farm.users["anna@example.net"] += "::::::addresses=info@example.net"
    farm.submission_port, farm.relay_to = free_port(), hop.uri
    farm.smtpgate += f'listener "127.0.0.1:{farm.submission_port}" {{ role = "submission" }}'
    farm.start()
    farm.login(SOURCE, "bert")
    with Smtp(farm.submission_port, SOURCE) as smtp:
        smtp.says("AUTH PLAIN " + plain())
        for sender in ("anna@example.net", "ANNA@Example.NET", "info@example.net", ""):
            assert smtp.mail(sender, TO)[1].startswith("250"), sender
            smtp.says("RSET")
        for sender in ("bert@example.net", "info@else.test"):
            answer = smtp.says(f"MAIL FROM:<{sender}>")
            assert answer.startswith("550 5.7.1" if binding == "enforce" else "250"), sender
            if binding == "log":
                assert farm.wait_event("smtp.shadow", reason="sender-binding")["from"]
            smtp.says("RSET")
    with farm.smtp(SOURCE) as smtp:  # by the window, which bert holds
        assert smtp.mail("bert@example.net", TO)[1].startswith("250")
        smtp.says("RSET")
        assert smtp.mail("anna@example.net", TO)[1].startswith("550" if binding == "enforce" else "250")
