"""What a case of the POP3 suite is, and how one is run; the tables stand in pop3_cases_*.py."""

import dataclasses

import pytest

from pop3_host import LETTERS
from pop3_wire import END

GREETED, ASKED, TRANSACTION = "greeted", "asked", "transaction"
AS_SAID = -1  # as many messages are gone as DELE commands were answered +OK


@dataclasses.dataclass(frozen=True)
class Case:
    """From where a session starts (GREETED, after USER: ASKED, or TRANSACTION), the steps (pop3_wire.py),
    and how many of the three LETTERS are left when it has ended, by QUIT if it can. {user} in a step is
    the subscriber; what is sent may also be a function of it."""

    name: str
    rule: str  # an RFC and section, or the vulnerability that taught it
    steps: tuple
    start: str = TRANSACTION
    left: int = len(LETTERS)

    def parameter(self):
        return pytest.param(self, id=f"{self.name}-{self.rule.replace(' ', '.')}")


def parameters(*tables):
    cases = [case for table in tables for case in table]
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), sorted(n for n in names if names.count(n) > 1)
    return [case.parameter() for case in cases]


def _named(words, box):
    if callable(words):
        words = words(box.name)
    if isinstance(words, bytes):
        return words.replace(b"{user}", box.name.encode())
    return words.replace("{user}", box.name)


def play(host, case):
    box = host.box().fill()
    steps = [(_named(sent, box), *wanted) for sent, *wanted in case.steps]
    with box.session() if case.start == TRANSACTION else box.greeted() as wire:
        if case.start == ASKED:
            wire.run([(f"USER {box.name}", "+OK")])
        said, is_open = wire.run(steps)
        if is_open:
            wire.run([("QUIT", "+OK", END)])
    left = case.left
    if left == AS_SAID:
        gone = sum(reply.startswith(b"+OK") for sent, reply in said
                   if reply and sent.lower().lstrip().startswith(b"dele"))
        left = len(LETTERS) - gone
    assert box.left() == left, f"{box.left()} messages are left instead of {left}"
