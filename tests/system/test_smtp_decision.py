"""The guards around the window, what stricter rules would do, and explain, which says the same as the gate."""

import base64

from ports import free_port
from talk import Smtp

SHARED, TO = "127.0.0.91", "bob@else.test"


def test_a_shared_address_needs_a_sender_and_a_frozen_one_relays_for_nobody(farm, hop):
    names = [f"user{n}" for n in range(5)]
    farm.users.update({f"{name}@example.net": "{PLAIN}secret" for name in names})
    farm.window, farm.relay_to = "shared_after = 2 frozen_after = 4", hop.uri
    farm.start()
    for name in names[:2]:
        assert farm.login(SHARED, name).startswith("+OK")
    assert farm.relay_reply(SHARED, "stranger@else.test").startswith("250"), "two may share it freely"
    farm.login(SHARED, names[2])
    answer = farm.relay_reply(SHARED, "stranger@else.test")
    assert answer.startswith("550 5.7.1") and "share" in answer
    for sender in ("user0@example.net", "User2@Example.net"):
        assert farm.relay_reply(SHARED, sender).startswith("250"), sender
    assert farm.relay_reply(SHARED, "user4@example.net").startswith("550"), "who has not logged in there"
    assert farm.relay_reply(SHARED, "").startswith("550"), "the null sender is anybody's"
    for name in names[3:]:
        farm.login(SHARED, name)
    for _ in range(3):
        assert farm.relay_reply(SHARED, "user0@example.net").startswith("550 5.7.1")
    assert farm.wait_event("window.frozen")["holders"] == "5"
    assert len(farm.events("window.frozen")) == 1, "said once"
    assert farm.relay_reply(SHARED, "user0@example.net", "anna@example.net").startswith("250"), "as from anyone"


def test_of_many_on_an_address_who_logged_in_first_is_still_known(farm, hop):
    names = [f"user{n:02}" for n in range(24)]
    farm.users.update({f"{name}@example.net": "{PLAIN}secret" for name in names})
    farm.relay_to = hop.uri
    farm.start()
    for name in names:
        assert farm.login(SHARED, name).startswith("+OK")
    for name in names:
        sender = f"{name}@example.net"
        assert farm.relay_reply(SHARED, sender).startswith("250"), sender
        assert farm.wait_event("smtp.relay", user=sender)["user_by"] == "sender"
    explained = {row["rule"]: row["result"]
                 for row in farm.table("explain", SHARED, "--from", f"{names[0]}@example.net", "--to", TO)}
    assert explained["rcpt"] == "accept" and names[0] in explained["window"]
    assert farm.relay_reply(SHARED, "bert@example.net").startswith("550 5.7.1"), "who has not logged in there"


def test_several_may_send_as_an_address_that_they_share(farm, hop):
    for name in ("anna", "bert"):
        farm.users[f"{name}@example.net"] = "{PLAIN}secret::::::addresses=info@example.net"
    farm.users["carl@example.net"] = "{PLAIN}secret"
    farm.smtpgate, farm.relay_to, farm.smtp_listener = 'sender_binding = "enforce"', hop.uri, "auth = yes"
    farm.start()
    for source, user, code in (("127.0.0.81", "anna", "250"), ("127.0.0.82", "bert", "250"),
                               ("127.0.0.83", "carl", "550")):
        farm.login(source, user)
        assert farm.relay_reply(source, "info@example.net").startswith(code), user
        explained = farm.ctl("explain", source, "--from", "info@example.net", "--to", TO)
        assert explained.returncode == (code == "550"), user
        with farm.smtp("127.0.0.84") as smtp:
            plain = base64.b64encode(f"\0{user}\0secret".encode()).decode()
            assert smtp.says(f"AUTH PLAIN {plain}").startswith("235")
            assert smtp.mail("info@example.net", TO)[1].startswith(code), user
    assert farm.wait_event("smtp.relay", addr="127.0.0.82")["user"] == "bert@example.net"


