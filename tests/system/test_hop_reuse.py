"""Connections to a next hop that serve one client after the other: nothing of one client is left to the next, and what
goes wrong with an old connection is nobody's loss."""

import pytest

import mail
from hop import CLOSE, EHLO, RESET, Hop
from ports import until
from test_hop_introduce import module_farm

TO = "bob@else.test"
LETTER = mail.tricky("letter")
KEPT = {"next_hop_reuse": "30s"}


@pytest.fixture(scope="module")
def next_hop():
    made = Hop().start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def daemons(tmp_path_factory, next_hop):
    farm = module_farm(tmp_path_factory, "reuse", relay_to=next_hop.uri, deliver_to=next_hop.uri, **KEPT,
                       smtpgate='next_hop_timeout = "2s" final_dot_timeout = "2s" dns_servers = { "127.0.0.1:9" }')
    for user, source in (("anna", "127.0.6.1"), ("bert", "127.0.6.2")):
        assert farm.login(source, user).startswith("+OK")
    yield farm
    farm.stop()


@pytest.fixture
def gate(daemons, next_hop):
    """With no connection to the hop left."""
    next_hop.at.clear()
    next_hop.ehlo[:] = EHLO
    next_hop.hang_up()
    until(lambda: next_hop.open == 0, 10, "no connection left")
    next_hop.sessions.clear()
    next_hop.messages.clear()
    return daemons


def letter_from(gate, user, hello, source=None, to=TO):
    """The answer to a message of a client of its own, and the client's port."""
    source = source or {"anna": "127.0.6.1", "bert": "127.0.6.2"}[user]
    with gate.smtp(source, hello=hello) as smtp:
        answer = smtp.deliver(f"{user}@example.net", [to], mail.stuffed(LETTER))
        smtp.says("QUIT")
        return answer, smtp.port


def told(session):
    """What each XCLIENT said, as dicts, in their order."""
    return [dict(pair.split("=", 1) for pair in line.decode().split()[1:])
            for line in session.commands if line.startswith(b"XCLIENT ")]


def test_each_client_is_made_known_on_the_one_connection(gate, next_hop):
    ports = []
    for user, hello, source, to in (("anna", "pc.example", None, TO), ("bert", "box.example", None, TO),
                                    ("x", "mx.far.example", "127.0.6.9", "anna@example.net"),
                                    ("anna", "pc.example", None, TO)):
        answer, port = letter_from(gate, user, hello, source, to)
        assert answer.startswith("250"), answer
        ports.append(str(port))
    session, = next_hop.used()
    anna, bert, stranger, again = told(session)
    assert (anna["ADDR"], anna["PORT"], anna["HELO"], anna["LOGIN"]) == (
        "127.0.6.1", ports[0], "pc.example", "anna@example.net")
    assert (bert["ADDR"], bert["PORT"], bert["HELO"], bert["LOGIN"]) == (
        "127.0.6.2", ports[1], "box.example", "bert@example.net")
    assert (stranger["ADDR"], stranger["PORT"], stranger["HELO"], stranger["LOGIN"]) == (
        "127.0.6.9", ports[2], "mx.far.example", "[UNAVAILABLE]")
    assert again["PORT"] == ports[3] and again["LOGIN"] == "anna@example.net"
    # Every attribute is said each time, and the name is each client's own before the next MAIL.
    assert len({frozenset(words) for words in told(session)}) == 1
    assert session.verbs() == ["EHLO"] + ["XCLIENT", "EHLO", "MAIL", "RCPT", "DATA"] * 4
    assert [line for line in session.commands if line.startswith(b"EHLO")][1:] == [
        b"EHLO pc.example\r\n", b"EHLO box.example\r\n", b"EHLO mx.far.example\r\n", b"EHLO pc.example\r\n"]
    assert len(next_hop.taken()) == 4
    assert all(mail.same(mail.unstuffed(m.body), LETTER) for m in next_hop.taken())


