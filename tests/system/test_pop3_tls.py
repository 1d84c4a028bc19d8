"""STLS and POP3 over TLS: what is offered, what counts behind the handshake, what the log says."""

import poplib
import ssl
import warnings

import pytest

import certificates
import mail
from ports import until
from talk import PATIENCE, Pop, dial

SOURCE = "127.0.13.1"


@pytest.fixture
def host(farm):
    farm.certify()
    mail.put(farm.maildir(), b"Subject: x\n\nx\n")
    return farm.start("pop3d")


def context(farm, **settings):
    made = ssl.create_default_context(cafile=farm.ca)
    for name, value in settings.items():
        setattr(made, name, value)
    return made


class Tls(Pop):
    """POP3 over TLS from the first octet."""

    def __init__(self, farm, source=SOURCE, settings=None, session=None, server="mail.example.net"):
        self.sock = (settings or context(farm)).wrap_socket(
            dial(farm.pops_port, source), server_hostname=server, session=session)
        self.port = self.sock.getsockname()[1]
        self.file = self.sock.makefile("rb")
        self.greeting = self.line()


def turn(pop, farm):
    """The handshake behind an answer to STLS."""
    pop.sock = context(farm).wrap_socket(pop.sock, server_hostname="mail.example.net")
    pop.file = pop.sock.makefile("rb")
    return pop


def capabilities(pop):
    first, body = pop.many("CAPA")
    assert first.startswith("+OK")
    return body.decode().splitlines()


def test_stls_is_offered_until_tls_is_spoken(host):
    with host.pop(SOURCE) as pop:
        assert "STLS" in capabilities(pop)
        assert pop.says("STLS").startswith("+OK")
        turn(pop, host)
        assert "STLS" not in capabilities(pop)
        assert pop.says("STLS").startswith("-ERR")
        assert pop.login().startswith("+OK")
        assert pop.says("STLS").startswith("-ERR")
        assert pop.says("STAT") == "+OK 1 17"
        assert pop.says("QUIT").startswith("+OK")
    line = host.wait_event("pop3.login")
    assert (line["tls"], line["plaintext"], line["mechanism"]) == ("true", "false", "plain")
    assert line["tls_version"] == "TLSv1.3" and line["cipher"]
    grant = host.wait_event("window.grant")
    assert (grant["tls"], grant["mechanism"]) == ("true", "plain")


def test_tls_from_the_first_octet(host):
    with Tls(host) as pop:
        assert pop.greeting.startswith("+OK")
        assert "STLS" not in capabilities(pop)
        assert pop.login().startswith("+OK")
        assert pop.many("RETR 1")[1] == b"Subject: x\r\n\r\nx\r\n"
        assert pop.says("QUIT").startswith("+OK")
        assert pop.file.read() == b""  # and a close_notify, or this would raise
    assert host.wait_event("pop3.login")["tls"] == "true"


def test_what_is_piped_behind_stls_is_never_obeyed(host):
    with host.pop(SOURCE) as pop:
        pop.send(b"STLS\r\nUSER anna\r\nPASS secret\r\nDELE 1\r\nQUIT\r\n")
        assert pop.line().startswith("+OK")
        turn(pop, host)
        assert pop.says("NOOP") == "-ERR Log in first"
        assert pop.says("QUIT") == "+OK Bye"
    assert host.events("pop3.login") == []
    assert len(mail.files(host.maildir())) == 1


def test_what_was_said_in_clear_is_forgotten(host):
    with host.pop(SOURCE) as pop:
        assert pop.says("USER anna").startswith("+OK")
        assert pop.says("STLS").startswith("+OK")
        turn(pop, host)
        assert pop.says("PASS secret").startswith("-ERR")


def test_octets_in_clear_where_tls_is_due_end_the_connection(host):
    with host.pop(SOURCE) as pop:
        pop.says("STLS")
        pop.send("USER anna")
        assert pop.ended()
    sock = dial(host.pops_port, SOURCE)
    sock.sendall(b"USER anna\r\nPASS secret\r\n")
    assert b"+OK" not in sock.makefile("rb").read()
    sock.close()
    assert host.wait_event("pop3.tls_failed", count=2)["reason"]
    assert host.events("pop3.login") == []


