"""POP3 judged from outside: STLS (RFC 2595), TLS from the first octet (RFC 8314), and SCRAM bound to the
channel (RFC 5802 6, RFC 9266)."""

import base64
import ctypes
import ctypes.util
import socket
import ssl
import struct
import warnings

import pytest

from pop3_host import LETTERS, running
from pop3_scram import Scram, b64, challenge, is_in, is_out
from pop3_wire import Wire


@pytest.fixture(scope="module")
def host():
    with running(lambda made: made.certify()) as made:
        yield made


@pytest.fixture
def box(host):
    return host.box().fill()


def context(host, alpn=(), lowest=None, highest=None):
    made = ssl.create_default_context(cafile=host.ca)
    if alpn:
        made.set_alpn_protocols(alpn)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        if lowest:
            made.set_ciphers("ALL:@SECLEVEL=0")
            made.minimum_version = lowest
        if highest:
            made.maximum_version = highest
    return made


def wrapping(host, **settings):
    made = context(host, **settings)
    return lambda sock: made.wrap_socket(sock, server_hostname="mail.example.net")


def turn(wire, host, **settings):
    """The handshake behind an answer to STLS; what came before it in clear stays unread."""
    wire.file.close()
    wire.sock = wrapping(host, **settings)(wire.sock)
    wire.file = wire.sock.makefile("rb")
    return wire


def implicit(box, **settings):
    return box.wire(port=box.host.pops_port, tls=wrapping(box.host, **settings))


def tags(wire):
    return {line.split()[0] for line in wire.many("CAPA")[1].splitlines()}


def rest(wire):
    """All that still comes, as octets."""
    got = b""
    try:
        while more := wire.sock.recv(65536):
            got += more
    except OSError:
        pass
    return got


# -- STLS

@pytest.mark.parametrize("words", ["STLS", "stls", b"STLS\n"], ids=["upper", "lower", "lf"])
def test_stls(host, box, words):
    with box.greeted() as wire:
        assert b"STLS" in tags(wire)
        assert wire.says(words).startswith(b"+OK")
        turn(wire, host)
        assert wire.login(box.name).startswith(b"+OK") and is_in(wire)
        assert wire.message("RETR 2") == LETTERS[1]
        assert wire.says("QUIT").startswith(b"+OK") and wire.ended()


def test_stls_has_no_second_greeting_and_no_second_stls(host, box):
    """RFC 2595 4: not under TLS, and so not announced there."""
    with box.greeted() as wire:
        wire.says("STLS")
        turn(wire, host)
        assert b"STLS" not in tags(wire)
        assert wire.says("STLS").startswith(b"-ERR")
        assert wire.login(box.name).startswith(b"+OK")
        assert wire.says("STLS").startswith(b"-ERR") and is_in(wire)


def test_stls_is_not_for_transaction(host, box):
    with box.session() as wire:
        assert wire.says("STLS").startswith(b"-ERR") and is_in(wire)


@pytest.mark.parametrize("words", ["STLS junk", "STLS 1", "STLS TLS", "STARTTLS", "STLS STLS"])
def test_stls_takes_no_argument(host, box, words):
    with box.greeted() as wire:
        assert wire.says(words).startswith(b"-ERR")
        assert wire.login(box.name).startswith(b"+OK")


def test_stls_after_a_failed_login(host, box):
    with box.greeted() as wire:
        assert wire.login(box.name, "wrong").startswith(b"-ERR")
        assert wire.says("STLS").startswith(b"+OK")
        turn(wire, host)
        assert wire.login(box.name).startswith(b"+OK") and is_in(wire)


def test_what_was_said_in_clear_is_forgotten(host, box):
    """RFC 2595 4: a name given before the handshake is no name behind it."""
    with box.greeted() as wire:
        assert wire.says(f"USER {box.name}").startswith(b"+OK")
        assert wire.says("STLS").startswith(b"+OK")
        turn(wire, host)
        assert wire.says("PASS secret").startswith(b"-ERR") and is_out(wire)
        assert wire.login(box.name).startswith(b"+OK")


PIPED = {
    "noop": b"NOOP\r\n", "capa": b"CAPA\r\n", "user": b"USER nobody\r\n", "quit": b"QUIT\r\n",
    "stls": b"STLS\r\n",
    "login": b"USER %s\r\nPASS secret\r\n", "session": b"USER %s\r\nPASS secret\r\nDELE 1\r\nQUIT\r\n",
    "empty-line": b"\r\n", "lf": b"\n", "half-a-command": b"US", "half-login": b"USER %s\r\nPA",
    "nul": b"\0",
    "auth": b"AUTH PLAIN\r\n", "space": b" ", "junk-4096": b"x" * 4096, "many": b"NOOP\r\n" * 500,
    "cr": b"\r",
    "http": b"GET / HTTP/1.1\r\n\r\n", "binary": bytes(range(256)),
}


