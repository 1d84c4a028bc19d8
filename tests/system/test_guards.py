"""The guards around the window: an IP forward in front of pop3d, rules for addresses that many share, credit,
networks that are never granted."""

import contextlib

from forward import Forward
from ports import until
from talk import Pop

TO = "bob@else.test"


def test_a_plain_forward_in_front_freezes_its_address_and_opens_no_relay(farm, hop):
    names = [f"user{n:02}" for n in range(60)]
    farm.users = {f"{name}@example.net": "{PLAIN}secret" for name in names}
    farm.relay_to = hop.uri
    farm.start()
    with contextlib.closing(Forward(farm.pop_port, "127.0.0.77")) as forward:
        for name in names:
            with Pop(forward.port, "127.5.0.1") as pop:
                assert pop.login(name).startswith("+OK")
                assert pop.says("QUIT").startswith("+OK")
    assert len(farm.table("window", "list", "--net", "127.0.0.77/32")) == 60
    for sender in ("stranger@else.test", "user00@example.net", ""):
        answer = farm.relay_reply("127.0.0.77", sender)
        assert answer.startswith("550 5.7.1") and "SMTP AUTH" in answer
    assert farm.relay_reply("127.5.0.1", "user00@example.net").startswith("550"), "nobody logged in from there"
    frozen, = farm.events("window.frozen")
    assert (frozen["addr"], frozen["holders"], frozen["frozen_after"]) == ("127.0.0.77", "51", "50")
    assert frozen["level"] == "error"
    assert hop.messages == []


def test_addresses_that_many_share_have_rules_of_their_own(farm, hop):
    farm.users = {f"user{n}@example.net": "{PLAIN}secret" for n in range(4)}
    farm.relay_to = hop.uri
    farm.window = ("shared_after = 1 frozen_after = 2"
                   ' address "127.64.0.0/10" { shared_after = 2 frozen_after = 0 note = "carrier" }'
                   ' address "127.64.1.0/24" { frozen_after = 3 }')
    farm.start()
    for source in ("127.1.1.1", "127.64.9.9", "127.64.1.1"):
        for n in range(3):
            farm.login(source, f"user{n}")
    assert farm.relay_reply("127.1.1.1", "user0@example.net").startswith("550"), "three are frozen"
    assert farm.relay_reply("127.64.9.9", "x@else.test").startswith("550"), "three are shared"
    assert farm.relay_reply("127.64.9.9", "user0@example.net").startswith("250")
    assert farm.relay_reply("127.64.1.1", "user0@example.net").startswith("250")
    farm.login("127.64.1.1", "user3")
    assert farm.relay_reply("127.64.1.1", "user0@example.net").startswith("550"), "the longer prefix wins"
    assert sorted(line["addr"] for line in farm.events("window.frozen")) == ["127.1.1.1", "127.64.1.1"]
    assert farm.events("window.frozen", addr="127.64.1.1")[0]["network"] == "127.64.1.0/24"


def test_what_a_login_allows_is_spent_at_all_workers_and_back_with_the_next(farm, hop):
    farm.workers, farm.relay_to = 3, hop.uri
    farm.window = "credit_messages = 2 credit_recipients = 5"
    farm.start()
    farm.login()

    def send(*recipients):
        with farm.smtp() as smtp:
            answers = smtp.mail("anna@example.net", *recipients)
            if answers[-1].startswith("250"):
                answers.append(smtp.data(b"x\r\n"))
            return answers

    assert send(TO)[-1].startswith("250")
    assert send(TO, "a@else.test", "b@else.test", "c@else.test")[-1].startswith("250")
    until(lambda: send(TO)[1].startswith("450 4.7.1"), 5, "the store counting what was sent")
    assert "check your mail again" in send(TO)[1]
    assert send("bert@example.net")[-1].startswith("250"), "as from anyone"
    assert farm.events("smtp.refused", reason="window-credit")
    farm.login()
    assert send(*[f"r{n}@else.test" for n in range(6)])[-1].startswith("452 4.7.1"), "five recipients"
    assert farm.ctl("explain", "127.0.0.2", "--from", "anna@example.net", "--to", TO).returncode == 0


def test_transactions_that_are_held_open_are_worth_no_more_than_others(farm, hop):
    farm.window, farm.relay_to = "credit_messages = 2", hop.uri
    farm.start()
    farm.login()
    held = [farm.smtp() for _ in range(6)]
    for smtp in held:
        assert smtp.mail("anna@example.net", TO)[-1].startswith("250")

    def spent():
        return {row["rule"]: row["result"] for row in farm.table("explain", "127.0.0.2")}["sent_since_login"]

    for smtp, code, counted in zip(held, ("250", "250", "450", "450"), "1222"):
        assert smtp.data(b"x\r\n").startswith(code)
        until(lambda n=counted: spent().startswith(f"{n} of 2"), 5, spent)
    mixed = farm.smtp()
    assert mixed.mail("anna@example.net", "bert@example.net")[-1].startswith("250")
    assert farm.ctl("window", "revoke", "127.0.0.2").returncode == 0
    assert held[4].data(b"x\r\n").startswith("550 5.7.1"), "revoked meanwhile"
    assert farm.wait_event("smtp.refused", stage="data", reason="no-proof")["addr"] == "127.0.0.2"
    farm.login()
    assert held[5].data(b"x\r\n").startswith("250"), "and back again"
    assert mixed.data(b"x\r\n").startswith("250"), "as from anyone"
    for smtp in (*held, mixed):
        smtp.close()


def test_logins_from_where_nothing_is_granted_are_counted(farm):
    farm.window = 'never = { "127.0.7.0/24", "127.0.8.1" }'
    farm.start()
    for source in ("127.0.7.1", "127.0.7.2", "127.0.7.1", "127.0.0.1"):
        assert farm.login(source).startswith("+OK")
    line = farm.wait_event("window.never", addr="127.0.7.1", hits="3")
    assert line["network"] == "127.0.7.0/24"

    def counts():
        return {row["network"]: row["hits"] for row in farm.table("window", "never")}

    until(lambda: counts().get("127.0.7.0/24") == 3, 5, counts)
    assert counts()["127.0.8.1/32"] == 0
    assert counts()["own"] >= 1
    own = counts()["own"]
    farm.end_store()
    until(lambda: farm.login("127.0.7.9") and counts()["127.0.7.0/24"] > 3, 15, counts)
    assert counts()["own"] >= own


def test_what_is_never_granted_is_not_opened_by_a_neighbour_of_its_key(farm, hop):
    farm.window, farm.relay_to = 'ipv4_prefix = 24 never = { "127.0.7.1" }', hop.uri
    farm.more = 'proxies = { "127.0.8.1" }\n'
    farm.start()
    for net, neighbour in (("127.0.7", 2), ("127.0.8", 2), ("127.0.0", 5)):  # 127.0.0.1 is the host's own
        assert farm.login(f"{net}.{neighbour}").startswith("+OK")
        assert farm.relay_reply(f"{net}.{neighbour}").startswith("250")
        assert farm.relay_reply(f"{net}.1").startswith("550 5.7.1"), net
    assert farm.ctl("explain", "127.0.7.1", "--from", "anna@example.net", "--to", TO).returncode == 1
    assert farm.ctl("explain", "127.0.7.2", "--from", "anna@example.net", "--to", TO).returncode == 0
