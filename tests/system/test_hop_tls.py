"""STARTTLS towards a next hop: never, where it is offered, or only with a good certificate."""

import ssl
import subprocess

import pytest

import mail
from hop import Hop
from ports import until
from test_hop_introduce import module_farm

SOURCE, SENDER, TO = "127.0.7.1", "anna@example.net", "bob@else.test"
LETTER = mail.tricky("letter")
MORE = 'identify = "none" next_hop_timeout = "3s" final_dot_timeout = "3s"'


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority of the test's own, and contexts of hops: its certificate is for 127.0.0.1, or for
    somebody else, or nobody vouches for it."""
    where = tmp_path_factory.mktemp("certificates")

    def make(name, subject, *more):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-days", "3", "-keyout", where / f"{name}.key", "-out",
                        where / f"{name}.pem", "-subj", f"/CN={name}", "-addext",
                        f"subjectAltName={subject}", *more], check=True, capture_output=True)

    make("ca", "DNS:ca.test", "-addext", "keyUsage=critical,keyCertSign")
    for name, subject in (("good", "IP:127.0.0.1"), ("wrong", "IP:127.0.0.77")):
        make(name, subject, "-CA", where / "ca.pem", "-CAkey", where / "ca.key")
    make("self", "IP:127.0.0.1")

    def context(name):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(where / f"{name}.pem", where / f"{name}.key")
        return made

    return where / "ca.pem", {name: context(name) for name in ("good", "wrong", "self")}


@pytest.fixture(scope="module", params=["opportunistic", "required"])
def daemons(request, tmp_path_factory, certificates):
    hop = Hop()
    hop.tls = certificates[1]["good"]
    hop.ehlo.append("STARTTLS")
    hop.start()
    farm = module_farm(tmp_path_factory, request.param, relay_to=hop.uri, smtpgate=(
        f'{MORE} next_hop_tls = "{request.param}" next_hop_tls_ca = "{certificates[0]}"'))
    farm.login(SOURCE)
    yield request.param, farm, hop
    farm.stop()
    hop.stop()


@pytest.fixture
def gate(daemons, certificates):
    _, _, hop = daemons
    hop.at.clear()
    hop.tls = certificates[1]["good"]
    if "STARTTLS" not in hop.ehlo:
        hop.ehlo.append("STARTTLS")
    # A test before may have left it as one that fails.
    until(lambda: send(daemons[1]).startswith("250"), 15, "the hop being used")
    hop.sessions.clear()
    hop.messages.clear()
    return daemons


def send(farm):
    with farm.smtp(SOURCE) as smtp:
        for answer in smtp.mail(SENDER, TO):
            if not answer.startswith("250"):
                return answer
        return smtp.data(mail.stuffed(LETTER))


def said_why(farm, word):
    until(lambda: any(word in event["what"] for event in farm.events("hop.failed")), 10,
          lambda: f"{word!r} in {farm.events('hop.failed')}")


def sent_under_tls(hop):
    session = hop.used()[-1]
    return isinstance(session.sock, ssl.SSLSocket)


def test_mail_goes_under_tls_where_it_can(gate):
    _, farm, hop = gate
    assert send(farm).startswith("250")
    assert sent_under_tls(hop)
    assert hop.used()[0].verbs()[:3] == ["EHLO", "STARTTLS", "EHLO"]
    assert mail.same(mail.unstuffed(hop.taken()[0].body), LETTER)


def test_a_connection_under_tls_is_kept_too(gate):
    _, farm, hop = gate
    with farm.smtp(SOURCE) as smtp:
        for _ in range(3):
            assert smtp.deliver(SENDER, [TO], mail.stuffed(LETTER)).startswith("250")
    assert len(hop.used()) == 1 and len(hop.taken()) == 3


@pytest.mark.parametrize("name", ["wrong", "self"])
def test_a_bad_certificate_matters_only_where_it_is_asked_for(gate, certificates, name):
    how, farm, hop = gate
    hop.tls = certificates[1][name]
    answer = send(farm)
    if how == "opportunistic":
        assert answer.startswith("250") and sent_under_tls(hop)
    else:
        assert answer.startswith("451") and hop.taken() == [] and hop.used() == []
        said_why(farm, "self-signed" if name == "self" else "mismatch")


@pytest.mark.parametrize("what", ["none", "refused", "broken", "closed"])
def test_no_tls_is_no_mail_only_where_it_is_required(gate, what):
    how, farm, hop = gate
    if what == "none":
        hop.ehlo.remove("STARTTLS")
    elif what == "refused":
        hop.at["starttls"] = "454 4.7.0 not now"
    elif what == "broken":
        hop.at["starttls"] = lambda _session: b"220 go on\r\n"  # and then says no TLS
    else:
        hop.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # without a certificate no handshake ends
    answer = send(farm)
    if how == "opportunistic":
        assert answer.startswith("250") and not sent_under_tls(hop)
    else:
        assert answer.startswith("451") and hop.taken() == []


def test_octets_in_clear_behind_the_answer_to_starttls_are_no_answers(gate):
    _, farm, hop = gate
    hop.at["starttls"] = b"220 go on\r\n250-hop.test\r\n250 8BITMIME\r\n250 fine\r\n250 fine\r\n"
    assert send(farm).startswith("451")
    assert hop.taken() == [] and hop.used() == []
    said_why(farm, "before TLS")