@pytest.mark.parametrize("name", PIPED)
def test_what_is_piped_behind_stls_is_not_obeyed_under_tls(host, box, name):
    """CVE-2011-0411 and all that followed: the attacker's octets, sent in clear before the handshake."""
    with box.greeted() as wire:
        wire.send(b"STLS\r\n" + PIPED[name].replace(b"%s", box.name.encode()))
        first = wire.sock.recv(65536)
        if first.startswith(b"+OK"):
            assert first.count(b"\r\n") == 1, "more than one answer before the handshake"
            try:
                turn(wire, host)
            except (ssl.SSLError, OSError):
                return  # cut, which is as good
            wire.send("CAPA" if name != "half-a-command" else "ER nobody")
            got = wire.reply()
            if got is None:
                return
            if name == "half-a-command":
                assert got.startswith(b"-ERR")
            else:
                assert got.startswith(b"+OK") and b"TOP" in wire.body()
            assert is_out(wire)
        else:
            assert first.startswith(b"-ERR") or first == b""
    assert box.left() == 3


@pytest.mark.parametrize("words", [b"NOOP\r\n", b"CAPA\r\n", b"QUIT\r\n",
                                   b"USER %s\r\nPASS secret\r\nSTAT\r\n", b"\r\n",
                                   b"\0" * 100, b"\x16\x03\x01\xff\xff" + b"A" * 2000,
                                   b"\x80\x2e\x01\x00\x02", b"GET / HTTP/1.0\r\n\r\n",
                                   b"\x15\x03\x01\x00\x02\x02\x28", b"A" * 70_000],
                         ids=["noop", "capa", "quit", "login", "empty", "nuls", "huge-record", "sslv2",
                              "http", "alert", "70k"])
@pytest.mark.parametrize("port", ["stls", "implicit"])
def test_clear_text_where_tls_should_be_is_not_obeyed(host, box, port, words):
    with Wire(host.pop_port if port == "stls" else host.pops_port, box.source) as wire:
        if port == "stls":
            wire.reply()
            assert wire.says("STLS").startswith(b"+OK")
        wire.send(words.replace(b"%s", box.name.encode()))
        wire.half_close()
        got = rest(wire)
        assert b"+OK" not in got and b"-ERR" not in got and b"PIPELINING" not in got


def test_a_handshake_broken_off_leaves_others_served(host, box):
    for port in (host.pops_port, host.pop_port):
        with Wire(port, box.source) as wire:
            if port == host.pop_port:
                wire.reply()
                wire.says("STLS")
            wire.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"r" * 20)
    with box.session() as wire:
        assert is_in(wire)


# -- TLS from the first octet, RFC 8314 3.3

def test_implicit_tls(host, box):
    with implicit(box) as wire:
        assert wire.reply().startswith(b"+OK")
        assert b"STLS" not in tags(wire)
        assert wire.says("STLS").startswith(b"-ERR")
        assert wire.login(box.name).startswith(b"+OK")
        assert wire.message("RETR 3") == LETTERS[2]
        assert wire.says("DELE 1").startswith(b"+OK")
        assert wire.says("QUIT").startswith(b"+OK") and wire.ended()
    assert box.left() == 2


@pytest.mark.parametrize("port", ["stls", "implicit"])
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"])
def test_versions(host, box, version, port):
    """RFC 8996: 1.0 and 1.1 are not spoken; RFC 8314 4.1."""
    only = getattr(ssl.TLSVersion, version)

    def handshake():
        if port == "implicit":
            wire = implicit(box, lowest=only, highest=only)
            wire.reply()
            return wire
        wire = box.wire()
        wire.reply()
        wire.says("STLS")
        return turn(wire, host, lowest=only, highest=only)

    if version in ("TLSv1", "TLSv1_1"):
        with pytest.raises((ssl.SSLError, OSError)):
            handshake()
        return
    with handshake() as wire:
        assert wire.sock.version() == version.replace("_", ".")
        assert wire.login(box.name).startswith(b"+OK") and is_in(wire)


@pytest.mark.parametrize("port", ["stls", "implicit"])
@pytest.mark.parametrize("offered, chosen", [(["pop3"], "pop3"), (["http/1.1", "pop3"], "pop3"),
                                             (["pop3", "h2"], "pop3"), ([], None),
                                             (["http/1.1"], False), (["h2", "http/1.1"], False),
                                             (["imap"], False),
                                             (["POP3"], False), (["pop"], False), (["pop3s"], False),
                                             (["smtp"], False)])
