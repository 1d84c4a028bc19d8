"""POP3 judged from outside: messages. What LIST and STAT promise RETR sends, to the octet, and TOP is its
beginning. RFC 1939 3, 5, 7; RFC 5322 2.1."""

import re

import pytest

from pop3_host import running

HEAD = b"From: a@example.net\nSubject: x\n\n"
PARTIAL = object()  # only that the sizes agree, and that nothing but line ends may differ

# How a message lies in its file.
STORED = {
    "lf": HEAD + b"a\nb\n",
    "crlf": (HEAD + b"a\nb\n").replace(b"\n", b"\r\n"),
    "mixed": HEAD + b"a\r\nb\nc\r\n",
    "lf-head-crlf-body": HEAD + b"a\r\nb\r\n",
    "no-final-newline": HEAD + b"a\nb",
    "no-final-newline-crlf": HEAD + b"a\r\nb",
    "no-final-newline-dot": HEAD + b"a\n.",
    "no-final-newline-dots": HEAD + b"a\n..",
    "empty": b"",
    "one-newline": b"\n",
    "one-crlf": b"\r\n",
    "newlines": b"\n\n\n\n",
    "one-octet": b"x",
    "one-dot": b".",
    "one-dot-lf": b".\n",
    "one-dot-crlf": b".\r\n",
    "two-dots": b"..",
    "header-only": b"Subject: x\n",
    "header-only-no-newline": b"Subject: x",
    "header-and-blank": b"Subject: x\n\n",
    "no-header": b"\nbody\n",
    "blank-after-crlf-head": b"Subject: x\r\n\r\nbody\r\n",
    "first-octet-dot": b".Subject: x\n\nbody\n",
    "dots": HEAD + b".\n..\n...\n....\n",
    "dots-crlf": HEAD.replace(b"\n", b"\r\n") + b".\r\n..\r\n...\r\n",
    "dot-lines-like-the-end": HEAD + b"a\n\n.\n\n.\n",
    "dot-in-header": b"Subject: x\n.Odd: y\n.\n\nbody\n",
    "dots-only": b".\n.\n.\n",
    "dot-space": HEAD + b". \n .\n.\t\n",
    "dot-ok-line": HEAD + b".\n+OK bye\n-ERR no\n",
    "many-dots": HEAD + b"." * 10_000 + b"\n",
    "many-dot-lines": HEAD + b".\n" * 20_000,
    "nul": HEAD + b"a\0b\n\0\n\0.\n",
    "nul-first": b"\0Subject: x\n\nb\n",
    "nul-at-end": HEAD + b"a\n\0",
    "8-bit": HEAD + bytes(range(128, 256)) + b"\n",
    "utf8-header": "Subject: gr\u00fc\u00dfe\n\n\u4f60\u597d\n".encode(),
    "control": HEAD + bytes(c for c in range(1, 32) if c not in b"\r\n") + b"\x7f\n",
    "long-line-1000000": HEAD + b"x" * 1_000_000 + b"\n",
    "long-line-no-newline": HEAD + b"y" * 1_000_000,
    "long-line-of-dots": HEAD + b"." * 65_536 + b"\n.\n",
    "long-header": b"Subject: " + b"z" * 100_000 + b"\n\nbody\n",
    "many-header-lines": b"X-Y: z\n" * 5_000 + b"\nbody\n",
    "lines-of-998": HEAD + (b"x" * 998 + b"\n") * 50,
    "folded-header": b"Subject: x\n\ty\n z\n\nbody\n",
    "spaces-for-blank": b"Subject: x\n \nY: z\n\nbody\n",
    "trailing-spaces": HEAD + b"a \nb\t\n \n",
    "blank-lines-at-end": HEAD + b"a\n\n\n\n",
    "many-short-lines": HEAD + b"\n" * 50_000,
    "from-line": HEAD + b"From here\n>From there\n",
    "bare-cr": HEAD + b"a\rb\rc\n",
    "bare-cr-dot": HEAD + b"a\r.\rb\n",
    "cr-cr-lf": HEAD + b"a\r\r\nb\r\r\n",
    "cr-at-end": HEAD + b"a\r",
    "cr-only": b"\r",
    "crs": HEAD + b"\r" * 1000 + b"\n",
    "cr-dot-cr": HEAD + b"\r.\r\n",
    **{f"dot-at-{n}": HEAD + b"x" * (n - len(HEAD) - 1) + b"\n.\n..\nrest\n"
       for n in (512, 1024, 4095, 4096, 4097, 8191, 8192, 16384, 32768, 65535, 65536, 131072)},
    **{f"crlf-at-{n}": HEAD + b"x" * (n - len(HEAD) - 1) + b"\r\n.\r\nrest\r\n"
       for n in (4096, 8192, 16384, 65536, 131072)},
}
SUBTLE = {"bare-cr", "bare-cr-dot", "cr-cr-lf", "cr-at-end", "cr-only", "crs", "cr-dot-cr"}
SHORT = [name for name in STORED if len(STORED[name]) < 2000]


def as_sent(stored):
    """Every line in CRLF, RFC 1939 3; the last one, too."""
    if stored and not stored.endswith(b"\n"):
        stored += b"\r\n"
    return re.sub(rb"\r?\n", b"\r\n", stored)


