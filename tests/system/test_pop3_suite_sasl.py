"""POP3 judged from outside: APOP (RFC 1939 7) and the challenge mechanisms of AUTH: LOGIN, CRAM-MD5
(RFC 2195), SCRAM-SHA-256 (RFC 5802, RFC 7677)."""

import base64
import hashlib
import hmac
import re

import pytest

from pop3_host import running
from pop3_scram import Scram, b64, challenge, is_in, is_out

# "secret", of which nobody can compute a digest
HASHED = ("{SHA512-CRYPT}$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiO"
          "QSpT0Y77vwPZN.Pq.H91p5hVO1")


@pytest.fixture(scope="module")
def host():
    def more(made):
        made.users["hashed@example.net"] = HASHED

    with running(more) as made:
        yield made


@pytest.fixture
def box(host):
    return host.box().fill()


@pytest.fixture
def wire(box):
    with box.greeted() as made:
        yield made


# -- APOP, RFC 1939 7

class Apop:
    """A connection and the timestamp of its greeting."""

    def __init__(self, box):
        self.wire, self.user = box.wire(), box.name
        found = re.search(rb"<[^<>]+>", self.wire.reply())
        assert found, "no timestamp in the greeting"
        self.stamp = found.group()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.close()

    def digest(self, secret=b"secret", stamp=None):
        return hashlib.md5((stamp or self.stamp) + secret).hexdigest()

    def says(self, digest, user=None):
        return self.wire.says(f"APOP {user or self.user} {digest}")


@pytest.fixture
def apop(box):
    with Apop(box) as made:
        yield made


def test_apop_lets_in(apop):
    assert apop.says(apop.digest()).startswith(b"+OK") and is_in(apop.wire)


def test_apop_with_the_full_address(apop):
    assert apop.says(apop.digest(), apop.user + "@example.net").startswith(b"+OK") and is_in(apop.wire)


def test_apop_in_lower_case(apop):
    assert apop.wire.says(f"apop {apop.user} {apop.digest()}").startswith(b"+OK")


def test_apop_after_a_failure(apop):
    assert apop.says(apop.digest(b"wrong")).startswith(b"-ERR")
    assert apop.says(apop.digest()).startswith(b"+OK") and is_in(apop.wire)


def test_apop_after_a_failed_pass(apop):
    assert apop.wire.login(apop.user, "wrong").startswith(b"-ERR")
    assert apop.says(apop.digest()).startswith(b"+OK") and is_in(apop.wire)


def test_the_timestamp_is_a_plain_message_id(host, box):
    """RFC 1939 7: msg-id syntax; letters, digits and dots, because clients stumble over anything else."""
    for _ in range(5):
        with Apop(box) as apop:
            assert re.fullmatch(rb"<[A-Za-z0-9.]+@[A-Za-z0-9.-]+>", apop.stamp)


def test_timestamps_never_repeat(host, box):
    """RFC 1939 7: different each time the greeting is issued; and nobody can tell the next."""
    stamps = []
    for _ in range(60):
        with Apop(box) as apop:
            stamps.append(apop.stamp)
    assert len(set(stamps)) == 60
    locals_ = [stamp[1:].split(b"@")[0] for stamp in stamps]
    assert sum(a[:8] != b[:8] or len(a) >= 24 for a, b in zip(locals_, locals_[1:])) == 59


