"""AUTH with PLAIN (RFC 5034, RFC 4616), UTF8 and LANG (RFC 6856)."""

import base64

from pop3_cases import GREETED, Case
from pop3_wire import ANY, ANY_MANY, CHALLENGE, MANY

LOGIN = (("USER {user}", "+OK"), ("PASS secret", "+OK"), ("STAT", "+OK 3 "))
IN = (("STAT", "+OK 3 "),)


def b64(words):
    """What a step sends: base64 of words, {user} filled in, and CRLF."""
    return lambda user: base64.b64encode(words.replace(b"{user}", user.encode())).decode()


def _initial(words):
    return lambda user: "AUTH PLAIN " + b64(words)(user)


def _exchange():
    yield Case("auth-plain", "5034 4", (("AUTH PLAIN", CHALLENGE), (b64(b"\0{user}\0secret"), "+OK"), *IN),
               GREETED)
    yield Case("auth-plain-initial", "5034 4", ((_initial(b"\0{user}\0secret"), "+OK"), *IN), GREETED)
    yield Case("auth-plain-lf", "5034 4",
               ((b"AUTH PLAIN\n", CHALLENGE),
                (lambda user: b64(b"\0{user}\0secret")(user).encode() + b"\n", "+OK"),
                *IN), GREETED)
    yield Case("auth-keyword-in-lower-case", "1939 3",
               (("auth PLAIN", CHALLENGE), (b64(b"\0{user}\0secret"), "+OK"), *IN), GREETED)
    yield Case("auth-piped", "5034 4",
               ((lambda user: b"AUTH PLAIN\r\n" + b64(b"\0{user}\0secret")(user).encode() + b"\r\nSTAT\r\n",
                 CHALLENGE, "+OK", "+OK 3 "),), GREETED)
    yield Case("auth-initial-piped", "5034 4",
               ((lambda user: _initial(b"\0{user}\0secret")(user).encode() + b"\r\nSTAT\r\n", "+OK",
                 "+OK 3 "),),
               GREETED)
    yield Case("auth-after-user", "5034 4",
               (("USER nobody", ANY), (_initial(b"\0{user}\0secret"), "+OK"), *IN), GREETED)
    yield Case("auth-then-pass-of-an-earlier-user", "1939 7 PASS",
               (("USER {user}", "+OK"), (_initial(b"\0{user}\0wrong"), "-ERR"), ("PASS secret", ANY)),
               GREETED)
    yield Case("auth-once", "5034 4",
               ((_initial(b"\0{user}\0secret"), "+OK"), (_initial(b"\0{user}\0secret"), "-ERR"),
                ("AUTH PLAIN", "-ERR"), *IN), GREETED)
    yield Case("auth-after-a-failure", "5034 4",
               ((_initial(b"\0{user}\0wrong"), "-ERR"), (_initial(b"\0{user}\0secret"), "+OK"), *IN),
               GREETED)
    yield Case("auth-failure-has-the-auth-code", "3206 4",
               ((_initial(b"\0{user}\0wrong"), r"^-ERR \[AUTH\].*"), *LOGIN), GREETED)
    yield Case("auth-unknown-has-the-auth-code", "3206 4",
               ((_initial(b"\0nobody\0wrong"), r"^-ERR \[AUTH\].*"), *LOGIN), GREETED)
    yield Case("auth-alone", "5034 4", (("AUTH", ANY_MANY), *LOGIN), GREETED)
    yield Case("auth-own-authorization-identity", "4616 2", ((_initial(b"{user}\0{user}\0secret"), "+OK"),
                                                             *IN), GREETED)
    yield Case("auth-own-authorization-identity-in-full", "4616 2",
               ((_initial(b"{user}@example.net\0{user}@example.net\0secret"), "+OK"), *IN), GREETED)