def test_the_shadow_tells_and_refuses_nothing(farm, hop):
    farm.smtpgate, farm.relay_to = 'shadow { window = no sender_binding = "enforce" }', hop.uri
    farm.start()
    farm.login(SHARED)
    assert farm.relay_reply(SHARED, "stranger@else.test").startswith("250")
    event = farm.wait_event("smtp.shadow")
    assert (event["reason"], event["to"], event["user"]) == ("window-off", TO, "anna@example.net")
    assert farm.events("smtp.refused", addr=SHARED) == []


def test_a_proof_that_comes_short_makes_nobody_look_authenticated(farm, hop):
    farm.smtpgate = 'sender_binding = "enforce"'
    farm.relay_to = farm.deliver_to = hop.uri
    farm.start()
    farm.login(SHARED)

    def introduced():
        return [c for session in hop.sessions for c in session.commands if c.startswith(b"XCLIENT ADDR=" + SHARED.encode())]

    assert farm.relay_reply(SHARED, "x@else.test", "bert@example.net").startswith("250"), "as from anyone"
    assert introduced() and not any(b"anna" in command for command in introduced())
    assert farm.relay_reply(SHARED, "anna@example.net", "bert@example.net").startswith("250")
    assert b"LOGIN=anna@example.net" in introduced()[-1]


ASKED = [("info@example.net", TO), ("x@else.test", TO), ("anna@example.net", "bob%else.test@example.net"),
         ("x@else.test", "Postmaster")]


BROWNOUTS = """
brownout "spared" { users = { "anna" } }
brownout "doors" { groups = { "door" } end = "2020-01-31" text = "No more doors:" url = "https://x.test/a" }
brownout "all" { schedule = { "from 2020-01-01 daily" } reply = "defer" }
"""
SOURCES = ["127.0.0.94",  # nobody
           "127.0.0.95",  # anna
           "127.0.0.96", "127.0.0.97",  # networks, one whose time is over
           "127.0.0.98",  # bert: deferred
           "127.0.0.99",  # door: ended
           "127.90.0.1"]  # many


def test_explain_says_what_the_gate_does(farm, hop):
    farm.users["anna@example.net"] += "::::::addresses=info@example.net"
    farm.users["door@example.net"] = "{PLAIN}secret::::::group=lobby,door"
    farm.window = 'address "127.90.0.0/16" { shared_after = 0 frozen_after = 1 note = "carrier" }'
    farm.submission_port = free_port()
    farm.relay_to = farm.deliver_to = hop.uri
    listener = f"127.0.0.1:{farm.submission_port}"
    farm.smtpgate = (f'sender_binding = "enforce"\nlistener "{listener}" {{ role = "submission" }}\n'
                     'network "127.0.0.96/32" { note = "scanner" }\nnetwork "127.0.0.97/32" { until = "2020-01-31" }'
                     + BROWNOUTS)
    farm.start()
    for source, user in (("127.0.0.95", "anna"), ("127.0.0.98", "bert"), ("127.0.0.99", "door"),
                         ("127.90.0.1", "anna"), ("127.90.0.1", "bert")):
        farm.login(source, user)
    for source in SOURCES:
        for sender, to in ASKED:
            for port, where in ((farm.smtp_port, f"127.0.0.1:{farm.smtp_port}"), (farm.submission_port, listener)):
                explained = {row["rule"]: row["result"] for row in farm.table(
                    "explain", source, "--from", sender, "--to", to, "--listener", where)}
                with Smtp(port, source) as smtp:
                    answers = smtp.mail(sender, to)
                for stage, answer in zip(("mail", "rcpt"), answers):
                    said = explained.get(stage, "503").replace("accept", "250")
                    assert answer.startswith(said), (source, sender, to, where, answer)
    scanner = {row["rule"]: row["result"] for row in farm.table("explain", "127.0.0.96")}
    assert "scanner" in scanner["networks"] and '"127.0.0.96/32"' in scanner["networks"]
    assert "over" in {row["rule"]: row["result"] for row in farm.table("explain", "127.0.0.97")}["networks"]

    def explain(source, sender="bert@example.net"):
        return {row["rule"]: row["result"] for row in farm.table("explain", source, "--from", sender, "--to", TO)}

    assert '"all"' in explain("127.0.0.98")["brownout"] and "from 2020-01-01 daily" in explain("127.0.0.98")["brownout"]
    assert '"doors"' in explain("127.0.0.99", "door@example.net")["brownout"]
    assert explain("127.0.0.99", "door@example.net")["reason"] == "brownout-ended"
    assert '"spared"' in explain("127.0.0.95", "anna@example.net")["brownout"]
    shared = explain("127.90.0.1")["shared"]
    assert '"127.90.0.0/16": carrier' in shared and "frozen over 1 (" in shared and "shared never (" in shared
    answer = farm.relay_reply("127.0.0.99", "door@example.net")
    assert answer == "550 5.7.1 No more doors: https://x.test/a"
    assert farm.relay_reply("127.0.0.98", "bert@example.net").startswith("451 4.7.1")
    assert farm.wait_event("smtp.refused", reason="brownout-ended")["brownout"] == "doors"


