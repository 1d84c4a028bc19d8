"""A next hop that is away, stalls, lies or dies: the client hears the truth, nothing is lost or doubled."""

import time

import pytest

import mail
from hop import CLOSE, DEAF, RESET, STALL, Hop, early
from ports import until
from test_hop_introduce import module_farm

SOURCE, SENDER, TO = "127.0.0.8", "anna@example.net", "bob@else.test"
LETTER = mail.tricky("letter")
HUGE = b"250 " + b"x" * 300_000 + b"\r\n"
ENDLESS = b"250-more\r\n" * 20_000 + b"250 end\r\n"


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    """The daemons and the hop of most tests here."""
    hop = Hop().start()
    farm = module_farm(tmp_path_factory, "next-hop", relay_to=hop.uri, workers=2,
                       smtpgate='next_hop_timeout = "1s" final_dot_timeout = "1s"')
    assert farm.login(SOURCE).startswith("+OK")
    yield farm, hop
    farm.stop()
    hop.stop()


@pytest.fixture
def hop(lasting):
    hop = lasting[1]
    hop.at.clear()
    hop.early_said.clear()
    hop.sessions.clear()
    hop.messages.clear()
    return hop


@pytest.fixture
def gate(lasting, hop):
    """A test before may have left the hop as one that fails."""
    with lasting[0].smtp(SOURCE) as smtp:
        until(lambda: (smtp.says("RSET"), attempt(smtp))[1].startswith("250"), 15, "the hop being used")
    until(lambda: hop.open == 0, 5, "no connection left")
    hop.sessions.clear()
    hop.messages.clear()
    return lasting[0]


def attempt(smtp, before_dot=lambda: None):
    """A transaction; the first answer that is not a yes, or the answer to the final dot."""
    for answer in smtp.mail(SENDER, TO):
        if not answer.startswith("250"):
            return answer
    return smtp.data(mail.stuffed(LETTER), before_dot)


LATER = "4"  # temporary, whichever
CASES = [  # step, what the hop does, what the client must hear
    ("greeting", "421 4.3.2 busy", LATER), ("greeting", "554 5.3.2 no", LATER),
    ("greeting", CLOSE, LATER), ("greeting", RESET, LATER), ("greeting", STALL, "451"),
    ("greeting", b"hello\r\n", LATER), ("greeting", HUGE, LATER), ("greeting", b"\0\xff\r\n", LATER),
    ("ehlo", CLOSE, LATER), ("ehlo", STALL, "451"), ("ehlo", "421 4.3.2 bye", LATER), ("ehlo", ENDLESS, LATER),
    ("mail", "451 4.3.2 not now", "451 4.3.2 not now"), ("mail", "550 5.1.8 not you", "550 5.1.8 not you"),
    ("mail", b"550-5.1.8 not\r\n550 5.1.8 you\r\n", "550-5.1.8 not\n550 5.1.8 you"),
    ("mail", CLOSE, "451"), ("mail", RESET, "451"), ("mail", STALL, "451"), ("mail", HUGE, "451"),
    ("mail", b"999 what\r\n", "451"), ("mail", b"150 hm\r\n", "451"), ("mail", b"junk\r\n", "451"),
    ("mail", b"250-a\r\n550 b\r\n", "451"), ("mail", "354 go on", "451"),
    ("rcpt", "452 4.2.2 full", "452 4.2.2 full"), ("rcpt", "550 5.1.1 who", "550 5.1.1 who"),
    ("rcpt", CLOSE, "451"), ("rcpt", RESET, "451"), ("rcpt", STALL, "451"), ("rcpt", ENDLESS, "451"),
    ("mail", b"250 ok\r\n250 surplus\r\n", "451"), ("mail", b"250 ok\r\n25", "451"),
    ("mail", b"250 o\0k\r\n", "451"), ("mail", b"250-a\r\n" * 65 + b"250 b\r\n", "451"),
    ("mail", b"600 x\r\n", "451"), ("mail", b"250 ok\n", "451"), ("mail", b"250 a\rb\r\n", "451"),
    ("rcpt", b"250\r\n250 surplus\r\n", "451"), ("rcpt", "421 4.3.2 bye", LATER),
    ("data", b"354 go on\r\n250 2.0.0 taken\r\n", "451"), ("data", b"354 go on\r\n554 5.7.1 no\r\n", None),
    ("data", "451 4.3.0 no", "451 4.3.0 no"), ("data", "554 5.5.1 no", "554 5.5.1 no"),
    ("data", CLOSE, "451"), ("data", STALL, "451"), ("data", "250 2.0.0 what", "451"),
    ("body", early("552 5.3.4 big", 10), None), ("body", early("250 2.0.0 taken", 10), LATER),
    ("body", early(CLOSE, 10), "451"), ("body", early(RESET, 10), "451"),
    ("dot", "451 4.3.0 disk", "451 4.3.0 disk"), ("dot", "554 5.7.1 spam", "554 5.7.1 spam"),
    ("dot", b"554-5.7.1 spam\r\n554 5.7.1 really\r\n", "554-5.7.1 spam\n554 5.7.1 really"),
    ("dot", CLOSE, "451"), ("dot", RESET, "451"), ("dot", STALL, "451"), ("dot", HUGE, "451"),
    ("dot", b"garbage\r\n", "451"), ("dot", b"250 2.0.0 taken\r\n250 2.0.0 again\r\n", "250 2.0.0 taken"), ("dot", "354 more", "451"), ("dot", b"25", "451"),
]