def _cancel():
    """RFC 5034 4: a line of one * cancels, and is answered -ERR."""
    yield Case("auth-cancel", "5034 4", (("AUTH PLAIN", CHALLENGE), ("*", "-ERR"), *LOGIN), GREETED)
    yield Case("auth-cancel-lf", "5034 4", (("AUTH PLAIN", CHALLENGE), (b"*\n", "-ERR"), *LOGIN), GREETED)
    yield Case("auth-cancel-then-auth", "5034 4",
               (("AUTH PLAIN", CHALLENGE), ("*", "-ERR"), ("AUTH PLAIN", CHALLENGE),
                (b64(b"\0{user}\0secret"), "+OK"), *IN), GREETED)
    yield Case("auth-cancel-in-the-first-line", "5034 4", (("AUTH PLAIN *", "-ERR"), *LOGIN), GREETED)
    yield Case("auth-cancel-100-times", "CVE-2017-15132",
               (*(("AUTH PLAIN", "?" + CHALLENGE), ("*", "?-ERR")) * 100,), GREETED)


BAD_BASE64 = {
    "marks": "!!!!", "one": "A", "two": "AA", "three": "AAA", "five": "AAAAA", "pad-within": "AA=A",
    "pads": "====",
    "pad-first": "=AAA", "three-pads": "A===", "behind-the-pad": "AA==AAAA", "url-safe": "AHUA-_-_",
    "space-within": "AHU AcA==",
    "space-before": " AHUAcA==", "space-after": "AHUAcA== ", "comma": "AHUA,cA=", "colon": "user:secret",
    "percent": "AHU%41",
    "quoted": '"AHUAcA=="', "8-bit": "AHUA\xffcA=", "pad-missing": "AHUAcA", "pad-too-many": "AHUAcA===",
    "star-more": "**",
    "star-space": "* ", "brackets": "<AHUA>", "plain": "user secret", "command": "STAT ", "json": "{}",
}


def _bad_base64():
    """RFC 5034 4, RFC 4648 3.3: what is not base64 fails, is no command, and the session goes on."""
    for name, words in BAD_BASE64.items():
        yield Case(f"base64-{name}", "5034 4", (("AUTH PLAIN", CHALLENGE), (words, "-ERR"), *LOGIN),
                   GREETED)
        if " " not in words:
            yield Case(f"base64-initial-{name}", "5034 4", ((f"AUTH PLAIN {words}", "-ERR"), *LOGIN),
                       GREETED)
    for name, words in (("nul", b"AHUAcA==\0"), ("nul-first", b"\0AHUAcA=="),
                        ("nul-within", b"AHU\0AcA=="), ("tab", b"AHUA\tcA=="),
                        ("cr", b"AHUA\rcA=="), ("nuls", b"\0\0\0\0"), ("escape", b"\x1b"),
                        ("ctrl-a", b"AAAA\x01")):
        yield Case(f"base64-{name}", "5034 4",
                   (("AUTH PLAIN", CHALLENGE), (words + b"\r\n", "?-ERR"), ("STAT", "?-ERR")), GREETED)


