"""SMTP from the RFCs and from what servers got wrong: commands, paths, parameters, sequences, relay."""

import pytest

from ports import until
from smtp_suite import HOLDER, STRANGER, close_gate, open_gate, play, sent_on
from talk import Smtp

OK = "MAIL FROM:<who@else.test> => 250"
TO = "RCPT TO:<{u}> => 250"


@pytest.fixture(scope="module")
def gate():
    made = open_gate()
    yield made
    close_gate(made)


def named(cases):
    return [pytest.param(*case[1:], id=case[0]) for case in cases]


# --- sequences: RFC 5321 3.3, 4.1.4, 4.5.1

HELLO = "EHLO client.example.test => 250"
SEQUENCES = [
    ("mail-first", ["MAIL FROM:<who@else.test> => 503"]),
    ("rcpt-first", ["RCPT TO:<{u}> => 503"]),
    ("data-first", ["DATA => 503"]),
    ("rcpt-before-mail", [HELLO, "RCPT TO:<{u}> => 503", OK, TO]),
    ("data-before-mail", [HELLO, "DATA => 503", OK]),
    ("data-before-rcpt", [HELLO, OK, "DATA => 503|554", TO]),
    ("data-after-refused-rcpt", [HELLO, OK, "RCPT TO:<{f}> => 550 5.7.1", "DATA => 503|554", TO]),
    ("mail-twice", [HELLO, OK, "MAIL FROM:<other@else.test> => 503", TO]),
    ("mail-after-rset", [HELLO, OK, "RSET => 250", OK, TO]),
    ("rcpt-after-rset", [HELLO, OK, TO, "RSET => 250", "RCPT TO:<{u}> => 503"]),
    ("data-after-rset", [HELLO, OK, TO, "RSET => 250", "DATA => 503"]),
    ("ehlo-resets", [HELLO, OK, TO, HELLO, "DATA => 503", "RCPT TO:<{u}> => 503", OK]),
    ("helo-resets", [HELLO, OK, TO, "HELO client.example.test => 250", "DATA => 503"]),
    ("ehlo-twice", [HELLO, HELLO, OK]),
    ("helo-then-ehlo", ["HELO x.test => 250 ", HELLO, OK]),
    ("a-failed-ehlo-changes-nothing", [HELLO, OK, "EHLO => 501", TO]),
    ("rset-before-hello", ["RSET => 250"]),
    ("rset-many", [HELLO] + ["RSET => 250"] * 30 + [OK]),
    ("noop-before-hello", ["NOOP => 250"]),
    ("noop-keeps-the-transaction", [HELLO, OK, "NOOP => 250", TO, "NOOP => 250", "DATA => 354"]),
    ("noop-with-a-word", ["NOOP ignored words => 250"]),
    ("noop-many", [HELLO] + ["NOOP => 250"] * 100),
    ("vrfy-keeps-the-transaction", [HELLO, OK, "VRFY anna => 252", TO]),
    ("vrfy-says-nothing-of-a-stranger", [HELLO, "VRFY nobody-at-all => 252", "VRFY anna => 252"]),
    ("vrfy-bare", [HELLO, "VRFY => 501"]),
    ("expn", [HELLO, "EXPN list => 502|252|550"]),
    ("help", ["HELP => 214|211", "HELP MAIL => 214|211|504"]),
    ("help-keeps-the-transaction", [HELLO, OK, "HELP => 214|211", TO]),
    ("quit-before-hello", ["QUIT => 221", (b"", "")]),
    ("quit-in-a-transaction", [HELLO, OK, TO, "QUIT => 221", (b"", "")]),
    ("quit-with-an-argument", [HELLO, "QUIT now => 501", "NOOP => 250"]),
    ("rset-with-an-argument", [HELLO, OK, "RSET now => 501", TO]),
    ("data-with-an-argument", [HELLO, OK, TO, "DATA now => 501", "DATA => 354"]),
    ("data-and-transaction-anew", [HELLO, OK, TO, "DATA => 354", ("a\r\n.\r\n".encode(), "250"),
                                   "RCPT TO:<{u}> => 503", "DATA => 503", OK, TO, "DATA => 354",
                                   (b".\r\n", "250")]),
    ("unknown", [HELLO, "FROB x => 500", OK]),
    ("unknown-in-a-transaction", [HELLO, OK, "FROB => 500", TO]),
    ("turn", [HELLO, "TURN => 500|502"]),
    ("send-saml-soml", [HELLO, "SEND FROM:<a@else.test> => 500|502", "SAML FROM:<a@else.test> => 500|502",
                        "SOML FROM:<a@else.test> => 500|502"]),
    ("xclient-is-not-for-clients", [HELLO, "XCLIENT ADDR=127.20.0.1 => 5", "RCPT TO:<{u}> => 503"]),
    ("xforward-is-not-for-clients", [HELLO, "XFORWARD ADDR=127.20.0.1 => 5"]),
    ("etrn", [HELLO, "ETRN example.net => 500|502|458|459"]),
    ("atrn", [HELLO, "ATRN => 500|502"]),
    ("a-keyword-and-more", [HELLO, "NOOPS => 500", "QUITX => 500", "DATAX => 500", "RSETX => 500", OK]),
    ("half-a-keyword", [HELLO, "MAI FROM:<a@else.test> => 500", "D => 500", "RCP TO:<{u}> => 500"]),
    ("keyword-without-its-colon", [HELLO, "MAIL FROM <a@else.test> => 501", "MAIL <a@else.test> => 501",
                                   OK, "RCPT TO <{u}> => 501", "RCPT <{u}> => 501"]),
    ("mail-to-and-rcpt-from", [HELLO, "MAIL TO:<a@else.test> => 501", OK, "RCPT FROM:<{u}> => 501", TO]),
    ("mail-bare", [HELLO, "MAIL => 501", "MAIL FROM: => 501", OK, "RCPT => 501", "RCPT TO: => 501"]),
    ("lower-case", ["ehlo client.example.test => 250", "mail from:<who@else.test> => 250",
                    "rcpt to:<anna@example.net> => 250", "data => 354", (b".\r\n", "250"), "quit => 221"]),
    ("mixed-case", ["eHlO client.example.test => 250", "MaIl FrOm:<who@else.test> => 250",
                    "rCpT tO:<anna@example.net> => 250", "dAtA => 354"]),
    ("too-many-errors", ["FROB => 500"] * 10 + [(b"FROB\r\n" * 200, "500")]),
]


