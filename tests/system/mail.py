"""Messages to send, how they look on the wire and in a file, and whether two are the same."""

import random
import re

ADDED = re.compile(rb"(?:(?:Return-Path|X-Original-To|Delivered-To|Received):[^\n]*\n(?:[ \t][^\n]*\n)*)+")


def message(subject="hello", body=b"Hello there.\r\n", sender="anna@example.net", to="bob@else.test"):
    """A whole message with CRLF lines."""
    head = (f"From: <{sender}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n"
            f"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{subject.replace(' ', '.')}@test>\r\n")
    return head.encode() + b"\r\n" + body


def tricky(subject="tricky"):
    """Dots at every place that matters, long lines, 8-bit octets, empty lines at the end."""
    return message(subject, b".\r\n..\r\n...\r\n.a\r\na.\r\n.\r\n\r\n" + b"x" * 990 + b"\r\n"
                   + bytes(range(128, 256)) + b"\r\n. \r\n \r\nFrom here\r\n\r\n\r\n")


def large(octets, seed=1, subject="large"):
    """About so many octets of lines of many lengths, different for each seed."""
    source, lines, size = random.Random(seed), [], 0
    while size < octets:
        line = bytes(source.choices(b"abcdefghijklmnopqrstuvwxyz.0123456789 ", k=source.randrange(0, 76)))
        lines.append(line)
        size += len(line) + 2
    return message(subject, b"\r\n".join(lines) + b"\r\n")


def stuffed(octets):
    """As it goes over the wire in DATA, RFC 5321 4.5.2."""
    return re.sub(rb"(?m)^\.", b"..", octets)


def unstuffed(octets):
    return re.sub(rb"(?m)^\.", b"", octets)


def lf(octets):
    return octets.replace(b"\r\n", b"\n")


def same(stored, sent):
    """Whether a file (CRLF or LF lines) holds exactly the message sent, below the header fields that
    mail servers put on top of it."""
    return ADDED.sub(b"", lf(stored), count=1) == lf(sent)


def trace(stored):
    """The header fields on top that same() leaves out."""
    found = ADDED.match(lf(stored))
    return found.group() if found else b""


def put(maildir, octets, name=None, new=True):
    """Files a message in a Maildir, made if it is not there. The octets are written as they are."""
    for part in ("new", "cur", "tmp"):
        (maildir / part).mkdir(parents=True, exist_ok=True)
    put.count += 1
    path = maildir / ("new" if new else "cur") / (name or f"1700000000.M{put.count}P1.host")
    path.write_bytes(octets)
    return path


put.count = 0


def files(maildir):
    """What a Maildir holds, oldest name first."""
    return [path.read_bytes() for part in ("new", "cur") for path in sorted((maildir / part).glob("*"))]