def _wrong():
    """RFC 4616 2: [authzid] NUL authcid NUL passwd, and no more."""
    for name, words in (
            ("empty", b""), ("nul", b"\0"), ("two-nuls", b"\0\0"), ("three-nuls", b"\0\0\0"),
            ("nuls", b"\0" * 60), ("no-nul", b"secret"),
            ("one-nul", b"{user}\0secret"), ("no-password", b"\0{user}\0"), ("no-name", b"\0\0secret"),
            ("wrong", b"\0{user}\0wrong"), ("nul-after", b"\0{user}\0secret\0"),
            ("nul-junk", b"\0{user}\0secret\0junk"),
            ("nul-in-name", b"\0{user}\0x\0secret"), ("space-after", b"\0{user}\0secret "),
            ("crlf-after", b"\0{user}\0secret\r\n"),
            ("lf-after", b"\0{user}\0secret\n"), ("prefix", b"\0{user}\0secre"),
            ("tab", b"\0{user}\0x\tskip_password_check=1"),
            ("crlf-in-name", b"\0{user}\r\n\0secret"), ("unknown", b"\0nobody\0secret"),
            ("other-domain", b"\0{user}@other.test\0secret"),
            ("traversal", b"\0../{user}\0secret"), ("percent", b"\0%u\0secret"), ("star", b"\0*\0secret"),
            ("8-bit", b"\0{user}\xff\0secret"),
            ("authorization-of-another", b"u0000x\0{user}\0secret"),
            ("authorization-of-root", b"root\0{user}\0secret"),
            ("authorization-elsewhere", b"{user}@other.test\0{user}\0secret"),
            ("authorization-star", b"*\0{user}\0secret"),
            ("authorization-only", b"{user}\0\0secret"), ("authorization-longer",
                                                          b"{user}x\0{user}\0secret"),
            ("authorization-space", b"{user} \0{user}\0secret"),
            ("long-password", b"\0{user}\0" + b"s" * 255),
            ("long-name", b"\0" + b"u" * 255 + b"\0secret"),
            ("three-long", b"z" * 255 + b"\0" + b"u" * 255 + b"\0" + b"s" * 255),
            ("6000-octets", b"\0{user}\0" + b"s" * 6000), ("6000-nuls", b"\0" * 6000),
            ("scheme", b"\0{user}\0{PLAIN}secret"),
            ("utf16", "\0{user}\0secret".encode("utf-16-le")), ("a-comma", b"n,,\0{user}\0secret"),
            ("colon", b"\0{user}:secret")):
        yield Case(f"plain-{name}", "4616 2", (("AUTH PLAIN", CHALLENGE), (b64(words), "-ERR"),
                                               ("STAT", "-ERR"), *LOGIN), GREETED)
        if len(words) < 150:
            first = _initial(words) if words else "AUTH PLAIN ="  # RFC 5034 4: = is an empty initial response
            yield Case(f"plain-initial-{name}", "4616 2", ((first, "-ERR"), ("STAT", "-ERR"), *LOGIN),
                       GREETED)


def _long():
    """RFC 5034 4: lines as long as the mechanisms need; beyond that an end, never a command."""
    for n in (9000, 12288, 12289, 16384, 65536, 1_000_000):
        yield Case(f"auth-response-of-{n}", "5034 4",
                   (("AUTH PLAIN", CHALLENGE), ("A" * n, "?-ERR"), ("STAT", "?-ERR")), GREETED)
    for n in (240, 256, 1024, 8192, 65536):
        yield Case(f"auth-initial-of-{n}", "5034 4", ((f"AUTH PLAIN {'A' * n}", "?-ERR"),
                                                      ("STAT", "?-ERR")), GREETED)
    yield Case("auth-tail-of-a-long-response-is-not-run", "5034 4",
               (("AUTH PLAIN", CHALLENGE), ("A" * 65536 + "\rQUIT", "?-ERR"), ("STAT", "?-ERR")), GREETED)


def _mechanisms():
    """RFC 4422 3.1: unknown ones are refused at once, with and without an initial response."""
    for name in ("NONE-SUCH", "ANONYMOUS", "EXTERNAL", "GSSAPI", "NTLM", "DIGEST-MD5", "KERBEROS_V4",
                 "SKEY",
                 "OTP", "RPA", "PLAINX", "PLAI", "PLAIN-PLUS", "X" * 20, "X" * 21, "X" * 200, "PL AIN",
                 "PLAIN,LOGIN", "%s", "PLAIN;", "../PLAIN", "\xff", "0", "*", "="):
        word = name[:22].replace("\xff", "8-bit").replace("/", "-")
        yield Case(f"mechanism-{word}", "4422 3.1", ((f"AUTH {name}", "-ERR"), *LOGIN), GREETED)
        if " " not in name and len(name) < 100:
            yield Case(f"mechanism-initial-{word}", "4422 3.1",
                       ((f"AUTH {name} AHUAcA==", "-ERR"), *LOGIN), GREETED)
    yield Case("auth-with-a-third-argument", "5034 4",
               ((lambda user: _initial(b"\0{user}\0secret")(user) + " junk", "-ERR"), *LOGIN), GREETED)


