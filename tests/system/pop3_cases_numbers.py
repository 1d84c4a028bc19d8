"""Numbers in arguments: RFC 1939 3 and 5, base 10, digits only. What cannot be a message's number here is
refused, whatever an integer of 32 or 64 bits would make of it (LIST 4294967297 is not LIST 1)."""

from pop3_cases import AS_SAID, Case
from pop3_wire import ANY, ANY_MANY

BAD = {
    "0": "0", "00": "00", "minus-1": "-1", "plus-1": "+1", "minus-0": "-0", "1x": "1x", "x1": "x1",
    "1-dot": "1.",
    "1.0": "1.0", "dot-1": ".1", "1e0": "1e0", "0x1": "0x1", "1-comma": "1,", "1-minus": "1-",
    "1-slash-1": "1/1",
    "4": "4", "10": "10", "255": "255", "256": "256", "257": "257", "32767": "32767", "32769": "32769",
    "65535": "65535",
    "65537": "65537", "2^31-1": str(2**31 - 1), "2^31": str(2**31), "2^31+1": str(2**31 + 1),
    "2^32-1": str(2**32 - 1),
    "2^32": str(2**32), "2^32+1": str(2**32 + 1), "2^32+3": str(2**32 + 3), "2^63-1": str(2**63 - 1),
    "2^63": str(2**63),
    "2^63+1": str(2**63 + 1), "2^64-1": str(2**64 - 1), "2^64": str(2**64), "2^64+1": str(2**64 + 1),
    "2^64+3": str(2**64 + 3), "2^128+1": str(2**128 + 1), "minus-2^32+1": str(1 - 2**32),
    "minus-2^64+1": str(1 - 2**64),
    "minus-2^31": str(-2**31), "200-digits": "9" * 200, "2^600+1": str(2**600 + 1),
    "1-tab": "1\t", "1-at": "1@", "1-percent": "1%", "1-quote": '"1"', "1-hash": "#1", "1-paren": "(1)",
    "ff": "ff",
    "arabic": "\xd9\xa1", "superscript": "\xb9", "infinity": "inf", "nan": "nan", "1k": "1k",
    "1-underscore": "1_0",
    "binary": "0b1", "octal": "0o1", "one": "one", "hat": "^1", "tilde": "~1",
}
NUMBERED = ("LIST {}", "RETR {}", "DELE {}", "UIDL {}", "TOP {} 0")


def _each_command(words):
    return tuple((command.format(words), "-ERR") for command in NUMBERED)


def _bad():
    for name, words in BAD.items():
        yield Case(f"number-{name}", "1939 5 popa3d", (*_each_command(words), ("STAT", "+OK 3 ")))
    digits = "1" * 400  # longer than a line may be
    yield Case("number-400-digits", "1939 5", tuple((c.format(digits), "?-ERR") for c in NUMBERED))
    zeros = "0" * 400 + "1"
    yield Case("number-400-zeros-and-1", "1939 5", tuple((c.format(zeros), "?-ERR") for c in NUMBERED))


def _leading_zeros():
    """Decimal, if they are taken at all: 010 is ten, not eight."""
    for words in ("01", "001", "0000000001", "0" * 200 + "1"):
        yield Case(f"leading-zeros-{len(words)}", "1939 5",
                   ((f"LIST {words}", ANY), (f"RETR {words}", ANY_MANY), (f"DELE {words}", ANY)),
                   left=AS_SAID)
    yield Case("leading-zero-is-not-octal", "1939 5", (("DELE 03", ANY), ("DELE 010", "-ERR")),
               left=AS_SAID)


def _lines_of_top():
    """RFC 1939 7 TOP: a non-negative number of lines."""
    for name, words in BAD.items():
        if words.isascii() and words.isdigit():
            continue
        yield Case(f"top-lines-{name}", "1939 7 TOP", ((f"TOP 1 {words}", "-ERR"), ("STAT", "+OK 3 ")))
    for name, words in (("2^31", str(2**31)), ("2^32", str(2**32)), ("2^32+1", str(2**32 + 1)),
                        ("2^63", str(2**63)),
                        ("2^64", str(2**64)), ("2^64+1", str(2**64 + 1)), ("200-digits", "9" * 200)):
        yield Case(f"top-lines-{name}-is-all-or-refused", "1939 7 TOP",
                   ((f"TOP 3 {words}", ANY_MANY), ("STAT", "+OK 3 ")))


CASES = [case for table in (_bad, _leading_zeros, _lines_of_top) for case in table()]
