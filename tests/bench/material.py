"""Accounts, mailboxes and certificates, the same for every server that is measured.

user0 user1 ...      PLAIN passwords, three small messages each
hash0 hash1 ...      SHA512-CRYPT at its default cost, no messages; bcrypt0, argon0 ... likewise
box, box0 ... box49  messages of 11.8 kB in the mean (for RETR)
heap, pile           so many messages for STAT: sizes in the names, and without"""

import ctypes
import dataclasses
import functools
import os
import pathlib
import random
import subprocess

DOMAIN = "bench.example"
BOXES = 50
PASSWORD = "secret"
MEAN = 11800  # octets of a message as it is sent, in the mean
BLOCK = b"".join(b"%06d abcdefghijklmnopqrstuvwxyz.0123456789\n" % n for n in range(8000))


@dataclasses.dataclass
class Accounts:
    users: int = 1000
    hashed: int = 3000
    slow: int = 0  # bcrypt0 ... and argon0 ...: so many of each

    def names(self):
        """All of them, with the scheme of each."""
        for kind, count, scheme in (("user", self.users, "plain"), ("hash", self.hashed, "sha512"),
                                    ("bcrypt", self.slow, "bcrypt"), ("argon", self.slow, "argon2id")):
            for n in range(count):
                yield f"{kind}{n}", scheme
        for name in ("box", "heap", "pile", *(f"box{n}" for n in range(BOXES))):
            yield name, "plain"

    def passwd(self):
        """Lines of a passwd-file."""
        return "".join(f"{name}@{DOMAIN}:{stored(scheme)}::::::\n" for name, scheme in self.names())


@functools.cache
def stored(scheme):
    """The password as it stands in the file, at the usual cost. One salt for all: verifying costs the same."""
    if scheme == "sha512":
        return "{SHA512-CRYPT}" + made_by("openssl", "passwd", "-6", "-salt", "0123456789abcdef", PASSWORD)
    if scheme == "bcrypt":
        return "{BLF-CRYPT}" + crypt3("$2b$10$abcdefghijklmnopqrstuu")
    return "{ARGON2ID}" + argon2id() if scheme == "argon2id" else "{PLAIN}" + PASSWORD


def made_by(*words):
    return subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout.strip()


def crypt3(setting):
    """crypt(3), which Python will lose."""
    function = ctypes.CDLL("libcrypt.so.1").crypt
    function.restype = ctypes.c_char_p
    return function(PASSWORD.encode(), setting.encode()).decode()


def argon2id():
    made = ctypes.create_string_buffer(200)
    word, salt, size = PASSWORD.encode(), b"0123456789abcdef", ctypes.c_size_t
    failed = ctypes.CDLL("libargon2.so.1").argon2id_hash_encoded(3, 1 << 16, 1, word, size(len(word)), salt,
                                                                 size(len(salt)), size(32), made, size(len(made)))
    assert not failed
    return made.value.decode()


def message(number, octets):
    """So many octets with LF line ends."""
    head = (f"From: <a@{DOMAIN}>\nTo: <b@{DOMAIN}>\nSubject: message {number}\n"
            f"Date: Tue, 24 Nov 2026 10:00:00 +0000\nMessage-ID: <{number}@{DOMAIN}>\n\n").encode()
    return head + BLOCK[:max(octets - len(head) - 1, 0)] + b"\n"


def maildir(path, sizes, known=True, start=0):
    """A Maildir of messages of those sizes; known: with S= and W= in the names, as Dovecot and others write them."""
    for part in ("new", "cur", "tmp"):
        (path / part).mkdir(parents=True, exist_ok=True)
    for number, octets in enumerate(sizes, start):
        text = message(number, octets)
        said = f",S={len(text)},W={len(text) + text.count(10)}" if known else ""
        (path / "cur" / f"1700000000.M{number:06d}P1.bench{said}:2,S").write_bytes(text)


def mixed(count, seed=1):
    """Sizes as of mail: most small, few large, MEAN in the mean."""
    source = random.Random(seed)
    sizes = [source.lognormvariate(0, 1.2) for _ in range(count)]
    return [max(400, int(size * MEAN * count / sum(sizes))) for size in sizes]


class Mail:
    """The Maildirs below a directory, DIR/name each; made when they are asked for."""

    def __init__(self, directory, accounts, owner=None):
        self.dir, self.accounts, self.owner, self.made = pathlib.Path(directory), accounts, owner, set()

    def _once(self, name, make):
        if name not in self.made:
            self.made.add(name)
            make()
            if self.owner is not None and os.getuid() == 0:
                subprocess.run(["chown", "-R", f"{self.owner}:", self.dir], check=True)

    def users(self):
        self._once("users", lambda: [maildir(self.dir / name, (800, 2500, 6000) if name.startswith("user") else ())
                                     for name, _ in self.accounts.names() if name[-1].isdigit()
                                     and not name.startswith("box")])

    def boxes(self, messages):
        def make():
            maildir(self.dir / "box", mixed(messages))
            for n in range(BOXES):
                maildir(self.dir / f"box{n}", mixed(messages, n + 2))
        self._once(f"boxes{messages}", make)

    def heap(self, name, messages, known):
        self._once(name, lambda: maildir(self.dir / name, [1000] * messages, known))

    def cool(self, name):
        """Lets the kernel forget what it holds of the files of a mailbox."""
        for path in (self.dir / name / "cur").iterdir():
            fd = os.open(path, os.O_RDONLY)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)

    def forget(self, name, *patterns):
        """Removes what a server noted about a mailbox, so that it sees it for the first time."""
        for pattern in patterns:
            for path in (self.dir / name).glob(pattern):
                path.unlink()


def certificate(directory, kind):
    """A self-signed certificate and its key; kind "p256" or "rsa"."""
    directory = pathlib.Path(directory)
    crt, key = directory / f"{kind}.pem", directory / f"{kind}.key"
    algorithm = {"p256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}[kind]
    subprocess.run(["openssl", "req", "-x509", "-newkey", *algorithm, "-nodes", "-days", "2", "-subj",
                    f"/CN=mail.{DOMAIN}", "-keyout", key, "-out", crt], check=True,
                   stdin=subprocess.DEVNULL, capture_output=True)
    return crt, key
