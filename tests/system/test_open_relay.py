"""Nobody relays without a proof, however the address is written; and with one, what goes on is what was
judged, in its canonical form."""

import base64
import re

import pytest

from hop import untouched
from ports import free_port
from talk import Smtp

STRANGER, HOLDER = "127.0.0.51", "127.0.0.52"
SENDER = "anna@example.net"

# What stands between "RCPT TO:" and the end of the line. Every one asks for a recipient that is not ours,
# or is written so that some mail system behind might read it as one.
PROBES = {
    "plain": "<bob@else.test>", "upper": "<BOB@ELSE.TEST>", "percent": "<bob%else.test@example.net>",
    "percent-twice": "<bob%else.test%example.net@example.net>", "percent-quoted": '<"bob%else.test"@example.net>',
    "percent-escaped": '<"bob\\%else.test"@example.net>', "bang": "<else.test!bob@example.net>",
    "bang-twice": "<example.net!else.test!bob@example.net>", "bang-quoted": '<"else.test!bob"@example.net>',
    "bang-percent": "<else.test!bob%x.test@example.net>", "at-quoted": '<"bob@else.test"@example.net>',
    "at-escaped": '<"bob\\@else.test"@example.net>', "at-at": "<bob@else.test@example.net>",
    "at-at-other": "<bob@example.net@else.test>", "quoted-all": '<"bob@else.test">', "no-domain": "<bob>",
    "route": "<@example.net:bob@else.test>", "route-two": "<@example.net,@x.test:bob@else.test>",
    "route-literal": "<@[127.0.0.1]:bob@else.test>", "route-percent": "<@example.net:bob%else.test@example.net>",
    "route-colon": "<@else.test:bob>", "route-open": "<@else.test,bob@example.net>",
    "literal": "<bob@[192.0.2.1]>", "literal-own": "<bob@[127.0.0.1]>", "literal-v6": "<bob@[IPv6:2001:db8::1]>",
    "literal-mapped": "<bob@[IPv6:::ffff:192.0.2.1]>", "literal-domain": "<bob@[example.net]>",
    "literal-junk": "<bob@[192.0.2.1].example.net>", "dot-behind": "<bob@else.test.>",
    "dot-behind-local": "<bob@example.net.else.test>", "dot-before": "<bob@.else.test>",
    "dots": "<bob@example.net..else.test>", "sub": "<bob@sub.example.net>", "prefix": "<bob@xexample.net>",
    "suffix": "<bob@example.net-x.test>", "number": "<bob@3221225985>", "hex": "<bob@0xC0000201>",
    "idn": "<bob@xn--else-abc.test>", "utf8-domain": "<bob@\u00e4lse.test>", "fullwidth-dot": "<bob@example\uff0enet>",
    "ideographic-dot": "<bob%else.test@example\u3002net>", "quoted-domain": '<bob@"example.net">',
    "comment": "<bob@else.test(example.net)>", "two-paths": "<anna@example.net> <bob@else.test>",
    "two-recipients": "<anna@example.net,bob@else.test>", "naked": "bob@else.test", "half-open": "<bob@else.test",
    "nested": "<<bob@else.test>>", "tab": "<bob\t@else.test>", "space": "<bob @else.test>",
    "semicolon": "<anna@example.net;bob@else.test>", "uucp": "<else.test!bob>", "equals": "<bob=else.test@else.test>",
    "orcpt": "<bob@else.test> ORCPT=rfc822;anna@example.net", "empty": "<>", "at-only": "<@>",
}
assert len(PROBES) >= 40


@pytest.fixture
def gate(farm, hop):
    """mx on smtp_port, submission on submission_port, a submission that needs a proof of the window only."""
    farm.submission_port = free_port()
    farm.relay_to = farm.deliver_to = hop.uri
    farm.smtpgate = f'listener "127.0.0.1:{farm.submission_port}" {{ role = "submission" }}'
    farm.start()
    return farm


def ask(smtp, probe):
    smtp.send(f"RCPT TO:{probe}\r\n".encode())
    return smtp.reply()


def all_probes(smtp, sender=SENDER):
    """Each in a transaction of its own, a fresh connection before the errors are too many."""
    for name, probe in PROBES.items():
        with smtp() as talk:
            yield name, talk.says(f"MAIL FROM:<{sender}>"), ask(talk, probe), talk


def test_a_stranger_relays_to_nobody(gate, hop):
    for name, mail, answer, talk in all_probes(lambda: gate.smtp(STRANGER)):
        assert mail.startswith("250"), name
        assert answer.startswith("5"), f"{name}: {answer}"
        assert talk.says("DATA").startswith("554"), name
    assert untouched(hop), "a refusal needs no next hop"


OWN = {"<anna@example.net>": "anna@example.net", "<anna@EXAMPLE.Net>": "anna@example.net",
       '<"anna"@example.net>': "anna@example.net", '<"an\\na"@example.net>': "anna@example.net",
       "<@x.test,@y.test:anna@example.net>": "anna@example.net", "<Postmaster>": "Postmaster",
       "<postmaster@Example.Net>": "postmaster@example.net", '<"an na"@example.net>': '"an na"@example.net'}


