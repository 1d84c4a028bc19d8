"""Commands: each in every state, with the arguments it wants, with none, and with others."""

from pop3_cases import ASKED, GREETED, Case
from pop3_cases_lines import COMMANDS
from pop3_host import LETTERS
from pop3_wire import ANY, END, MANY

SIZES = [len(letter) for letter in LETTERS]
LOGIN = (("USER {user}", "+OK"), ("PASS secret", "+OK"))
WRONG = (("USER {user}", "+OK"), ("PASS wrong", "-ERR"))


def _id(command):
    return command.lower().replace(" ", "-") or "nothing"


def _before_login():
    """RFC 1939 5: these may only be given in TRANSACTION; afterwards a login still works."""
    for command, _ in COMMANDS:
        if command == "CAPA":
            continue
        for state, start, before in (("greeted", GREETED, ()), ("asked", ASKED, ()),
                                     ("failed", GREETED, WRONG),
                                     ("bare-pass", GREETED, (("PASS secret", "-ERR"),))):
            yield Case(f"state-{state}-{_id(command)}", "1939 5",
                       (*before, (command, "-ERR"), *LOGIN, ("STAT", "+OK 3 ")), start)


def _after_login():
    """RFC 1939 7, RFC 5034 4, RFC 2595 4, RFC 6856 3: these may only be given in AUTHORIZATION."""
    for command in ("USER {user}", "USER other", "PASS secret", "PASS wrong", "PASS", "USER",
                    "APOP {user} c4c9334bac560ecc979e58001b3e22fb", "APOP", "AUTH PLAIN", "AUTH LOGIN",
                    "AUTH CRAM-MD5",
                    "AUTH PLAIN AHUAcA==", "AUTH SCRAM-SHA-256", "STLS", "UTF8"):
        yield Case(f"state-transaction-{_id(command)[:30].replace('{user}', 'me')}", "1939 7",
                   ((command, "-ERR"), ("STAT", "+OK 3 "), ("DELE 1", "+OK"), ("STAT", "+OK 2 ")), left=2)


def _quit():
    """RFC 1939 4 and 6: QUIT ends each state; only in TRANSACTION does it delete."""
    for name, start, before, left in (
            ("greeted", GREETED, (), 3), ("asked", ASKED, (), 3), ("failed", GREETED, WRONG, 3),
            ("transaction", "transaction", (), 3),
            ("one-deleted", "transaction", (("DELE 2", "+OK"),), 2),
            ("all-deleted", "transaction", (("DELE 1", "+OK"), ("DELE 2", "+OK"), ("DELE 3", "+OK")), 0),
            ("after-rset", "transaction", (("DELE 2", "+OK"), ("RSET", "+OK")), 3),
            ("rset-then-dele", "transaction", (("DELE 2", "+OK"), ("RSET", "+OK"), ("DELE 1", "+OK")), 2),
            ("after-retr", "transaction", (("RETR 1", MANY),), 3),
            ("after-a-refused-dele", "transaction", (("DELE 4", "-ERR"), ("DELE 0", "-ERR")), 3),
            ("dele-twice", "transaction", (("DELE 1", "+OK"), ("DELE 1", "-ERR")), 2)):
        yield Case(f"quit-{name}", "1939 6", (*before, ("QUIT", "+OK", END)), start, left)
    for junk in ("junk", "1", "QUIT", "now please", "\\r\\n", ";"):
        yield Case(f"quit-with-{_id(junk)}-deletes-nothing", "1939 6",
                   (("DELE 1", "+OK"), (f"QUIT {junk}", "-ERR"), ("RSET", "+OK")))
        yield Case(f"quit-with-{_id(junk)}-before-login", "1939 4",
                   ((f"QUIT {junk}", "-ERR"), *LOGIN), GREETED)


