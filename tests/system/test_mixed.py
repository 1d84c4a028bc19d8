"""One transaction with local and relayed recipients: both get the message, or the client hears why."""

import os
import signal

import pytest

import mail
from hop import CLOSE, RESET, STALL, early
from ports import until

SOURCE, SENDER, FAR, NEAR = "127.0.0.10", "bert@example.net", "bob@else.test", "anna@example.net"
LETTER = mail.tricky("both")


@pytest.fixture
def gate(farm, hop):
    farm.relay_to = hop.uri
    farm.smtpgate = 'next_hop_timeout = "1s" final_dot_timeout = "1s"'
    farm.start()
    assert farm.login(SOURCE, "bert").startswith("+OK")
    return farm


def stored(farm):
    return mail.files(farm.maildir())


def nothing_half_made(farm):
    until(lambda: not list(farm.maildir().glob("tmp/*")), 10, "an empty tmp")


@pytest.mark.parametrize("order", [(FAR, NEAR), (NEAR, FAR)], ids=["relay-first", "local-first"])
def test_both_get_it(gate, hop, order):
    with gate.smtp(SOURCE) as smtp:
        assert smtp.deliver(SENDER, order, mail.stuffed(LETTER)).startswith("250")
    near, = stored(gate)
    far, = hop.taken()
    assert mail.same(near, LETTER) and mail.same(mail.unstuffed(far.body), LETTER)
    assert far.recipients == [b"RCPT TO:<bob@else.test>\r\n"], "local recipients are none of its business"


@pytest.mark.parametrize("step, what, code", [
    ("dot", "451 4.3.0 disk", "451"), ("dot", "554 5.7.1 spam", "554"), ("dot", CLOSE, "451"),
    ("dot", RESET, "451"), ("dot", STALL, "451"), ("data", "451 4.3.0 no", "451"), ("data", CLOSE, "451"),
    ("data", "554 5.5.1 no", "554"), ("body", early("451 4.3.0 full", 10), "451"),
    ("body", early(CLOSE, 10), "451")])
def test_when_the_hop_fails_nothing_is_delivered_here_either(gate, hop, step, what, code):
    hop.at[step] = what
    with gate.smtp(SOURCE) as smtp:
        assert smtp.deliver(SENDER, [FAR, NEAR], mail.stuffed(LETTER), hop.spoke_early).startswith(code)
        assert stored(gate) == [] and hop.taken() == []
        hop.at.clear()
        smtp.says("RSET")
        assert smtp.deliver(SENDER, [FAR, NEAR], mail.stuffed(LETTER)).startswith("250")
    assert len(stored(gate)) == 1 and len(hop.taken()) == 1
    nothing_half_made(gate)


@pytest.mark.parametrize("behind, code", [("552 5.3.4 big", "552"), ("250 2.0.0 taken", "451")])
def test_a_hop_that_goes_on_talking_behind_its_354_harms_nobody(gate, hop, behind, code):
    """The deliver role has not answered DATA yet."""
    hop.at["data"] = f"354 go on\r\n{behind}\r\n".encode()
    workers = gate.role("smtpgate", "worker")
    with gate.smtp(SOURCE) as smtp:
        for _ in range(5):
            assert smtp.deliver(SENDER, [FAR, NEAR], mail.stuffed(LETTER)).startswith(code)
            smtp.says("RSET")
    assert gate.role("smtpgate", "worker") == workers, "a worker died of it"
    assert stored(gate) == [] and hop.taken() == []
    nothing_half_made(gate)


def test_a_deliver_role_that_dies_while_the_hop_ponders_the_dot_is_reported_as_doubled(gate, hop):
    def kill_then_take(_session):
        role, = gate.role("smtpgate", "deliver")
        os.kill(role, signal.SIGKILL)
        until(lambda: role not in gate.children("smtpgate"), 5, "the role being buried")
        return "250 2.0.0 taken"

    hop.at["dot"] = kill_then_take
    with gate.smtp(SOURCE) as smtp:
        assert smtp.deliver(SENDER, [FAR, NEAR], mail.stuffed(LETTER)).startswith("451")
    assert stored(gate) == []
    assert "may be doubled" in gate.wait_event("hop.failed")["msg"]


