"""SMTP extensions from the RFCs: CHUNKING, DSN, SMTPUTF8, LIMITS, and AUTH in clear from a loopback address."""

import base64

import pytest

from ports import until
from smtp_suite import HOLDER, STRANGER, close_gate, open_gate, play, sent_on
from test_smtp_data_suite import BODIES, HEAD, passed_on

OFFERS = ("250-hop.test\r\n250-PIPELINING\r\n250-SIZE 1000000000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n"
          "250-ENHANCEDSTATUSCODES\r\n250 XCLIENT ADDR PORT NAME HELO PROTO LOGIN")
ENVELOPE = ["MAIL FROM:<anna@example.net> => 250", "RCPT TO:<{f}> => 250"]


def able(hop):
    hop.at["ehlo"] = OFFERS


@pytest.fixture(scope="module")
def gate():
    made = open_gate(prepare=able, deliver_to=None, smtpgate='max_message_size = "200k"')
    yield made
    close_gate(made)


def offers(talk):
    return {line[4:].split()[0].upper(): line[4:].split()[1:] for line in talk.ehlo.split("\n")[1:]}


def test_what_is_announced(gate):
    with gate.smtp(STRANGER) as talk:
        assert {"CHUNKING", "DSN", "SMTPUTF8", "LIMITS"} <= set(offers(talk))
        assert "BINARYMIME" not in offers(talk)
        assert "RCPTMAX=100" in offers(talk)["LIMITS"]


# --- CHUNKING: RFC 3030

def bdat(*chunks):
    """Each chunk as a BDAT command, the last with LAST."""
    return b"".join(b"BDAT %d%s\r\n%s" % (len(chunk), b" LAST" if n + 1 == len(chunks) else b"", chunk)
                    for n, chunk in enumerate(chunks))