@pytest.mark.parametrize("script", named(SEQUENCES))
def test_sequence(gate, script):
    with gate.smtp(STRANGER, hello=None) as talk:
        play(talk, script)


def test_errors_without_end_are_cut(gate):
    with gate.smtp(STRANGER) as talk:
        talk.send(b"FROB\r\n" * 500)
        replies = []
        while (reply := talk.reply()) is not None:
            replies.append(reply)
        assert len(replies) < 200 and replies[-1].startswith("421")


# --- EHLO and HELO: RFC 5321 4.1.1.1, 4.1.4 (no mail is refused because of a wrong name)

HELLO_NAMES = ["client.example.test", "CLIENT", "[127.0.0.1]", "[IPv6:2001:db8::1]", "a-b.c", "localhost", "x" * 250,
         "under_score.test", "1.2.3.4", "[tag:content]"]
HELLOS = ([("bare-" + verb, [f"{verb} => 501", f"{verb} x.test => 250"]) for verb in ("EHLO", "HELO")]
          + [(f"{verb}-{name[:20]}", [f"{verb} {name} => 250", OK, TO]) for verb in ("EHLO", "HELO")
             for name in HELLO_NAMES])


@pytest.mark.parametrize("script", named(HELLOS))
def test_hello(gate, script):
    with gate.smtp(STRANGER, hello=None) as talk:
        play(talk, script)


def test_the_greeting_and_the_first_words_name_us(gate):
    with gate.smtp(STRANGER, hello=None) as talk:
        assert talk.greeting.startswith("220 mail.example.net ") and "ESMTP" in talk.greeting
        assert talk.says("EHLO a.test").split("\n")[0].startswith("250-mail.example.net")
        assert talk.says("HELO a.test").startswith("250 mail.example.net")


def test_helo_announces_no_extension(gate):
    with gate.smtp(STRANGER, hello=None) as talk:
        assert "\n" not in talk.says("HELO a.test")


