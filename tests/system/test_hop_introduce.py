"""What a next hop hears of the client, and what it does with it: XCLIENT, the PROXY header, names."""

import socket
import struct

import pytest

import mail
from dns import FAIL, STALL, Dns, reverse
from farm import Farm
from hop import EHLO, Hop
import house
from ports import until

TO = "bob@else.test"
LETTER = mail.tricky("letter")


def module_farm(tmp_path_factory, name, **settings):
    farm = Farm(tmp_path_factory.mktemp(name) / "farm", house.SANITISED)
    farm.workers = 1
    for key, value in settings.items():
        setattr(farm, key, value)
    return farm.start()


@pytest.fixture(scope="module")
def dns():
    made = Dns()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def next_hop():
    made = Hop().start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def daemons(tmp_path_factory, next_hop, dns):
    farm = module_farm(tmp_path_factory, "xclient", relay_to=next_hop.uri,
                       smtpgate=f'next_hop_timeout = "5s" dns_servers = {{ "{dns.server}" }}')
    yield farm
    farm.stop()


@pytest.fixture
def gate(daemons, next_hop):
    next_hop.at.clear()
    next_hop.ehlo[:] = EHLO
    next_hop.sessions.clear()
    next_hop.messages.clear()
    return daemons


def letter_from(gate, source, sender="anna@example.net", hello="pc.example"):
    """One message; the session at the hop that it went through is the last one used."""
    with gate.smtp(source, hello=hello) as smtp:
        answer = smtp.deliver(sender, [TO], mail.stuffed(LETTER))
        port = smtp.port
        smtp.says("QUIT")
    return answer, port


def test_the_hop_hears_address_port_name_helo_protocol_and_login(gate, next_hop, dns):
    source = "127.0.3.1"
    dns.zone[reverse(source), "PTR"] = ["host.example", "other.example"]
    dns.zone["host.example", "A"] = ["192.0.2.9", source]
    gate.login(source)
    answer, port = letter_from(gate, source)
    assert answer.startswith("250")
    session, = next_hop.used()
    assert session.xclient() == {"ADDR": source, "PORT": str(port), "NAME": "host.example",
                                 "HELO": "pc.example", "PROTO": "ESMTP", "LOGIN": "anna@example.net"}
    verbs = session.verbs()
    assert verbs[:3] == ["EHLO", "XCLIENT", "EHLO"]
    assert session.commands[2] == b"EHLO pc.example\r\n"
    assert mail.same(mail.unstuffed(next_hop.taken()[0].body), LETTER)


@pytest.mark.parametrize("zone, said", [
    ({}, "[UNAVAILABLE]"),
    ({"liar.example": ["192.0.2.1"]}, "[UNAVAILABLE]"),
    ({"liar.example": ["192.0.2.1"], "second.example": True}, "second.example"),
    ({"none.example": None}, "[UNAVAILABLE]"),
    ({"-dash.example": True}, "[UNAVAILABLE]"),
    ({"broken.example": FAIL}, "[TEMPUNAVAIL]"),
    ({"slow.example": STALL}, "[TEMPUNAVAIL]")], ids=lambda value: str(value)[:24])
def test_only_a_name_that_is_confirmed_in_time_is_said(gate, next_hop, dns, zone, said):
    test_only_a_name_that_is_confirmed_in_time_is_said.n += 1
    source = f"127.0.4.{test_only_a_name_that_is_confirmed_in_time_is_said.n}"
    if zone:
        dns.zone[reverse(source), "PTR"] = list(zone)
    for name, addresses in zone.items():
        if addresses is not None:
            dns.zone[name, "A"] = [source] if addresses is True else addresses
    gate.login(source)
    assert letter_from(gate, source)[0].startswith("250")
    assert next_hop.used()[-1].xclient()["NAME"] == said


test_only_a_name_that_is_confirmed_in_time_is_said.n = 0


def test_only_what_the_hop_asks_for_is_said(gate, next_hop):
    next_hop.ehlo[-1] = "XCLIENT LOGIN ADDR FANCY"
    gate.login("127.0.3.2")
    assert letter_from(gate, "127.0.3.2")[0].startswith("250")
    assert next_hop.used()[0].xclient() == {"ADDR": "127.0.3.2", "LOGIN": "anna@example.net"}


def test_a_client_cannot_add_an_attribute(gate, next_hop):
    gate.login("127.0.3.3")
    answer, _ = letter_from(gate, "127.0.3.3", hello="x LOGIN=root+")
    if answer.startswith("250"):  # a gate may refuse such a name as well
        assert next_hop.used()[0].xclient()["LOGIN"] == "anna@example.net"
        assert next_hop.used()[0].xclient()["HELO"] == "x+20LOGIN+3Droot+2B"


