"""Lines: how they end, which octets they may hold, how long they may be."""

from pop3_cases import AS_SAID, GREETED, TRANSACTION, Case
from pop3_wire import ANY, ANY_MANY, END, LAST_ERR, MANY, SILENT

# Every command of TRANSACTION, an argument, and what it answers. RFC 1939 5 to 7, RFC 2449 5.
COMMANDS = (("STAT", "+OK 3 "), ("LIST", MANY), ("LIST 1", "+OK 1 "), ("RETR 1", MANY),
            ("DELE 1", "+OK"), ("NOOP", "+OK"), ("RSET", "+OK"), ("TOP 1 0", MANY),
            ("UIDL", MANY), ("UIDL 1", "+OK 1 "), ("CAPA", MANY))


def _deleted(command):
    return 2 if command.lower().startswith("dele") else 3


def _id(command):
    return command.lower().replace(" ", "-")


def _keywords():
    """RFC 1939 3: keywords are case-insensitive."""
    for command, wanted in (*COMMANDS, ("QUIT", "+OK")):
        for how, word in (("lower", command.lower()), ("mixed", command.title().swapcase())):
            steps = ((word, wanted, *([END] if command == "QUIT" else [])),)
            yield Case(f"case-{how}-{_id(command)}", "1939 3", steps, left=_deleted(command))


def _bare_lf():
    """A person with nc ends lines in LF; each is a whole command."""
    for command, wanted in COMMANDS:
        yield Case(f"lf-{_id(command)}", "1939 3", ((command.encode() + b"\n", wanted), ("NOOP", "+OK")),
                   left=_deleted(command))
    yield Case("lf-login", "1939 3", ((b"USER {user}\n", "+OK"), (b"PASS secret\n", "+OK")), GREETED)
    yield Case("lf-and-crlf-in-one-packet", "1939 3",
               ((b"NOOP\nNOOP\r\nNOOP\n", "+OK", "+OK", "+OK"),))
    yield Case("lf-crlf-is-a-command-and-an-empty-line", "1939 3",
               ((b"NOOP\n\r\n", "+OK", "-ERR"), ("NOOP", "+OK")))


def _bare_cr():
    """A CR that no LF follows ends nothing and is no part of a command."""
    for name, sent in (("between", b"NOOP\rNOOP\r\n"), ("before-dele", b"STAT\rDELE 1\r\n"),
                       ("in-argument", b"DELE 1\r2\r\n"), ("before-crlf", b"DELE 1\r\r\n"),
                       ("first", b"\rDELE 1\r\n"), ("in-keyword", b"DE\rLE 1\r\n"),
                       ("for-space", b"DELE\r1\r\n"), ("before-quit", b"DELE 1\rQUIT\r\n")):
        yield Case(f"bare-cr-{name}", "1939 3", ((sent, "?-ERR"), ("NOOP", "?+OK")))


def _nul():
    """popa3d's lesson: a NUL must not end a command early."""
    for name, sent in (("after-noop", b"NOOP\0"), ("first", b"\0NOOP"), ("within", b"NO\0OP"),
                       ("stat-junk", b"STAT\0junk"), ("dele-after", b"DELE 1\0"),
                       ("dele-junk", b"DELE 1\0junk"), ("dele-for-space", b"DELE\0001"),
                       ("dele-before-number", b"DELE \0001"), ("dele-space", b"DELE 1\0 2"),
                       ("quit-after", b"QUIT\0"), ("quit-junk", b"QUIT\0junk"), ("retr", b"RETR 1\0"),
                       ("list", b"LIST 1\0"), ("list-alone", b"LIST\0"), ("uidl", b"UIDL 1\0x"),
                       ("top-first", b"TOP 1\0 1"), ("top-second", b"TOP 1 1\0"), ("rset", b"RSET\0"),
                       ("capa", b"CAPA\0"), ("many", b"\0" * 200), ("alone", b"\0"),
                       ("three-before-crlf", b"DELE 1\0\0\0")):
        yield Case(f"nul-{name}", "1939 3 popa3d", ((sent + b"\r\n", "?-ERR"), ("NOOP", "?+OK")))
    yield Case("nul-does-not-hide-a-deletion", "1939 3 popa3d",
               ((b"DELE 2\r\n", "+OK"), (b"RSET\0\r\n", "?-ERR"), ("STAT", "?+OK 2 ")), left=2)