def beginning(sent, lines):
    """What TOP sends: header, blank line, so many lines."""
    head, blank, body = (b"", b"\r\n",
                         sent[2:]) if sent.startswith(b"\r\n") else sent.partition(b"\r\n\r\n")
    if not blank:
        return sent
    return head + blank + b"".join(_lines(body)[:lines])


def _lines(body):
    return [line + b"\r\n" for line in body.split(b"\r\n")[:-1]]


@pytest.fixture(scope="module")
def host():
    with running() as made:
        yield made


def agree(wire, number, expected):
    """STAT, LIST, RETR, TOP and UIDL of a maildrop of one message say the same. RFC 1939 5 and 7."""
    count, octets = (int(word) for word in wire.says("STAT").split()[1:3])
    assert count == 1
    assert wire.table("LIST") == {number: b"%d" % octets}
    assert wire.says(f"LIST {number}").split()[1:3] == [b"%d" % number, b"%d" % octets]
    got = wire.message(f"RETR {number}")
    assert len(got) == octets, f"LIST says {octets}, RETR sends {len(got)}"
    if expected is not PARTIAL:
        assert got == expected
    uids = wire.table("UIDL")
    assert list(uids) == [number] and re.fullmatch(rb"[!-~]{1,70}", uids[number])
    assert wire.says(f"UIDL {number}").split()[1:3] == [b"%d" % number, uids[number]]
    return got


@pytest.mark.parametrize("name", STORED)
def test_sizes_are_what_retr_sends(host, name):
    box, stored = host.box(), STORED[name]
    box.put(stored)
    with box.session() as wire:
        got = agree(wire, 1, PARTIAL if name in SUBTLE else as_sent(stored))
        if name in SUBTLE:
            assert re.sub(rb"[\r\n]", b"", got) == re.sub(rb"[\r\n]", b"", stored)
        assert wire.message("RETR 1") == got, "twice the same"
        assert wire.says("QUIT").startswith(b"+OK") and wire.ended()
    assert box.left() == 1
    with box.session() as wire:  # sizes may now come from a cache
        assert agree(wire, 1, got) == got


@pytest.mark.parametrize("name", [name for name in STORED if name not in SUBTLE])
def test_top_is_the_beginning_of_retr(host, name):
    box, sent = host.box(), as_sent(STORED[name])
    box.put(STORED[name])
    with box.session() as wire:
        for lines in (0, 1, 2, 3, 10, 100_000_000):
            got, wanted = wire.message(f"TOP 1 {lines}"), beginning(sent, lines)
            assert got == wanted or got == wanted + b"\r\n" and b"\r\n\r\n" not in b"\r\n" + sent, lines
        assert wire.message("RETR 1") == sent


@pytest.mark.parametrize("claim", ["right", "too-small", "too-large", "zero", "huge", "empty", "negative",
                                   "junk", "2^32", "2^64", "twice", "s-only", "s-wrong", "like-lf"])
@pytest.mark.parametrize("kind", ["lf", "crlf", "mixed", "no-final-newline", "dots", "empty"])
def test_sizes_in_names_are_believed_only_when_true(host, kind, claim):
    """Courier's and Dovecot's ,S= and ,W=: RETR sends the whole message whatever they say, and LIST, which
    is asked again after it, then says its size."""
    box, stored = host.box(), STORED[kind]
    sent = as_sent(stored)
    s, w = len(stored), len(sent)
    words = {"right": f",S={s},W={w}", "zero": f",S={s},W=0", "2^32": f",S={s},W={2**32 + w}",
             "too-small": f",S={s},W={w // 3}", "too-large": f",S={s},W={w * 3 + 9}",
             "twice": f",S={s},W={w},W=1", "huge": f",S={s},W=99999999999999999999999999",
             "empty": f",S={s},W=",
             "negative": f",S={s},W=-{w}", "junk": f",S={s},W={w}x", "2^64": f",S={s},W={2**64 + w}",
             "s-only": f",S={s}",
             "s-wrong": f",S={s + 5},W={w + 5}", "like-lf": f",S={s},W={s}"}[claim]
    box.put(stored, f"1700000001.M1P1.host{words}:2,S", new=False)
    with box.session() as wire:
        got = wire.message("RETR 1")
        assert got == sent
        assert wire.says("NOOP") == wire.says("NOOP")  # still in step
    with box.session() as wire:
        size = wire.table("LIST")[1]
        if claim not in ("like-lf", "s-wrong"):  # these could be true, as far as a look at the file tells
            assert size == b"%d" % len(sent)
        assert wire.message("RETR 1") == sent


def test_a_mailbox_of_all_of_them_adds_up(host):
    """RFC 1939 5 STAT: the sum of what LIST says; each RETR is of its LIST."""
    box = host.box()
    for name in SHORT:
        box.put(STORED[name], new=bool(len(name) % 2))
    with box.session() as wire:
        sizes = wire.table("LIST")
        assert sorted(sizes) == list(range(1, len(SHORT) + 1))
        count, octets = (int(word) for word in wire.says("STAT").split()[1:3])
        assert count == len(SHORT) and octets == sum(map(int, sizes.values()))
        bodies = [wire.message(f"RETR {n}") for n in sizes]
        assert [len(body) for body in bodies] == [int(size) for size in sizes.values()]
        wanted = sorted(as_sent(STORED[name]) for name in SHORT if name not in SUBTLE)
        assert sorted(set(bodies) & set(wanted)) == sorted(set(wanted))
        assert len(set(wire.table("UIDL").values())) == len(SHORT)
