"""What a subscriber, and what an address, may send within an hour."""

import base64

from ports import free_port, until
from talk import Smtp

SOURCE, SENDER = "127.0.0.101", "anna@example.net"


def counted(farm, source, rule, what):
    """As explain shows it: '2 of 3 messages (popgate.conf:31)'."""
    rows = {row["rule"]: row["result"] for row in farm.table("explain", source, "--from", SENDER)}
    return rows[rule].startswith(what)


def test_a_subscriber_sends_so_many_messages_from_wherever_he_is(farm, hop):
    farm.submission_port, farm.relay_to = free_port(), hop.uri
    farm.smtpgate = ('max_messages_per_hour = 2\nnetworks = { "127.0.0.103" }\n'
                     f'listener "127.0.0.1:{farm.submission_port}" {{ role = "submission" }}')
    farm.start()
    farm.login(SOURCE)
    with farm.smtp(SOURCE) as smtp:
        for n in range(2):
            assert smtp.deliver(SENDER, ["bob@else.test"], b"x\r\n").startswith("250")
            until(lambda n=n: counted(farm, SOURCE, "sent_this_hour", f"{n + 1} of 2 messages"), what="the use being counted")
        assert smtp.says(f"MAIL FROM:<{SENDER}>").startswith("450 4.7.1")
    with Smtp(farm.submission_port, "127.0.0.102") as smtp:
        plain = base64.b64encode(f"\0{SENDER}\0secret".encode()).decode()
        assert smtp.says("AUTH PLAIN " + plain).startswith("235")
        assert smtp.says("MAIL FROM:<>").startswith("450 4.7.1"), "another address, the same subscriber"
    assert farm.wait_event("smtp.refused", reason="messages-limit")["user"] == SENDER
    assert farm.relay_reply("127.0.0.103").startswith("250"), "a network is no subscriber"
    with farm.smtp("127.0.0.104") as smtp:
        assert smtp.mail("x@else.test", SENDER)[1].startswith("250"), "nor is a stranger"


def test_an_address_writes_to_so_many_recipients_whoever_is_on_it(farm, hop):
    farm.relay_to, farm.smtpgate = hop.uri, "max_recipients_per_hour_per_address = 3"
    farm.start()
    farm.login(SOURCE, "anna")
    farm.login(SOURCE, "bert")
    with farm.smtp(SOURCE) as smtp:
        assert smtp.deliver(SENDER, ["bob@else.test", "carol@else.test"], b"x\r\n").startswith("250")
        until(lambda: counted(farm, SOURCE, "sent_from_address", "2 of 3 recipients"), what="the use being counted")
        answers = smtp.mail("bert@example.net", "bob@else.test", "carol@else.test")
        assert [a[:9] for a in answers] == ["250 2.1.0", "250 2.1.5", "452 4.7.1"]
        assert smtp.data(b"x\r\n").startswith("250"), "the one that was taken is not spoilt"
    assert farm.wait_event("smtp.refused", reason="recipients-limit")["user"] == "bert@example.net"


def test_a_message_that_is_too_large_is_put_down_to_its_own_sender(farm, hop):
    farm.relay_to = hop.uri
    farm.start()
    farm.login(SOURCE, "anna")
    farm.login(SOURCE, "bert")
    with farm.smtp(SOURCE) as smtp:
        assert smtp.mail(SENDER, "bob@else.test")[1].startswith("250")
        assert smtp.says("RSET").startswith("250")
        assert smtp.says("MAIL FROM:<bert@example.net> SIZE=99999999999").startswith("552 5.3.4")
    assert farm.wait_event("smtp.refused", reason="too-large")["user"] == "bert@example.net"