def test_a_hop_that_wants_no_recipient_leaves_the_local_ones(gate, hop):
    hop.at["rcpt"] = "550 5.1.1 who"
    with gate.smtp(SOURCE) as smtp:
        answers = smtp.mail(SENDER, FAR, NEAR)
        assert answers[1] == "550 5.1.1 who" and answers[2].startswith("250")
        assert smtp.data(mail.stuffed(LETTER)).startswith("250")
    assert len(stored(gate)) == 1
    assert hop.taken() == []


def test_an_unknown_local_recipient_leaves_the_relayed_ones(gate, hop):
    with gate.smtp(SOURCE) as smtp:
        answers = smtp.mail(SENDER, "nobody@example.net", FAR)
        assert answers[1].startswith("550 5.1.1") and answers[2].startswith("250")
        assert smtp.data(mail.stuffed(LETTER)).startswith("250")
    assert len(hop.taken()) == 1 and stored(gate) == []


def test_when_the_maildir_fails_after_the_hop_took_it_the_answer_is_451_and_the_log_says_doubled(gate, hop):
    def spoil(_session):
        new = gate.maildir() / "new"
        for part in gate.maildir().rglob("*"):
            assert not part.is_file() or part.parent.name == "tmp" or part.name.startswith("popgate")
        if new.exists():
            new.rmdir()
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_text("in the way")
        return "250 2.0.0 taken"

    hop.at["dot"] = spoil
    with gate.smtp(SOURCE) as smtp:
        assert smtp.deliver(SENDER, [FAR, NEAR], mail.stuffed(LETTER)).startswith("451")
    assert len(hop.taken()) == 1
    until(lambda: "may be doubled" in gate.said("smtpgate"), 5, "the warning in the log")
    (gate.maildir() / "new").unlink()
    hop.at.clear()
    with gate.smtp(SOURCE) as smtp:
        assert smtp.deliver(SENDER, [FAR, NEAR], mail.stuffed(LETTER)).startswith("250")
    assert len(stored(gate)) == 1
    nothing_half_made(gate)


def test_a_deliver_role_that_dies_is_replaced_and_costs_no_mail(gate, hop):
    with gate.smtp(SOURCE) as smtp:
        smtp.mail(SENDER, FAR, NEAR)
        assert smtp.says("DATA").startswith("354")
        smtp.send(mail.stuffed(LETTER))
        role, = gate.role("smtpgate", "deliver")
        os.kill(role, signal.SIGKILL)
        until(lambda: role not in gate.children("smtpgate"), 5, "the role being buried")
        smtp.send(b".\r\n")
        assert smtp.reply().startswith("451")
        assert stored(gate) == []
        assert hop.taken() == [] or "may be doubled" in gate.said("smtpgate")
        taken = len(hop.taken())
        until(lambda: (smtp.says("RSET"), smtp.deliver(SENDER, [FAR, NEAR], mail.stuffed(LETTER)))[1]
              .startswith("250"), 10, "the new deliver role taking mail")
    assert len(stored(gate)) == 1 and len(hop.taken()) == taken + 1
    assert gate.wait_event("worker.died")


def test_two_local_recipients_get_a_file_each(gate):
    with gate.smtp("127.0.0.11") as smtp:
        assert smtp.deliver("x@else.test", [NEAR, "bert@example.net"], mail.stuffed(LETTER)).startswith("250")
    for user in ("anna", "bert"):
        path, = (gate.maildir(user) / "new").iterdir()
        assert f",S={path.stat().st_size}" in path.name and ",W=" in path.name
        assert mail.same(path.read_bytes(), LETTER)


def test_what_was_delivered_is_fetched_octet_for_octet(gate):
    with gate.smtp("127.0.0.11") as smtp:
        assert smtp.deliver("x@else.test", [NEAR], mail.stuffed(LETTER)).startswith("250")
    with gate.pop(SOURCE) as pop:
        assert pop.login().startswith("+OK")
        size = int(pop.says("LIST 1").split()[2])
        octets = pop.many("RETR 1")[1]
    assert len(octets) == size and mail.same(octets, LETTER)
