"""Sessions that go on hold the window open; an account that is changed or removed closes it, and ends its
sessions, in every worker and generation."""

import os
import time

import pytest

from ports import until
from talk import Pop

TO = "bob@else.test"


def state(farm, sender="anna@example.net", source="127.0.0.2"):
    return farm.relay_reply(source, sender)[:3]


def plain(talk, user="anna", password="secret"):
    import base64
    return talk.says("AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode())


def open_all(farm, n=4):
    """POP3 and SMTP sessions of anna, each from an address of its own, so that all workers have some."""
    pops, smtps = [], []
    for i in range(n):
        farm.maildir().mkdir(parents=True, exist_ok=True)
        smtp = farm.smtp(f"127.3.0.{i + 1}")
        assert plain(smtp).startswith("235")
        smtps.append(smtp)
    pop = farm.pop()
    assert pop.login().startswith("+OK")
    pops.append(pop)
    return pops, smtps


def gone(talk):
    """What it says last, once it has ended."""
    said = []
    while (line := talk.line()) is not None:
        said.append(line)
    return said


def test_a_session_that_goes_on_holds_the_window_open(farm, hop):
    farm.lifetime, farm.slack, farm.relay_to = "2s", "500ms", hop.uri
    farm.start()
    with farm.pop() as pop:
        assert pop.login().startswith("+OK")
        login = farm.table("window", "show", "127.0.0.2")[0]
        until(lambda: farm.table("window", "show", "127.0.0.2")[0]["until"] > login["until"], 10, "a renewal")
        end = time.time() + 3
        while time.time() < end:
            assert state(farm) == "250"
            time.sleep(0.3)
        now = farm.table("window", "show", "127.0.0.2")[0]
        assert (now["login"], now["logins"]) == (login["login"], login["logins"]), "a renewal is no login"
        assert farm.ctl("window", "revoke", "127.0.0.2").returncode == 0
        assert state(farm) == "550"
        farm.wait_event("window.renew", addr="127.0.0.2")
        time.sleep(1.5)  # longer than between two renewals
        assert state(farm) == "550", "a renewal undid a revocation"
        assert pop.says("NOOP").startswith("+OK")


def test_a_session_does_not_where_it_is_told_not_to(farm):
    farm.lifetime, farm.slack, farm.pop3d = "1s", "0s", "hold_window = no"
    farm.start()
    with farm.pop() as pop:
        assert pop.login().startswith("+OK")
        until(lambda: state(farm) == "550", 10, "the window closing")
        assert not farm.events("window.renew")


@pytest.mark.parametrize("how", ["changed", "removed", "disabled", "popgate user passwd", "popgate user remove"])
def test_who_is_changed_or_removed_is_out_at_once_and_everywhere(farm, hop, how):
    farm.workers, farm.relay_to, farm.smtp_listener = 2, hop.uri, "auth = yes"
    farm.start()
    (pop,), smtps = open_all(farm)
    farm.reload("pop3d")  # these sessions are now those of an older generation
    farm.reload("smtpgate")
    farm.wait_event("config.loaded", count=2)
    other = farm.pop("127.0.0.9")
    assert other.login("bert").startswith("+OK")
    assert state(farm) == "250" and state(farm, "bert@example.net", "127.0.0.9") == "250"
    start = time.monotonic()
    if how == "changed":
        farm.users["anna@example.net"] = "{PLAIN}brand-new"
    elif how == "removed":
        del farm.users["anna@example.net"]
    elif how == "disabled":
        farm.users["anna@example.net"] = "{PLAIN}secret::::::disabled"
    if how.startswith("popgate"):
        assert farm.ctl(*how.split()[1:], "anna", stdin="brand-new\n").returncode == 0
        assert state(farm) == "550", "at once"
    else:
        farm.write_users()
        until(lambda: state(farm) == "550", 10, "the window closing")
    assert gone(pop) == ["-ERR [AUTH] Your account was changed, log in again"]
    for smtp in smtps:
        assert gone(smtp) == ["421 4.7.0 Your account was changed, log in again"]
    assert time.monotonic() - start < 8, "two seconds, on a machine with nothing else to do"
    assert farm.wait_event("pop3.revoked")["user"] == "anna@example.net"
    assert farm.wait_event("pop3.logout", user="anna@example.net")["reason"] == "account-changed"
    farm.wait_event("smtp.revoked", count=len(smtps), user="anna@example.net")
    assert not farm.events("smtp.revoked", user="bert@example.net")
    assert other.says("NOOP").startswith("+OK")
    assert state(farm, "bert@example.net", "127.0.0.9") == "250"
    assert farm.ctl("explain", "127.0.0.2", "--to", TO).returncode == 1, "explain says what the gate says"
    other.close()


@pytest.mark.parametrize("how", ["changed", "removed", "disabled"])
def test_what_was_given_by_hand_ends_with_the_account(farm, hop, how):
    farm.relay_to = hop.uri
    farm.start("smtpgate")
    given = farm.ctl("window", "grant", "127.0.0.2", "--user", "anna", "--for", "20d")
    assert (given.returncode, given.stderr) == (0, "") and state(farm) == "250"
    if how == "removed":
        del farm.users["anna@example.net"]
    else:
        farm.users["anna@example.net"] = "{PLAIN}brand-new" if how == "changed" else "{PLAIN}secret::::::disabled"
    farm.write_users()
    until(lambda: state(farm) == "550", 10, "the window closing")
    again = farm.ctl("window", "grant", "127.0.0.2", "--user", "anna")
    assert again.returncode == (1 if how == "disabled" else 0)
    assert {"changed": "", "removed": "there is no account", "disabled": "is disabled"}[how] in again.stderr


def test_an_answer_under_way_is_sent_and_no_message_is_deleted(farm):
    farm.start()
    drop = farm.maildir() / "new"
    drop.mkdir(parents=True)
    (drop / "1.a").write_bytes(b"Subject: x\n\n" + b"y" * 70 + b"\n")
    (drop / "2.b").write_bytes(b"Subject: big\n\n" + (b"z" * 70 + b"\n") * 100000)
    with farm.pop() as pop:
        assert pop.login().startswith("+OK")
        assert pop.says("DELE 1").startswith("+OK")
        pop.send("RETR 2")
        assert pop.line().startswith("+OK")
        farm.users["anna@example.net"] = "{PLAIN}brand-new"
        farm.write_users()
        farm.wait_event("pop3.revoked")
        lines = 0
        while (line := pop.line()) != ".":
            lines += line.startswith("z")
        assert lines == 100000
        assert gone(pop) == ["-ERR [AUTH] Your account was changed, log in again"]
    assert sorted(path.name for path in farm.maildir().glob("*/*.?")) == ["1.a", "2.b"]


def test_a_message_that_is_coming_in_is_taken_first(farm, hop):
    farm.relay_to, farm.smtp_listener = hop.uri, "auth = yes"
    farm.start()
    with farm.smtp() as smtp:
        assert plain(smtp).startswith("235")

        def change():
            farm.users["anna@example.net"] = "{PLAIN}brand-new"
            farm.write_users()
            farm.wait_event("smtp.revoked")

        assert smtp.deliver("anna@example.net", [TO], b"x\r\n", change).startswith("250")
        assert gone(smtp)[-1].startswith("421 4.7.0")
    assert len(hop.taken()) == 1


def test_a_file_that_is_gone_or_half_there_throws_nobody_out(farm, hop):
    farm.users.update({f"user{n:02}@example.net": "{PLAIN}secret" for n in range(30)})
    farm.relay_to = hop.uri
    farm.start()
    path = farm.dir / "users"
    with farm.pop() as pop:
        assert pop.login().startswith("+OK")
        for text, event in ((None, "users.failed"), ("", "users.doubted"), ("user00:{PLAIN}secret\n", "users.doubted")):
            before = len(farm.events(event))
            if text is None:
                path.unlink()
            else:
                path.with_suffix(".new").write_text(text)
                os.rename(path.with_suffix(".new"), path)
            workers = 2 * farm.workers
            until(lambda e=event, b=before: len(farm.events(e)) >= b + workers, 10, event)
            assert state(farm) == "250"
            assert pop.says("NOOP").startswith("+OK")
        farm.write_users()
        assert state(farm) == "250"
        with Pop(farm.pop_port, "127.0.0.5") as another:
            assert another.login("user07").startswith("+OK")
    assert not farm.events("pop3.revoked")


@pytest.mark.soak
def test_a_file_that_stays_short_is_believed_in_the_end(farm):
    farm.users.update({f"user{n:02}@example.net": "{PLAIN}secret" for n in range(30)})
    farm.start("pop3d")
    with farm.pop() as pop:
        assert pop.login().startswith("+OK")
        farm.users = {"bert@example.net": "{PLAIN}secret"}
        farm.write_users()
        farm.wait_event("users.doubted")
        assert pop.says("NOOP").startswith("+OK")
        assert farm.wait_event("pop3.revoked", 30)["user"] == "anna@example.net"
