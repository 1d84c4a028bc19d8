"""The PROXY protocol in: who may speak it, what it says and what it can never grant; by hand, and behind
real balancers."""

import itertools
import json
import ssl
import time

import pytest

import certificates
import house
import mail
from balancers import (BALANCER, BALANCERS, LOCAL, UNKNOWN, HaProxy, HeadedPop, HeadedSmtp, Nginx, says_nothing, v1, v2)
from farm import Farm
from ports import free_port, until
from talk import Pop, Smtp, dial


def balanced_farm(directory, **settings):
    """Besides the usual listeners some that want a header: pop, pops (TLS at once), smtp, submission."""
    farm = Farm(directory, house.SANITISED)
    farm.workers = 1
    for key, value in settings.items():
        setattr(farm, key, value)
    farm.certify()
    farm.proxied = {name: free_port() for name in ("pop", "pops", "smtp", "submission")}
    farm.more += f'proxies = {{ "{BALANCERS}" }}\n'
    for name, tls in (("pop", "starttls"), ("pops", "implicit")):
        farm.pop3d += f'listener "127.0.0.1:{farm.proxied[name]}" {{ tls = "{tls}" proxy_protocol = true }}\n'
    for name, role in (("smtp", "mx"), ("submission", "submission")):
        farm.smtpgate += f'listener "127.0.0.1:{farm.proxied[name]}" {{ role = "{role}" ' \
                         'proxy_protocol = true }\n'
    mail.put(farm.maildir(), b"Subject: x\n\nx\n")
    return farm.start()


@pytest.fixture(scope="module")
def farm(tmp_path_factory):
    made = balanced_farm(tmp_path_factory.mktemp("proxy") / "farm",
                         pop3d="max_connections_per_address = 5\n",
                         smtpgate=f'networks = {{ "{BALANCER}/32" }}\n')
    yield made
    made.stop()


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """No password in clear."""
    made = balanced_farm(tmp_path_factory.mktemp("strict") / "farm", plaintext_auth="tls")
    yield made
    made.stop()


balancer = (f"127.0.9.{n}" for n in itertools.count(10))  # lines of one address are folded


def relay(port, header, source=BALANCER):
    """The answer to a RCPT that asks for relay, from whom the header says."""
    with HeadedSmtp(port, header, source) as talk:
        return talk.mail("anna@example.net", "bob@else.test")[-1]


def holders(farm, address):
    return [row["user"] for row in farm.table("window", "show", address)]


# -- by hand

@pytest.mark.parametrize("make,client,other", [
    (v1, "203.0.113.1", "198.51.100.1"), (v1, "2001:db8:1::1", "2001:db8:2::1"),
    (v2, "203.0.113.2", "198.51.100.2"), (v2, "2001:db8:3::1", "2001:db8:4::1")])
def test_the_window_opens_for_whom_the_header_names(farm, make, client, other):
    assert relay(farm.proxied["smtp"], make(client)).startswith("550")
    with HeadedPop(farm.proxied["pop"], make(client, 40123)) as talk:
        assert talk.login().startswith("+OK")
    login = farm.wait_event("pop3.login", addr=client, port=40123)
    assert "until" in login and "proxied" not in login
    assert relay(farm.proxied["smtp"], make(client)).startswith("250")
    assert relay(farm.proxied["smtp"], make(other)).startswith("550")
    assert holders(farm, client) == ["anna@example.net"] and holders(farm, BALANCER) == []


@pytest.mark.parametrize("header", [v1("203.0.113.77", 40200), v2("203.0.113.77", 40200, tlvs=b"\4\0\2\0\0")])
def test_a_header_may_come_an_octet_at_a_time_or_with_all_that_follows(farm, header):
    with HeadedPop(farm.proxied["pop"], [header[i:i + 1] for i in range(len(header))]) as talk:
        assert talk.login().startswith("+OK")
    with HeadedPop(farm.proxied["pop"], header + b"USER anna\r\nPASS secret\r\nSTAT\r\nQUIT\r\n") as talk:
        answers = [talk.greeting] + [talk.line() for _ in range(4)]
        assert all(answer.startswith("+OK") for answer in answers), answers
        assert talk.ended()


