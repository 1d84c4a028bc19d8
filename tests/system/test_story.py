"""The main job: who fetches mail by POP3 may then relay by SMTP, until the window closes; nobody else."""

import datetime
import smtplib
import time

import pytest

import mail
from ports import until
from talk import Pop, PopFrom, Smtp, smtp_from


def address(n):
    """A loopback address of its own for each n."""
    return f"127.1.{n // 250}.{n % 250 + 1}"


def test_a_subscriber_fetches_and_then_relays_through_postfix(farm, postfix):
    farm.relay_to = f"smtp:127.0.0.1:{postfix.port}"
    farm.start()
    waiting = mail.tricky("waiting")
    mail.put(farm.maildir(), mail.lf(waiting))
    letter = mail.tricky("letter")

    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        smtp_from(farm.smtp_port, "127.0.0.2").sendmail("anna@example.net", ["bob@else.test"], letter)
    assert refused.value.recipients["bob@else.test"][0] == 550

    pop = PopFrom(farm.pop_port, "127.0.0.2")
    pop.user("anna")
    assert pop.pass_("secret").startswith(b"+OK")
    assert pop.stat() == (1, len(waiting))
    assert b"".join(line + b"\r\n" for line in pop.retr(1)[1]) == waiting
    pop.quit()

    smtp = smtp_from(farm.smtp_port, "127.0.0.2")
    smtp.ehlo()
    assert smtp.mail("anna@example.net")[0] == 250
    assert smtp.rcpt("bob@else.test")[0] == 250
    assert smtp.data(letter)[0] == 250
    smtp.quit()
    assert mail.same(postfix.wait_for("bob@else.test")[0], letter)

    login = farm.wait_event("pop3.login")
    assert (login["addr"], login["user"]) == ("127.0.0.2", "anna@example.net")
    relay = farm.wait_event("smtp.relay")
    assert (relay["addr"], relay["user"], relay["proof"]) == ("127.0.0.2", "anna@example.net", "window")


def test_the_same_into_maildirs_without_an_mta(farm):
    farm.start()
    assert farm.relay_reply().startswith("550 5.7.1")
    assert farm.login().startswith("+OK")
    letter = mail.tricky()
    with farm.smtp() as smtp:
        assert smtp.deliver("anna@example.net", ["bert@example.net"], mail.stuffed(letter)).startswith("250")
    stored, = mail.files(farm.maildir("bert"))
    assert mail.same(stored, letter)


def test_a_stranger_is_refused_and_told_how_to_be_none(farm, hop):
    farm.relay_to = hop.uri
    farm.start()
    farm.login("127.0.0.2")
    answer = farm.relay_reply("127.0.0.3")
    assert answer.startswith("550 5.7.1") and "check your mail" in answer
    refused = farm.wait_event("smtp.refused", addr="127.0.0.3")
    assert refused["reason"]
    assert hop.messages == []


def test_mail_for_local_domains_is_taken_from_anyone(farm):
    farm.start()
    letter = mail.message()
    with farm.smtp("127.0.0.3") as smtp:
        assert smtp.deliver("who@else.test", ["anna@example.net"], mail.stuffed(letter)).startswith("250")
    assert mail.same(mail.files(farm.maildir())[0], letter)


def test_an_unknown_local_recipient_is_refused(farm):
    farm.start()
    with farm.smtp("127.0.0.3") as smtp:
        assert smtp.mail("who@else.test", "nobody@example.net")[-1].startswith("550 5.1.1")


def test_a_refused_recipient_spoils_no_other(farm):
    farm.start()
    letter = mail.message()
    with farm.smtp("127.0.0.3") as smtp:
        answers = smtp.mail("who@else.test", "anna@example.net", "bob@else.test", "bert@example.net")
        assert [a[:3] for a in answers] == ["250", "250", "550", "250"]
        assert smtp.data(mail.stuffed(letter)).startswith("250")
    for user in ("anna", "bert"):
        assert mail.same(mail.files(farm.maildir(user))[0], letter)


def test_each_transaction_is_decided_anew(farm):
    farm.start()
    with farm.smtp() as smtp:
        assert smtp.mail("anna@example.net", "bob@else.test")[-1].startswith("550")
        farm.login()
        assert smtp.says("RSET").startswith("250")
        assert smtp.mail("anna@example.net", "bob@else.test")[-1].startswith(("250", "550 5.1.1"))
        farm.ctl("window", "revoke", "127.0.0.2")
        smtp.says("RSET")
        assert smtp.mail("anna@example.net", "bob@else.test")[-1].startswith("550 5.7.1")


