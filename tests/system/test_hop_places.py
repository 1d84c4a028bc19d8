"""Where next hops are: names and several addresses, LMTP over TCP and unix sockets, one that is down, one
that can do less than was thought."""

import pytest

import mail
from dns import FAIL, Dns
from farm import Farm
from hop import EHLO, Hop, early
import house
from ports import until
from test_hop_introduce import module_farm

SOURCE, SENDER, TO = "127.0.6.1", "anna@example.net", "bob@else.test"
LETTER = mail.tricky("letter")
QUICK = 'identify = "none" next_hop_timeout = "2s" final_dot_timeout = "2s"'


@pytest.fixture
def dns():
    made = Dns()
    yield made
    made.stop()


def send(farm, *recipients, octets=LETTER):
    with farm.smtp(SOURCE) as smtp:
        for answer in smtp.mail(SENDER, *(recipients or [TO])):
            if not answer.startswith("250"):
                return answer
        return smtp.data(mail.stuffed(octets))


# --- names

def test_a_hop_by_name_is_tried_at_each_of_its_addresses(tmp_path_factory, dns):
    hop = Hop(host="127.0.6.102").start()
    dns.zone["mta.example", "A"] = ["127.0.6.101", "127.0.6.102"]  # nobody is at the first
    farm = module_farm(tmp_path_factory, "named", relay_to=f"smtp:mta.example:{hop.port}",
                       smtpgate=f'{QUICK} dns_servers = {{ "{dns.server}" }}')
    try:
        farm.login(SOURCE)
        for _ in range(5):
            assert send(farm).startswith("250")
        assert len(hop.taken()) == 5
        down = farm.wait_event("hop.down")  # and after three of them it is not even tried
        assert (down["addr"], down["port"]) == ("127.0.6.101", str(hop.port))
        asked = [question for question in dns.asked if question == ("mta.example", "A")]
        assert asked and len(asked) < 5, "one answer serves many"
    finally:
        farm.stop()
        hop.stop()


def test_a_name_that_cannot_be_looked_up_is_451_and_mail_flows_once_it_can(tmp_path_factory, dns):
    hop = Hop().start()
    dns.zone["mta.example", "A"] = FAIL
    farm = module_farm(tmp_path_factory, "lost", relay_to=f"smtp:mta.example:{hop.port}",
                       smtpgate=f'{QUICK} dns_servers = {{ "{dns.server}" }}')
    try:
        farm.login(SOURCE)
        assert send(farm).startswith("451")
        assert farm.wait_event("hop.unresolved")["what"] == "no answer"
        dns.zone["mta.example", "A"] = ["127.0.0.1"]
        until(lambda: send(farm).startswith("250"), 15, "the name being looked up")
        farm.wait_event("hop.resolved", 10)
    finally:
        farm.stop()
        hop.stop()


# --- the breaker

def test_a_hop_that_is_down_is_not_asked_for_every_client(tmp_path_factory):
    hop = Hop().start()
    farm = module_farm(tmp_path_factory, "breaker", relay_to=hop.uri, smtpgate=QUICK)
    try:
        farm.login(SOURCE)
        assert send(farm).startswith("250")
        hop.at["greeting"] = "421 4.3.2 busy"
        until(lambda: send(farm).startswith("451") and farm.events("hop.down"), 10, "the breaker")
        seen = len(hop.sessions)
        for _ in range(20):
            assert send(farm).startswith("451")
        assert len(hop.sessions) - seen <= 5, "each client had to wait for it"
        hop.at.clear()
        until(lambda: send(farm).startswith("250"), 15, "the hop being used again")
        assert farm.wait_event("hop.up")["hop"] == hop.uri
    finally:
        farm.stop()
        hop.stop()


# --- LMTP