def test_our_own_addresses_are_taken_however_they_are_written_and_go_on_in_one_form(gate, hop):
    with gate.smtp(STRANGER) as smtp:
        for probe, want in OWN.items():
            assert smtp.says("MAIL FROM:<x@else.test>").startswith("250")
            assert ask(smtp, probe).startswith("250"), probe
            assert canonical(hop.sessions[-1].commands[-1]) == want
            assert smtp.data(b"x\r\n").startswith("250")


def test_nor_with_the_sender_of_a_subscriber_of_ours_or_the_null_sender(gate, hop):
    with gate.smtp(STRANGER) as smtp:
        for sender in ("anna@example.net", "", "postmaster@example.net", "bob@else.test"):
            assert smtp.mail(sender, "bob@else.test")[1].startswith("550 5.7.1")
            smtp.says("RSET")
    assert untouched(hop)


def test_submission_takes_nothing_from_a_stranger_not_even_for_us(gate, hop):
    with Smtp(gate.submission_port, STRANGER) as smtp:
        assert smtp.says(f"MAIL FROM:<{SENDER}>").startswith("530 5.7.0")
        assert smtp.says("RCPT TO:<anna@example.net>").startswith("503")
        for probe in list(PROBES.values())[:8]:
            assert ask(smtp, probe).startswith("503")
    assert untouched(hop)


def canonical(command):
    return re.fullmatch(rb"RCPT TO:<(.*)>\r\n", command).group(1).decode()


def proven(gate, hop, smtp):
    """What is taken with a proof reaches the hop as one address, in one form."""
    taken = 0
    for name, mail, answer, talk in all_probes(smtp):
        assert mail.startswith("250"), name
        assert answer[:3] in ("250", "500", "501", "553", "555"), f"{name}: {answer}"
        if not answer.startswith("250"):
            continue
        taken += 1
        local, _, domain = canonical(hop.sessions[-1].commands[-1]).rpartition("@")
        assert domain == domain.lower() or domain.startswith("[IPv6:"), name
        if re.fullmatch(r"<[a-zA-Z.]+@[a-zA-Z.]+>", PROBES[name]):
            assert domain == PROBES[name][1:-1].rpartition("@")[2].lower(), name
        if name.startswith("route"):
            assert (local, domain) in (("bob", "else.test"), ("bob%else.test", "example.net")), name
        assert talk.says("RSET").startswith("250")
    assert 15 <= taken < len(PROBES), "what the grammar has is taken, and nothing else"


def test_with_the_window_all_that_the_grammar_has_is_taken(gate, hop):
    gate.login(HOLDER)
    proven(gate, hop, lambda: gate.smtp(HOLDER))


def authenticated(port):
    smtp = Smtp(port, STRANGER)
    plain = base64.b64encode(b"\0anna@example.net\0secret").decode()
    assert smtp.says(f"AUTH PLAIN {plain}").startswith("235")
    return smtp


def test_with_auth_too_and_for_that_connection_alone(gate, hop):
    proven(gate, hop, lambda: authenticated(gate.submission_port))
    with Smtp(gate.submission_port, STRANGER) as smtp:
        assert smtp.says(f"MAIL FROM:<{SENDER}>").startswith("530")


def test_a_failed_auth_is_no_proof(gate, hop):
    with Smtp(gate.submission_port, STRANGER) as smtp:
        for word in (b"\0anna@example.net\0wrong", b"\0nobody\0x", b"\0anna@example.net\0secret\0x"):
            assert smtp.says(f"AUTH PLAIN {base64.b64encode(word).decode()}")[:3] in ("535", "501", "421")
        smtp.close()
    with Smtp(gate.submission_port, STRANGER) as smtp:
        smtp.says("AUTH PLAIN")
        smtp.says("*")
        assert smtp.says(f"MAIL FROM:<{SENDER}>").startswith("530")
    assert untouched(hop)


def test_each_recipient_of_each_transaction_is_judged_by_itself(gate, hop):
    with gate.smtp(STRANGER) as smtp:
        answers = smtp.mail(SENDER, "anna@example.net", "bob@else.test", "bert@example.net", "bob%else.test@example.net")
        assert [a[:3] for a in answers] == ["250", "250", "550", "250", "550"]
        assert smtp.data(b"x\r\n").startswith("250")
        answers = smtp.mail(SENDER, "bob@else.test", "anna@example.net")
        assert [a[:3] for a in answers] == ["250", "550", "250"]
        assert smtp.data(b"x\r\n").startswith("250")
    first, second = hop.taken()
    assert [canonical(c) for c in first.recipients] == ["anna@example.net", "bert@example.net"]
    assert [canonical(c) for c in second.recipients] == ["anna@example.net"]


def test_the_window_counts_as_it_stands_at_each_mail(gate, hop):
    gate.login(HOLDER)
    with gate.smtp(HOLDER) as smtp:
        assert smtp.mail(SENDER, "bob@else.test")[1].startswith("250")
        assert gate.ctl("window", "revoke", HOLDER).returncode == 0
        assert smtp.says("RSET").startswith("250")
        assert smtp.mail(SENDER, "bob@else.test")[1].startswith("550 5.7.1")
        smtp.says("RSET")
        gate.login(HOLDER)
        assert smtp.mail(SENDER, "bob@else.test")[1].startswith("250")