def window_end(farm):
    """When the one entry of the window ends, in seconds since 1970."""
    row, = farm.table("window", "list")
    return datetime.datetime.fromisoformat(row["until"].replace("Z", "+00:00")).timestamp()


def test_the_window_closes_when_its_time_is_over(farm, hop):
    farm.lifetime, farm.slack, farm.relay_to = "2s", "500ms", hop.uri
    farm.start()
    before = time.time()
    assert farm.login().startswith("+OK")
    end = window_end(farm)
    assert before + 2.5 <= end + 0.001 and end <= time.time() + 2.5
    asked, answer = before, "250"
    while asked < end:
        assert answer.startswith("250") or heard >= end
        time.sleep(0.2)
        asked = time.time()
        answer = farm.relay_reply()
        heard = time.time()
    assert answer.startswith("550 5.7.1")


def test_another_login_holds_the_window_open(farm, hop):
    farm.lifetime, farm.slack, farm.relay_to = "2s", "500ms", hop.uri
    farm.start()
    assert farm.login().startswith("+OK")
    first_end = window_end(farm)
    while time.time() <= first_end:
        time.sleep(0.2)
        assert farm.login().startswith("+OK")
    assert farm.relay_reply().startswith("250")


def test_a_wrong_password_opens_nothing(farm):
    farm.start()
    assert farm.login(password="wrong").startswith("-ERR")
    assert farm.login(user="nobody").startswith("-ERR")
    failed = farm.wait_event("pop3.login_failed", user="anna@example.net")
    assert failed["addr"] == "127.0.0.2"
    assert "wrong" not in farm.said("pop3d").replace("wrong password", "")
    assert farm.relay_reply().startswith("550 5.7.1")


def test_a_login_from_the_host_itself_opens_nothing(farm):
    farm.start()
    assert farm.login("127.0.0.1").startswith("+OK")
    assert farm.relay_reply("127.0.0.1").startswith("550 5.7.1")


def test_several_subscribers_hold_one_address(farm):
    farm.start()
    farm.login(user="anna")
    farm.login(user="bert")
    rows = [row for row in farm.table("window", "list")]
    assert sorted(row["user"] for row in rows) == ["anna@example.net", "bert@example.net"]
    farm.ctl("window", "revoke", "--user", "bert")
    assert not farm.relay_reply().startswith("550 5.7.1")


@pytest.mark.release
@pytest.mark.parametrize("workers", [1, 4])
def test_relay_in_the_same_millisecond_as_the_ok_of_pass_succeeds(farm, hop, workers):
    farm.workers, farm.relay_to = workers, hop.uri
    farm.start()
    late = []
    for n in range(150):
        source = address(n)
        with Smtp(farm.smtp_port, source) as smtp, Pop(farm.pop_port, source) as pop:
            pop.says("USER anna")
            pop.send("PASS secret")
            assert pop.line().startswith("+OK")
            heard = time.monotonic()
            smtp.send(b"MAIL FROM:<anna@example.net>\r\nRCPT TO:<bob@else.test>\r\n")
            late.append(time.monotonic() - heard)
            assert smtp.reply().startswith("250")
            answer = smtp.reply()
            assert answer.startswith("250"), (n, answer)
            assert pop.says("QUIT").startswith("+OK")  # gives the maildrop up before it is said
    assert sorted(late)[len(late) // 2] < 0.001


def test_a_session_that_asks_early_is_refused_and_late_is_not(farm, hop):
    """The window is looked up at MAIL: a session that was there before the login gains from it."""
    farm.relay_to = hop.uri
    farm.start()
    with farm.smtp() as smtp:
        assert smtp.mail("anna@example.net", "bob@else.test")[-1].startswith("550")
        farm.login()
        smtp.says("RSET")
        letter = mail.message()
        assert smtp.deliver("anna@example.net", ["bob@else.test"], mail.stuffed(letter)).startswith("250")
    taken, = hop.taken()
    assert mail.same(mail.unstuffed(taken.body), letter)
    until(lambda: hop.open == 0, 5, "the gate letting the next hop go")