def _control():
    """Keywords and arguments are printable ASCII, one SPACE between them."""
    for octet in (*range(1, 10), 11, 12, *range(14, 32), 127):
        end = bytes([octet])
        yield Case(f"control-{octet:02x}", "1939 3",
                   ((b"DELE 1" + end + b"\r\n", "?-ERR"), (b"DELE" + end + b"1\r\n", "?-ERR"),
                    (end + b"DELE 1\r\n", "?-ERR"), ("NOOP", "?+OK")))


def _eight_bit():
    for name, sent in (("after", b"NOOP\xff"), ("no-break-space", b"DELE\xa01"),
                       ("utf8-space", b"DELE\xc2\xa01"),
                       ("zero-width", b"\xe2\x80\x8bDELE 1"), ("bom", b"\xef\xbb\xbfDELE 1"),
                       ("arabic-digit", b"DELE \xd9\xa1"), ("fullwidth-digit", b"DELE \xef\xbc\x91"),
                       ("superscript", b"DELE \xc2\xb9"), ("dotless-i", b"L\xc4\xb1ST"),
                       ("dotted-i", b"L\xc4\xb0ST"),
                       ("fullwidth", b"\xef\xbc\xa4\xef\xbc\xa5\xef\xbc\xac\xef\xbc\xa5 1"),
                       ("high-bit-set", bytes(c | 0x80 for c in b"DELE") + b" 1"),
                       ("telnet", b"\xff\xfb\x1f\xff\xfd\x01"),
                       ("telnet-before", b"\xff\xfd\x06DELE 1"), ("kelvin", b"\xe2\x84\xaaDELE 1"),
                       ("broken-utf8", b"DELE 1\xc0\x80"), ("long-s", b"\xc5\xbfTAT")):
        yield Case(f"8-bit-{name}", "1939 3", ((sent + b"\r\n", "?-ERR"), ("NOOP", "?+OK")))


def _spaces():
    """RFC 1939 3: one SPACE separates. More of them are refused, or mean what one means; nothing else."""
    for name, sent in (("before", " NOOP"), ("before-dele", " DELE 1"), ("two-before", "  DELE 1"),
                       ("before-quit", " QUIT")):
        yield Case(f"space-{name}", "1939 3", ((sent, "-ERR"), ("NOOP", "+OK")))
    for name, sent in (("after-dele", "DELE 1 "), ("two-after-dele", "DELE 1  "),
                       ("two-in-dele", "DELE  1"),
                       ("many-in-dele", "DELE" + " " * 200 + "1"),
                       ("after-dele-200", "DELE 1" + " " * 200)):
        yield Case(f"space-{name}", "1939 3", ((sent, ANY), ("NOOP", "+OK")), left=AS_SAID)
    for name, sent, wanted in (("after-stat", "STAT ", ANY), ("after-noop", "NOOP ", ANY),
                               ("after-rset", "RSET ", ANY), ("after-list-1", "LIST 1 ", ANY),
                               ("after-uidl-1", "UIDL 1 ", ANY), ("after-list", "LIST ", ANY_MANY),
                               ("after-uidl", "UIDL ", ANY_MANY), ("after-retr", "RETR 1 ", ANY_MANY),
                               ("two-in-retr", "RETR  1", ANY_MANY), ("after-capa", "CAPA ", ANY_MANY),
                               ("after-top", "TOP 1 1 ", ANY_MANY), ("two-in-top", "TOP 1  1", ANY_MANY),
                               ("two-before-top", "TOP  1 1", ANY_MANY)):
        yield Case(f"space-{name}", "1939 3", ((sent, wanted), ("NOOP", "+OK")))


def _not_commands():
    """RFC 1939 3: what is not recognised MUST be answered -ERR."""
    for name, sent in (("empty", ""), ("empty-lf", b"\n"), ("space", " "), ("spaces", " " * 40),
                       ("letter", "A"),
                       ("digit", "1"), ("dot", "."), ("dots", ".."), ("plus-ok", "+OK"),
                       ("minus-err", "-ERR no"),
                       ("longer", "NOOPE"), ("shorter", "NOO"), ("glued-list", "LIST1"),
                       ("glued-dele", "DELE1"),
                       ("glued-retr", "RETR1"), ("glued-top", "TOP1 0"), ("glued-quit", "QUITQUIT"),
                       ("semicolon", "NOOP;"), ("comma", "STAT,"), ("colon", "DELE:1"),
                       ("equals", "DELE=1"),
                       ("two-in-a-line", "NOOP NOOP"), ("semicolons", "NOOP;DELE 1"), ("slash", "/DELE 1"),
                       ("quoted", '"NOOP"'), ("quoted-number", 'DELE "1"'), ("bracket", "DELE (1)"),
                       ("imap-tag", "a1 NOOP"), ("imap-list", 'a1 LIST "" *'), ("format", "%s%s%s%n"),
                       ("backslash", "\\NOOP"), ("star", "*"), ("equal", "="), ("base64", "dXNlcg==")):
        yield Case(f"not-a-command-{name}", "1939 3", ((sent, "-ERR"), ("NOOP", "+OK")))
    yield Case("empty-lines-one-answer-each", "1939 3",
               ((b"\r\n\r\n\r\n", "-ERR", "-ERR", "-ERR"), ("STAT", "+OK 3 ")))