WRONG_DIGESTS = {
    "of-another-password": lambda a: a.digest(b"wrong"), "of-no-password": lambda a: a.digest(b""),
    "without-brackets": lambda a: a.digest(stamp=a.stamp[1:-1]),
    "of-another-stamp": lambda a: a.digest(stamp=b"<1.1@mail.example.net>"),
    "secret-first": lambda a: hashlib.md5(b"secret" + a.stamp).hexdigest(),
    "short": lambda a: a.digest()[:31], "long": lambda a: a.digest() + "0",
    "half": lambda a: a.digest()[:16],
    "one-octet": lambda a: a.digest()[:2], "zeros": lambda a: "0" * 32, "not-hex": lambda a: "z" * 32,
    "last-digit": lambda a: a.digest()[:-1] + ("0" if a.digest()[-1] != "0" else "1"),
    "first-digit": lambda a: ("0" if a.digest()[0] != "0" else "1") + a.digest()[1:],
    "password": lambda a: "secret", "base64": lambda a: b64(bytes.fromhex(a.digest())),
    "sha1": lambda a: hashlib.sha1(a.stamp + b"secret").hexdigest(),
    "twice": lambda a: a.digest() * 2, "with-0x": lambda a: "0x" + a.digest(), "star": lambda a: "*",
    "junk-behind": lambda a: a.digest() + " junk", "dash": lambda a: "-" + a.digest()[1:],
    "plus": lambda a: "+" + a.digest()[1:], "200-digits": lambda a: "a" * 200,
    "8-bit": lambda a: a.digest()[:-1] + "\xff", "colon": lambda a: a.digest() + ":",
}


@pytest.mark.parametrize("name", WRONG_DIGESTS)
def test_apop_with_a_wrong_digest(apop, name):
    assert apop.says(WRONG_DIGESTS[name](apop)).startswith(b"-ERR") and is_out(apop.wire)
    assert apop.wire.login(apop.user).startswith(b"+OK"), "a failure must not end the session"


@pytest.mark.parametrize("end", [b"\0", b"\0junk", b"\r", b"\t", b"\x01", b"\x7f"],
                         ids=["nul", "nul-junk", "cr", "tab", "ctrl-a", "del"])
def test_apop_with_control_octets(apop, end):
    apop.wire.send(f"APOP {apop.user} {apop.digest()}".encode() + end + b"\r\n")
    got = apop.wire.reply()
    assert got is None or got.startswith(b"-ERR")
    assert is_out(apop.wire)


def test_apop_in_capitals_is_the_same_or_refused(apop):
    got = apop.says(apop.digest().upper())
    assert got.startswith(b"+OK") == is_in(apop.wire)


def test_apop_replayed_on_another_connection(host, box, apop):
    with Apop(box) as other:
        assert other.says(apop.digest()).startswith(b"-ERR") and is_out(other.wire)


@pytest.mark.parametrize("words", ["APOP", "APOP ", "APOP {user}", "APOP {user} ", "APOP  {user} x",
                                   "APOP x y z"])
def test_apop_without_its_arguments(apop, words):
    assert apop.wire.says(words.replace("{user}", apop.user)).startswith(b"-ERR") and is_out(apop.wire)
    assert apop.says(apop.digest()).startswith(b"+OK")


@pytest.mark.parametrize("user", ["nobody", "root", "../x", "{user}@other.test", "{user}x", "*", "%u",
                                  "{user}\xff"])
def test_apop_of_another_name(apop, user):
    assert apop.says(apop.digest(), user.replace("{user}",
                                                 apop.user)).startswith(b"-ERR") and is_out(apop.wire)


def test_apop_failures_all_sound_the_same(host, box):
    """A wrong digest, no such subscriber, a password nobody can digest: one text, RFC 1939 13."""
    said = set()
    for user in (box.name, "nobody", "hashed", "nobody@other.test"):
        with Apop(box) as apop:
            said.add(apop.says(apop.digest(b"wrong"), user))
    assert len(said) == 1 and said.pop().startswith(b"-ERR [AUTH]")


def test_apop_is_for_authorization_only(apop):
    assert apop.says(apop.digest()).startswith(b"+OK")
    assert apop.says(apop.digest()).startswith(b"-ERR") and is_in(apop.wire)


def test_apop_to_a_maildrop_in_use(host, box, apop):
    with box.session():
        assert apop.says(apop.digest()).startswith(b"-ERR [IN-USE]")


# -- LOGIN