def test_a_hop_that_takes_no_xclient_gets_no_mail(gate, next_hop):
    del next_hop.ehlo[-1]
    gate.login("127.0.3.4")
    with gate.smtp("127.0.3.4") as smtp:
        assert smtp.mail("anna@example.net", TO)[1].startswith("421 4.3.5")
        assert smtp.ended()
    assert not any("MAIL" in session.verbs() for session in next_hop.sessions)
    assert "XCLIENT" in gate.wait_event("hop.failed")["what"]
    next_hop.ehlo[:] = EHLO
    assert letter_from(gate, "127.0.3.4")[0].startswith("250")


@pytest.mark.parametrize("what, heard", [
    ("554 5.7.1 not from there", "554 5.7.1 not from there"),
    ("450 4.7.1 try again", "450 4.7.1 try again"),
    ("421 4.7.0 too many of you", "451 4.7.0 too many of you"),
    ("550 5.7.0 who allowed you that", "451"), (b"999 x\r\n", "451")])
def test_what_the_hop_thinks_of_the_client_is_told_to_it(gate, next_hop, what, heard):
    next_hop.at["xclient"] = what
    gate.login("127.0.3.5")
    with gate.smtp("127.0.3.5") as smtp:
        assert smtp.mail("anna@example.net", TO)[1].startswith(heard)
        next_hop.at.clear()
        smtp.says("RSET")
        assert smtp.deliver("anna@example.net", [TO], mail.stuffed(LETTER)).startswith("250")


def test_a_client_that_the_hop_cannot_hear_of_closes_it_to_nobody(gate, next_hop):
    bad = "127.0.3.7"
    next_hop.at["xclient"] = lambda session: ("501 5.5.4 Bad NAME syntax" if session.xclient()["ADDR"] == bad
                                              else "220 hop.test ESMTP")
    gate.login(bad)
    gate.login("127.0.3.8")
    before = len(gate.events("hop.down"))
    with gate.smtp(bad) as smtp:
        for _ in range(4):
            assert smtp.mail("anna@example.net", TO)[1].startswith("451")
            smtp.says("RSET")
    assert letter_from(gate, "127.0.3.8")[0].startswith("250")
    assert len(gate.events("hop.down")) == before


def test_a_connection_is_kept_for_the_same_identity_only(gate, next_hop):
    source = "127.0.3.6"
    gate.login(source)
    gate.login(source, "bert")
    with gate.smtp(source) as smtp:
        for sender in ("anna@example.net", "anna@example.net", "bert@example.net"):
            assert smtp.deliver(sender, [TO], mail.stuffed(LETTER)).startswith("250")
        assert smtp.mail("bert@example.net", TO)[1].startswith("250")
        assert smtp.says("RSET").startswith("250")
        assert smtp.deliver("bert@example.net", [TO], mail.stuffed(LETTER)).startswith("250")
    first, second = next_hop.used()
    assert first.xclient()["LOGIN"] == "anna@example.net"
    assert second.xclient()["LOGIN"] == "bert@example.net"
    assert first.verbs().count("DATA") == 2 and first.verbs()[-1] == "QUIT"
    assert second.verbs().count("DATA") == 2 and "RSET" in second.verbs()
    assert len(next_hop.taken()) == 4


def test_a_kept_connection_that_the_hop_has_closed_costs_nobody_anything(gate, next_hop):
    source = "127.0.3.7"
    gate.login(source)
    with gate.smtp(source) as smtp:
        assert smtp.deliver("anna@example.net", [TO], mail.stuffed(LETTER)).startswith("250")
        next_hop.hang_up()
        assert smtp.deliver("anna@example.net", [TO], mail.stuffed(LETTER)).startswith("250")
        next_hop.at["mail"] = lambda session: (
            "421 4.3.2 enough" if session.verbs().count("DATA") else "250 2.1.0 fine")
        assert smtp.deliver("anna@example.net", [TO], mail.stuffed(LETTER)).startswith("250")
    assert len(next_hop.used()) == 3 and len(next_hop.taken()) == 3


# --- the PROXY protocol

def test_the_proxy_header_says_where_the_client_is(tmp_path_factory):
    hop = Hop()
    hop.proxied = True
    hop.ehlo.pop()
    hop.start()
    farm = module_farm(tmp_path_factory, "proxy", relay_to=hop.uri, smtpgate='identify = "proxy"')
    try:
        farm.login("127.0.5.1")
        answer, port = letter_from(farm, "127.0.5.1")
        assert answer.startswith("250")
        session = hop.used()[0]
        assert session.header == (
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton("127.0.5.1")
            + socket.inet_aton("127.0.0.1") + struct.pack(">HH", port, farm.smtp_port))
        assert session.commands[0] == b"EHLO pc.example\r\n"
        # The gate's own looks at the hop are in nobody's name.
        looks = [s for s in hop.sessions if s is not session]
        assert looks and all(s.header[12:] == b"\x20\0\0\0" for s in looks)
        hop.at["greeting"] = "554 5.7.1 not from there"
        with farm.smtp("127.0.5.1") as smtp:
            assert smtp.mail("anna@example.net", TO)[1] == "554 5.7.1 not from there"
    finally:
        farm.stop()
        hop.stop()
