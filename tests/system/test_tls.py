"""TLS at both daemons: versions, names, protocols, sessions over workers and reloads, and what must not
pass. What only one of them has is in test_pop3_tls.py and test_smtp_tls.py."""

import os
import re
import signal
import ssl
import subprocess

import pytest

import certificates
from ports import free_port, until
from talk import PATIENCE, dial

V = ssl.TLSVersion
BOTH = pytest.mark.parametrize("daemon", ["pop3d", "smtpgate"])


def secure(farm, **named):
    """Certificates for both daemons (the default one is farm.pair; named: name=kind, for SNI), and
    listeners with TLS at once on pops_port and smtps_port."""
    farm.authority = certificates.Authority(farm.dir / "tls")
    farm.pair = farm.authority.issue("mail.example.net", "127.0.0.1")
    farm.more = certificates.section(farm.pair, **{name: farm.authority.issue(name, kind=kind)
                                                   for name, kind in named.items()})
    farm.pops_port, farm.smtps_port = free_port(), free_port()
    farm.pop3d = f'listener "127.0.0.1:{farm.pops_port}" {{ tls = "implicit" }}'
    farm.smtpgate = f'listener "127.0.0.1:{farm.smtps_port}" {{ tls = "implicit" }}'
    return farm


def port_of(farm, daemon):
    return farm.pops_port if daemon == "pop3d" else farm.smtps_port


def wrap(farm, daemon, name="mail.example.net", session=None, **how):
    """A connection with TLS at once; the greeting is still to be read."""
    context = how.pop("context", None) or farm.authority.context(**how)
    return context.wrap_socket(dial(port_of(farm, daemon)), server_hostname=name, session=session)


def quit(sock):
    """Reads the greeting, says QUIT, reads to the end; all that was said."""
    said = sock.recv(4096)
    sock.sendall(b"QUIT\r\n")
    while octets := sock.recv(4096):
        said += octets
    sock.close()
    return said


# -- who is understood

@BOTH
@pytest.mark.parametrize("version", [V.TLSv1_2, V.TLSv1_3], ids=str)
def test_tls_at_once(farm, daemon, version):
    secure(farm).start(daemon)
    with wrap(farm, daemon, minimum=version, maximum=version) as sock:
        assert sock.version() == {V.TLSv1_2: "TLSv1.2", V.TLSv1_3: "TLSv1.3"}[version]
        sock.suppress_ragged_eofs = False  # the end has to be said, not only to happen
        assert re.match(rb"(\+OK|220) (.|\r\n)*(\+OK|221) .*\r\n$", quit(sock))


@BOTH
def test_older_versions_are_refused(farm, daemon):
    secure(farm).start(daemon)
    for version in (V.TLSv1, V.TLSv1_1):
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            wrap(farm, daemon, minimum=version, maximum=version)
    quit(wrap(farm, daemon))


def test_nothing_is_offered_without_a_certificate_or_where_it_is_switched_off(farm):
    farm.start()
    with farm.pop() as pop, farm.smtp() as smtp:
        assert b"STLS" not in pop.many("CAPA")[1]
        assert pop.says("STLS").startswith("-ERR")
        assert "STARTTLS" not in smtp.ehlo
        assert smtp.says("STARTTLS").startswith("5")


# -- names and protocols

@BOTH
def test_each_name_has_its_certificate(farm, daemon):
    secure(farm, **{"other.test": "rsa:2048", "*.many.test": "ec"}).start(daemon)
    for name in ("mail.example.net", "other.test", "one.many.test"):
        quit(wrap(farm, daemon, name))
    with pytest.raises(ssl.SSLCertVerificationError):
        wrap(farm, daemon, "unknown.test")  # gets the default one, which is not for it


@BOTH
def test_a_client_of_another_protocol_is_refused(farm, daemon):
    own = "pop3" if daemon == "pop3d" else "smtp"
    secure(farm).start(daemon)
    with wrap(farm, daemon, alpn=["imap", own]) as sock:
        assert sock.selected_alpn_protocol() == own
    for offer in (["http/1.1", "h2"], ["smtp" if own == "pop3" else "pop3"]):
        with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
            wrap(farm, daemon, alpn=offer)


# -- sessions

def resumed(farm, daemon, context, session):
    """One session on; whether it was resumed, and what the next one may resume."""
    sock = wrap(farm, daemon, context=context, session=session)
    greeting = sock.recv(4096)  # a ticket of TLS 1.3 comes with it
    assert greeting.startswith((b"+OK", b"220"))
    answer = sock.session_reused, sock.session
    sock.sendall(b"QUIT\r\n")
    while sock.recv(4096):
        pass
    sock.close()
    return answer