def test_tls_on_the_port_in_clear_is_cut_and_said(host):
    with pytest.raises(ssl.SSLError):
        context(host).wrap_socket(dial(host.pop_port, SOURCE), server_hostname="mail.example.net")
    assert host.wait_event("pop3.foreign")["protocol"] == "tls"


@pytest.mark.parametrize("protocols, fits", [(["pop3"], "pop3"), (["imap", "pop3"], "pop3"), ([], None)])
def test_alpn_pop3_is_spoken(host, protocols, fits):
    settings = context(host)
    if protocols:
        settings.set_alpn_protocols(protocols)
    with Tls(host, settings=settings) as pop:
        assert pop.sock.selected_alpn_protocol() == fits
        assert pop.greeting.startswith("+OK")


def test_other_protocols_of_alpn_and_old_versions_are_refused(host):
    other = context(host)
    other.set_alpn_protocols(["http/1.1"])
    with pytest.raises(ssl.SSLError):
        Tls(host, settings=other)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that they are old is what this is about
        old = context(host)
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        Tls(host, settings=old)
    assert host.wait_event("pop3.tls_failed", count=2)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed_by_whichever_worker(host, version):
    settings = context(host, minimum_version=version, maximum_version=version)
    with Tls(host, settings=settings) as pop:
        pop.login()
        pop.says("QUIT")
        session = pop.sock.session
    for _ in range(8):
        with Tls(host, settings=settings, session=session) as pop:
            assert pop.sock.session_reused
            until(lambda p=pop: p.login().startswith("+OK"), 10, "the lock of the one before")
            pop.says("QUIT")
    assert len({line["pid"] for line in host.events("pop3.login")}) == 2
    assert len(host.events("pop3.login", resumed="true")) == 8


def test_names_have_certificates_and_a_reload_brings_new_ones(farm):
    farm.certify()
    (farm.dir / "other").mkdir()
    other, key = certificates.make(farm.dir / "other", "pop.other.test")
    farm.more = farm.more.rstrip("}\n") + f' sni "pop.other.test" {{ certificate = "{other}" key = "{key}" }} }}\n'
    farm.start("pop3d")

    def serial(server):
        settings = context(farm, check_hostname=False, verify_mode=ssl.CERT_NONE)
        with Tls(farm, settings=settings, server=server) as pop:
            return pop.sock.getpeercert(True)

    def of(path):
        return ssl.PEM_cert_to_DER_cert(path.read_text())

    assert serial("mail.example.net") == of(farm.ca)
    assert serial("pop.other.test") == of(other)
    certificates.make(farm.dir)
    farm.reload("pop3d")
    until(lambda: serial("mail.example.net") == of(farm.ca), 10, "the new certificate")


def test_poplib_turns_to_tls(host):
    pop = poplib.POP3("127.0.0.1", host.pop_port, PATIENCE)
    pop.stls(context(host))
    pop.user("anna")
    pop.pass_("secret")
    assert pop.stat() == (1, 17)
    pop.dele(1)
    pop.quit()
    assert mail.files(host.maildir()) == []
    pop = poplib.POP3_SSL("127.0.0.1", host.pops_port, timeout=PATIENCE, context=context(host))
    pop.user("anna")
    pop.pass_("secret")
    assert pop.stat() == (0, 0)
    pop.quit()


def test_a_handshake_that_never_ends_is_ended(farm):
    farm.certify()
    farm.pop3d += 'idle_timeout = "1s"\n'
    farm.start("pop3d")
    sock = dial(farm.pops_port, SOURCE)
    sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
    assert sock.makefile("rb").read() == b""
    sock.close()
    assert farm.wait_event("pop3.tls_failed")["reason"]


def test_a_client_that_does_not_read_under_tls_gets_all_in_the_end(host):
    letter = mail.large(5_000_000)
    mail.put(host.maildir("bert"), letter)
    with Tls(host) as pop:
        assert pop.login("bert").startswith("+OK")
        pop.send("RETR 1")
        with Tls(host) as other:
            assert other.login().startswith("+OK")
        pop.line()
        got = b""
        while not got.endswith(b"\r\n.\r\n"):
            got += pop.file.read1(1 << 20)
        assert mail.unstuffed(got[:-3]) == letter