def _utf8():
    """RFC 6856 2: in AUTHORIZATION only."""
    yield Case("utf8", "6856 2.1", (("UTF8", "+OK"), *LOGIN), GREETED)
    yield Case("utf8-lower-case", "1939 3", (("utf8", "+OK"), *LOGIN), GREETED)
    yield Case("utf8-twice", "6856 2.1", (("UTF8", "+OK"), ("UTF8", ANY), *LOGIN), GREETED)
    yield Case("utf8-after-login", "6856 2.1", (("UTF8", "-ERR"), *IN))
    for junk in ("USER", "1", "on", "UTF8"):
        yield Case(f"utf8-{junk.lower()}", "6856 2.1", ((f"UTF8 {junk}", "-ERR"), *LOGIN), GREETED)
    yield Case("utf8-then-sizes-hold", "6856 5", (("UTF8", "+OK"), *LOGIN, ("RETR 3", MANY),
                                                  ("TOP 3 1", MANY)), GREETED)
    yield Case("utf8-then-auth", "6856 2.2", (("UTF8", "+OK"), (_initial(b"\0{user}\0secret"), "+OK"),
                                              *IN), GREETED)
    for name, words in (("overlong", b"USER \xc0\xaf"), ("surrogate", b"USER \xed\xa0\x80"),
                        ("lone", b"USER \x80"), ("cut", b"USER \xe2\x82"),
                        ("beyond", b"USER \xf5\x80\x80\x80"), ("fe", b"USER \xfe\xff"),
                        ("bidi", b"USER \xe2\x80\xae{user}"),
                        ("zero-width", b"USER {user}\xe2\x80\x8b"),
                        ("fullwidth", b"USER \xef\xbd\x95{user}")):
        yield Case(f"utf8-name-{name}", "6856 2.2",
                   (("UTF8", "+OK"), (words + b"\r\n", ANY), ("PASS secret", "-ERR"), *LOGIN), GREETED)


def _lang():
    """RFC 6856 3: the list, a choice, *, and what is not there, in both states."""
    for state, start, then in (("greeted", GREETED, LOGIN), ("transaction", "transaction", IN)):
        for name, words, wanted in (
                ("list", "LANG", MANY), ("i-default", "LANG i-default", r"^[+]OK i-default .*"),
                ("star", "LANG *", r"^[+]OK [A-Za-z0-9-]+ .*"),
                ("upper-case", "LANG I-DEFAULT", r"^[+]OK i-default .*"),
                ("lower-case-keyword", "lang", MANY),
                ("unknown", "LANG uga", "-ERR"), ("unknown-long", "LANG " + "x" * 60, "-ERR"),
                ("two", "LANG i-default en", "-ERR"),
                ("junk", "LANG %s", "-ERR"), ("traversal", "LANG ../../etc", "-ERR"),
                ("8-bit", "LANG \xff", "-ERR"),
                ("minus", "LANG -", "-ERR"), ("quoted", 'LANG "en"', "-ERR"),
                ("max", "LANG " + "a" * 248, "-ERR")):
            yield Case(f"lang-{name}-{state}", "6856 3", ((words, wanted), *then), start)
        yield Case(f"lang-then-all-goes-on-{state}", "6856 3",
                   (("LANG *", "+OK"), ("NOOPE", "-ERR"), ("LANG i-default", "+OK"), ("NOOPE", "-ERR"),
                    *then), start)


CASES = [case for table in (_exchange, _cancel, _bad_base64, _wrong, _long, _mechanisms, _utf8, _lang)
         for case in table()]