@pytest.fixture(params=["tcp", "unix"], scope="module")
def lmtp(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("lmtp") / "socket" if request.param == "unix" else None
    hop = Hop(path=path).start()
    hop.ehlo[-1] = "DSN"  # no XCLIENT: it has nothing to judge by it
    uri = f"lmtp:unix:{path}" if path else f"lmtp:127.0.0.1:{hop.port}"
    farm = module_farm(tmp_path_factory, f"lmtp-{request.param}", deliver_to=uri,
                       smtpgate='next_hop_timeout = "2s" final_dot_timeout = "2s"')
    yield farm, hop
    farm.stop()
    hop.stop()


def test_lmtp_takes_one_recipient_at_a_time(lmtp):
    farm, hop = lmtp
    hop.at.clear()
    before = len(hop.taken())
    with farm.smtp(SOURCE) as smtp:
        answers = smtp.mail("x@else.test", "anna@example.net", "bert@example.net")
        assert answers[1].startswith("250") and answers[2].startswith("452 4.5.3")
        assert smtp.data(mail.stuffed(LETTER)).startswith("250")
        assert smtp.deliver("x@else.test", ["bert@example.net"], mail.stuffed(LETTER)).startswith("250")
    one, two = hop.taken()[before:]
    assert (one.recipients, two.recipients) == ([b"RCPT TO:<anna@example.net>\r\n"],
                                                [b"RCPT TO:<bert@example.net>\r\n"])
    assert mail.same(mail.unstuffed(one.body), LETTER)
    session = hop.used()[-1]
    assert session.verbs()[0] == "LHLO" and "XCLIENT" not in session.verbs()


@pytest.mark.parametrize("step, what, heard", [
    ("rcpt", "550 5.1.1 who", "550 5.1.1 who"), ("rcpt", "452 4.2.2 full", "452 4.2.2 full"),
    ("data", "503 5.5.1 no", "503 5.5.1 no"), ("dot", "552 5.2.2 full", "552 5.2.2 full"),
    ("dot", "451 4.3.0 later", "451 4.3.0 later"), ("dot", b"250 a\r\n250 b\r\n", None),
    ("body", early("452 4.2.2 full", 10), None)], ids=lambda value: str(value)[:16])
def test_the_one_answer_is_that_of_the_one_recipient(lmtp, step, what, heard):
    farm, hop = lmtp
    hop.at.clear()
    hop.early_said.clear()
    hop.at[step] = what
    with farm.smtp(SOURCE) as smtp:
        answers = smtp.mail("x@else.test", "anna@example.net")
        answer = answers[1] if step == "rcpt" else smtp.data(mail.stuffed(LETTER), hop.spoke_early)
        assert answer.startswith(heard) if heard else answer[0] in "24"
        hop.at.clear()
        smtp.says("RSET")
        assert smtp.deliver("x@else.test", ["anna@example.net"], mail.stuffed(LETTER)).startswith("250")


# --- one that can do less

def test_a_hop_that_does_not_take_8bitmime_gets_no_8_bit_message(tmp_path_factory):
    hop = Hop().start()
    farm = module_farm(tmp_path_factory, "7bit", relay_to=hop.uri, smtpgate=QUICK)
    try:
        farm.login(SOURCE)
        with farm.smtp(SOURCE) as smtp:
            assert "8BITMIME" in smtp.ehlo  # learned when the worker started
            hop.ehlo.remove("8BITMIME")
            for octets, heard in ((LETTER, "554 5.6.3"), (mail.message(), "250")):
                assert smtp.says(f"MAIL FROM:<{SENDER}> BODY=8BITMIME").startswith("250")
                assert smtp.says(f"RCPT TO:<{TO}>").startswith("250")
                assert smtp.data(mail.stuffed(octets)).startswith(heard)
        assert hop.used()[0].message.mail == b"MAIL FROM:<anna@example.net>\r\n"
        with farm.smtp(SOURCE) as smtp:
            assert "8BITMIME" not in smtp.ehlo
        assert len(hop.taken()) == 1
        hop.ehlo[:] = EHLO
        assert send(farm).startswith("250")
        with farm.smtp(SOURCE) as smtp:
            assert "8BITMIME" in smtp.ehlo
    finally:
        farm.stop()
        hop.stop()


def test_we_log_in_where_the_hop_wants_it(tmp_path_factory):
    hop = Hop().start()
    hop.ehlo[-1] = "AUTH PLAIN LOGIN"
    secret = tmp_path_factory.mktemp("auth") / "login"
    secret.write_text("gate:top secret\n")
    farm = module_farm(tmp_path_factory, "auth", relay_to=hop.uri,
                       smtpgate=f'{QUICK} next_hop_auth = "{secret}"')
    try:
        farm.login(SOURCE)
        assert send(farm).startswith("250")
        assert b"AUTH PLAIN AGdhdGUAdG9wIHNlY3JldA==\r\n" in hop.used()[0].commands
        hop.at["auth"] = "535 5.7.8 who are you"
        assert send(farm).startswith("451"), "it is we who are refused, not the client"
        assert "login" in farm.wait_event("hop.failed")["what"]
        assert "secret" not in farm.said("smtpgate")
    finally:
        farm.stop()
        hop.stop()
