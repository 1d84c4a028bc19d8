"""popgate-log(7) against the sources and against what the daemons really log.

Run as a program it compares the page with every log call in the sources: an event or key that only one
of them knows is a failure. unlisted() does the same for a line of a log, and knows which keys and levels
the page gives to which event."""

import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PAGE = SOURCE / "common/base/popgate-log.7"
ALWAYS = {"ts", "level", "prog", "pid", "event"}
# Literals of the shape of an event's name that are none.
SUFFIXES = re.compile(r"\.(c|h|conf|mdb|lock|sock|d|new|pem|key|map|txt)$")


class Page:
    """events: name -> (levels, keys, folded); keys and counters: what the two other lists explain."""

    def __init__(self, path=PAGE):
        self.events, self.keys, self.counters = {}, set(), set()
        section, event = "", None
        for line in path.read_text().splitlines():
            if line.startswith(".Sh "):
                section, event = line[4:], None
            elif section == "EVENTS" and line.startswith(".It Ic "):
                name, levels = re.fullmatch(r"\.It Ic (\S+) Pq (.*)", line).groups()
                assert name not in self.events, f"{name} is listed twice"
                event, listing = self.events.setdefault(name, [set(levels.split(" , ")), set(), False]), False
            elif event and line == "Keys:":
                listing = True
            elif event and listing and line.startswith(".Va "):
                event[1].update(word for word in line.split()[1:] if word not in ",.;")
            elif event and line.startswith("Folded."):
                event[2] = True
            elif line.startswith(".It Va "):
                (self.keys if section == "KEYS" else self.counters).update(line.split()[2:])

    def unlisted(self, pairs):
        """What a line of a log has and the page lacks, in words; None if nothing."""
        name = pairs.get("event")
        if name not in self.events:
            return f"event {name} is not in the page"
        levels, keys, folded = self.events[name]
        keys = ALWAYS | keys | {"cut"} | ({"repeated"} if folded else set())
        keys |= self.counters if name == "stats" else set()
        if pairs.get("level") not in levels:
            return f"{name} is logged at level {pairs.get('level')}"
        extra = set(pairs) - keys
        return f"{name} has no {', '.join(sorted(extra))} in the page" if extra else None


def key_of_counter(name):
    """As the line of counters has it: "refusals{reason=no-proof}" is refusals_no_proof."""
    return re.sub(r"\{\w+=(.*)\}", r"_\1", name).replace("-", "_")


class Code:
    """Every event, key and counter that stands in the sources."""

    CALL = re.compile(r"\blog_(str|text|int|bool|addr|time)\(\s*([^,;{]+?),\s*([^,;]+?),")

    def __init__(self):
        self.events, self.keys, self.counters, self.odd = {"stats"}, set(), set(), []
        for path in SOURCE.rglob("*.c"):
            if path.relative_to(SOURCE).parts[0] not in ("build", "tests"):
                self._read(path)

    def _read(self, path):
        text = path.read_text()
        logs = re.search(r"\blog_(begin|say|str)\b|_log\(", text)
        if logs:
            self.events |= {name for name in re.findall(r'"([a-z][a-z0-9]*\.[a-z][a-z_]*)"', text)
                            if not SUFFIXES.search(name)}
        for _, _, key in self.CALL.findall(text):
            if literal := re.fullmatch(r'"([a-z0-9_]+)"', key):
                self.keys.add(literal.group(1))
            elif not re.search(r"counters_key\(|^(const )?char \*key|^key$", key):
                self.odd.append(f"{path}: a key that is no literal: {key}")
        self.keys |= {"error"} if "log_err(" in text else set()
        self.keys |= {"msg"} if "log_say(" in text else set()
        self.counters |= {key_of_counter(name) for name in re.findall(
            r'\{ "([a-z0-9_]+(?:\{[^}"]*\})?)",\s+"[^"]+",\s+(?:true|false)\s*\}', text)}


def examples(text=None):
    """The commands and the events that the page shows, as a shell and a reader of logs take them."""
    text = (text or PAGE.read_text()).partition(".Sh EXAMPLES")[2].replace("\\(dq", '"').replace("\\e", "\\")
    blocks = re.findall(r"^\.Bd .*?\n(.*?)^\.Ed", text, re.S | re.M)
    events = re.sub(r"\n +", " ", "".join(blocks)).splitlines()
    return re.findall(r"^\.Dl (.*)", text, re.M), events


def differences():
    page, code = Page(), Code()
    of_events = set().union(*(keys for _, keys, _ in page.events.values())) | ALWAYS | {"cut", "repeated"}
    pairs = [("event", code.events, set(page.events)), ("key", code.keys | {"cut"}, page.keys),
             ("key of an event", code.keys | {"cut"}, of_events), ("counter", code.counters, page.counters)]
    for what, logged, listed in pairs:
        yield from (f"{what} {name} is logged, and the page lacks it" for name in sorted(logged - listed))
        yield from (f"{what} {name} is in the page, and nobody logs it" for name in sorted(listed - logged))
    yield from code.odd


if __name__ == "__main__":
    found = list(differences())
    print("\n".join(found))
    sys.exit(1 if found else 0)