def test_login_lets_in(box, wire):
    challenge(wire, "AUTH LOGIN")
    challenge(wire, b64(box.name.encode()))
    assert wire.says(b64(b"secret")).startswith(b"+OK") and is_in(wire)


def test_login_with_the_name_at_once(box, wire):
    challenge(wire, f"AUTH LOGIN {b64(box.name.encode())}")
    assert wire.says(b64(b"secret")).startswith(b"+OK") and is_in(wire)


@pytest.mark.parametrize("password", [b"wrong", b"", b"secret\0", b"secret\0junk", b"\0secret", b"secret ",
                                      b"SECRET",
                                      b"secret\r\n", b"s" * 255, b"s" * 6000, b"secret\xff",
                                      b"x\tuser=root"])
def test_login_with_a_wrong_password(box, wire, password):
    challenge(wire, "AUTH LOGIN")
    challenge(wire, b64(box.name.encode()))
    assert wire.says(b64(password) or "").startswith(b"-ERR") and is_out(wire)


@pytest.mark.parametrize("name", [b"nobody", b"%s\0", b"%s\0x", b"\0%s", b"../%s", b"%s@other.test", b"",
                                  b"%s\r\n",
                                  b"u" * 255, b"%%u", b"*", b"%s\xff"])
def test_login_with_another_name(box, wire, name):
    wire.send("AUTH LOGIN")
    wire.line()
    wire.send(b64(name.replace(b"%s", box.name.encode())) or "")
    got = wire.line()
    if got.startswith(b"+ "):
        got = wire.says(b64(b"secret"))
    assert got.startswith(b"-ERR") and is_out(wire)


@pytest.mark.parametrize("at", ["name", "password"])
@pytest.mark.parametrize("words", ["*", "!!", "AA=A", "QUIT now", "=", "A", "AHU=AHU="])
def test_login_cancelled_or_broken(box, wire, at, words):
    challenge(wire, "AUTH LOGIN")
    if at == "password":
        challenge(wire, b64(box.name.encode()))
    wire.send(words)
    got = wire.line()
    if got.startswith(b"+ "):  # an answer of no octets, perhaps
        got = wire.says(b64(b"secret"))
    assert got.startswith(b"-ERR") and is_out(wire)
    assert wire.login(box.name).startswith(b"+OK")


def test_login_asks_unknown_names_for_their_password_too(box, wire):
    first = challenge(wire, "AUTH LOGIN")
    second = challenge(wire, b64(b"nobody"))
    unknown = wire.says(b64(b"wrong"))
    assert (challenge(wire, "AUTH LOGIN"), challenge(wire, b64(box.name.encode())),
            wire.says(b64(b"wrong"))) == (first, second, unknown)


# -- CRAM-MD5, RFC 2195

def cram(stamp, user, secret=b"secret"):
    return b64(user.encode() + b" " + hmac.new(secret, stamp, "md5").hexdigest().encode())


def test_cram_md5_lets_in(box, wire):
    stamp = challenge(wire, "AUTH CRAM-MD5")
    assert re.fullmatch(rb"<[^<>@ ]+@[^<>@ ]+>", stamp), "RFC 2195 2: a msg-id"
    assert wire.says(cram(stamp, box.name)).startswith(b"+OK") and is_in(wire)


def test_cram_md5_challenges_never_repeat(wire):
    stamps = []
    for _ in range(4):
        stamps.append(challenge(wire, "AUTH CRAM-MD5"))
        assert wire.says("*").startswith(b"-ERR")
    assert len(set(stamps)) == 4


def test_cram_md5_has_no_initial_response(box, wire):
    """RFC 4422 3: a mechanism in which the server speaks first takes none."""
    wire.send(f"AUTH CRAM-MD5 {cram(b'<1@x>', box.name)}")
    got = wire.line()
    if got.startswith(b"+ "):
        got = wire.says("*")
    assert got.startswith(b"-ERR") and is_out(wire)