def test_what_is_announced(gate):
    with gate.smtp(STRANGER) as talk:
        offers = {line[4:].split()[0].upper(): line[4:].split()[1:] for line in talk.ehlo.split("\n")[1:]}
    assert {"PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES"} <= set(offers)
    assert offers["SIZE"] and int(offers["SIZE"][0]) > 0
    assert not {"XCLIENT", "XFORWARD", "ETRN", "ATRN", "TURN", "VRFY", "EXPN"} & set(offers)
    assert not {"PLAIN", "LOGIN"} & set(offers.get("AUTH", [])), "role mx announces no AUTH unless told to"


# --- lines: RFC 5321 2.3.8, 4.5.3.1.4

LINES = [
    ("bare-lf", [(b"NOOP\n", "500"), "NOOP => 250"]),
    ("bare-cr", [(b"NOOP\rNOOP\r\n", "500"), "NOOP => 250"]),
    ("cr-cr-lf", [(b"NOOP\r\r\n", "500"), "NOOP => 250"]),
    ("nul", [(b"NOOP\0\r\n", "500"), "NOOP => 250"]),
    ("nul-in-a-path", [(b"MAIL FROM:<who@else.test\0>\r\n", "500|501"), OK]),
    ("nul-behind-a-path", [(b"MAIL FROM:<who@else.test>\0\r\n", "500|501"), OK]),
    ("tab", [(b"NOOP\t\r\n", "500"), "NOOP => 250"]),
    ("escape", [(b"NOOP \x1b[31m\r\n", "500"), "NOOP => 250"]),
    ("delete", [(b"NOOP \x7f\r\n", "500"), "NOOP => 250"]),
    ("empty", [(b"\r\n", "500"), "NOOP => 250"]),
    ("spaces-only", [(b"   \r\n", "500"), "NOOP => 250"]),
    ("space-before", [(b" NOOP\r\n", "500"), "NOOP => 250"]),
    ("space-behind", ["NOOP  => 250", "RSET    => 250", "DATA  => 503"]),
    ("8-bit-keyword", [(b"N\xd6\xd6P\r\n", "500"), "NOOP => 250"]),
    ("512-octets", [(b"NOOP " + b"x" * 505 + b"\r\n", "250"), "NOOP => 250"]),
    ("too-long-1M", [(b"NOOP " + b"x" * 1_000_000 + b"\r\n", "500"), "NOOP => 250"]),
    ("too-long-then-a-command", [(b"NOOP " + b"x" * 20_000 + b"\r\nQUIT\r\n", "500"), (b"", "221")]),
    ("the-tail-of-a-long-line-is-no-command",
     [(b"NOOP " + b"x" * 70_000 + b" MAIL FROM:<who@else.test>\r\n", "500"), "RCPT TO:<{u}> => 503"]),
    ("long-mail", [(b"MAIL FROM:<" + b"x" * 5000 + b"@else.test>\r\n", "5"), OK]),
]


@pytest.mark.parametrize("script", named(LINES))
def test_line(gate, script):
    with gate.smtp(STRANGER) as talk:
        play(talk, script)


def test_a_session_an_octet_at_a_time(gate):
    with gate.smtp(STRANGER, hello=None) as talk:
        for octet in b"EHLO a.test\r\nMAIL FROM:<who@else.test>\r\nRCPT TO:<anna@example.net>\r\nQUIT\r\n":
            talk.send(bytes([octet]))
        assert [talk.reply()[:3] for _ in range(4)] == ["250", "250", "250", "221"]


@pytest.mark.parametrize("end", [b"QUI", b"QUIT", b"QUIT\r", b"NOOP\r\nMAIL FROM:<who@else.test>\r"])
def test_half_a_line_at_the_end_of_input_is_no_command(gate, end):
    with gate.smtp(STRANGER) as talk:
        talk.send(end)
        talk.sock.shutdown(1)
        said = []
        while (line := talk.line()) is not None:
            said.append(line[:3])
        assert said == (["250"] if b"NOOP" in end else [])


# --- foreign protocols

FOREIGN = {"get": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "post": b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
           "put": b"PUT / HTTP/1.0\r\n\r\n", "head": b"HEAD / HTTP/1.0\r\n\r\n",
           "options": b"OPTIONS * HTTP/1.1\r\n\r\n", "connect": b"CONNECT x:25 HTTP/1.1\r\n\r\n",
           "ssh": b"SSH-2.0-x\r\n", "delete": b"DELETE / HTTP/1.1\r\n\r\n"}