def name(case):
    step, what, _ = case
    text = str(what).replace("early", "").strip("'\"b()")
    return f"{step}-{text[:14]}".replace(" ", "_").replace("\\", "").replace("\0", "0")


@pytest.mark.parametrize("case", CASES, ids=[name(case) for case in CASES])
def test_the_client_hears_the_truth_and_stays_in_step(gate, hop, case):
    step, what, expected = case
    hop.at[step] = what
    with gate.smtp(SOURCE) as smtp:
        answer = attempt(smtp, hop.spoke_early)
        assert answer is not None, "the gate hung up"
        if expected is None:
            assert not answer.startswith("2") or hop.taken(), answer
        else:
            assert answer.startswith(expected), answer
        if not answer.startswith("2"):
            assert hop.taken() == []
        # The conversation goes on, and the next message goes through once and whole.
        hop.at.clear()
        before = len(hop.taken())
        assert smtp.says("RSET").startswith("250")
        again = attempt(smtp)
        assert again.startswith("250"), again
        assert len(hop.taken()) == before + 1
        assert mail.same(mail.unstuffed(hop.taken()[-1].body), LETTER)
        assert smtp.says("QUIT").startswith("221")
    until(lambda: hop.open == 0, 5, "no connection to the next hop left")


def test_a_reply_may_come_an_octet_at_a_time(gate, hop):
    def slowly(session):
        for octet in b"250 2.1.5 fine":
            session.sock.sendall(bytes([octet]))
            time.sleep(0.02)
        return ""

    hop.at["rcpt"] = hop.at["mail"] = slowly
    with gate.smtp(SOURCE) as smtp:
        assert attempt(smtp).startswith("250")


def test_a_reply_that_never_ends_is_not_waited_for(gate, hop):
    hop.at["rcpt"] = lambda session: b"250-x\r\n" * 10 if len(session.commands) else b""
    with gate.smtp(SOURCE) as smtp:
        assert attempt(smtp).startswith("451")


def test_a_hop_that_is_away_costs_the_client_a_451_at_rcpt(gate, hop):
    hop.stop()
    with gate.smtp(SOURCE) as smtp:
        assert smtp.mail(SENDER, TO)[-1].startswith("451")
        # What does not need that hop is not held up by it.
        assert smtp.says("RCPT TO:<anna@example.net>").startswith(("250", "451", "503"))
        smtp.says("RSET")
        assert smtp.deliver(SENDER, ["anna@example.net"], mail.stuffed(LETTER)).startswith(("250", "451"))
        hop.start()
        smtp.says("RSET")
        until(lambda: (smtp.says("RSET"), attempt(smtp))[1].startswith("250"), 15,
              "the hop being used again")
    gate.wait_event("hop.failed")


def test_the_250_waits_for_that_of_the_hop(gate, hop):
    def slowly(_session):
        time.sleep(0.7)
        slowly.said = time.monotonic()
        return "250 2.0.0 taken"

    hop.at["dot"] = slowly
    with gate.smtp(SOURCE) as smtp:
        answer = attempt(smtp)
        assert answer.startswith("250")
        assert time.monotonic() >= slowly.said


