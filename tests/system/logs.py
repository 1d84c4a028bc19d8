"""Reads the daemons' logs: logfmt lines as dicts. A line that is not one is itself a failure."""

import json
import re

PAIR = re.compile(r'([A-Za-z0-9_.]+)=("(?:[^"\\\n]|\\.)*"|[^\s"]*)(?: |$)')


def parse(line):
    """One line as a dict; raises ValueError if any part of it is not key=value."""
    if line.startswith("{"):
        return json.loads(line)
    pairs, at = {}, 0
    while at < len(line):
        found = PAIR.match(line, at)
        if not found:
            raise ValueError(f"not logfmt at {at}: {line!r}")
        key, value = found.groups()
        if key in pairs:
            raise ValueError(f"{key} twice: {line!r}")
        pairs[key] = json.loads(value) if value[:1] == '"' else value
        at = found.end()
    return pairs


def read(path, most=None):
    """The events of a log file so far, the first of them, but for a last line that is not finished."""
    text = path.read_text(errors="surrogateescape") if path.exists() else ""
    lines = text.split("\n")[:-1][:most]
    return [parse(line) for line in lines if line.startswith(("ts=", "{"))]


def stray(path):
    """Lines that are no events."""
    text = path.read_text(errors="replace") if path.exists() else ""
    return [line for line in text.splitlines() if not line.startswith(("ts=", "{"))]