def test_alpn(host, box, offered, chosen, port):
    """RFC 7301 3.2, RFC 8314 4: pop3 or nothing; a browser's connection comes to nothing (ALPACA)."""
    def handshake():
        if port == "implicit":
            wire = implicit(box, alpn=offered)
            assert wire.reply().startswith(b"+OK")
            return wire
        wire = box.wire()
        wire.reply()
        wire.says("STLS")
        turn(wire, host, alpn=offered)
        wire.says("NOOP")
        return wire

    if chosen is False:
        with pytest.raises((ssl.SSLError, OSError, AssertionError)):
            handshake()
        return
    with handshake() as wire:
        assert wire.sock.selected_alpn_protocol() == chosen
        assert wire.login(box.name).startswith(b"+OK")


def test_records_of_one_octet(host, box):
    with implicit(box) as wire:
        wire.reply()
        for octet in f"USER {box.name}\r\nPASS secret\r\nSTAT\r\n".encode():
            wire.send(bytes([octet]))
        assert [wire.reply()[:3] for _ in range(3)] == [b"+OK"] * 3


def test_a_batch_in_one_record(host, box):
    with implicit(box) as wire:
        wire.send(f"USER {box.name}\r\nPASS secret\r\nSTAT\r\n".encode() + b"NOOP\r\n" * 1500 + b"QUIT\r\n")
        assert all(wire.reply().startswith(b"+OK") for _ in range(1 + 3 + 1500 + 1)) and wire.ended()


def test_a_long_message_under_tls(host, box):
    body = b"Subject: x\r\n\r\n" + b"".join(b"%d .\r\n" % n * 3 for n in range(100_000)) + b".\r\n"
    box.put(body)
    with box.session(port=host.pops_port, tls=wrapping(host)) as wire:
        assert wire.message("RETR 4") == body


@pytest.mark.parametrize("end", [b"", b"QUIT", b"QUIT\r", b"QUIT junk\r\n"],
                         ids=["nothing", "half", "cr", "junk"])
@pytest.mark.parametrize("how", ["close-notify", "cut", "reset"])
def test_no_other_end_deletes_under_tls(host, box, end, how):
    """RFC 1939 6; a truncation attack must not delete, RFC 8446 6.1."""
    with box.session(port=host.pops_port, tls=wrapping(host)) as wire:
        assert wire.says("DELE 1").startswith(b"+OK")
        wire.send(end)
        if how == "close-notify":
            wire.sock.settimeout(5)
            try:
                wire.sock.unwrap()
            except (ssl.SSLError, OSError, ValueError):
                pass
        elif how == "reset":
            wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with box.session() as wire:
        assert is_in(wire)
    assert box.left() == 3


@pytest.mark.parametrize("name", ["other.test", "x" * 60 + ".test", "mail.example.net"])
def test_any_server_name_gets_the_certificate(host, box, name):
    made = context(host)
    made.check_hostname = False
    with box.wire(port=host.pops_port, tls=lambda sock: made.wrap_socket(sock,
                                                                         server_hostname=name)) as wire:
        assert wire.reply().startswith(b"+OK")


def test_capabilities_differ_by_nothing_but_stls_and_binding(host, box):
    """RFC 2595 4, RFC 5802 4."""
    with box.greeted() as clear, implicit(box) as secret:
        secret.reply()
        lines = [{line.split()[0]: set(line.split()[1:]) for line in wire.many("CAPA")[1].splitlines()}
                 for wire in (clear, secret)]
    assert set(lines[0]) - set(lines[1]) == {b"STLS"} and not set(lines[1]) - set(lines[0])
    assert lines[1][b"SASL"] - lines[0][b"SASL"] == {b"SCRAM-SHA-256-PLUS"}


# -- SCRAM bound to the channel