def _arguments():
    """RFC 1939 3: syntactically invalid commands MUST be answered -ERR."""
    for command in ("RETR", "DELE", "TOP", "TOP 1", "RETR 1 2", "DELE 1 2", "LIST 1 2", "UIDL 1 2",
                    "TOP 1 2 3",
                    "STAT 1", "STAT junk", "NOOP junk", "NOOP 1", "RSET 1", "RSET junk", "CAPA 1",
                    "CAPA junk",
                    "LIST junk", "LIST all", "UIDL junk", "RETR junk", "RETR all", "DELE junk", "DELE *",
                    "DELE all",
                    "DELE 1,2", "DELE 1-3", "DELE 1:3", "RETR *", "TOP 1 junk", "TOP junk 1", "TOP 1 *",
                    "LIST *",
                    "UIDL *", "DELE 1 DELE 2", "DELE %d", "RETR ../1", "DELE $1", "LIST <1>", "TOP 1,1",
                    "DELE one",
                    "RETR 1;2", "RETR 1 RETR 2", "LIST -", "LIST +", "LIST .", "TOP 1 1 junk"):
        yield Case(f"arguments-{_id(command)}", "1939 3", ((command, "-ERR"), ("STAT", "+OK 3 ")))
    for command in ("USER", "PASS", "APOP", "APOP {user}", "CAPA junk", "STLS junk", "UTF8 junk",
                    "AUTH NONE-SUCH",
                    "AUTH NONE-SUCH AA=="):
        yield Case(f"arguments-before-login-{_id(command).replace('{user}', 'me')}", "1939 3",
                   ((command, "-ERR"), *LOGIN), GREETED)


def _unknown():
    """Obsolete, of other programs, of nobody: refused, and not said back (a reply is no mirror)."""
    for command in ("XTND XMIT", "XTND", "LAST", "RPOP {user}", "XSENDER 1", "HELP", "EUIDL", "XYZZY",
                    "MDEF X(Y)",
                    "ETRN x", "EXPN root", "VRFY root", "LOGOUT", "SELECT INBOX", "CLOSE", "EXPUNGE",
                    "SHUTDOWN", "QUOTA",
                    "XCLIENT ADDR=127.0.0.1", "PROXY TCP4 127.0.0.1 127.0.0.1 1 110", "PROXY UNKNOWN",
                    "XAUTH", "ID NIL", "ENABLE UTF8", "STARTTLS", "RETRIEVE 1", "DELETE 1", "AUTHINFO",
                    "XXXX", "X-SU root",
                    "PIPELINING", "GIFT", "SLAVE", "DEBUG", "SITE EXEC id"):
        word = command.split()[0]
        refused = rf"^-ERR(?!.*{word if len(word) > 4 else command}).*"
        yield Case(f"unknown-{_id(command).replace('{user}', 'me')}", "1939 3",
                   ((command, refused), ("NOOP", "+OK")))
        wanted = "?-ERR" if word in ("DELETE", "PROXY") else "-ERR"  # foreign protocols may be cut
        yield Case(f"unknown-before-login-{_id(command).replace('{user}', 'me')}", "1939 3",
                   ((command, wanted), *LOGIN), GREETED)
    for name, mark in (("script", "<script>alert(1)</script>"), ("long", "Z" * 240), ("codes", "[AUTH] x"),
                       ("ok", "x +OK welcome"), ("escape", "\\x1b[2J")):
        # what is said back becomes a script in a browser, or a forged reply
        yield Case(f"echo-{name}", "ALPACA", ((f"{mark}", f"^-ERR(?!.*{mark[2:12]}).*".replace("[", r"\[")),
                                              ("NOOP", "+OK")))


