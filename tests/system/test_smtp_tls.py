"""TLS towards clients: begun by STARTTLS (RFC 3207) or at once (RFC 8314), and nothing said before it counts."""

import base64
import smtplib
import ssl

import pytest

import certificates
import clients
import mail
from ports import free_port
from talk import PATIENCE, Smtp, dial

SOURCE, SENDER, TO = "127.0.0.81", "anna@example.net", "bob@else.test"
VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


@pytest.fixture
def gate(farm, hop, directory):
    farm.certificate, key = certificates.make(directory)
    farm.more = f'tls {{ certificate = "{farm.certificate}" key = "{key}" }}'
    farm.submission_port, farm.smtps_port, farm.relay_to = free_port(), free_port(), hop.uri
    farm.smtpgate = (f'listener "127.0.0.1:{farm.submission_port}" {{ role = "submission" tls = "starttls" }}\n'
                     f'listener "127.0.0.1:{farm.smtps_port}" {{ role = "submission" tls = "implicit" }}')
    farm.start("smtpgate")
    return farm


def upgrade(smtp, context):
    """The same connection under TLS, to go on with."""
    smtp.sock = context.wrap_socket(smtp.sock, server_hostname="mail.example.net")
    smtp.file = smtp.sock.makefile("rb")


PLAIN = base64.b64encode(f"\0{SENDER}\0secret".encode()).decode()


@pytest.mark.parametrize("version", VERSIONS)
def test_starttls_forgets_what_was_said_in_clear(gate, hop, version):
    with Smtp(gate.submission_port, SOURCE) as smtp:
        assert "STARTTLS" in smtp.ehlo
        assert smtp.says("STARTTLS x").startswith("501")
        assert smtp.says("AUTH PLAIN " + PLAIN).startswith("235")
        assert smtp.says("STARTTLS").startswith("220 2.0.0")
        upgrade(smtp, certificates.trusting(gate.certificate, VERSIONS[version]))
        assert smtp.says(f"MAIL FROM:<{SENDER}>").startswith("503"), "EHLO is forgotten"
        assert "STARTTLS" not in smtp.says("EHLO again.test")
        assert smtp.says("STARTTLS").startswith("503")
        assert smtp.says(f"MAIL FROM:<{SENDER}>").startswith("530"), "and so is who it was"
        assert smtp.says("AUTH PLAIN " + PLAIN).startswith("235")
        letter = mail.tricky()
        assert smtp.deliver(SENDER, [TO], mail.stuffed(letter)).startswith("250")
    assert mail.same(mail.unstuffed(hop.taken()[0].body), letter)
    assert b"from again.test" in hop.taken()[0].body and b"with ESMTPSA id" in hop.taken()[0].body
    assert gate.wait_event("smtp.auth", tls="true")["tls_version"] == version


def test_nothing_piped_behind_starttls_is_obeyed_under_tls(gate):
    with Smtp(gate.submission_port, SOURCE) as smtp:
        smtp.send(b"STARTTLS\r\nEHLO injected.test\r\n")
        first, second = smtp.reply(), smtp.reply()
        assert first.startswith("503") and second.startswith("250"), "still in clear, and obeyed as such"
        assert smtp.says("STARTTLS").startswith("220")
        upgrade(smtp, certificates.trusting(gate.certificate))
        assert smtp.says("RSET").startswith("250")


def test_starttls_in_a_transaction_drops_it(gate):
    with gate.smtp(SOURCE) as smtp:
        assert smtp.mail("a@b.test", "anna@example.net")[0].startswith("250")
        assert smtp.says("STARTTLS").startswith("220")
        upgrade(smtp, certificates.trusting(gate.certificate))
        smtp.says("EHLO again.test")
        assert smtp.says("RCPT TO:<anna@example.net>").startswith("503")


@pytest.mark.parametrize("version", VERSIONS)
def test_tls_from_the_first_octet(gate, hop, version):
    context = certificates.trusting(gate.certificate, VERSIONS[version])
    with smtplib.SMTP_SSL("127.0.0.1", gate.smtps_port, "client.test", timeout=PATIENCE, source_address=(SOURCE, 0),
                          context=context) as smtp:
        assert "starttls" not in smtp.ehlo()[1].decode().lower()
        smtp.login(SENDER, "secret")
        letter = mail.large(300_000)
        assert smtp.sendmail(SENDER, [TO], letter) == {}
    assert mail.same(mail.unstuffed(hop.taken()[0].body), letter)


def test_who_speaks_no_tls_to_the_tls_port_gets_nowhere(gate):
    with dial(gate.smtps_port, SOURCE) as sock:
        sock.sendall(b"EHLO x.test\r\nMAIL FROM:<a@b.test>\r\n")
        while got := sock.recv(4096):
            assert not got.startswith(b"2"), "an SMTP greeting in clear"
    assert gate.wait_event("smtp.disconnect", reason="tls")["tls_error"]


def test_curl_and_msmtp_over_tls(gate, hop, directory):
    letter = mail.tricky("tls")
    path = directory / "eml"
    path.write_bytes(letter)
    for url in (f"smtp://127.0.0.1:{gate.submission_port}/c.test", f"smtps://127.0.0.1:{gate.smtps_port}/c.test"):
        clients.run("curl", "-sS", "--ssl-reqd", "--cacert", gate.certificate, url, "-u", f"{SENDER}:secret",
                    "--mail-from", SENDER, "--mail-rcpt", TO, "-T", path)
    for port, starttls in ((gate.submission_port, "on"), (gate.smtps_port, "off")):
        clients.run("msmtp", "-C", "/dev/null", "--host=127.0.0.1", f"--port={port}", "--tls=on",
                    f"--tls-starttls={starttls}", f"--tls-trust-file={gate.certificate}", "--auth=plain",
                    f"--user={SENDER}", "--passwordeval=echo secret", f"--from={SENDER}", "--", TO,
                    stdin=mail.lf(letter))
    assert len(hop.taken()) == 4
    assert all(mail.same(mail.unstuffed(got.body), letter) for got in hop.taken())