@BOTH
@pytest.mark.parametrize("version", [V.TLSv1_2, V.TLSv1_3], ids=str)
def test_every_session_resumes_at_any_worker_after_restarts_and_reloads(farm, daemon, version):
    farm.workers = 4
    secure(farm).start(daemon)
    context = farm.authority.context(minimum=version, maximum=version)
    reused, session = resumed(farm, daemon, context, None)
    assert not reused

    def all_resume(times):
        nonlocal session
        for _ in range(times):
            reused, session = resumed(farm, daemon, context, session)
            assert reused

    all_resume(16)  # each at a worker that the kernel picks
    before = farm.role(daemon, "worker")
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(now := farm.role(daemon, "worker")) == 4 and not set(now) & set(before), 20,
          "new workers")
    all_resume(8)
    farm.reload(daemon)
    farm.wait_event("config.loaded", generation=1)
    until(lambda: not set(farm.role(daemon, "worker")) & set(before), 20, "the new generation")
    all_resume(8)


def test_openssl_resumes_as_well(farm):
    secure(farm).start("pop3d")
    kept = farm.dir / "session.pem"

    def s_client(*words):
        return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{farm.pop_port}", "-starttls",
                               "pop3", "-CAfile", farm.authority.ca, "-verify_return_error", "-ign_eof",
                               *words], input="QUIT\r\n", capture_output=True, text=True, timeout=PATIENCE).stdout

    first = s_client("-sess_out", kept)
    assert "New, TLSv1.3" in first
    assert "Reused, TLSv1.3" in s_client("-sess_in", kept)


# -- the operator

@BOTH
def test_a_reload_takes_a_new_certificate_and_keeps_the_old_one_if_it_is_bad(farm, daemon):
    secure(farm).start(daemon)

    def serial():
        with wrap(farm, daemon) as sock:
            return sock.getpeercert()["serialNumber"]

    first = serial()
    new = farm.authority.issue("mail.example.net")
    farm.pair.key.write_text("no key\n")
    farm.reload(daemon)
    bad = farm.wait_event("config.bad")
    assert f"{farm.conf}:" in bad["msg"] and "no private key" in bad["msg"]
    farm.wait_event("config.kept")
    assert serial() == first
    farm.pair.certificate.write_bytes(new.certificate.read_bytes())
    farm.pair.key.write_bytes(new.key.read_bytes())
    farm.reload(daemon)
    farm.wait_event("config.loaded", generation=1)
    until(lambda: serial() != first, 20, "the new certificate")


def test_what_is_wrong_with_a_certificate_is_said_with_file_and_line(farm):
    secure(farm)
    other, weak = farm.authority.issue("other.test"), farm.authority.issue("weak.test", kind="rsa:1024")
    good, nothing = farm.pair, farm.dir / "nothing.pem"
    nothing.write_text("")
    rows = {
        "is not the key of": certificates.Pair(good.certificate, other.key), "too weak": weak,
        "no certificate in PEM": certificates.Pair(nothing, good.key), "no private key": certificates.Pair(good.certificate, nothing),
        "not there": certificates.Pair(farm.dir / "absent.pem", good.key), "absolute path": certificates.Pair("cert.pem", good.key),
    }
    for wanted, pair in rows.items():
        farm.more = certificates.section(pair)
        farm.write()
        line = 1 + farm.conf.read_text().split("\n").index(farm.more)
        for words in ([farm.program("pop3d"), "-t"], [farm.program("smtpgate"), "-t"],
                      [farm.program("popgate"), "check"]):
            answer = subprocess.run([words[0], "-c", farm.conf, *words[1:]], capture_output=True, text=True,
                                    timeout=PATIENCE, env=farm.env())
            assert answer.returncode != 0 and wanted in answer.stderr, (wanted, answer.stderr)
            assert f"{farm.conf}:{line}:" in answer.stderr, answer.stderr


def test_tls_that_is_asked_for_needs_a_certificate(farm):
    farm.pop3d = f'listener "127.0.0.1:{farm.smtp_port}" {{ tls = "implicit" }}'
    farm.write()
    answer = farm.ctl("check")
    assert answer.returncode == 1 and "needs a certificate" in answer.stderr


# -- on the wire

@BOTH
def test_the_greeting_comes_with_the_end_of_the_handshake(farm, daemon):
    """One write: what the client reads in one go behind its Finished holds ticket and greeting."""
    secure(farm).start(daemon)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    sealed = farm.authority.context(minimum=V.TLSv1_3).wrap_bio(incoming, outgoing,
                                                                server_hostname="mail.example.net")
    with dial(port_of(farm, daemon)) as sock:
        while True:
            try:
                sealed.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
        sock.sendall(outgoing.read())
        incoming.write(sock.recv(65536))
        assert sealed.read(4096).startswith((b"+OK", b"220"))
        assert sealed.session.has_ticket