def test_a_hop_that_dies_after_the_dot_may_have_the_message_and_the_log_says_so(gate, hop):
    def warnings():
        return len(gate.events("hop.failed", msg="may be doubled"))

    before = warnings()
    hop.at["dot"] = CLOSE
    with gate.smtp(SOURCE) as smtp:
        assert attempt(smtp).startswith("451")
    # Where the same was said a moment ago, it is told when that run of lines ends: log_end_folded().
    until(lambda: warnings() > before, 15, "the warning in the log")


def test_a_client_that_vanishes_in_data_never_completes_a_message(gate, hop):
    stored = mail.files(gate.maildir())
    for how in ("close", "reset"):
        with gate.smtp(SOURCE) as smtp:
            assert smtp.mail(SENDER, TO, "anna@example.net")[1].startswith("250")
            assert smtp.says("DATA").startswith("354")
            smtp.send(mail.stuffed(mail.large(100_000)))
            until(lambda: hop.messages and len(hop.messages[-1].body) > 50_000, 10, "the body arriving")
            if how == "reset":
                smtp.sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SOL_SOCKET, SO_LINGER: RST
        until(lambda: hop.open == 0, 10, "the gate hanging up on the hop")
        assert not hop.messages[-1].whole
    until(lambda: not list(gate.maildir().glob("tmp/*")), 10, "nothing half-made in tmp")
    assert mail.files(gate.maildir()) == stored


def test_a_client_that_vanishes_before_the_dot_s_answer_loses_nothing(gate, hop):
    hop.at["dot"] = lambda _session: time.sleep(0.3) or "250 2.0.0 taken"
    with gate.smtp(SOURCE) as smtp:
        smtp.mail(SENDER, TO)
        smtp.says("DATA")
        smtp.send(mail.stuffed(LETTER) + b".\r\n")
        until(lambda: hop.messages and hop.messages[-1].whole, 10, "the dot reaching the hop")
    until(lambda: hop.taken(), 5, "the hop taking it")
    assert len(hop.taken()) == 1


def test_hops_are_let_go_at_rset_and_quit(gate, hop):
    with gate.smtp(SOURCE) as smtp:
        assert smtp.mail(SENDER, TO)[-1].startswith("250")
        assert smtp.says("RSET").startswith("250")
        assert attempt(smtp).startswith("250")
        smtp.says("QUIT")
    until(lambda: hop.open == 0, 5, "no connection left")
    assert len(hop.taken()) == 1


@pytest.mark.release
def test_memory_is_bounded_when_the_next_hop_stalls_in_200_mb(farm, hop):
    farm.relay_to, farm.workers = hop.uri, 1
    farm.smtpgate = 'next_hop_timeout = "4s" max_message_size = "300M"'
    farm.start()
    farm.login(SOURCE)
    worker = farm.role("smtpgate", "worker")[0]
    before = farm.memory(worker)
    hop.at["body"] = DEAF
    sent, chunk = 0, b"x" * 76 + b"\r\n"
    with farm.smtp(SOURCE) as smtp:
        smtp.mail(SENDER, TO)
        assert smtp.says("DATA").startswith("354")
        smtp.sock.settimeout(1.5)
        try:
            while sent < 200_000_000:
                sent += smtp.sock.send(chunk * 800)
        except TimeoutError:
            pass
        assert sent < 60_000_000, "the gate went on reading"
        assert farm.memory(worker) - before < 4_000_000
        with farm.smtp("127.0.0.9") as other:  # and others are served meanwhile
            assert other.mail("x@else.test", "anna@example.net")[-1].startswith("250")
    assert hop.taken() == []


@pytest.mark.soak
@pytest.mark.release
def test_200_mb_stream_through_in_bounded_memory(farm, hop):
    farm.relay_to, farm.workers = hop.uri, 1
    farm.smtpgate = 'max_message_size = "300M"'
    hop.swallow = True
    farm.start()
    farm.login(SOURCE)
    worker = farm.role("smtpgate", "worker")[0]
    before = farm.memory(worker)
    with farm.smtp(SOURCE) as smtp:
        smtp.mail(SENDER, TO)
        assert smtp.says("DATA").startswith("354")
        chunk = (b"x" * 76 + b"\r\n") * 800
        sent = 0
        while sent < 200_000_000:
            smtp.sock.sendall(chunk)
            sent += len(chunk)
            assert farm.memory(worker) - before < 4_000_000
        smtp.send(b".\r\n")
        assert smtp.reply().startswith("250")
    assert hop.messages[0].swallowed >= sent