WRONG_CRAM = {
    "password": lambda s, u: cram(s, u, b"wrong"), "other-stamp": lambda s, u: cram(b"<1.1@x>", u),
    "empty": lambda s, u: "", "name-only": lambda s, u: b64(u.encode()), "name-space": lambda s,
    u: b64(u.encode() + b" "),
    "digest-only": lambda s, u: b64(hmac.new(b"secret", s, "md5").hexdigest().encode()),
    "short": lambda s, u: b64(base64.b64decode(cram(s, u))[:-1]),
    "long": lambda s, u: b64(base64.b64decode(cram(s, u)) + b"0"),
    "nul": lambda s, u: b64(base64.b64decode(cram(s, u)) + b"\0"),
    "nul-in-name": lambda s, u: cram(s, u + "\0x"), "unknown": lambda s, u: cram(s, "nobody"),
    "crlf": lambda s, u: b64(base64.b64decode(cram(s, u)) + b"\r\n"),
    "cancel": lambda s, u: "*", "not-base64": lambda s, u: "!" + cram(s, u), "plain": lambda s,
    u: b64(b"\0" + u.encode() + b"\0secret"),
    "zeros": lambda s, u: b64(u.encode() + b" " + b"0" * 32), "6000-octets": lambda s,
    u: b64(b"u" * 6000 + b" " + b"0" * 32),
    "spaces": lambda s, u: b64(b" " * 40), "traversal": lambda s, u: cram(s, "../" + u),
}


@pytest.mark.parametrize("name", WRONG_CRAM)
def test_cram_md5_refuses(box, wire, name):
    stamp = challenge(wire, "AUTH CRAM-MD5")
    assert wire.says(WRONG_CRAM[name](stamp, box.name)).startswith(b"-ERR") and is_out(wire)
    assert wire.login(box.name).startswith(b"+OK")


def test_cram_md5_replayed(host, box, wire):
    words = cram(challenge(wire, "AUTH CRAM-MD5"), box.name)
    assert wire.says("*").startswith(b"-ERR")
    challenge(wire, "AUTH CRAM-MD5")
    assert wire.says(words).startswith(b"-ERR") and is_out(wire)


def test_cram_md5_failures_all_sound_the_same(host, box):
    said = set()
    for user in (box.name, "nobody", "hashed"):
        with box.greeted() as wire:
            said.add(wire.says(cram(challenge(wire, "AUTH CRAM-MD5"), user, b"wrong")))
    assert len(said) == 1


# -- SCRAM-SHA-256, RFC 5802 and RFC 7677

@pytest.mark.parametrize("initial", [True, False], ids=["initial", "asked"])
@pytest.mark.parametrize("gs2", ["n,,", "y,,", "n,a=%s,", "n,a=%s@example.net,"])
def test_scram_lets_in(box, wire, gs2, initial):
    """y: a client that could bind, to a server without a channel to bind to, RFC 5802 6."""
    scram = Scram(wire, box.name + ("@example.net" if "@" in gs2 else ""),
                  gs2.replace("%s", box.name)).begin(initial)
    assert scram.parts[b"r"].startswith(scram.nonce.encode()) and len(scram.parts[b"r"]) > len(scram.nonce) + 12
    assert int(scram.parts[b"i"]) >= 4096, "RFC 7677 4"
    assert scram.end().startswith(b"+OK") and is_in(wire)


def test_scram_nonces_never_repeat(box, wire):
    seen = set()
    for _ in range(4):
        seen.add(Scram(wire, box.name).begin().parts[b"r"])
        assert wire.says("*").startswith(b"-ERR")
    assert len(seen) == 4


