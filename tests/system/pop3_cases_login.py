"""USER and PASS: RFC 1939 7, and what has let strangers in elsewhere."""

from pop3_cases import ASKED, GREETED, Case
from pop3_wire import ANY

LOGIN = (("USER {user}", "+OK"), ("PASS secret", "+OK"), ("STAT", "+OK 3 "))


def _order():
    yield Case("pass-first", "1939 7 PASS", (("PASS secret", "-ERR"), ("STAT", "-ERR"), *LOGIN), GREETED)
    yield Case("pass-twice-after-one-user", "1939 7 PASS",
               (("USER {user}", "+OK"), ("PASS wrong", "-ERR"), ("PASS secret", "-ERR"), ("STAT", "-ERR"),
                *LOGIN), GREETED)
    yield Case("user-twice", "1939 7 USER", (("USER nobody", ANY), *LOGIN), GREETED)
    yield Case("user-then-empty-user", "1939 7 USER", (("USER {user}", "+OK"), ("USER", "-ERR"), *LOGIN),
               GREETED)
    yield Case("full-address", "1939 7 USER", (("USER {user}@example.net", "+OK"), ("PASS secret", "+OK")),
               GREETED)
    yield Case("login-after-a-failure", "1939 7 PASS",
               (("USER {user}", "+OK"), ("PASS wrong", "-ERR"), *LOGIN), GREETED)
    yield Case("login-after-an-unknown-subscriber", "1939 7 PASS",
               (("USER nobody", ANY), ("PASS secret", "-ERR"), *LOGIN), GREETED)
    yield Case("failure-has-the-auth-code", "3206 4",
               (("USER {user}", "+OK"), ("PASS wrong", r"^-ERR \[AUTH\].*")), GREETED)
    yield Case("unknown-has-the-auth-code", "3206 4",
               (("USER nobody", ANY), ("PASS wrong", r"^-ERR \[AUTH\].*")), GREETED)
    yield Case("wrong-state-is-no-auth-code", "3206 4", (("PASS x", r"^-ERR(?! \[AUTH\]).*"), *LOGIN),
               GREETED)


def _wrong_passwords():
    """None of these is the password 'secret'."""
    for name, words in (("empty", b"PASS "), ("none", b"PASS"), ("space", b"PASS  "),
                        ("case", b"PASS SECRET"),
                        ("prefix", b"PASS secre"), ("longer", b"PASS secrets"),
                        ("space-before", b"PASS  secret"),
                        ("space-after", b"PASS secret "), ("space-junk", b"PASS secret junk"),
                        ("twice", b"PASS secretsecret"),
                        ("scheme", b"PASS {PLAIN}secret"), ("star", b"PASS *"), ("percent", b"PASS %"),
                        ("quote", b"PASS ' OR '1'='1"), ("quoted", b'PASS "secret"'),
                        ("colon", b"PASS secret:"),
                        ("dollar", b"PASS $SECRET"), ("format", b"PASS %s%s%n%n"),
                        ("base64", b"PASS c2VjcmV0"),
                        ("8-bit", b"PASS secret\xff"), ("248-octets", b"PASS " + b"s" * 248)):
        yield Case(f"password-{name}", "1939 7 PASS", ((words + b"\r\n", "-ERR"), ("STAT", "-ERR"),
                                                       *LOGIN), ASKED)
    for name, words in (("nul-after", b"PASS secret\0"), ("nul-junk", b"PASS secret\0junk"),
                        ("nul-before", b"PASS \0secret"), ("nul-nul", b"PASS secret\0\0\0"),
                        ("nul-only", b"PASS \0"),
                        ("cr", b"PASS secret\r"), ("cr-junk", b"PASS secret\rjunk"),
                        ("del", b"PASS secret\x7f"),
                        ("backspace", b"PASS secrett\x08"), ("tab", b"PASS secret\t"),
                        # CVE-2008-1218: a tab became a parameter of the inner protocol
                        ("tab-parameter", b"PASS x\tskip_password_check=1"),
                        ("tab-user", b"PASS x\tuser=root"),
                        ("ctrl-a", b"PASS secret\x01"), ("vertical-tab", b"PASS secret\x0b")):
        yield Case(f"password-{name}", "CVE-2008-1218", ((words + b"\r\n", "?-ERR"), ("STAT", "?-ERR")),
                   ASKED)


def _strange_names():
    """No name reads another file, another subscriber, or memory. The password is right for {user}."""
    for name, words in (
            ("dot-dot", ".."), ("dot", "."), ("traversal", "../{user}"),
            ("traversal-deep", "../../../../etc/passwd"),
            ("traversal-within", "x/../{user}"), ("slash", "/"), ("absolute", "/etc/passwd"),
            ("slash-after", "{user}/"),
            ("slash-before", "/{user}"), ("other-domain", "{user}@other.test"),
            ("two-ats", "{user}@example.net@example.net"),
            ("no-name", "@example.net"), ("domain-traversal", "{user}@../example.net"), ("at", "@"),
            ("domain-dot", "{user}@example.net/."), ("root", "root"), ("star", "*"),
            ("star-after", "{user}*"),
            ("question", "u???0"), ("ldap-star", "*)(uid=*))(|(uid=*"), ("ldap", "{user})(&"),
            ("sql", "' OR '1'='1"), ("sql-comment", "{user}'--"), ("sql-union", "x' UNION SELECT 'a"),
            ("shell", "$(id)"), ("backtick", "`id`"), ("pipe", "|id"), ("format", "%s%s%s%n"),
            ("expand-u", "%u"),
            ("expand-n", "%n"), ("expand-d", "%d"), ("expand-braces", "%{user}"), ("dollar", "${HOME}"),
            ("tilde", "~root"),
            ("colon", "{user}:"), ("colon-scheme", "{user}:{PLAIN}"), ("quote", '"{user}"'),
            ("bracket", "<{user}>"),
            ("plus", "{user}+x"), ("minus", "-c"), ("option", "--help"), ("hash", "#{user}"),
            ("prefix", "u"),
            ("space-junk", "{user} junk"), ("space-name", "junk {user}"), ("space-before", " {user}"),
            ("8-bit", "{user}\xff"), ("utf8", "\xc3\xa9"), ("latin1", "\xe9"), ("248", "u" * 248),
            ("xml", "<!ENTITY x>"), ("json", '{"a":1}'), ("newline-text", "{user}\\n"),
            ("null-text", "null"),
            ("master-star", "{user}*root"), ("percent-hack", "{user}%other.test"),
            ("bang", "other!{user}")):
        yield Case(f"name-{name}", "CVE-2006-2414",
                   ((f"USER {words}", ANY), ("PASS secret", "-ERR"), ("STAT", "-ERR"), *LOGIN), GREETED)
    for name, words in (("nul-after", b"USER {user}\0"), ("nul-junk", b"USER {user}\0x"),
                        ("nul-before", b"USER \0{user}"),
                        ("cr", b"USER {user}\r"), ("tab", b"USER {user}\tx=1"),
                        ("tab-after", b"USER {user}\t"),
                        ("escape", b"USER \x1b[31m{user}"), ("ctrl-a", b"USER {user}\x01")):
        yield Case(f"name-{name}", "CVE-2008-1218",
                   ((words + b"\r\n", "?-ERR"), ("PASS secret", "?-ERR"), ("STAT", "?-ERR")), GREETED)


CASES = [case for table in (_order, _wrong_passwords, _strange_names) for case in table()]
