"""What the SMTP suites share: one gate before one scripted hop for a whole module, and scripts.

A script is a list of steps "what the client sends => what it must hear": the reply's first octets, with |
between alternatives; "" is the end of the connection. A step of bytes is sent as it is; then stands a
tuple (octets, expected). In texts {u} is a subscriber, {f} a stranger's address behind the next hop.

HOLDER holds a window, STRANGER does not."""

import pathlib
import re
import shutil
import tempfile

import house
from farm import Farm
from hop import Hop

HOLDER, STRANGER = "127.20.0.1", "127.20.0.2"
NAMES = {"{u}": "anna@example.net", "{f}": "bob@else.test"}
ENHANCED = re.compile(r"^([245])\.\d{1,3}\.\d{1,3} ")


def open_gate(prepare=lambda hop: None, **settings):
    """A farm with a hop behind it, and a window for HOLDER. A setting of None is the hop. Give it to
    close_gate()."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="popgate-test."))
    directory.chmod(0o755)
    hop = Hop().start()
    prepare(hop)
    farm = Farm(directory / "farm", house.SANITISED)
    farm.relay_to = hop.uri
    for name, value in settings.items():
        setattr(farm, name, hop.uri if value is None else value)
    farm.hop = hop
    try:
        farm.start()
        assert farm.login(HOLDER).startswith("+OK")
    except BaseException:
        close_gate(farm)
        raise
    return farm


def close_gate(farm):
    try:
        farm.stop()
    finally:
        farm.hop.stop()
        shutil.rmtree(farm.dir.parent, ignore_errors=True)


def well_formed(reply):
    """RFC 5321 4.5.3.1.5, RFC 2034 4: short lines, printable, the enhanced code of the reply's own class."""
    for line in reply.split("\n"):
        assert len(line) + 2 <= 512, f"{len(line)} octets in a line"
        assert all(" " <= char <= "~" for char in line), repr(line)
        assert line[3:4] in ("", " ", "-"), line
    code, last = reply.split("\n")[-1][:3], reply.split("\n")[-1][4:]
    found = ENHANCED.match(last)
    if found:
        assert found.group(1) == code[0], reply


def fill(text):
    for name, value in NAMES.items():
        text = text.replace(name, value)
    return text


def steps_of(script):
    for step in script:
        if isinstance(step, tuple):
            yield step
        else:
            sent, _, expected = fill(step).rpartition(" => ")
            yield sent.encode() + b"\r\n", expected


def play(talk, script):
    """Says each step and hears the reply; gives the replies."""
    heard = []
    for octets, expected in steps_of(script):
        if octets:
            talk.send(octets)
        reply = talk.reply()
        if expected == "":
            assert reply is None, f"to {octets[:80]!r}: {reply}"
            return heard
        assert reply is not None, f"hung up on {octets[:80]!r}"
        well_formed(reply)
        assert reply.startswith(tuple(expected.split("|"))), f"to {octets[:80]!r}: {reply}"
        heard.append(reply)
    return heard


def sent_on(hop, verb, since):
    """The lines with that verb that the hop was sent by sessions after the first since of them."""
    return [line for session in hop.sessions[since:] for line in session.commands
            if line.upper().startswith(verb.upper().encode())]