def _maildrop():
    """RFC 1939 5: what STAT, LIST, UIDL say, and what a mark for deletion takes from them."""
    one, two, three = SIZES
    total = sum(SIZES)
    yield Case("stat-counts-octets", "1939 5 STAT", (("STAT", rf"^\+OK 3 {total}( .*)?"),))
    for n, size in enumerate(SIZES, 1):
        yield Case(f"list-{n}-gives-the-size", "1939 5 LIST", ((f"LIST {n}", rf"^\+OK {n} {size}( .*)?"),))
        yield Case(f"uidl-{n}-gives-an-id", "1939 7 UIDL", ((f"UIDL {n}", rf"^\+OK {n} [!-~]{{1,70}}"),))
    yield Case("dele-leaves-stat", "1939 5 DELE",
               (("DELE 2", "+OK"), ("STAT", rf"^\+OK 2 {one + three}( .*)?")), left=2)
    yield Case("all-deleted-leave-stat", "1939 5 DELE",
               (("DELE 1", "+OK"), ("DELE 2", "+OK"), ("DELE 3", "+OK"), ("STAT", r"^\+OK 0 0( .*)?"),
                ("LIST", MANY), ("UIDL", MANY)), left=0)
    for command in ("LIST 2", "UIDL 2", "RETR 2", "TOP 2 0", "TOP 2 1", "DELE 2"):
        yield Case(f"deleted-is-out-of-{_id(command)}", "1939 5 DELE",
                   (("DELE 2", "+OK"), (command, "-ERR"), ("STAT", "+OK 2 ")), left=2)
        yield Case(f"rset-brings-back-{_id(command)}", "1939 5 RSET",
                   (("DELE 2", "+OK"), ("RSET", "+OK"), (command,
                                                         MANY if command[:3] in ("RET", "TOP") else "+OK"),
                    ("RSET", "+OK")))
    yield Case("rset-brings-back-stat", "1939 5 RSET",
               (("DELE 1", "+OK"), ("DELE 3", "+OK"), ("RSET", "+OK"), ("STAT", rf"^\+OK 3 {total}( .*)?")))
    yield Case("rset-with-nothing-marked", "1939 5 RSET", (("RSET", "+OK"), ("RSET", "+OK"),
                                                           ("STAT", "+OK 3 ")))
    yield Case("numbers-stay-after-dele", "1939 5 DELE",
               (("DELE 1", "+OK"), ("LIST 2", rf"^\+OK 2 {two}( .*)?"),
                ("LIST 3", rf"^\+OK 3 {three}( .*)?")), left=2)
    yield Case("dele-again-after-rset", "1939 5 RSET",
               (("DELE 1", "+OK"), ("RSET", "+OK"), ("DELE 1", "+OK"), ("DELE 1", "-ERR")), left=2)
    yield Case("noop-changes-nothing", "1939 5 NOOP",
               (("DELE 1", "+OK"), ("NOOP", "+OK"), ("STAT", "+OK 2 "), ("RSET", "+OK"), ("NOOP", "+OK")))
    yield Case("retr-marks-nothing", "1939 5 RETR", (("RETR 1", MANY), ("RETR 1", MANY),
                                                     ("STAT", "+OK 3 ")))
    yield Case("last-deleted-in-reverse", "1939 6",
               (("DELE 3", "+OK"), ("DELE 2", "+OK"), ("DELE 1", "+OK")), left=0)
    yield Case("capa-between-dele-and-quit", "2449 5", (("DELE 1", "+OK"), ("CAPA", MANY)), left=2)


def _capabilities():
    """RFC 2449 5 and 6: in every state of AUTHORIZATION, too."""
    for name, start, before in (("greeted", GREETED, ()), ("asked", ASKED, ()), ("failed", GREETED, WRONG)):
        yield Case(f"capa-{name}", "2449 5", (*before, ("CAPA", MANY), *LOGIN), start)
    yield Case("capa-keeps-the-name-or-not", "2449 5", (("CAPA", MANY), ("PASS secret", ANY)), ASKED)


CASES = [case for table in (_before_login, _after_login, _quit, _arguments, _unknown, _maildrop,
                            _capabilities)
         for case in table()]