WRONG_FINAL = {
    "password": lambda s: s.final(b"wrong"), "empty-password": lambda s: s.final(b""),
    "nonce-cut": lambda s: s.final(nonce=s.parts[b"r"].decode()[:-1]),
    "nonce-of-the-client": lambda s: s.final(nonce=s.nonce), "nonce-empty": lambda s: s.final(nonce=""),
    "nonce-longer": lambda s: s.final(nonce=s.parts[b"r"].decode() + "x"),
    "nonce-other": lambda s: s.final(nonce=s.nonce + "AAAAAAAAAAAAAAAAAAAAAAAA"),
    "binding-of-y": lambda s: s.final(binding="y,,"),
    "binding-of-p": lambda s: s.final(binding="p=tls-unique,,"),
    "binding-empty": lambda s: s.final(binding=""), "binding-longer": lambda s: s.final(binding="n,,x"),
    "binding-authorization": lambda s: s.final(binding="n,a=root,"),
    "proof-zero": lambda s: (s.final(), b64(f"{s.bare_final},p={b64(bytes(32))}".encode()))[1],
    "proof-short": lambda s: (s.final(),
                              b64(f"{s.bare_final},p={b64(base64.b64decode(s.proof)[:31])}".encode()))[1],
    "proof-long": lambda s: (s.final(),
                             b64(f"{s.bare_final},p={b64(base64.b64decode(s.proof) + b'x')}".encode()))[1],
    "proof-empty": lambda s: (s.final(), b64(f"{s.bare_final},p=".encode()))[1],
    "proof-missing": lambda s: (s.final(), b64(s.bare_final.encode()))[1],
    "proof-not-base64": lambda s: (s.final(), b64(f"{s.bare_final},p=!!!!".encode()))[1],
    "proof-flipped": lambda s: (s.final(), b64((f"{s.bare_final},p=" + b64(
        bytes([base64.b64decode(s.proof)[0] ^ 1]) + base64.b64decode(s.proof)[1:])).encode()))[1],
    "proof-then-junk": lambda s: b64(base64.b64decode(s.final()) + b",x=y"),
    "nul-behind": lambda s: b64(base64.b64decode(s.final()) + b"\0"),
    "extension-in-the-proof": lambda s: (s.final(), b64(f"{s.bare_final},m=1,p={s.proof}".encode()))[1],
    "order": lambda s: (s.final(), b64(f"p={s.proof},{s.bare_final}".encode()))[1],
    "empty": lambda s: "", "equals": lambda s: "=", "commas": lambda s: b64(b",,,,"),
    "junk": lambda s: b64(b"junk"),
    "the-first-again": lambda s: b64((s.gs2 + s.bare).encode()), "cancel": lambda s: "*",
    "not-base64": lambda s: "!!!!",
    "6000-octets": lambda s: b64(b"c=biws,r=" + b"x" * 6000), "plain": lambda s: b64(b"\0user\0secret"),
}


@pytest.mark.parametrize("name", WRONG_FINAL)
def test_scram_refuses_a_last_message(box, wire, name):
    scram = Scram(wire, box.name).begin()
    assert scram.end(WRONG_FINAL[name](scram)).startswith(b"-ERR") and is_out(wire)
    assert wire.login(box.name).startswith(b"+OK")


WRONG_FIRST = {
    "empty": "=", "junk": b64(b"junk"), "no-gs2": b64(b"n=%s,r=abc"), "no-nonce": b64(b"n,,n=%s"),
    "no-name": b64(b"n,,r=abc"),
    "nonce-empty": b64(b"n,,n=%s,r="), "name-empty": b64(b"n,,n=,r=abc"), "m": b64(b"n,,m=x,n=%s,r=abcdef"),
    "gs2-flag": b64(b"x,,n=%s,r=abcdef"), "gs2-p": b64(b"p=tls-exporter,,n=%s,r=abcdef"),
    "nul": b64(b"n,,n=%s\0,r=abcdef"),
    "bad-escape": b64(b"n,,n=%s=20,r=abcdef"), "escape-cut": b64(b"n,,n=%s=2,r=abcdef"),
    "order": b64(b"n,,r=abcdef,n=%s"),
    "nonce-space-comma": b64(b"n,,n=%s,r=,x"), "6000-commas": b64(b"," * 6000), "not-base64": "!!!!",
    "upper": b64(b"N,,N=%s,R=abcdef"),
    "authorization-of-root": b64(b"n,a=root,n=%s,r=abcdefgh"),
    "authorization-bad": b64(b"n,a=%s=,n=%s,r=abcdefgh"),
}