TRANSACTION = b"HELO x\r\nMAIL FROM:<who@else.test>\r\nRCPT TO:<anna@example.net>\r\nDATA\r\nforeign\r\n.\r\n"


@pytest.mark.parametrize("words", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_foreign_protocol_is_cut_and_what_it_carries_is_no_mail(gate, words):
    before = len(list(gate.maildir().glob("new/*")))
    with gate.smtp(STRANGER, hello=None) as talk:
        talk.send(words + TRANSACTION)
        replies = []
        while (reply := talk.reply()) is not None:
            replies.append(reply[:3])
        assert "354" not in replies and "250" not in replies, replies
    assert len(list(gate.maildir().glob("new/*"))) == before


def test_a_tls_hello_in_clear_is_cut(gate):
    with gate.smtp(STRANGER, hello=None) as talk:
        talk.send(b"\x16\x03\x01\x00\xee\x01\x00\x00\xea\x03\x03" + bytes(range(200)) + b"\n" * 30)
        talk.sock.shutdown(1)
        assert talk.ended()


# --- paths: RFC 5321 4.1.2, 4.1.3, appendix C; what goes on is canonical

LONG = "x" * 63
GOOD_PATHS = [  # as typed, as sent on
    ("a@else.test", None), ("A.b@else.test", None), ("a@ELSE.test", "a@else.test"), ("a@else.TEST", "a@else.test"),
    ("a+tag@else.test", None), ("a-b_c=d@else.test", None), ("!#$&'*/?^`{|}~@else.test", None),
    ("1@else.test", None), ("a@1.test", None), ("a@a-b.test", None), ("a@x--y.test", None), ("a@else", None),
    ('"a b"@else.test', None), ('"ab"@else.test', "ab@else.test"), ('"a.b"@else.test', "a.b@else.test"),
    ('"a..b"@else.test', None), ('"a\\"b"@else.test', None), ('"a\\\\b"@else.test', None),
    ('"\\a\\b"@else.test', "ab@else.test"), ('".a"@else.test', None), ('"a."@else.test', None), ('"(x)"@else.test', None),
    ('"a,b"@else.test', None), ('"<a>"@else.test', None), ('"a\\ b"@else.test', '"a b"@else.test'),
    ("@r.test:a@else.test", "a@else.test"), ("@r.test,@s.test:a@else.test", "a@else.test"),
    ("@R.TEST,@1.test:A@ELSE.TEST", "A@else.test"), ("a@[192.0.2.1]", None), ("a@[255.255.255.255]", None),
    ("a@[IPv6:2001:db8::1]", None), ("a@[IPv6:::1]", None), ("x" * 64 + "@else.test", None),
    (f"a@{LONG}.{LONG}.{LONG}.test", None), ("a@xn--bcher-kva.test", None),
]
BAD_PATHS = [
    "", "a", "@else.test", "a@", "a@@else.test", "a@b@else.test", "a b@else.test", "a @else.test", "a@ else.test",
    "a@else..test", ".a@else.test", "a.@else.test", "a..b@else.test", "a@.else.test", "a@else.test.", "a@-else.test",
    "a@else-.test", "a@el!se.test", "a@else.test,b@else.test", "a@[192.0.2]", "a@[192.0.2.256]",
    "a@[192.0.2.1.1]", "a@[192.0.2.1", "a@192.0.2.1]", "a@[192.0.2.01x]", "a@[IPv6:2001::1::2]", "a@[IPv6:]",
    "a@[IPv6:2001:db8]", "a@[2001:db8::1]", "a@[]", "a@[ 192.0.2.1]", "a@[192.0.2.1]x", '"a@else.test', '"a"b@else.test',
    'a"b"@else.test', '"a""b"@else.test', 'a\\@else.test', "a\\b@else.test", "(c)a@else.test", "a(c)@else.test",
    "a@else.test(c)", 'a@"else.test"', "<a@else.test>", "a@else.test>", "<a@else.test", "a<b@else.test", "a;b@else.test",
    "a:b@else.test", "a[b@else.test", "@r.test:", "@r.test:a", "@r.test a@else.test", "@r.test;a@else.test",
    "@r.test,a@else.test", "@:a@else.test", "@r..test:a@else.test", "r.test:a@else.test", "@r.test,:a@else.test",
    ",@r.test:a@else.test", "x" * 65 + "@else.test", "a@" + "x" * 64 + ".test",
    "a@" + ".".join([LONG] * 4) + ".test", "\u00e9@else.test", "a@\u00e9.test", '"\u00e9"@else.test',
]


@pytest.mark.parametrize("typed, canonical", GOOD_PATHS)
def test_a_recipient_goes_on_in_its_canonical_form(gate, typed, canonical):
    since = len(gate.hop.sessions)
    with gate.smtp(HOLDER) as talk:
        talk.says("MAIL FROM:<anna@example.net>")
        assert talk.says(f"RCPT TO:<{typed}>").startswith("250")
    lines = sent_on(gate.hop, "RCPT", since)
    assert lines == [f"RCPT TO:<{canonical or typed}>\r\n".encode()]


@pytest.mark.parametrize("typed, canonical", GOOD_PATHS)
def test_a_sender_goes_on_in_its_canonical_form(gate, typed, canonical):
    since = len(gate.hop.sessions)
    with gate.smtp(HOLDER) as talk:
        assert talk.says(f"MAIL FROM:<{typed}>").startswith("250")
        assert talk.says("RCPT TO:<bob@else.test>").startswith("250")
    line, = sent_on(gate.hop, "MAIL", since)
    assert line.split(b" ", 2)[1].startswith(b"FROM:") and line.startswith(
        f"MAIL FROM:<{canonical or typed}>".encode())


@pytest.mark.parametrize("typed", BAD_PATHS)
def test_what_is_no_recipient_is_refused(gate, typed):
    since = len(gate.hop.sessions)
    with gate.smtp(HOLDER) as talk:
        talk.says("MAIL FROM:<anna@example.net>")
        assert talk.says(f"RCPT TO:<{typed}>").startswith(("501", "500", "550", "553", "555"))
        assert talk.says("RCPT TO:<bob@else.test>").startswith("250"), "the transaction goes on"
    assert sent_on(gate.hop, "RCPT", since) == [b"RCPT TO:<bob@else.test>\r\n"]


@pytest.mark.parametrize("typed", BAD_PATHS[1:])
def test_what_is_no_sender_is_refused(gate, typed):
    with gate.smtp(STRANGER) as talk:
        assert talk.says(f"MAIL FROM:<{typed}>").startswith(("501", "500", "550", "553", "555"))
        assert talk.says("RCPT TO:<anna@example.net>").startswith("503"), "no transaction began"


UNBRACKETED = ["a@else.test", "<a@else.test", "a@else.test>", "<a@else.test>x", "<a@else.test><b@else.test>", "Anna <a@else.test>",
               '"Anna" <a@else.test>', "<a@else.test>,<b@else.test>", "<a@else.test> <b@else.test>"]


@pytest.mark.parametrize("typed", UNBRACKETED)
def test_a_path_stands_in_brackets_and_alone(gate, typed):
    with gate.smtp(HOLDER) as talk:
        assert talk.says(f"MAIL FROM:{typed}").startswith("5")
        talk.says("MAIL FROM:<anna@example.net>")
        assert talk.says(f"RCPT TO:{typed}").startswith("5")


SPECIAL = [
    ("null-sender", ["MAIL FROM:<> => 250", TO]),
    ("null-recipient", [OK, "RCPT TO:<> => 5", TO]),
    ("postmaster", [OK, "RCPT TO:<Postmaster> => 250"]),
    ("postmaster-in-any-case", [OK, "RCPT TO:<pOSTMASTER> => 250"]),
    ("postmaster-with-domain", [OK, "RCPT TO:<postmaster@example.net> => 250"]),
    ("postmaster-is-no-sender", ["MAIL FROM:<postmaster> => 5"]),
    ("postmaster-elsewhere", [OK, "RCPT TO:<postmaster@else.test> => 550 5.7.1"]),
    ("subscriber-in-any-case", [OK, "RCPT TO:<ANNA@EXAMPLE.NET> => 250"]),
    ("quoted-subscriber", [OK, 'RCPT TO:<"anna"@example.net> => 250']),
    ("unknown-subscriber", [OK, "RCPT TO:<nobody@example.net> => 550 5.1.1"]),
    ("subdomain", [OK, "RCPT TO:<anna@sub.example.net> => 550 5.7.1"]),
    ("suffix", [OK, "RCPT TO:<anna@notexample.net> => 550 5.7.1"]),
    ("prefix", [OK, "RCPT TO:<anna@example.net.else.test> => 550 5.7.1"]),
    ("space-behind-the-colon", ["MAIL FROM: <who@else.test> => 250|501"]),
]


@pytest.mark.parametrize("script", named(SPECIAL))
def test_special_path(gate, script):
    with gate.smtp(STRANGER) as talk:
        play(talk, script)


# --- parameters: RFC 5321 4.1.1.11, RFC 1870, RFC 6152

PARAMETERS = [
    ("size", "SIZE=1000", "250"), ("size-zero", "SIZE=0", "250"), ("size-lower-case", "size=10", "250"),
    ("size-bare", "SIZE", "501"), ("size-empty", "SIZE=", "501"), ("size-word", "SIZE=x", "501"),
    ("size-negative", "SIZE=-1", "501"), ("size-signed", "SIZE=+1", "501"), ("size-hex", "SIZE=0x10", "501"),
    ("size-too-large", "SIZE=99999999999", "552"), ("size-2^32+1", "SIZE=4294967297", "552"),
    ("size-2^64", "SIZE=18446744073709551616", "501|552"), ("size-2^64+1", "SIZE=18446744073709551617", "501|552"),
    ("size-20-digits", "SIZE=99999999999999999999", "501|552"), ("size-21-digits", "SIZE=" + "9" * 21, "501|552"),
    ("size-a-hundred-digits", "SIZE=" + "9" * 100, "501|552"), ("size-twice", "SIZE=1 SIZE=2", "501|250"),
    ("body-7bit", "BODY=7BIT", "250"), ("body-8bit", "BODY=8BITMIME", "250"), ("body-lower", "body=8bitmime", "250"),
    ("body-bare", "BODY", "501"), ("body-empty", "BODY=", "501"), ("body-other", "BODY=9BIT", "501"),
    ("body-binary-not-offered", "BODY=BINARYMIME", "501|555"),
    ("unknown", "FROB=1", "555"), ("unknown-bare", "FROB", "555"), ("known-and-unknown", "SIZE=1 FROB", "555"),
    ("unknown-and-known", "FROB SIZE=1", "555"), ("bad-keyword", "-X=1", "501|555"), ("bad-keyword-2", "X_Y=1", "501|555"),
    ("no-keyword", "=1", "501|555"), ("equals-alone", "=", "501|555"), ("equals-in-value", "SIZE=1=2", "501"),
    ("both", "SIZE=100 BODY=8BITMIME", "250"), ("both-the-other-way", "BODY=8BITMIME SIZE=100", "250"),
    ("two-spaces", " SIZE=100", "250|501"), ("rcpt-parameter", "NOTIFY=NEVER", "501|555"),
    ("8-bit-value", "SIZE=\u00e9", "501|500|555"), ("solicit", "SOLICIT=a", "555"), ("by", "BY=120;R", "555"),
    ("mt-priority", "MT-PRIORITY=9", "555"), ("hold", "HOLDFOR=60", "555"), ("requiretls", "REQUIRETLS", "555"),
    ("xverp", "XVERP", "555"), ("xclient", "XCLIENT=1", "555"),
]


@pytest.mark.parametrize("text, code", named(PARAMETERS))
def test_parameter_of_mail(gate, text, code):
    with gate.smtp(STRANGER) as talk:
        reply, = play(talk, [f"MAIL FROM:<who@else.test> {text} => {code}"])
        assert talk.says("RCPT TO:<anna@example.net>").startswith("250" if reply.startswith("250") else "503")


RCPT_PARAMETERS = [("unknown", "FROB=1", "555"), ("unknown-bare", "FROB", "555"), ("size", "SIZE=1", "555|501"),
                   ("body", "BODY=7BIT", "555|501"), ("no-keyword", "=1", "501|555"), ("rrvs", "RRVS=2014-04-03T23:01:00Z", "555"),
                   ("equals", "=", "501|555"), ("path-again", "<bob@else.test>", "501|555")]


@pytest.mark.parametrize("text, code", named(RCPT_PARAMETERS))
def test_parameter_of_rcpt(gate, text, code):
    with gate.smtp(STRANGER) as talk:
        play(talk, [OK, f"RCPT TO:<{{u}}> {text} => {code}", TO])


@pytest.mark.parametrize("text", ["SIZE=10", "BODY=8BITMIME", "FROB=1"])
def test_after_helo_there_are_no_parameters_that_a_client_could_know_of(gate, text):
    with gate.smtp(STRANGER, hello=None) as talk:
        play(talk, ["HELO a.test => 250", f"MAIL FROM:<who@else.test> {text} => 250|501|555"])


# --- relay: who has no proof gets nothing to a domain that is not ours, in whatever words

PROBES = [
    "bob@else.test", "BOB@ELSE.TEST", "bob@else.test.", "bob%else.test@example.net", "bob%else.test@[127.0.0.1]",
    "bob%else.test", "else.test!bob", "else.test!bob@example.net", "bob@else.test@example.net",
    '"bob@else.test"@example.net', '"bob%else.test"@example.net', '"bob@else.test"', '"else.test!bob"@example.net',
    "@example.net:bob@else.test", "@example.net,@else.test:bob@else.test", "@else.test:bob@example.net.else.test",
    "bob@[127.0.0.1]", "bob@[192.0.2.1]", "bob@[IPv6:::1]", "bob@localhost", "bob@mail.example.net", "bob@127.0.0.1",
    '"bob"@else.test', '"bob@example.net"@else.test', "bob@example.net@else.test", "bob@example.net%else.test",
    "bob@example.net.", "anna@example.net,bob@else.test", "anna@example.net>,<bob@else.test", "bob@else.test>",
    "bob@sub.example.net", "bob@example.net.else.test", "bob@xexample.net", "bob@example.ne", "bob@xample.net",
    "bob@EXAMPLE.NET.ELSE.TEST", "bob@xn--else-test", "bob@[example.net]", "bob@\"example.net\"", "bob@example.net\\",
    "bob@else.test%example.net", "bob%example.net@else.test", "bob%else.test%example.net@example.net",
    "a%b!c@example.net", "anna@example.net@else.test", "anna%@example.net", "!anna@example.net", "%anna@example.net",
    "anna!@example.net", "@@example.net", "bob@", "bob", "bob@else.test:25@example.net", "<bob@else.test>",
    "smtp:bob@else.test", "mailto:bob@else.test", "/o=x/s=bob/@else.test", "|cat@else.test", "bob@else.test anna@example.net",
    "bob@example.net,else.test", "bob@els\u0435.test", "bob@example\u3002net", "\u0430nna@example.net",
]
SENDERS = ["", "who@else.test", "anna@example.net", "postmaster@example.net", "bob@else.test", "who@[127.0.0.1]",
           "who%example.net@else.test", "bob@example.net"]


@pytest.mark.parametrize("probe", PROBES)
def test_a_stranger_relays_nothing(gate, probe):
    since = len(gate.hop.sessions)
    with gate.smtp(STRANGER) as talk:
        assert talk.says("MAIL FROM:<anna@example.net>").startswith("250")
        answer = talk.says(f"RCPT TO:<{probe}>")
        assert answer.startswith("5"), answer
        assert talk.says("DATA").startswith(("503", "554"))
    assert sent_on(gate.hop, "RCPT", since) == [], "a refusal needs no next hop"


@pytest.mark.parametrize("sender", SENDERS)
def test_no_sender_is_a_proof(gate, sender):
    with gate.smtp(STRANGER) as talk:
        assert talk.says(f"MAIL FROM:<{sender}>").startswith("250")
        assert talk.says("RCPT TO:<bob@else.test>").startswith("550 5.7.1")


@pytest.mark.parametrize("name", ["example.net", "mail.example.net", "localhost", "[127.0.0.1]", "[127.20.0.1]",
                                  "anna@example.net"])
def test_no_hello_is_a_proof(gate, name):
    with gate.smtp(STRANGER, hello=name) as talk:
        talk.says("MAIL FROM:<anna@example.net>")
        assert talk.says("RCPT TO:<bob@else.test>").startswith("550 5.7.1")


def test_a_refused_recipient_stays_refused_after_an_accepted_one(gate):
    with gate.smtp(STRANGER) as talk:
        play(talk, [OK, TO, "RCPT TO:<{f}> => 550 5.7.1", "RCPT TO:<bert@example.net> => 250",
                    "RCPT TO:<{f}> => 550 5.7.1", "DATA => 354", (b"x\r\n.\r\n", "250"),
                    OK, "RCPT TO:<{f}> => 550 5.7.1", TO, "RCPT TO:<{f}> => 550 5.7.1"])
    assert not [m for m in gate.hop.messages if any(b"bob@else.test" in r for r in m.recipients) and m.mail
                and b"who@else.test" in m.mail]


def test_the_window_is_of_the_connection_s_address_alone(gate):
    with Smtp(gate.smtp_port, HOLDER) as held, Smtp(gate.smtp_port, STRANGER) as other:
        play(held, ["MAIL FROM:<anna@example.net> => 250", "RCPT TO:<{f}> => 250"])
        play(other, ["MAIL FROM:<anna@example.net> => 250", "RCPT TO:<{f}> => 550 5.7.1"])
    until(lambda: gate.hop.open == 0, 10, "the hop being let go")


@pytest.mark.parametrize("probe", ["bob%else.test@example.net", "else.test!anna@example.net",
                                   '"anna@else.test"@example.net', "anna%else.test@example.net"])
def test_a_route_in_a_local_part_is_not_followed_for_a_holder_either(gate, probe):
    since = len(gate.hop.sessions)
    with gate.smtp(HOLDER) as talk:
        talk.says("MAIL FROM:<anna@example.net>")
        assert talk.says(f"RCPT TO:<{probe}>").startswith("5")
    assert sent_on(gate.hop, "RCPT", since) == []


# --- pipelining: RFC 2920 3.1

GROUPS = [
    ("a-whole-group", b"MAIL FROM:<who@else.test>\r\nRCPT TO:<anna@example.net>\r\nRCPT TO:<bert@example.net>\r\nDATA\r\n",
     ["250", "250", "250", "354"]),
    ("one-refused", b"MAIL FROM:<who@else.test>\r\nRCPT TO:<bob@else.test>\r\nRCPT TO:<anna@example.net>\r\nDATA\r\n",
     ["250", "550", "250", "354"]),
    ("all-refused", b"MAIL FROM:<who@else.test>\r\nRCPT TO:<bob@else.test>\r\nDATA\r\nQUIT\r\n", ["250", "550", "55|50", "221"]),
    ("a-bad-sender", b"MAIL FROM:<who@>\r\nRCPT TO:<anna@example.net>\r\nDATA\r\nRSET\r\n", ["501|553", "503", "503", "250"]),
    ("rset-in-the-middle", b"MAIL FROM:<a@else.test>\r\nRSET\r\nRCPT TO:<anna@example.net>\r\nNOOP\r\n", ["250", "250", "503", "250"]),
    ("hundred-noops", b"NOOP\r\n" * 100, ["250"] * 100),
    ("quit-and-more", b"QUIT\r\nNOOP\r\nNOOP\r\n", ["221"]),
    ("ten-transactions", b"MAIL FROM:<>\r\nRCPT TO:<anna@example.net>\r\nRSET\r\n" * 10, ["250"] * 30),
]


@pytest.mark.parametrize("octets, codes", named(GROUPS))
def test_piped_commands_are_answered_one_by_one_and_in_order(gate, octets, codes):
    with gate.smtp(STRANGER) as talk:
        talk.send(octets)
        for code in codes:
            assert talk.reply().startswith(tuple(code.split("|")))


# --- limits

def test_a_hundred_recipients_and_no_more(gate):
    with gate.smtp(HOLDER) as talk:
        talk.says("MAIL FROM:<anna@example.net>")
        answers = [talk.says(f"RCPT TO:<r{n}@else.test>") for n in range(103)]
        assert all(a.startswith("250") for a in answers[:100]), answers
        assert all(a.startswith("452 4.5.3") for a in answers[100:]), answers
        assert talk.says("DATA").startswith("354")
        talk.send(b"x\r\n.\r\n")
        assert talk.reply().startswith("250")
    assert len(gate.hop.taken()[-1].recipients) == 100
