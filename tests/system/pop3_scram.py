"""What tests of SASL exchanges over POP3 share: challenges, and a SCRAM-SHA-256 client that can lie at
every place. RFC 5034, RFC 5802, RFC 7677."""

import base64
import hashlib
import hmac
import re


def b64(octets):
    return base64.b64encode(octets).decode()


def is_in(wire):
    return wire.says("STAT").startswith(b"+OK 3 ")


def is_out(wire):
    got = wire.says("STAT")
    return got is None or got.startswith(b"-ERR")


def challenge(wire, words):
    """What a challenge holds, RFC 5034 4."""
    wire.send(words)
    got = wire.line()
    assert got and re.fullmatch(rb"\+ [A-Za-z0-9+/]*={0,2}", got), got
    return base64.b64decode(got[2:], validate=True)


class Scram:
    """A client that can lie at every place. server-first is kept in .first, its parts in .parts."""

    def __init__(self, wire, user, gs2="n,,", nonce="fyko+d2lbbFgONRv9qkxdawL", mechanism="SCRAM-SHA-256"):
        self.wire, self.gs2, self.nonce, self.mechanism = wire, gs2, nonce, mechanism
        self.bare = f"n={user},r={nonce}"

    def begin(self, initial=True):
        words = b64((self.gs2 + self.bare).encode("latin-1"))
        if initial:
            self.first = challenge(self.wire, f"AUTH {self.mechanism} {words}")
        else:
            assert challenge(self.wire, f"AUTH {self.mechanism}") == b""
            self.first = challenge(self.wire, words)
        self.parts = dict(part.split(b"=", 1) for part in self.first.split(b","))
        return self

    def final(self, password=b"secret", binding=None, nonce=None, extra=""):
        salt, rounds = base64.b64decode(self.parts[b"s"]), int(self.parts[b"i"])
        salted = hashlib.pbkdf2_hmac("sha256", password, salt, rounds)
        key = hmac.new(salted, b"Client Key", "sha256").digest()
        stored = hashlib.sha256(key).digest()
        bare = f"c={b64((binding if binding is not None else self.gs2).encode())},r=" + (
            nonce if nonce is not None else self.parts[b"r"].decode()) + extra
        whole = self.bare.encode("latin-1") + b"," + self.first + b"," + bare.encode()
        proof = bytes(a ^ b for a, b in zip(key, hmac.new(stored, whole, "sha256").digest()))
        server = hmac.new(salted, b"Server Key", "sha256").digest()
        self.signature = b"v=" + base64.b64encode(hmac.new(server, whole, "sha256").digest())
        self.bare_final, self.proof = bare, b64(proof)
        return b64(f"{bare},p={self.proof}".encode())

    def end(self, words=None):
        """The reply to client-final, after the server's signature was seen and answered by nothing."""
        self.wire.send(words if words is not None else self.final())
        got = self.wire.line()
        if got.startswith(b"+ "):
            assert base64.b64decode(got[2:]) == self.signature, "the server does not know the password"
            got = self.wire.says("")
        elif got.startswith(b"+OK"):
            raise AssertionError("no signature of the server before +OK")
        return got