def test_two_clients_at_a_time_have_two_connections(gate, next_hop):
    with gate.smtp("127.0.6.1") as one, gate.smtp("127.0.6.2") as two:
        assert one.mail("anna@example.net", TO)[-1].startswith("250")
        assert two.mail("bert@example.net", TO)[-1].startswith("250")
        assert one.data(mail.stuffed(LETTER)).startswith("250")
        assert two.data(mail.stuffed(LETTER)).startswith("250")
    first, second = next_hop.used()
    assert first.xclient()["LOGIN"] == "anna@example.net" and second.xclient()["LOGIN"] == "bert@example.net"


@pytest.mark.parametrize("step, what", [("xclient", CLOSE), ("xclient", RESET), ("xclient", "421 4.3.2 enough"),
                                        ("xclient", "550 5.7.0 not again"), ("xclient", b"250 hm\r\n"),
                                        ("ehlo", CLOSE), ("ehlo", "421 4.3.2 enough"), ("mail", CLOSE),
                                        ("mail", "421 4.3.2 enough"), ("rcpt", CLOSE), ("rcpt", RESET)],
                         ids=lambda v: str(v)[:12].replace(" ", "_"))
def test_what_an_old_connection_fails_in_a_new_one_does(gate, next_hop, step, what):
    assert letter_from(gate, "anna", "pc.example")[0].startswith("250")
    usual = {"xclient": "220 hop.test ESMTP", "mail": "250 2.1.0 fine", "rcpt": "250 2.1.5 fine"}
    next_hop.at[step] = lambda session: (what if session.verbs().count("DATA") else usual.get(step, session.offers()))
    before = len(gate.events("hop.failed"))
    assert letter_from(gate, "bert", "box.example")[0].startswith("250")
    old, new = next_hop.used() if len(next_hop.used()) == 2 else (None, next_hop.sessions[-1])
    assert new.xclient()["LOGIN"] == "bert@example.net" and new.verbs().count("DATA") == 1
    assert len(next_hop.taken()) == 2
    assert len(gate.events("hop.failed")) == before


@pytest.mark.parametrize("step", ["data", "dot"])
def test_what_it_may_have_is_not_sent_again(gate, next_hop, step):
    assert letter_from(gate, "anna", "pc.example")[0].startswith("250")
    next_hop.at[step] = CLOSE
    assert letter_from(gate, "bert", "box.example")[0].startswith("451")
    assert len(next_hop.sessions) == 1 and len(next_hop.taken()) == 1


def test_the_truth_about_a_client_is_that_of_a_new_connection(gate, next_hop):
    assert letter_from(gate, "anna", "pc.example")[0].startswith("250")
    next_hop.at["xclient"] = lambda session: (
        "554 5.7.1 not you" if session.xclient()["LOGIN"] == "bert@example.net" else "220 hop.test ESMTP")
    with gate.smtp("127.0.6.2") as smtp:
        assert smtp.mail("bert@example.net", TO)[-1] == "554 5.7.1 not you"
    assert letter_from(gate, "anna", "pc.example")[0].startswith("250")
    assert len(next_hop.taken()) == 2


@pytest.mark.parametrize("how", ["close", "421"])
def test_a_hop_may_end_a_kept_connection(gate, next_hop, how):
    assert letter_from(gate, "anna", "pc.example")[0].startswith("250")
    before = len(gate.events("hop.failed"))
    if how == "421":
        next_hop.sessions[-1].sock.sendall(b"421 4.4.2 You were silent for too long\r\n")
    else:
        next_hop.hang_up()
    until(lambda: next_hop.open == 0, 5, "the gate letting it go")
    assert letter_from(gate, "bert", "box.example")[0].startswith("250")
    assert len(next_hop.used()) == 2 and len(gate.events("hop.failed")) == before


@pytest.mark.parametrize("step, what", [("mail", "450 4.7.1 later"), ("rcpt", "550 5.1.1 who"),
                                        ("data", "451 4.3.0 no"), ("dot", "554 5.7.1 spam")])