def _long():
    """RFC 2449 4: 255 octets with CRLF. A longer line is skipped whole, or the connection closed; no part
    of it is run, and it has one answer."""
    yield Case("long-255-user", "2449 4", (("USER " + "x" * 248, "+OK"),), GREETED)
    yield Case("long-255-user-lf", "2449 4", ((b"USER " + b"x" * 248 + b"\n", "+OK"),), GREETED)
    for n in (100, 253, 254, 255, 256, 257, 300, 510, 511, 512, 513, 514, 998, 1000, 1022, 1024, 1026,
              2048, 4094,
              4096, 4098, 8190, 8192, 8194, 16384, 65534, 65536, 65540, 1_000_000):
        yield Case(f"long-{n}", "2449 4", (("X" * n, "?-ERR"), ("STAT", "?+OK 3 ")))
    for n in (249, 253, 254, 255, 256, 257, 510, 511, 512, 1023, 1024, 2048, 4096, 8192, 16384, 65536):
        yield Case(f"long-tail-{n}-is-not-run", "2449 4",
                   (("X" * n + "DELE 1", "?-ERR"), ("STAT", "?+OK 3 ")))
    for name, sent in (("noop-spaces", b"NOOP" + b" " * 5000),
                       ("dele-zeros", b"DELE " + b"0" * 5000 + b"1"),
                       ("dele-spaces", b"DELE" + b" " * 5000 + b"1"), ("nuls", b"\0" * 5000),
                       ("crs", b"\r" * 5000), ("tail-after-cr", b"X" * 5000 + b"\rDELE 1"),
                       ("tail-after-nul", b"X" * 5000 + b"\0DELE 1"), ("8-bit", b"\xff" * 5000),
                       ("quit-tail", b"X" * 8192 + b"QUIT"),
                       ("keyword-then-junk", b"DELE 1 " + b"X" * 5000)):
        yield Case(f"long-{name}", "2449 4", ((sent + b"\r\n", "?-ERR"), ("STAT", "?+OK 3 ")))
    for n in (256, 1024, 8192, 1_000_000):
        yield Case(f"long-{n}-before-login", "2449 4",
                   (("X" * n, "?-ERR"), ("USER {user}", "?+OK"), ("PASS secret", "?+OK")), GREETED)
        yield Case(f"long-{n}-lf", "2449 4", ((b"X" * n + b"\n", "?-ERR"), ("STAT", "?+OK 3 ")))
    for name, word in (("user", "USER "), ("apop", "APOP "), ("retr", "RETR "), ("list", "LIST "),
                       ("top", "TOP "),
                       ("uidl", "UIDL "), ("xtnd", "XTND "), ("auth", "AUTH "), ("stat", "STAT "),
                       ("capa", "CAPA "),
                       ("rset", "RSET "), ("quit", "QUIT "), ("noop", "NOOP "), ("rpop", "RPOP "),
                       ("euidl", "EUIDL "),
                       ("mdef", "MDEF "), ("last", "LAST ")):
        # CVE-1999-0006, CVE-1999-0494, CVE-2002-1781, CVE-2003-0143: an argument that overran a buffer
        yield Case(f"overflow-{name}", "CVE-1999-0494",
                   ((word + "A" * 2048, "?-ERR"), ("NOOP", "?+OK")), TRANSACTION)
        yield Case(f"overflow-{name}-before-login", "CVE-1999-0006",
                   ((word + "%n%s" * 256, "?-ERR"), ("USER {user}", "?+OK"), ("PASS secret", "?+OK")),
                   GREETED)
    yield Case("long-pass", "2449 4", (("USER {user}", "+OK"), ("PASS secret" + "x" * 4096, "?-ERR"),
                                      ("STAT", "?-ERR")), GREETED)