def test_nobody_else_is_heard_there(farm):
    sources = (f"127.0.3.{n}" for n in itertools.count(1))
    for port in farm.proxied.values():
        for octets in (v1("203.0.113.66"), v2("203.0.113.66"), LOCAL, b"USER anna\r\nPASS secret\r\n"):
            source = next(sources)
            assert says_nothing(port, octets, source)
            farm.wait_event("proxy.refused", addr=source, reason="untrusted")
    assert not farm.events(addr="203.0.113.66")


@pytest.mark.parametrize("octets,reason", [
    (b"USER anna\r\nPASS secret\r\n", "no-header"), (b"EHLO there\r\n", "no-header"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01", "no-header"),
    (b"PROXY TCP4 203.0.113.1 203.0.113.2 1\r\n", "malformed"), (b"PROXY UNKNOWN " + b"x" * 200, "too-long"),
    (v2("203.0.113.5", tlvs=b"\3\0\4\0\0\0\0"), "checksum"),
    (v2("203.0.113.5")[:14] + b"\xff\xff", "too-long")])
def test_without_a_header_nothing_is_taken_for_a_command(farm, octets, reason):
    logins = len(farm.events("pop3.login"))
    for name in ("pop", "pops", "smtp"):
        source = next(balancer)
        assert says_nothing(farm.proxied[name], octets, source)
        farm.wait_event("proxy.refused", addr=source, reason=reason)
    assert len(farm.events("pop3.login")) == logins


def test_half_a_header_is_none(farm):
    for header, reason in ((v1("203.0.113.8"), "torn"), (v2("203.0.113.8"), "torn"), (b"x", "gone")):
        source = next(balancer)
        with dial(farm.proxied["pop"], source) as sock:
            sock.sendall(header[:-1])
        farm.wait_event("proxy.refused", addr=source, reason=reason)
    assert not farm.events(addr="203.0.113.8")


def test_a_slow_header_has_its_time_in_all(farm):
    header, sources = v2("203.0.113.9"), [next(balancer), next(balancer)]
    with dial(farm.proxied["smtp"], sources[0]) as slow, dial(farm.proxied["pop"], sources[1]) as dumb:
        def drip():
            try:
                slow.sendall(header[drip.at:drip.at + 1])
                drip.at = min(drip.at + 1, len(header) - 1)
                time.sleep(0.3)  # how slow it is, not how long we wait
            except OSError:
                pass
            return all(farm.events("proxy.refused", addr=source, reason="timeout") for source in sources)

        drip.at = 0
        until(drip, 20, "both given up on")
        assert dumb.recv(1) == b""
    assert not farm.events(addr="203.0.113.9")


@pytest.mark.parametrize("header", [LOCAL, UNKNOWN, v2("203.0.113.10", command=0x20), v1("0.0.0.0")],
                         ids=["local", "unknown", "local-with-address", "no-address"])
def test_a_connection_of_nobody_is_served_and_grants_nothing(farm, header):
    with HeadedPop(farm.proxied["pop"], header) as talk:
        assert talk.login().startswith("+OK") and talk.says("STAT").startswith("+OK")
        login = farm.wait_event("pop3.login", addr=BALANCER, port=talk.port)
    assert login["grant"] == "never" and login["proxied"] in ("local", "unknown")
    assert holders(farm, BALANCER) == []
    with HeadedSmtp(farm.proxied["smtp"], header) as talk:  # and no network proves anything of it
        assert talk.mail("anna@example.net", "bert@example.net")[-1].startswith("250")
        assert talk.says("RCPT TO:<bob@else.test>").startswith("550")
    with HeadedSmtp(farm.proxied["submission"], header) as talk:  # but a password does
        assert talk.says("AUTH PLAIN AGFubmEAc2VjcmV0").startswith("235")
        assert talk.mail("anna@example.net", "bob@else.test")[-1].startswith("250")


def test_a_balancer_is_never_granted(farm):
    """A listener without the header, by mistake behind the balancer: its address is everybody's."""
    assert farm.login(BALANCER).startswith("+OK")
    assert farm.wait_event("pop3.login", addr=BALANCER)["grant"] == "never"
    assert holders(farm, BALANCER) == []


def test_limits_count_the_clients_not_the_balancer(farm):
    held = [HeadedPop(farm.proxied["pop"], v1("203.0.113.20", 41000 + i)) for i in range(5)]
    with HeadedPop(farm.proxied["pop"], v1("203.0.113.20", 41900)) as talk:
        assert talk.greeting.startswith("-ERR [SYS/TEMP]")
    farm.wait_event("pop3.refused", addr="203.0.113.20", port=41900)
    with HeadedPop(farm.proxied["pop"], v1("203.0.113.21")) as talk:
        assert talk.greeting.startswith("+OK")
    for talk in held:
        assert talk.greeting.startswith("+OK")
        talk.close()


def test_wrong_passwords_are_the_clients_not_the_balancers(farm):
    with HeadedPop(farm.proxied["pop"], v2("203.0.113.30", 42000)) as talk:
        assert talk.login(password="wrong").startswith("-ERR [AUTH]")
    farm.wait_event("pop3.login_failed", addr="203.0.113.30", port=42000)


def test_a_connection_that_waits_for_its_header_does_not_hold_up_a_reload(farm):
    with dial(farm.proxied["pop"], BALANCER) as sock:
        farm.reload("pop3d")
        with HeadedPop(farm.proxied["pop"], v1("203.0.113.40")) as talk:
            assert talk.login().startswith("+OK")
        sock.sendall(v1("203.0.113.41", 43000) + b"USER anna\r\nPASS secret\r\nQUIT\r\n")
        assert b"+OK" in sock.recv(4096)
    farm.wait_event("pop3.login", addr="203.0.113.41")


@pytest.mark.parametrize("section", ["pop3d", "smtpgate"])
def test_proxy_protocol_wants_somebody_who_may_speak_it(directory, section):
    made = Farm(directory / "farm", house.SANITISED)
    setattr(made, section, f'listener "127.0.0.1:{free_port()}" {{\n    proxy_protocol = true\n}}')
    made.write()
    answer = made.ctl("check")
    assert answer.returncode == 1 and "proxies names nobody who may speak it" in answer.stderr
    line = made.conf.read_text().splitlines()[int(answer.stderr.split(":")[1]) - 1]
    assert "proxy_protocol = true" in line


# -- TLS facts

def ssl_tlv(flags, *more):
    value = bytes([flags]) + bytes(4) + b"".join(bytes([kind]) + len(text).to_bytes(2, "big") + text
                                                 for kind, text in more)
    return b"\x20" + len(value).to_bytes(2, "big") + value


def test_tls_at_the_balancer_is_tls(strict):
    tlv = ssl_tlv(1, (0x21, b"TLSv1.3"), (0x23, b"TLS_AES_256_GCM_SHA384"))
    with HeadedPop(strict.proxied["pop"], v2("203.0.113.50", tlvs=tlv)) as talk:
        _, capa = talk.many("CAPA")
        assert b"STLS" not in capa and b"USER" in capa and b"SCRAM-SHA-256" in capa and b"-PLUS" not in capa
        assert talk.says("STLS").startswith("-ERR")
        assert talk.login().startswith("+OK")
    login = strict.wait_event("pop3.login", addr="203.0.113.50", tls="true", tls_by="proxy")
    assert (login["tls_version"], login["cipher"]) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert login["plaintext"] == "false"
    with HeadedSmtp(strict.proxied["submission"], v2("203.0.113.50", tlvs=tlv)) as talk:
        assert "STARTTLS" not in talk.ehlo and "PLAIN" in talk.ehlo and "-PLUS" not in talk.ehlo
        assert talk.says("AUTH PLAIN AGFubmEAc2VjcmV0").startswith("235")
    strict.wait_event("smtp.auth", addr="203.0.113.50", tls="true", tls_by="proxy")


def test_no_tls_at_the_balancer_is_none(strict):
    for header in (v2("203.0.113.51", tlvs=ssl_tlv(0)), v1("203.0.113.51"), LOCAL):
        with HeadedPop(strict.proxied["pop"], header) as talk:
            _, capa = talk.many("CAPA")
            assert b"STLS" in capa and b"USER" not in capa
            assert talk.says("USER anna").startswith("-ERR")


def tls_pop(strict, port, starttls=False, ca=None, source="127.0.0.3"):
    """A Pop whose TLS is the client's own, through whatever is between."""
    talk = Pop(port, source) if starttls else Pop.__new__(Pop)
    sock = talk.sock if starttls else dial(port, source)
    if starttls:
        assert talk.says("STLS").startswith("+OK")
    talk.sock = ssl.create_default_context(cafile=ca or strict.ca).wrap_socket(
        sock, server_hostname="mail.example.net")
    talk.port, talk.file = talk.sock.getsockname()[1], talk.sock.makefile("rb")
    if not starttls:
        talk.greeting = talk.line()
    return talk


# -- real balancers

@pytest.fixture(scope="module")
def haproxy(strict, tmp_path_factory):
    directory = tmp_path_factory.mktemp("haproxy")
    certificate, key = certificates.make(directory)
    pem = directory / "both.pem"
    pem.write_text(certificate.read_text() + key.read_text())
    to = {name: f"127.0.0.1:{port}" for name, port in strict.proxied.items()}
    options = "send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,crc32c,authority,unique-id"
    with HaProxy(directory, mute=(f"127.0.0.1:{strict.pop_port}", ""), v1=(f"{to['pop']} send-proxy", ""), v2=(f"{to['pop']} send-proxy-v2", ""),
                 full=(f"{to['pop']} {options}", f"ssl crt {pem}"),
                 terminated=(f"{to['pop']} send-proxy-v2-ssl", f"ssl crt {pem}"),
                 again=(f"{to['pops']} ssl verify none send-proxy-v2-ssl", f"ssl crt {pem}"),
                 clear=(f"{to['pop']} send-proxy-v2-ssl", ""), pops=(f"{to['pops']} send-proxy-v2", ""),
                 pops1=(f"{to['pops']} send-proxy", ""), smtp=(f"{to['smtp']} send-proxy-v2", ""),
                 check=(f"{to['pop']} send-proxy-v2 check inter 100ms", "")) as made:
        made.ca = certificate
        yield made


@pytest.mark.parametrize("way", ["v1", "v2", "clear"])
@pytest.mark.parametrize("host,source", [("127.0.0.1", "127.0.0.4"), ("::1", "::1")], ids=["ipv4", "ipv6"])
def test_haproxy_says_who_the_client_is(strict, haproxy, way, host, source):
    with Pop(haproxy.port[way], source, host=host) as talk:
        assert talk.greeting.startswith("+OK")
        port = talk.port
    strict.wait_event("pop3.disconnect", addr=source, port=port)


@pytest.mark.parametrize("way", ["full", "terminated", "again"])
def test_haproxy_that_ends_tls_says_so(strict, haproxy, way):
    with tls_pop(strict, haproxy.port[way], ca=haproxy.ca) as talk:
        _, capa = talk.many("CAPA")
        assert b"STLS" not in capa and b"USER" in capa and b"-PLUS" not in capa
        assert talk.login().startswith("+OK")
        login = strict.wait_event("pop3.login", addr="127.0.0.3", port=talk.port)
    assert (login["tls"], login["tls_by"], login["tls_version"]) == ("true", "proxy", "TLSv1.3")


@pytest.mark.parametrize("way,starttls", [("pops", False), ("pops1", False), ("v1", True), ("v2", True)])
def test_tls_passes_through_haproxy(strict, haproxy, way, starttls):
    with tls_pop(strict, haproxy.port[way], starttls) as talk:
        _, capa = talk.many("CAPA")
        assert b"SCRAM-SHA-256-PLUS" in capa
        assert talk.login().startswith("+OK")
        login = strict.wait_event("pop3.login", addr="127.0.0.3", port=talk.port)
    assert login["tls"] == "true" and "tls_by" not in login


def test_the_window_opens_behind_haproxy(strict, haproxy):
    def answer():
        with Smtp(haproxy.port["smtp"], "127.0.0.5") as talk:
            return talk.mail("anna@example.net", "bob@else.test")[-1]

    assert answer().startswith("550")
    with tls_pop(strict, haproxy.port["pops"], source="127.0.0.5") as talk:
        assert talk.login().startswith("+OK")
    assert answer().startswith("250")
    assert holders(strict, "127.0.0.5") == ["anna@example.net"] and holders(strict, BALANCER) == []


def test_health_checks_of_haproxy_are_nobodys(strict, haproxy):
    strict.wait_event("pop3.disconnect", addr=BALANCER, proxied="local", count=3)


def test_nginx_says_who_the_client_is(strict, tmp_path_factory):
    with Nginx(tmp_path_factory.mktemp("nginx"), pop=strict.proxied["pop"], pops=strict.proxied["pops"],
               smtp=strict.proxied["smtp"]) as nginx:
        with tls_pop(strict, nginx.port["pops"], source="127.0.0.6") as talk:
            assert talk.login().startswith("+OK")
            strict.wait_event("pop3.login", addr="127.0.0.6", port=talk.port)
        with tls_pop(strict, nginx.port["pop"], True, source="127.0.0.7") as talk:
            assert talk.login().startswith("+OK")
        with Smtp(nginx.port["smtp"], "127.0.0.6") as talk:
            assert talk.mail("anna@example.net", "bob@else.test")[-1].startswith("250")
        with Pop(nginx.port["pop"], "::1", host="::1") as talk:
            port = talk.port
        strict.wait_event("pop3.disconnect", addr="::1", port=port)


# -- popgate proxycheck

def proxycheck(farm, port, *words, host="127.0.0.1"):
    """The row, the exit status, and what it says to people."""
    row = farm.ctl("proxycheck", f"{host}:{port}", "--json", *words)
    told = farm.ctl("proxycheck", f"{host}:{port}", *words)
    assert row.returncode == told.returncode, told.stderr
    return json.loads(row.stdout), row.returncode, told.stdout


def test_proxycheck_without_a_balancer(strict):
    row, code, told = proxycheck(strict, strict.pop_port)
    assert (row["verdict"], row["way"], code) == ("client", "direct", 0)
    assert row["our_end"] == row["seen"] and row["our_end"].startswith("127.0.0.1:")
    assert "nothing is in between" in told
    row, code, _ = proxycheck(strict, strict.pops_port, "--listener", f"127.0.0.1:{strict.pops_port}")
    assert (row["verdict"], code) == ("client", 0)


def test_proxycheck_behind_a_balancer_that_says_nothing(strict, haproxy):
    row, code, told = proxycheck(strict, haproxy.port["mute"])
    assert (row["verdict"], row["way"], code) == ("between", "direct", 1)
    assert row["seen"].startswith(BALANCER + ":") and row["our_end"].startswith("127.0.0.1:")
    assert "open the window for all of them" in told


@pytest.mark.parametrize("host,way", [("127.0.0.1", "v1"), ("127.0.0.1", "v2"), ("[::1]", "v2")])
def test_proxycheck_behind_a_balancer_that_speaks_proxy(strict, haproxy, host, way):
    row, code, told = proxycheck(strict, haproxy.port[way], host=host)
    assert (row["verdict"], row["way"], code) == ("client", "proxy", 0)
    assert row["our_end"] == row["seen"] and row["our_end"].startswith(host + ":")
    assert "by the PROXY protocol" in told


def test_proxycheck_under_tls(strict, haproxy):
    row, code, _ = proxycheck(strict, haproxy.port["pops"], "--listener",
                              f"127.0.0.1:{strict.proxied['pops']}")
    assert (row["verdict"], row["way"], code) == ("client", "proxy", 0)


def test_proxycheck_where_a_header_is_wanted_and_none_comes(strict, hop):
    row, code, told = proxycheck(strict, strict.proxied["pop"])
    assert (row["verdict"], code) == ("closed", 1) and "proxy.refused" in told
    row, code, _ = proxycheck(strict, free_port())
    assert (row["verdict"], code) == ("unreachable", 3)
    row, code, _ = proxycheck(strict, hop.port)  # it speaks SMTP, and is not ours
    assert (row["verdict"], code) == ("foreign", 3)


def test_proxycheck_of_the_gate(strict, haproxy):
    row, code, told = proxycheck(strict, strict.smtp_port)
    assert (row["verdict"], row["way"], code) == ("client", "direct", 0) and row["our_end"] == row["seen"]
    row, code, _ = proxycheck(strict, strict.proxied["smtp"])
    assert (row["verdict"], code) == ("closed", 1)
    row, code, _ = proxycheck(strict, haproxy.port["smtp"])
    assert (row["verdict"], row["way"], code) == ("client", "proxy", 0) and row["our_end"] == row["seen"]


def test_proxycheck_sees_a_crowd_on_one_address(strict):
    assert strict.ctl("proxycheck").returncode == 0
    for i in range(12):
        assert strict.ctl("window", "grant", "198.51.100.9", "--user", f"crowd{i}").returncode == 0
    answer = strict.ctl("proxycheck")
    assert answer.returncode == 1 and "on 198.51.100.9: more likely a balancer" in answer.stderr
    strict.ctl("window", "revoke", "198.51.100.9")