def test_explain_says_what_auth_would_change(farm, hop):
    farm.users["carl@example.net"] = "{PLAIN}secret::::::disabled"
    farm.smtpgate, farm.relay_to, farm.smtp_listener = 'sender_binding = "enforce"', hop.uri, "auth = yes"
    farm.start()
    for user, sender, code in (("anna", "anna@example.net", "250"), ("anna", "bert@example.net", "550 5.7.1"),
                               ("carl", "carl@example.net", "550 5.7.1"), ("nobody", "anna@example.net", "550 5.7.1")):
        with farm.smtp("127.0.0.85") as smtp:
            plain = base64.b64encode(f"\0{user}\0secret".encode()).decode()
            able = smtp.says(f"AUTH PLAIN {plain}").startswith("235")
            assert smtp.mail(sender, TO)[1].startswith(code), (user, sender)
        explained = {row["rule"]: row["result"] for row in farm.table(
            "explain", "127.0.0.85", "--auth", user, "--from", sender, "--to", TO)}
        assert explained["auth"].startswith("535") != able
        assert explained["rcpt"].replace("accept", "250") == code, (user, sender)


def test_explain_says_which_setting_decides_and_where_the_customer_is(farm, hop):
    farm.window, farm.relay_to = 'credit_messages = 3 never = { "127.0.0.92" }', hop.uri
    farm.smtpgate = 'max_recipients_per_hour = 9\nsender_binding = "enforce"\nnetworks = { "127.0.0.93" }'
    farm.start()
    farm.login(SHARED)

    def explain(source):
        return {row["rule"]: row["result"]
                for row in farm.table("explain", source, "--from", "anna@example.net", "--to", TO)}

    def line(text):
        lines = farm.conf.read_text().splitlines()
        return f"({farm.conf}:{next(i for i, line in enumerate(lines, 1) if text in line)})"

    held = explain(SHARED)
    assert held["sender_binding"] == f"enforce {line('sender_binding')}"
    assert held["sent_this_hour"] == f"0 of 9 recipients {line('max_recipients')}"
    assert held["sent_from_address"] == "no limit"
    assert held["sent_since_login"] == f"0 of 3 messages {line('credit_messages')}"
    assert line("never =") in explain("127.0.0.92")["never"]
    assert line("networks =") in explain("127.0.0.93")["networks"]
    assert f"may send from {SHARED}" in explain("127.0.0.90")["near_miss"]
    assert farm.relay_reply("127.0.0.90").startswith("550")
    assert farm.wait_event("smtp.near_miss")["held_addr"] == SHARED, "as the log has it"