def test_a_connection_on_which_something_was_refused_is_not_kept(gate, next_hop, step, what):
    next_hop.at[step] = what
    assert not letter_from(gate, "anna", "pc.example")[0].startswith("2")
    next_hop.at.clear()
    until(lambda: next_hop.open == 0, 5, "no connection left")
    assert letter_from(gate, "bert", "box.example")[0].startswith("250")
    assert len(next_hop.used()) == 2
    assert next_hop.used()[0].verbs()[-1] in ("QUIT", "RSET", "DATA")


def test_a_hop_that_offers_xclient_but_once_is_left_with_its_client(gate, next_hop):
    next_hop.at["ehlo"] = lambda session: (
        session.offers() if session.verbs().count("EHLO") == 1 else "250 hop.test")
    for user, hello in (("anna", "pc.example"), ("bert", "box.example")):
        assert letter_from(gate, user, hello)[0].startswith("250")
    first, second = next_hop.used()
    assert first.verbs()[-1] == "QUIT" and second.xclient()["LOGIN"] == "bert@example.net"


def test_a_client_that_goes_in_mid_transaction_leaves_no_connection(gate, next_hop):
    with gate.smtp("127.0.6.1") as smtp:
        assert smtp.mail("anna@example.net", TO)[-1].startswith("250")
    until(lambda: next_hop.open == 0, 5, "the connection dropped")
    assert letter_from(gate, "bert", "box.example")[0].startswith("250")
    assert len(next_hop.used()) == 2 and len(next_hop.taken()) == 1


def test_no_more_than_16_wait(gate, next_hop):
    clients = [gate.smtp("127.0.6.1") for _ in range(20)]
    for smtp in clients:
        assert smtp.mail("anna@example.net", TO)[-1].startswith("250")
        assert smtp.data(mail.stuffed(LETTER)).startswith("250")
    assert next_hop.open == 20
    for smtp in clients:
        smtp.says("QUIT")
        smtp.close()
    until(lambda: next_hop.open == 16, 5, "16 left")


# --- farms of their own

@pytest.mark.parametrize("settings, sessions", [
    ({"smtpgate": 'identify = "none"', **KEPT}, 1), ({"smtpgate": 'identify = "none"', "next_hop_reuse": "0"}, 2),
    ({"smtpgate": 'identify = "proxy"', **KEPT}, 2), ({"next_hop_reuse": "0"}, 2)],
    ids=["none", "none-never", "proxy", "never"])
def test_it_depends_on_how_clients_are_made_known(tmp_path_factory, settings, sessions):
    hop = Hop()
    hop.proxied = "proxy" in settings.get("smtpgate", "")
    hop.start()
    farm = module_farm(tmp_path_factory, "reuse-how", relay_to=hop.uri, **settings)
    try:
        farm.login("127.0.6.1", "anna")
        farm.login("127.0.6.2", "bert")
        for user, hello in (("anna", "pc.example"), ("bert", "box.example")):
            assert letter_from(farm, user, hello)[0].startswith("250")
        assert len(hop.used()) == sessions and len(hop.taken()) == 2
    finally:
        farm.stop()
        hop.stop()


@pytest.mark.parametrize("how", ["silence", "reload", "end"])
def test_it_ends_politely(tmp_path_factory, how):
    hop = Hop().start()
    farm = module_farm(tmp_path_factory, "reuse-end", relay_to=hop.uri,
                       next_hop_reuse="1s" if how == "silence" else "30s")
    try:
        farm.login("127.0.6.1", "anna")
        assert letter_from(farm, "anna", "pc.example")[0].startswith("250")
        session, = hop.used()
        if how == "reload":
            farm.reload("smtpgate")
        elif how == "end":
            farm.end("smtpgate")
        until(lambda: session.ended, 10, "the connection ended")
        assert session.verbs()[-1] == "QUIT"
    finally:
        farm.stop()
        hop.stop()
