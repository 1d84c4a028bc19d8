"""POP3 in octets, for the suite: what is sent is sent as it stands, and whatever comes back must be well
formed (RFC 1939 3, RFC 2449 4): every line ends in CRLF, a reply has 512 octets at most, begins with +OK
or -ERR and holds no stray CR, LF or NUL.

A step of a table is (what is sent, what must come back). What is sent is bytes, or text that gets its
CRLF here. What must come back is one of the marks below, or text: the beginning of a one-line reply;
^ before it makes it a regular expression for the whole reply; ? before it, or before a mark, also
allows the server to hang up instead, which ends the case well."""

import re
import socket

from talk import PATIENCE, dial

ANY = "any"                # a one-line reply, either way
MANY = "many"              # +OK and lines down to the dot
ANY_MANY = "any many"      # the same, or -ERR
CHALLENGE = "challenge"    # "+ " and base64, RFC 5034 4
END = "end"                # nothing more, and the connection closes
LAST_ERR = "last -ERR"     # at most one -ERR, and the connection closes
SILENT = "silent"          # nothing is expected for this step alone

REPLY_MAX = 512            # RFC 2449 4, CRLF counted
LINE_END = b"\r\n"


class Closed(Exception):
    """The server hung up where that is allowed."""


def octets(words):
    return words if isinstance(words, bytes) else words.encode("latin-1") + LINE_END


class Wire:
    """One connection; tls is a function that makes a socket into one that speaks TLS."""

    def __init__(self, port, source="127.0.0.2", tls=None, timeout=PATIENCE):
        self.sock = dial(port, source, timeout=timeout)
        if tls:
            self.sock = tls(self.sock)
        self.file = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.sock.close()

    def send(self, words):
        try:
            self.sock.sendall(octets(words))
        except (BrokenPipeError, ConnectionResetError):
            pass  # what the server said before it hung up is still to be read

    def half_close(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server was faster; what it said is still to be read

    def raw(self):
        """A line as it came, of any length; b"" at the end."""
        try:
            return self.file.readline()
        except ConnectionResetError:
            return b""

    def line(self):
        """A line of a reply without its CRLF; None at the end."""
        got = self.raw()
        if not got:
            return None
        assert got.endswith(LINE_END), f"a reply line that does not end in CRLF: {got[:80]!r}"
        assert len(got) <= REPLY_MAX, f"a reply line of {len(got)} octets: {got[:80]!r}"
        assert not re.search(rb"[\r\n\0]", got[:-2]), f"stray octets in a reply: {got!r}"
        return got[:-2]

    def reply(self):
        got = self.line()
        if got is not None:
            assert re.match(rb"(\+OK|-ERR)( |$)", got), f"not a reply: {got!r}"
        return got

    def says(self, words):
        self.send(words)
        return self.reply()

    def body(self, short=True):
        """The lines down to the dot, as they were meant; short ones obey the limit of replies."""
        found = []
        while True:
            got = self.raw()
            assert got, f"the connection closed within a reply of many lines, after {found[-1:]!r}"
            assert got.endswith(LINE_END) and b"\n" not in got[:-2], f"a line without CRLF: {got[-80:]!r}"
            assert not short or len(got) <= REPLY_MAX, f"a line of {len(got)} octets"
            if got == b".\r\n":
                return b"".join(found)
            if got.startswith(b"."):
                assert got.startswith(b".."), f"a dot that is not stuffed: {got[:80]!r}"
                got = got[1:]
            found.append(got)

    def many(self, words, short=True):
        """First line and body of a reply of many lines; the body is None after -ERR."""
        first = self.says(words)
        assert first is not None, f"the connection closed instead of an answer to {words!r}"
        return first, self.body(short) if first.startswith(b"+OK") else None

    def message(self, words):
        """The octets of RETR or TOP, which must succeed."""
        first, got = self.many(words, short=False)
        assert got is not None, f"{words!r}: {first!r}"
        return got

    def table(self, words):
        """LIST or UIDL as {number: value}."""
        first, got = self.many(words)
        assert got is not None, f"{words!r}: {first!r}"
        rows = [line.split(b" ") for line in got.split(LINE_END)[:-1]]
        return {int(row[0]): row[1] for row in rows}

    def login(self, user, password="secret"):
        self.says(f"USER {user}")
        return self.says(f"PASS {password}")

    def ended(self):
        """Whether the server says no more and closes."""
        return self.raw() == b""

    # -- steps of a table

    def _expect(self, wanted, sent):
        if wanted == SILENT:
            return None
        if wanted == END:
            got = self.raw()
            assert got == b"", f"after {sent!r}, instead of an end: {got!r}"
            raise Closed
        if wanted == LAST_ERR:
            got = self.reply()
            assert got is None or got.startswith(b"-ERR") and self.ended(), f"after {sent!r}: {got!r}"
            raise Closed
        may_end = wanted.startswith("?")
        wanted = wanted.removeprefix("?")
        got = self.line()
        if got is None and may_end:
            raise Closed
        assert got is not None, f"the connection closed after {sent!r}"
        if wanted == CHALLENGE:
            assert re.fullmatch(rb"\+ [A-Za-z0-9+/]*={0,2}", got), f"after {sent!r}, no challenge: {got!r}"
            return got
        assert re.match(rb"(\+OK|-ERR)( |$)", got), f"after {sent!r}, no reply: {got!r}"
        text = got.decode("latin-1")
        if wanted == MANY:
            assert got.startswith(b"+OK"), f"after {sent!r}: {got!r}"
        elif wanted not in (ANY, ANY_MANY):
            fits = re.fullmatch(wanted[1:], text) if wanted.startswith("^") else text.startswith(wanted)
            assert fits, f"after {sent!r}, instead of {wanted}: {text}"
        if wanted in (MANY, ANY_MANY) and got.startswith(b"+OK"):
            self.body(short=False)
        return got

    def run(self, steps):
        """Goes through the steps; gives [(sent, first line of the reply)], and whether the session is
        still open."""
        said = []
        try:
            for sent, *wanted in steps:
                self.send(sent)
                said += [(octets(sent), self._expect(w, octets(sent)[:60])) for w in wanted]
        except Closed:
            return said, False
        return said, True