def unstuffed(wire):
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in wire.split(b"\r\n"))


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_chunks_arrive_as_the_same_message(gate, body):
    plain = unstuffed(body)
    cuts = [plain] if len(plain) < 4 else [plain[:1], plain[1:3], plain[3:len(plain) // 2], plain[len(plain) // 2:]]
    with gate.smtp(HOLDER) as talk:
        play(talk, ENVELOPE)
        talk.send(bdat(*cuts))
        assert all(talk.reply().startswith("250") for _ in cuts)
        assert talk.says("NOOP").startswith("250")
    assert passed_on(gate) == body


BDATS = [
    ("one-octet-chunks", ENVELOPE + [(bdat(*[bytes([octet]) for octet in HEAD + b".\r\n"]), "250")] + [(b"", "250")] * (len(HEAD) + 2)),
    ("empty-last", ENVELOPE + [(b"BDAT 3\r\nx\r\n", "250"), ("BDAT 0 LAST\r\n".encode(), "250")]),
    ("empty-message", ENVELOPE + [(b"BDAT 0 LAST\r\n", "250")]),
    ("empty-chunk", ENVELOPE + [(b"BDAT 0\r\n", "250"), (b"BDAT 3 LAST\r\nx\r\n", "250")]),
    ("lower-case", ENVELOPE + [(b"bdat 3 last\r\nx\r\n", "250")]),
    ("no-size", ENVELOPE + ["BDAT => 501", "BDAT LAST => 501"]),
    ("word", ENVELOPE + ["BDAT x LAST => 501"]), ("negative", ENVELOPE + ["BDAT -1 LAST => 501"]),
    ("signed", ENVELOPE + ["BDAT +1 LAST => 501"]), ("hex", ENVELOPE + ["BDAT 0x1 LAST => 501"]),
    ("junk-behind-last", ENVELOPE + ["BDAT 0 LAST x => 501"]), ("not-last", ENVELOPE + ["BDAT 0 FIRST => 501"]),
    ("2^64", ENVELOPE + ["BDAT 18446744073709551616 LAST => 501|552"]),
    ("without-mail", [(b"BDAT 6 LAST\r\nNOOP\r\n", "503"), "RCPT TO:<{f}> => 503"]),
    ("data-in-the-middle", ENVELOPE + [(b"BDAT 3\r\nx\r\n", "250"), "DATA => 503", (b"BDAT 3 LAST\r\ny\r\n", "250|503")]),
    ("rset-in-the-middle", ENVELOPE + [(b"BDAT 3\r\nx\r\n", "250"), "RSET => 250", "RCPT TO:<{f}> => 503"] + ENVELOPE
     + [(b"BDAT 3 LAST\r\nz\r\n", "250")]),
    ("mail-in-the-middle", ENVELOPE + [(b"BDAT 3\r\nx\r\n", "250"), "MAIL FROM:<anna@example.net> => 503"]),
    ("rcpt-in-the-middle", ENVELOPE + [(b"BDAT 3\r\nx\r\n", "250"), "RCPT TO:<{f}> => 503"]),
    ("noop-in-the-middle", ENVELOPE + [(b"BDAT 3\r\nx\r\n", "250"), "NOOP => 250", (b"BDAT 3 LAST\r\ny\r\n", "250")]),
    ("after-last", ENVELOPE + [(b"BDAT 3 LAST\r\nx\r\n", "250"), (b"BDAT 3 LAST\r\nNOO", "503"), "NOOP => 250"]),
    ("without-recipient", ["MAIL FROM:<anna@example.net> => 250", (b"BDAT 6 LAST\r\nNOOP\r\n", "503|554"), "RSET => 250"]),
    ("recipients-refused", ["MAIL FROM:<anna@example.net> => 250", "RCPT TO:<nobody@> => 5", (b"BDAT 6 LAST\r\nNOOP\r\n", "503|554"),
                            "RSET => 250"]),
    ("bare-lf", ENVELOPE + [(bdat(b"a\nb\r\n"), "550 5.6.0"), "NOOP => 250", "RCPT TO:<{f}> => 503"]),
    ("bare-lf-in-the-first-chunk", ENVELOPE + [(b"BDAT 5\r\na\nb\r\n", "550 5.6.0"), "RSET => 250"] + ENVELOPE),
    ("nul", ENVELOPE + [(bdat(b"a\0b\r\n"), "550 5.6.0"), "NOOP => 250"]),
    ("cr-at-the-end", ENVELOPE + [(bdat(b"a\r"), "550 5.6.0"), "NOOP => 250"]),
    ("cr-and-lf-in-two-chunks", ENVELOPE + [(bdat(b"a\r", b"\nb\r\n"), "250"), (b"", "250"), "NOOP => 250"]),
    ("the-end-of-data-is-text", ENVELOPE + [(bdat(HEAD + b"x\r\n.\r\ny\r\n"), "250"), "NOOP => 250"]),
    ("commands-are-text", ENVELOPE + [(bdat(b"RSET\r\nQUIT\r\n.\r\n"), "250"), "NOOP => 250"]),
    ("too-large", ENVELOPE + [(bdat(b"x" * 78 + b"\r\n", (b"x" * 78 + b"\r\n") * 4000), "250"), (b"", "552"), "NOOP => 250"]),
    ("too-large-in-one", ENVELOPE + [(bdat((b"x" * 78 + b"\r\n") * 4000), "552"), "NOOP => 250", "RCPT TO:<{f}> => 503"]),
    ("a-piped-session", [(b"MAIL FROM:<anna@example.net>\r\nRCPT TO:<bob@else.test>\r\n" + bdat(HEAD, b"x\r\n") + b"QUIT\r\n", "250"),
                         (b"", "250"), (b"", "250"), (b"", "250"), (b"", "221")]),
]


@pytest.mark.parametrize("script", [case[1] for case in BDATS], ids=[case[0] for case in BDATS])
def test_bdat(gate, script):
    with gate.smtp(HOLDER) as talk:
        play(talk, script)


def test_a_chunk_of_2_32_plus_1_octets_is_not_one_of_1(gate):
    before = len(gate.hop.taken())
    with gate.smtp(HOLDER) as talk:
        play(talk, ENVELOPE)
        talk.send(b"BDAT 4294967297 LAST\r\nxNOOP\r\nNOOP\r\n")
        talk.sock.shutdown(1)
        replies = []
        while (reply := talk.reply()) is not None:
            replies.append(reply[:3])
        assert "250" not in replies
    assert len(gate.hop.taken()) == before


def test_input_that_ends_within_a_chunk_sends_nothing(gate):
    before = len(gate.hop.taken())
    for octets in (b"BDAT 10 LAST\r\nx\r\n", b"BDAT 3\r\nx\r\n", b"BDAT 3\r\nx\r\nBDAT 1 LAST\r"):
        with gate.smtp(HOLDER) as talk:
            play(talk, ENVELOPE)
            talk.send(octets)
            talk.sock.shutdown(1)
            assert talk.ended()
    until(lambda: gate.hop.open == 0, 10, "the hop being let go")
    assert len(gate.hop.taken()) == before


# --- DSN: RFC 3461

MAIL_DSN = [
    ("ret-full", "RET=FULL", "250"), ("ret-hdrs", "RET=HDRS", "250"), ("ret-lower", "ret=hdrs", "250"), ("ret-bare", "RET", "501"),
    ("ret-empty", "RET=", "501"), ("ret-other", "RET=ALL", "501"), ("ret-twice", "RET=FULL RET=HDRS", "501"),
    ("envid", "ENVID=QQ314159", "250"), ("envid-xtext", "ENVID=a+2Bb+3Dc", "250"), ("envid-empty", "ENVID=", "501"),
    ("envid-bare", "ENVID", "501"), ("envid-bad-xtext", "ENVID=a+zz", "501"), ("envid-lower-hex", "ENVID=a+2b", "501"),
    ("envid-half", "ENVID=a+2", "501"), ("envid-equals", "ENVID=a=b", "501"), ("envid-100", "ENVID=" + "x" * 100, "250"),
    ("envid-101", "ENVID=" + "x" * 101, "501"), ("envid-twice", "ENVID=a ENVID=b", "501"), ("both", "RET=HDRS ENVID=x", "250"),
]
RCPT_DSN = [
    ("never", "NOTIFY=NEVER", "250"), ("success", "NOTIFY=SUCCESS", "250"), ("all", "NOTIFY=SUCCESS,FAILURE,DELAY", "250"),
    ("lower", "notify=failure,delay", "250"), ("bare", "NOTIFY", "501"), ("empty", "NOTIFY=", "501"), ("other", "NOTIFY=MAYBE", "501"),
    ("never-and-more", "NOTIFY=NEVER,SUCCESS", "501"), ("more-and-never", "NOTIFY=DELAY,NEVER", "501"), ("comma", "NOTIFY=SUCCESS,", "501"),
    ("comma-first", "NOTIFY=,SUCCESS", "501"), ("twice", "NOTIFY=NEVER NOTIFY=DELAY", "501"), ("orcpt", "ORCPT=rfc822;a@else.test", "250"),
    ("orcpt-xtext", "ORCPT=rfc822;a+2Bb@else.test", "250"), ("orcpt-bare", "ORCPT", "501"), ("orcpt-empty", "ORCPT=", "501"),
    ("orcpt-no-type", "ORCPT=a@else.test", "501"), ("orcpt-empty-type", "ORCPT=;a@else.test", "501"), ("orcpt-empty-addr", "ORCPT=rfc822;", "501"),
    ("orcpt-bad-xtext", "ORCPT=rfc822;a+zz", "501"), ("orcpt-equals", "ORCPT=rfc822;a=b", "501"), ("orcpt-500", "ORCPT=rfc822;" + "x" * 493, "250"),
    ("orcpt-too-long", "ORCPT=rfc822;" + "x" * 700, "501"), ("orcpt-twice", "ORCPT=rfc822;a ORCPT=rfc822;b", "501"),
    ("both", "NOTIFY=NEVER ORCPT=rfc822;a@else.test", "250"), ("of-mail", "RET=FULL", "501|555"),
]


@pytest.mark.parametrize("text, code", [c[1:] for c in MAIL_DSN], ids=[c[0] for c in MAIL_DSN])
def test_dsn_of_mail(gate, text, code):
    since = len(gate.hop.sessions)
    with gate.smtp(HOLDER) as talk:
        play(talk, [f"MAIL FROM:<anna@example.net> {text} => {code}"] + (["RCPT TO:<{f}> => 250"] if code == "250" else []))
    if code == "250":
        line, = sent_on(gate.hop, "MAIL", since)
        assert all(word.upper() in line.decode().upper().split() for word in text.split()), "the hop knows DSN"


@pytest.mark.parametrize("text, code", [c[1:] for c in RCPT_DSN], ids=[c[0] for c in RCPT_DSN])
def test_dsn_of_rcpt(gate, text, code):
    since = len(gate.hop.sessions)
    with gate.smtp(HOLDER) as talk:
        play(talk, ["MAIL FROM:<anna@example.net> => 250", f"RCPT TO:<{{f}}> {text} => {code}"])
    if code == "250":
        line, = sent_on(gate.hop, "RCPT", since)
        assert all(word.upper() in line.decode().upper().split() for word in text.split()), "the hop knows DSN"


# --- SMTPUTF8: RFC 6531

UTF8 = [
    ("local-part", "\u00e9l\u00e8ve@else.test", "250"), ("quoted", '"\u00e9 x"@else.test', "250"), ("domain", "a@b\u00fccher.test", "250"),
    ("both", "\u4e2d@\u4e2d\u6587.test", "250"), ("ascii", "a@else.test", "250"), ("null", "", "250"), ("literal", "\u00e9@[192.0.2.1]", "250"),
    ("emoji", "\U0001f600@else.test", "250"),
]


@pytest.mark.parametrize("address, code", [c[1:] for c in UTF8], ids=[c[0] for c in UTF8])
def test_utf8_addresses_with_the_parameter(gate, address, code):
    since = len(gate.hop.sessions)
    with gate.smtp(HOLDER) as talk:
        play(talk, [f"MAIL FROM:<{address}> SMTPUTF8 => {code}", "RCPT TO:<{f}> => 250"])
    line, = sent_on(gate.hop, "MAIL", since)
    assert line.startswith(b"MAIL FROM:<" + address.encode() + b">") and b"SMTPUTF8" in line


@pytest.mark.parametrize("address", [c[1] for c in UTF8 if not c[1].isascii()])
def test_utf8_addresses_without_the_parameter_are_refused(gate, address):
    with gate.smtp(HOLDER) as talk:
        play(talk, [f"MAIL FROM:<{address}> => 501|550|553", "MAIL FROM:<anna@example.net> => 250", f"RCPT TO:<{address}> => 501|550|553",
                    "RCPT TO:<{f}> => 250"])


@pytest.mark.parametrize("octets", [b"\xff", b"\xc0\xae", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe9", b"\xc3", b"\x80", b"\xf8\x88\x80\x80\x80"])
@pytest.mark.parametrize("where", [b"%s@else.test", b"a@%s.test", b'"%s"@else.test'])
def test_what_is_no_utf8_is_refused(gate, octets, where):
    with gate.smtp(HOLDER) as talk:
        play(talk, [(b"MAIL FROM:<" + where % octets + b"> SMTPUTF8\r\n", "5"), "NOOP => 250"])


UTF8_WORDS = [("with-a-value", "SMTPUTF8=1", "501"), ("empty-value", "SMTPUTF8=", "501"), ("with-body", "SMTPUTF8 BODY=8BITMIME", "250"),
              ("lower", "smtputf8", "250"), ("twice", "SMTPUTF8 SMTPUTF8", "501|250")]


@pytest.mark.parametrize("text, code", [c[1:] for c in UTF8_WORDS], ids=[c[0] for c in UTF8_WORDS])
def test_the_word_smtputf8(gate, text, code):
    with gate.smtp(HOLDER) as talk:
        play(talk, [f"MAIL FROM:<anna@example.net> {text} => {code}"])


# --- AUTH: RFC 4954, from a loopback address, where no wire is listened to

def b64(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


GOOD = b64("\0anna\0secret")
AUTHS = [
    ("plain-initial", [f"AUTH PLAIN {GOOD} => 235 2.7.0"]), ("plain-prompted", ["AUTH PLAIN => 334", f"{GOOD} => 235 2.7.0"]),
    ("plain-lower", [f"auth plain {GOOD} => 235"]), ("plain-own-authzid", ["AUTH PLAIN " + b64("anna\0anna\0secret") + " => 235"]),
    ("plain-authzid-with-domain", ["AUTH PLAIN " + b64("anna@example.net\0anna\0secret") + " => 235"]),
    ("plain-other-authzid", ["AUTH PLAIN " + b64("bert\0anna\0secret") + " => 535"]),
    ("plain-wrong", ["AUTH PLAIN " + b64("\0anna\0wrong") + " => 535 5.7.8"]), ("plain-unknown", ["AUTH PLAIN " + b64("\0nobody\0secret") + " => 535 5.7.8"]),
    ("plain-nul-and-junk", ["AUTH PLAIN " + b64("\0anna\0secret\0junk") + " => 501|535"]), ("plain-no-password", ["AUTH PLAIN " + b64("\0anna\0") + " => 501|535"]),
    ("plain-one-part", ["AUTH PLAIN " + b64("anna") + " => 501|535"]), ("plain-empty", ["AUTH PLAIN = => 501|535"]),
    ("bad-base64", ["AUTH PLAIN *** => 501"]), ("bad-base64-2", ["AUTH PLAIN => 334", "%%% => 501", "NOOP => 250"]),
    ("cancel", ["AUTH PLAIN => 334", "* => 501", "NOOP => 250", f"AUTH PLAIN {GOOD} => 235"]), ("bare", ["AUTH => 501"]),
    ("unknown", ["AUTH FROB => 504", "AUTH FROB eA== => 504"]), ("external", ["AUTH EXTERNAL = => 504"]), ("gssapi", ["AUTH GSSAPI => 504"]),
    ("two-words", [f"AUTH PLAIN {GOOD} x => 501"]), ("login", ["AUTH LOGIN => 334 VXNlcm5hbWU6|334", b64("anna") + " => 334", b64("secret") + " => 235"]),
    ("login-initial", ["AUTH LOGIN " + b64("anna") + " => 334", b64("secret") + " => 235"]),
    ("login-wrong", ["AUTH LOGIN => 334", b64("anna") + " => 334", b64("wrong") + " => 535 5.7.8"]),
    ("login-cancel", ["AUTH LOGIN => 334", b64("anna") + " => 334", "* => 501", "NOOP => 250"]),
    ("twice", [f"AUTH PLAIN {GOOD} => 235", f"AUTH PLAIN {GOOD} => 503"]),
    ("in-a-transaction", ["MAIL FROM:<anna@example.net> => 250", f"AUTH PLAIN {GOOD} => 503", "RCPT TO:<{u}> => 250"]),
    ("relay-then", [f"AUTH PLAIN {GOOD} => 235", "MAIL FROM:<anna@example.net> => 250", "RCPT TO:<{f}> => 250", "DATA => 354", (b"x\r\n.\r\n", "250")]),
    ("rset-keeps-it", [f"AUTH PLAIN {GOOD} => 235", "RSET => 250", "MAIL FROM:<anna@example.net> => 250", "RCPT TO:<{f}> => 250"]),
    ("ehlo-keeps-it", [f"AUTH PLAIN {GOOD} => 235", "EHLO again.test => 250", "MAIL FROM:<anna@example.net> => 250", "RCPT TO:<{f}> => 250"]),
    ("wrong-relays-nothing", ["AUTH PLAIN " + b64("\0anna\0wrong") + " => 535", "MAIL FROM:<anna@example.net> => 250|530",
                              "RCPT TO:<{f}> => 550|503"]),
    ("auth-parameter", [f"AUTH PLAIN {GOOD} => 235", "MAIL FROM:<anna@example.net> AUTH=<> => 250", "RCPT TO:<{f}> => 250"]),
    ("auth-parameter-xtext", [f"AUTH PLAIN {GOOD} => 235", "MAIL FROM:<anna@example.net> AUTH=anna+2Bx@example.net => 250"]),
    ("auth-parameter-bad", [f"AUTH PLAIN {GOOD} => 235", "MAIL FROM:<anna@example.net> AUTH=+zz => 501"]),
    ("auth-parameter-empty", [f"AUTH PLAIN {GOOD} => 235", "MAIL FROM:<anna@example.net> AUTH= => 501"]),
    ("long-response", ["AUTH PLAIN => 334", "A" * 12000 + " => 535|501", "NOOP => 250"]),
    ("cram-initial-is-wrong", ["AUTH CRAM-MD5 " + b64("x") + " => 501|535"]),
    ("cram-cancel", ["AUTH CRAM-MD5 => 334", "* => 501", "NOOP => 250"]),
    ("scram-cancel", ["AUTH SCRAM-SHA-256 => 334", "* => 501", "NOOP => 250"]),
    ("scram-junk", ["AUTH SCRAM-SHA-256 " + b64("junk") + " => 535|501", "NOOP => 250"]),
]


@pytest.fixture(scope="module")
def submission():
    made = open_gate(smtp_listener='auth = "yes"')
    yield made
    close_gate(made)


@pytest.mark.parametrize("number, script", [(n, case[1]) for n, case in enumerate(AUTHS)], ids=[case[0] for case in AUTHS])
def test_auth(submission, number, script):
    with submission.smtp(f"127.21.0.{number + 1}") as talk:  # an address for each: failures are counted by it
        play(talk, script)


def test_auth_before_ehlo_and_after_helo(submission):
    with submission.smtp("127.21.1.1", hello=None) as talk:
        play(talk, [f"AUTH PLAIN {GOOD} => 503"])
    with submission.smtp("127.21.1.1", hello=None) as talk:
        play(talk, ["HELO a.test => 250", f"AUTH PLAIN {GOOD} => 503|235"])


def test_failures_end_the_connection(submission):
    with submission.smtp("127.21.1.2") as talk:
        replies = []
        for n in range(20):
            reply = talk.says("AUTH PLAIN " + b64(f"\0anna\0wrong{n}"))
            if reply is None:
                break
            replies.append(reply[:3])
        assert len(replies) <= 10 and set(replies) <= {"535", "421"}


def test_the_log_says_who_and_never_the_password(submission):
    with submission.smtp("127.21.1.3") as talk:
        play(talk, [f"AUTH PLAIN {GOOD} => 235", "QUIT => 221"])
    line = submission.wait_event("smtp.auth", addr="127.21.1.3")
    assert line["user"] == "anna@example.net"
    text = (submission.dir / "smtpgate.log").read_text()
    assert GOOD not in text and "wrong1" not in text