def _pipelined():
    """RFC 2449 6.6."""
    yield Case("piped-batch", "2449 6.6",
               ((b"STAT\r\nNOOP\r\nLIST 2\r\nDELE 9\r\nUIDL 3\r\n", "+OK 3 ", "+OK", "+OK 2 ", "-ERR",
                 "+OK 3 "),))
    yield Case("piped-many-lines", "2449 6.6",
               ((b"RETR 1\r\nLIST\r\nTOP 2 1\r\nUIDL\r\nSTAT\r\n", MANY, MANY, MANY, MANY, "+OK 3 "),))
    yield Case("piped-retr-100", "2449 6.6", ((b"RETR 3\r\n" * 100, *[MANY] * 100),))
    yield Case("piped-noop-10000", "2449 6.6", ((b"NOOP\r\n" * 10_000, *["+OK"] * 10_000),))
    yield Case("piped-login", "2449 6.6",
               ((b"USER {user}\r\nPASS secret\r\nSTAT\r\nLIST 1\r\n", "+OK", "+OK", "+OK 3 ", "+OK 1 "),),
               GREETED)
    yield Case("piped-session-with-quit", "2449 6.6",
               ((b"USER {user}\r\nPASS secret\r\nDELE 2\r\nRETR 1\r\nQUIT\r\n",
                 "+OK", "+OK", "+OK", MANY, "+OK", END),), GREETED, left=2)
    yield Case("piped-behind-a-failed-login", "2449 6.6",
               ((b"USER {user}\r\nPASS wrong\r\nSTAT\r\nUSER {user}\r\nPASS secret\r\nSTAT\r\n",
                 "+OK", "-ERR", "-ERR", "+OK", "+OK", "+OK 3 "),), GREETED)
    yield Case("piped-behind-quit-is-not-run", "1939 6",
               ((b"QUIT\r\nNOOP\r\nDELE 1\r\n", "+OK", END),))
    yield Case("piped-behind-quit-before-login", "1939 4",
               ((b"QUIT\r\nUSER {user}\r\nPASS secret\r\nDELE 1\r\nQUIT\r\n", "+OK", END),), GREETED)
    yield Case("piped-dele-rset-dele", "2449 6.6",
               ((b"DELE 1\r\nDELE 2\r\nRSET\r\nDELE 3\r\n", "+OK", "+OK", "+OK", "+OK"),), left=2)
    yield Case("piped-errors-keep-order", "2449 6.6",
               ((b"NOOP\r\nX\r\nNOOP\r\nX\r\nSTAT\r\n", "+OK", "-ERR", "+OK", "-ERR", "+OK 3 "),))
    yield Case("two-packets-a-line", "1939 3", ((b"DE", SILENT), (b"LE", SILENT), (b" 1\r", SILENT),
                                                (b"\n", "+OK")),
               left=2)


def _foreign():
    """What speaks another protocol is cut at its first line, and nothing behind it is obeyed."""
    inner = b"USER {user}\r\nPASS secret\r\nDELE 1\r\nQUIT\r\n"
    for name, sent in (("http-get", b"GET / HTTP/1.1\r\nHost: mail.example.net\r\n\r\n" + inner),
                       ("http-post", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 49\r\n\r\n" + inner),
                       ("http-put", b"PUT /x HTTP/1.0\r\n\r\n" + inner),
                       ("http-head", b"HEAD / HTTP/1.0\r\n\r\n" + inner),
                       ("http-options", b"OPTIONS * HTTP/1.1\r\n\r\n" + inner),
                       ("http-connect", b"CONNECT mail:110 HTTP/1.1\r\n\r\n" + inner),
                       ("http-lf", b"POST / HTTP/1.1\nHost: x\n\n" + inner),
                       ("http-2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + inner),
                       ("smtp-ehlo", b"EHLO client.test\r\n" + inner),
                       ("smtp-helo", b"HELO client.test\r\n" + inner),
                       ("ssh", b"SSH-2.0-OpenSSH_9.2\r\n" + inner),
                       ("sip", b"REGISTER sip:x SIP/2.0\r\n\r\n" + inner),
                       ("rtsp", b"OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n" + inner),
                       ("tls-hello",
                        b"\x16\x03\x01\x00\x2e\x01\x00\x00\x2a\x03\x03" + b"\x5a" * 40 + b"\r\n" + inner)):
        yield Case(f"foreign-{name}", "ALPACA", ((sent, LAST_ERR),), GREETED)


CASES = [case for table in (_keywords, _bare_lf, _bare_cr, _nul, _control, _eight_bit, _spaces,
                            _not_commands,
                            _long, _pipelined, _foreign) for case in table()]
