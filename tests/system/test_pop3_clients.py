"""Real mail programs log in by every way they know, in clear and under TLS; octet for octet, and the log
says how it was."""

import subprocess

import pytest

import clients
import mail

SOURCE = "127.0.14.1"


@pytest.fixture
def letters(farm):
    """A host with TLS and accounts u0, u1 ... of a password that every mechanism can use."""
    sent = [mail.message("plain"), mail.tricky("tricky"), mail.large(60_000)]
    farm.users = {f"u{n}@example.net": "{PLAIN}secret" for n in range(12)}
    for n in range(12):
        for letter in sent:
            mail.put(farm.maildir(f"u{n}"), mail.lf(letter))
    farm.certify()
    farm.start("pop3d")
    return sorted(mail.lf(letter) for letter in sent)


def check(farm, user, got, letters, keep, mechanism, tls):
    assert sorted(mail.ADDED.sub(b"", mail.lf(letter), count=1) for letter in got) == letters
    assert len(mail.files(farm.maildir(user))) == (3 if keep else 0), (user, keep)
    line = farm.wait_event("pop3.login", user=f"{user}@example.net")
    said = (line["mechanism"], line["tls"], line["plaintext"])
    in_clear = not tls and mechanism in ("plain", "login")
    assert said == (mechanism, str(tls).lower(), str(in_clear).lower())


def each(farm, letters, directory, fetch, ways):
    """For each way, a user of its own keeps, and then deletes."""
    for n, (mechanism, tls, settings) in enumerate(ways):
        user, place = f"u{n}", directory / f"u{n}"
        for keep in (True, False):
            into = place / str(keep)
            into.mkdir(parents=True)
            got = fetch(farm, SOURCE, into, keep, user=user, **settings(farm))
            check(farm, user, got, letters, keep, mechanism, tls)


def test_fetchmail(farm, letters, directory):
    def ca(f):
        return f'sslcertck sslcertfile "{f.ca}" sslcommonname mail.example.net'

    each(farm, letters, directory, clients.fetchmail, [
        ("plain", True, lambda f: {"tls": f'sslproto "auto" {ca(f)}'}),
        ("plain", True, lambda f: {"port": f.pops_port, "tls": f"ssl {ca(f)}"}),
        ("apop", False, lambda f: {"protocol": "apop"}),
        ("cram-md5", False, lambda f: {"auth": "cram-md5"}),
    ])


def test_mpop(farm, letters, directory):
    def way(auth, *tls):
        return lambda f: {"how": (f"--auth={auth}", *(tls or ("--tls=off",)), f"--tls-trust-file={f.ca}")}

    stls = ("--tls=on", "--tls-starttls=on")
    each(farm, letters, directory, clients.mpop, [
        ("plain", True, way("user", *stls)),
        ("plain", True, lambda f: {**way("plain", "--tls=on", "--tls-starttls=off")(f), "port": f.pops_port}),
        ("login", True, way("login", *stls)),
        ("apop", False, way("apop")),
        ("cram-md5", False, way("cram-md5")),
        ("scram-sha-256", False, way("scram-sha-256")),
        ("scram-sha-256", True, way("scram-sha-256", *stls)),
    ])


def test_getmail(farm, letters, directory):
    each(farm, letters, directory, clients.getmail, [
        ("apop", False, lambda f: {"more": "use_apop = true"}),
        ("plain", True, lambda f: {"retriever": "SimplePOP3SSLRetriever", "port": f.pops_port,
                                   "more": f"ca_certs = {f.ca}"}),
    ])


def test_mutt(farm, letters, directory):
    def way(auth, tls):
        return lambda f: {"more": f"set pop_authenticators={auth} certificate_file={f.ca} "
                                  f"ssl_starttls={tls} ssl_force_tls={tls}"}

    each(farm, letters, directory, clients.mutt, [
        ("plain", True, way("user", "yes")),
        ("plain", True, lambda f: {**way("plain", "yes")(f), "scheme": "pops", "port": f.pops_port}),
        ("apop", False, way("apop", "no")),
        ("scram-sha-256", False, way("scram-sha-256", "no")),
        ("cram-md5", False, way("cram-md5", "no")),
    ])


CURL = [("cram-md5", "pop3", ()), ("cram-md5", "pop3s", ()), ("plain", "pop3", ("--login-options", "AUTH=PLAIN")),
        ("plain", "pop3s", ("--login-options", "AUTH=PLAIN", "--sasl-ir")),
        ("login", "pop3", ("--login-options", "AUTH=LOGIN")),
        ("cram-md5", "pop3s", ("--login-options", "AUTH=CRAM-MD5")),
        ("apop", "pop3s", ("--login-options", "AUTH=+APOP"))]


def test_curl(farm, letters):
    for n, (mechanism, scheme, extra) in enumerate(CURL):
        user = f"u{n}"
        got = [clients.curl_pop(farm, number, SOURCE, user, scheme, extra) for number in (1, 2, 3)]
        check(farm, user, got, letters, True, mechanism, True)
        clients.curl_pop(farm, 1, SOURCE, user, scheme, (*extra, "--head", "-X", "DELE"))
        assert len(mail.files(farm.maildir(user))) == 2


def test_curl_with_apop_in_clear(farm, letters):
    got = subprocess.run(["curl", "-sS", "--interface", SOURCE, "-u", "u0:secret", "--login-options", "AUTH=+APOP",
                          f"pop3://127.0.0.1:{farm.pop_port}/1"], capture_output=True, timeout=60, check=True)
    assert mail.lf(got.stdout) in letters
    assert farm.wait_event("pop3.login")["mechanism"] == "apop"
