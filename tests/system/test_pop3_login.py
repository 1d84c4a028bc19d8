"""Who may log in how: passwords in clear, mechanisms, delays, limits, and what the log says of it."""

import base64
import hashlib
import os
import re
import socket

import pytest

import house
import mail
from ports import until

SOURCE = "127.0.16.1"


@pytest.fixture
def address():
    """An address of this host outside of 127/8; traffic to it from it stays on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.250", 9))  # nothing is sent: the kernel says where it would come from
            own = probe.getsockname()[0]
        except OSError:
            own = "127.0.0.1"
    if not own.startswith("127."):
        yield own
        return
    house.sudo("ip", "address", "add", "198.51.100.77/32", "dev", "lo")
    yield "198.51.100.77"
    house.sudo("ip", "address", "delete", "198.51.100.77/32", "dev", "lo")


def capabilities(pop):
    return pop.many("CAPA")[1].decode().splitlines()


def b64(octets):
    return base64.b64encode(octets).decode()


def test_in_clear_passwords_are_neither_announced_nor_taken(farm, address):
    farm.certify()
    farm.plaintext_auth, farm.pop_host = "tls", address
    farm.start("pop3d")
    with farm.pop(address, host=address) as pop:
        said = capabilities(pop)
        assert "USER" not in said and "STLS" in said
        assert "SASL SCRAM-SHA-256 CRAM-MD5" in said
        assert pop.says("USER anna").startswith("-ERR [AUTH]")
        assert "TLS" in pop.says("PASS secret")
        assert pop.says("AUTH PLAIN " + b64(b"\0anna\0secret")).startswith("-ERR [AUTH]")
        assert pop.says("AUTH LOGIN").startswith("-ERR [AUTH]")
        assert pop.says("STAT").startswith("-ERR")
        stamp = re.search(r"<.*>", pop.greeting).group()
        digest = hashlib.md5(stamp.encode() + b"secret").hexdigest()
        assert pop.says(f"APOP anna {digest}").startswith("+OK")
    line = farm.wait_event("pop3.login")
    assert (line["mechanism"], line["plaintext"]) == ("apop", "false")


def test_in_clear_passwords_are_taken_if_the_operator_says_so(farm, address):
    farm.pop_host = address
    farm.start("pop3d")
    with farm.pop(address, host=address) as pop:
        assert "USER" in capabilities(pop)
        assert pop.login().startswith("+OK")
    line = farm.wait_event("pop3.login")
    assert (line["mechanism"], line["tls"], line["plaintext"]) == ("plain", "false", "true")


def test_loopback_needs_no_tls(farm):
    farm.plaintext_auth = "tls"
    farm.start("pop3d")
    assert farm.login(SOURCE).startswith("+OK")


def test_apop_is_offered_only_where_somebody_can_use_it(farm):
    farm.users, farm.workers = {"anna@example.net": "{SHA512-CRYPT}$6$x$0"}, 1
    farm.start("pop3d")
    with farm.pop(SOURCE) as pop:
        assert "<" not in pop.greeting
        assert pop.says("APOP anna " + "0" * 32).startswith("-ERR")
        assert not any("CRAM-MD5" in line for line in capabilities(pop))
    farm.users["bert@example.net"] = "{PLAIN}secret"
    farm.write_users()

    def greeting():
        with farm.pop(SOURCE) as pop:
            return pop.greeting

    until(lambda: "<" in greeting(), 10, "the account that can use APOP being known")
    stamps = {re.fullmatch(r"\+OK .* <([A-Za-z0-9.]+@[A-Za-z0-9.]+)>", greeting()).group(1) for _ in range(4)}
    assert len(stamps) == 4, "each connection has a timestamp of its own"


def test_failures_of_every_kind_count_together_and_sound_the_same(farm):
    farm.start("pop3d")
    with farm.pop(SOURCE) as pop:
        said = {pop.login("anna", "wrong"), pop.login("nobody", "wrong"),
                pop.says("AUTH PLAIN " + b64(b"\0anna\0wrong")), pop.says("APOP anna " + "0" * 32)}
        assert len(said) == 1 and said.pop().startswith("-ERR [AUTH]")
        assert pop.says("AUTH PLAIN " + b64(b"\0nobody\0wrong")).startswith("-ERR")
        assert pop.ended()
    assert farm.wait_event("pop3.disconnect", reason="failures")  # what is answered may be logged a moment later
    failures = farm.events("pop3.login_failed")
    assert [line["mechanism"] for line in failures] == ["plain", "plain", "plain", "apop", "plain"]


def test_the_delay_between_logins_is_announced_and_kept(farm):
    farm.pop3d = 'login_delay = "1h"'
    mail.put(farm.maildir(), b"Subject: x\n\nx\n")
    farm.start("pop3d")
    with farm.pop(SOURCE) as pop:
        assert "LOGIN-DELAY 3600" in capabilities(pop)
        assert pop.login().startswith("+OK")
        assert "LOGIN-DELAY 3600" in capabilities(pop)
        pop.says("QUIT")
    assert farm.login(SOURCE).startswith("-ERR [LOGIN-DELAY]")
    assert farm.wait_event("pop3.login_failed")["reason"] == "login-delay"
    lock = farm.maildir() / "popgate.lock"
    os.utime(lock, (0, lock.stat().st_mtime - 3601))  # as if it had been longer ago
    assert farm.login(SOURCE).startswith("+OK")


def test_what_the_program_is_called_can_be_kept_quiet(farm):
    farm.pop3d = "implementation = false"
    farm.start("pop3d")
    with farm.pop(SOURCE) as pop:
        assert not any("IMPLEMENTATION" in line or "opgate" in line for line in capabilities(pop))
        assert "opgate" not in pop.greeting


def test_other_protocols_are_cut_without_a_word_and_logged(farm):
    mail.put(farm.maildir(), b"Subject: x\n\nx\n")
    farm.start("pop3d")
    post = b"POST / HTTP/1.1\r\nHost: x\r\n\r\nUSER anna\r\nPASS secret\r\nDELE 1\r\nQUIT\r\n"
    for octets, protocol in ((post, "http"), (b"EHLO x\r\n", "smtp"), (b"SSH-2.0-x\r\n", "ssh")):
        with farm.pop(SOURCE) as pop:
            pop.send(octets)
            assert pop.file.read() == b""
        assert farm.wait_event("pop3.foreign", protocol=protocol)["addr"] == SOURCE
    assert len(mail.files(farm.maildir())) == 1 and farm.events("pop3.login") == []


def salt(talk, command, user):
    """What SCRAM shows of a name before anything is proved: the salt and how often it is hashed."""
    first = talk.says(f"{command} {b64(f'n,,n={user},r=abcdefgh'.encode())}").split()[1]
    talk.says("*")
    return re.search(r",(s=.*)", base64.b64decode(first).decode()).group(1)


def test_salts_of_nobody_are_as_steady_as_those_of_accounts(farm):
    """After a restart, and in the other daemon: or it would be told who is there."""
    names = ("anna", "stored", "nobody", "noone")
    key = base64.b64encode(bytes(32)).decode()
    farm.users["stored@example.net"] = "{SCRAM-SHA-256}4096,%s,%s,%s" % (b64(b"0123456789abcdef"), key, key)
    farm.smtp_listener = "auth = yes"

    def salts():
        with farm.pop(SOURCE) as pop:
            return [salt(pop, "AUTH SCRAM-SHA-256", name) for name in names]

    farm.start()
    before = salts()
    assert len(set(before)) == len(names) and len({len(s) for s in before}) == 1
    with farm.smtp(SOURCE) as smtp:
        assert [salt(smtp, "AUTH SCRAM-SHA-256", name) for name in names] == before
    farm.end("pop3d")
    farm.start("pop3d")
    assert salts() == before
    assert (farm.dir / "state/salts.key").stat().st_mode & 0o777 == 0o600


def remembered(pid, words):
    """Those of the words that stand in the process's own memory: heap, stacks, what is mapped without a file."""
    found = set()
    with open(f"/proc/{pid}/mem", "rb", 0) as memory, open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        own = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw.p .* 0 *(?:\[(?:heap|stack)\])?$", maps.read(), re.M)
        for begin, end in own:
            memory.seek(int(begin, 16))
            octets = memory.read(int(end, 16) - int(begin, 16))
            found |= {word for word in words if word in octets}
    return found