@pytest.mark.parametrize("name", WRONG_FIRST)
def test_scram_refuses_a_first_message(box, wire, name):
    """RFC 5802 5 and 7; some can be told only at the end, and then get a challenge like any other."""
    words = WRONG_FIRST[name]
    if re.fullmatch(r"[A-Za-z0-9+/]{4,}={0,2}", words):
        words = b64(base64.b64decode(words).replace(b"%s", box.name.encode()))
    wire.send("AUTH SCRAM-SHA-256")
    wire.line()
    wire.send(words)
    got = wire.line()
    if got.startswith(b"+ "):
        assert name.startswith("authorization") or "escape" in name
        got = wire.says(b64(b"c=biws,r=x,p=AAAA"))
    assert got.startswith(b"-ERR") and is_out(wire)
    assert wire.login(box.name).startswith(b"+OK")


def test_scram_with_the_identity_of_another(host, box, wire):
    other = host.box()
    scram = Scram(wire, box.name, f"n,a={other.name},")
    wire.send(f"AUTH SCRAM-SHA-256 {b64((scram.gs2 + scram.bare).encode())}")
    got = wire.line()
    if got.startswith(b"+ "):
        scram.first = base64.b64decode(got[2:])
        scram.parts = dict(part.split(b"=", 1) for part in scram.first.split(b","))
        wire.send(scram.final())
        got = wire.line()
        if got.startswith(b"+ "):
            got = wire.says("")
    assert got.startswith(b"-ERR") and is_out(wire)


def scram_facts(host, user, to_the_end=False):
    """Salt, rounds and how a wrong password fails; each from an address nobody came from before."""
    with host.box().greeted() as wire:
        scram = Scram(wire, user).begin()
        said = scram.end(scram.final(b"wrong") if to_the_end else "*")
        return base64.b64decode(scram.parts[b"s"]), scram.parts[b"i"], said


def test_scram_tells_unknown_names_from_known_ones_by_nothing(host, box):
    """RFC 5802 9: an unknown subscriber has a salt, too, not that of another, as long and with as many
    rounds as a real one, and fails in the same words."""
    known, unknown, other = (scram_facts(host, user, True) for user in (box.name, "nobody", "noone"))
    assert len({known[0], unknown[0], other[0]}) == 3
    assert len(known[0]) == len(unknown[0]) == len(other[0]) and known[1:] == unknown[1:] == other[1:]


@pytest.mark.parametrize("user", ["nobody", "u0000", "hashed", "nobody@other.test"])
def test_scram_salts_are_steady(host, user):
    """RFC 5802 9: whoever asks again, from wherever and whichever process answers, hears the same."""
    assert len({scram_facts(host, user)[0] for _ in range(8)}) == 1


def test_scram_replayed(host, box, wire):
    scram = Scram(wire, box.name).begin()
    words = scram.final()
    assert wire.says("*").startswith(b"-ERR")
    Scram(wire, box.name).begin()
    assert wire.says(words).startswith(b"-ERR") and is_out(wire)


def test_scram_is_not_over_before_the_last_answer(host, box, wire):
    """RFC 5034 4: what comes after the server's signature is an empty response, or a cancellation."""
    scram = Scram(wire, box.name).begin()
    wire.send(scram.final())
    assert wire.line().startswith(b"+ ")
    assert wire.says("*").startswith(b"-ERR") and is_out(wire)


def test_scram_minus_plus_is_not_for_a_clear_channel(wire):
    wire.send("AUTH SCRAM-SHA-256-PLUS")
    assert wire.line().startswith(b"-ERR")
    _, lines = wire.many("CAPA")
    assert b"-PLUS" not in lines