class Bound(Wire):
    """TLS by libssl itself, which can export keying material; Python's ssl cannot."""

    def __init__(self, port, source):
        super().__init__(port, source)
        lib = self._lib = ctypes.CDLL(ctypes.util.find_library("ssl"))
        for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
            getattr(lib, name).restype = ctypes.c_void_p
        lib.SSL_CTX_new.argtypes = lib.SSL_new.argtypes = [ctypes.c_void_p]
        self._ctx = lib.SSL_CTX_new(lib.TLS_client_method())
        self._ssl = ctypes.c_void_p(lib.SSL_new(self._ctx))
        self.sock.settimeout(None)  # libssl reads and writes the descriptor itself
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 20, 0))
        lib.SSL_set_fd(self._ssl, self.sock.fileno())
        assert lib.SSL_connect(self._ssl) == 1

    def close(self):
        self._lib.SSL_free(self._ssl)
        self._lib.SSL_CTX_free(ctypes.c_void_p(self._ctx))
        super().close()

    def binding(self, label=b"EXPORTER-Channel-Binding", octets=32):
        """RFC 9266 4.2: no context, which is not the same as an empty one before TLS 1.3."""
        out = ctypes.create_string_buffer(octets)
        assert self._lib.SSL_export_keying_material(self._ssl, out, ctypes.c_size_t(octets), label,
                                                    ctypes.c_size_t(len(label)), None, ctypes.c_size_t(0),
                                                    0) == 1
        return out.raw

    def send(self, words):
        words = words if isinstance(words, bytes) else words.encode("latin-1") + b"\r\n"
        assert self._lib.SSL_write(self._ssl, words, len(words)) == len(words)

    def raw(self):
        got, octet = b"", ctypes.create_string_buffer(1)
        while not got.endswith(b"\n"):
            if self._lib.SSL_read(self._ssl, octet, 1) != 1:
                break
            got += octet.raw
        return got


class BoundScram(Scram):
    """The binding that the client sends, and that its proof covers."""

    def __init__(self, wire, user, binding, gs2="p=tls-exporter,,"):
        super().__init__(wire, user, gs2, mechanism="SCRAM-SHA-256-PLUS")
        self.binding = gs2.encode() + binding

    def final(self, *args, **more):
        raw = self.binding

        class Octets(str):
            def encode(self, *_):
                return raw

        return super().final(*args, binding=Octets("x"), **more)


@pytest.fixture
def bound(host, box):
    with Bound(host.pops_port, box.source) as wire:
        assert wire.reply().startswith(b"+OK")
        yield wire


def test_scram_plus_lets_in_who_is_on_the_same_channel(box, bound):
    scram = BoundScram(bound, box.name, bound.binding()).begin()
    assert scram.end().startswith(b"+OK") and is_in(bound)


@pytest.mark.parametrize("what", ["zeros", "empty", "short", "long", "other-label", "flipped", "random"])
def test_scram_plus_refuses_another_channel(box, bound, what):
    right = bound.binding()
    wrong = {"zeros": bytes(32), "empty": b"", "short": right[:31], "long": right + b"x",
             "random": b"\x5a" * 32,
             "other-label": bound.binding(b"EXPORTER-Channel-bindinG"),
             "flipped": bytes([right[0] ^ 1]) + right[1:]}[what]
    scram = BoundScram(bound, box.name, wrong).begin()
    assert scram.end().startswith(b"-ERR") and is_out(bound)


@pytest.mark.parametrize("mechanism, gs2", [
    ("SCRAM-SHA-256", "y,,"), ("SCRAM-SHA-256", "p=tls-exporter,,"), ("SCRAM-SHA-256-PLUS", "n,,"),
    ("SCRAM-SHA-256-PLUS", "y,,"),
    ("SCRAM-SHA-256-PLUS", "p=none,,"), ("SCRAM-SHA-256-PLUS", "p=,,"),
    ("SCRAM-SHA-256-PLUS", "p=tls-server-end-point-x,,")])
def test_scram_refuses_a_downgrade(host, box, mechanism, gs2):
    """RFC 5802 6: y to a server that can bind means that somebody hid -PLUS from the client."""
    with implicit(box) as wire:
        wire.reply()
        scram = Scram(wire, box.name, gs2, mechanism=mechanism)
        wire.send(f"AUTH {mechanism} {b64((scram.gs2 + scram.bare).encode())}")
        got = wire.line()
        if got.startswith(b"+ "):
            scram.first = base64.b64decode(got[2:])
            scram.parts = dict(part.split(b"=", 1) for part in scram.first.split(b","))
            wire.send(scram.final())
            got = wire.line()
            assert not got.startswith(b"+ "), "the server signed it"
        assert got.startswith(b"-ERR") and is_out(wire)
        assert wire.login(box.name).startswith(b"+OK")


def test_scram_without_binding_is_still_taken_under_tls(host, box):
    with implicit(box) as wire:
        wire.reply()
        assert Scram(wire, box.name).begin().end().startswith(b"+OK") and is_in(wire)


@pytest.mark.parametrize("words", ["AUTH PLAIN", "AUTH LOGIN"])
def test_mechanisms_under_tls(host, box, words):
    with implicit(box) as wire:
        wire.reply()
        challenge(wire, words)
        assert wire.says("*").startswith(b"-ERR")
        assert wire.login(box.name).startswith(b"+OK")