@pytest.mark.release
def test_a_worker_forgets_what_was_typed(farm):
    """Neither a password nor its base64 stays anywhere in its memory once the answer is said."""
    farm.workers = 1
    farm.certify()
    farm.users["cleo@example.net"] = "{SHA512-CRYPT}$6$saltstring$" + "x" * 86
    farm.start("pop3d")
    worker, = farm.role("pop3d", "worker")
    typed = [b"typed-by-pass", b"typed-by-login", b64(b"typed-by-login").encode(), b"typed-at-once",
             b64(b"\0anna\0typed-at-once").encode(), b"typed-to-be-hashed", b"typed-behind-the-end"]

    def forgotten():
        return not remembered(worker, typed)

    assert remembered(worker, [b"anna@example.net:{PLAIN}secret"]), "this finds what is there"
    with farm.pop(SOURCE) as pop:
        assert pop.login(password="typed-by-pass").startswith("-ERR")
        until(forgotten, 10, "PASS being forgotten")
        pop.says("AUTH LOGIN")
        pop.says(b64(b"anna"))
        assert pop.says(b64(b"typed-by-login")).startswith("-ERR")
        until(forgotten, 10, "LOGIN being forgotten")
        assert pop.says("AUTH PLAIN " + b64(b"\0anna\0typed-at-once")).startswith("-ERR")
        until(forgotten, 10, "PLAIN being forgotten")
        assert pop.login("cleo", "typed-to-be-hashed").startswith("-ERR")
        until(forgotten, 20, "what was hashed being forgotten")
        pop.send(b"QUIT\r\nPASS typed-behind-the-end\r\n")
        assert pop.ended()
    until(forgotten, 10, "the rest being forgotten")
