"""The host that the POP3 suite speaks to: one pop3d for a whole file of cases, and for each case a
subscriber and a source address of its own, so that no case can disturb another."""

import contextlib
import os
import pathlib
import shutil
import tempfile

import house
import mail
from farm import Farm
from pop3_wire import Wire
from ports import until

BOXES = 1400
SECRET = "secret"

# What lies in a maildrop unless a case says otherwise, as sent. All sizes differ.
LETTERS = (b"Subject: one\r\n\r\nfirst\r\n",
           b"Subject: two\r\n\r\n.\r\n..\r\n.hidden\r\nlast of two\r\n",
           b"Subject: three\r\nX-Long: " + b"y" * 300 + b"\r\n\r\n" + b"".join(
               b"line %d\r\n" % n for n in range(1, 41)))


class Box:
    """A subscriber, the address it comes from and its Maildir."""

    def __init__(self, host, number):
        self.host, self.name = host, f"u{number:04d}"
        self.user = f"{self.name}@example.net"
        self.source = f"127.{20 + number // 250}.{1 + number % 250}.1"
        self.maildir = host.maildir(self.name)
        self._files = 0

    def put(self, octets, name=None, new=True):
        self._files += 1
        return mail.put(self.maildir, octets, name or f"17000000{self._files:02d}.M{self._files}P1.host",
                        new)

    def fill(self, letters=LETTERS):
        for letter in letters:
            self.put(letter)
        return self

    def left(self):
        """How many files are there now."""
        return len(mail.files(self.maildir))

    def wire(self, tls=None, port=None):
        return Wire(port or self.host.pop_port, self.source, tls)

    @contextlib.contextmanager
    def greeted(self, **more):
        """A connection that has read its greeting."""
        with self.wire(**more) as wire:
            assert (got := wire.reply()) and got.startswith(b"+OK"), got
            yield wire

    def _enter(self, password, **more):
        wire = self.wire(**more)
        assert (got := wire.reply()) and got.startswith(b"+OK"), got
        got = wire.login(self.name, password)
        if got and got.startswith(b"-ERR [IN-USE]"):
            return wire.close()
        assert got and got.startswith(b"+OK"), got
        return wire

    @contextlib.contextmanager
    def session(self, password=SECRET, **more):
        """A connection in TRANSACTION, once a session that was dropped before it has ended."""
        with until(lambda: self._enter(password, **more), 10, "a free maildrop") as wire:
            yield wire


class Host(Farm):
    def __init__(self, directory):
        super().__init__(directory, house.SANITISED)
        self.users = {f"u{n:04d}@example.net": f"{{PLAIN}}{SECRET}" for n in range(BOXES)}
        self._given = 0

    def box(self):
        """A subscriber nobody used yet."""
        assert self._given < BOXES, "more cases than subscribers"
        self._given += 1
        return Box(self, self._given - 1)


@contextlib.contextmanager
def running(prepare=lambda host: None):
    """A host with pop3d on it, for a fixture; prepare(host) may change its settings before."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # thousands of small files
    directory = pathlib.Path(tempfile.mkdtemp(prefix="popgate-suite.", dir=memory))
    try:
        host = Host(directory / "farm")
        prepare(host)
        host.start("pop3d")
        try:
            yield host
        finally:
            host.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
