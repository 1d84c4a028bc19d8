"""Real programs as next hops, and a real MTA that sends through the gate."""

import contextlib
import os
import smtplib
import socket
import threading

import pytest

import mail
from dovecot import Dovecot
from exim import Exim
from peers import Postfix
from ports import until
from test_hop_introduce import module_farm

LETTER = mail.tricky("letter")
SENDER, TO = "anna@example.net", "bob@else.test"

# LOGIN counts for Postfix only where SASL is on, and that wants a server which it asks for mechanisms.
AUTHENTICATED_ONLY = """
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {path}
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
"""


@contextlib.contextmanager
def auth_server(path):
    """Says which mechanisms there are, in Dovecot's auth protocol, and nothing else."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    os.chmod(path, 0o666)
    server.listen(20)
    held = []

    def serve():
        while True:
            try:
                sock, _ = server.accept()
            except OSError:
                return
            sock.sendall(b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\tab\nDONE\n")
            held.append(sock)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for sock in held:
            sock.close()


@contextlib.contextmanager
def running(what):
    what.start()
    try:
        yield what
    finally:
        what.stop()


def test_postfix_sees_the_client_and_lets_the_window_pass_as_authenticated(tmp_path_factory, directory):
    path = directory / "auth"
    with auth_server(path), running(Postfix(directory / "postfix", [TO], AUTHENTICATED_ONLY.format(
            path=path))) as postfix:
        farm = module_farm(tmp_path_factory, "sasl", relay_to=f"smtp:127.0.0.1:{postfix.port}",
                           smtpgate='networks = { "127.0.8.9/32" }')
        try:
            farm.login("127.0.8.1")
            with farm.smtp("127.0.8.1", hello="pc.example") as smtp:
                assert smtp.deliver(SENDER, [TO], mail.stuffed(LETTER)).startswith("250")
                port = smtp.port
            stored, = postfix.wait_for(TO)
            assert mail.same(stored, LETTER)
            log = postfix.log()
            assert "client=unknown[127.0.8.1]" in log or f"[127.0.8.1]:{port}" in log
            assert "sasl_username=anna@example.net" in log
            trace = mail.trace(stored).decode()
            assert "from pc.example (unknown [127.0.8.1])" in trace and "ESMTPA" not in trace.split(
                "by hop.example.test")[0]
            # Who may send by its network has no account there, and this Postfix wants one.
            with farm.smtp("127.0.8.9") as smtp:
                assert smtp.mail("x@else.test", TO)[1].startswith("554 5.7.1")
        finally:
            farm.stop()


def test_postfix_hears_of_each_client_on_one_connection(tmp_path_factory, directory):
    clients = [("127.0.8.6", "anna", "pc.example"), ("127.0.8.7", "bert", "box.example"),
               ("127.0.8.6", "anna", "pc.example")]
    with running(Postfix(directory / "postfix", [TO])) as postfix:
        farm = module_farm(tmp_path_factory, "reuse", relay_to=f"smtp:127.0.0.1:{postfix.port}",
                           next_hop_reuse="30s")
        try:
            for source, user, hello in clients:
                farm.login(source, user)
                with farm.smtp(source, hello=hello) as smtp:
                    assert smtp.deliver(f"{user}@example.net", [TO], mail.stuffed(LETTER)).startswith("250")
            stored = postfix.wait_for(TO, 3)
            traces = [mail.trace(letter).decode() for letter in stored]
            assert sum("from pc.example (unknown [127.0.8.6])" in trace for trace in traces) == 2
            assert sum("from box.example (unknown [127.0.8.7])" in trace for trace in traces) == 1
            log = postfix.log()
            assert log.count("client=unknown[127.0.8.6]") == 2 and log.count("client=unknown[127.0.8.7]") == 1
            assert ": connect from" not in log[log.index("client=unknown[127.0.8.6]"):]
        finally:
            farm.stop()


def test_postfix_takes_the_proxy_header(tmp_path_factory, directory):
    with running(Postfix(directory / "postfix", [TO],
                         "smtpd_upstream_proxy_protocol = haproxy\n")) as postfix:
        farm = module_farm(tmp_path_factory, "haproxy", relay_to=f"smtp:127.0.0.1:{postfix.port}",
                           smtpgate='identify = "proxy"')
        try:
            farm.login("127.0.8.3")
            with farm.smtp("127.0.8.3", hello="pc.example") as smtp:
                assert "8BITMIME" in until(lambda: smtp.says("EHLO pc.example"), 5)
                assert smtp.deliver(SENDER, [TO], mail.stuffed(LETTER)).startswith("250")
            stored, = postfix.wait_for(TO)
            assert mail.same(stored, LETTER)
            assert "from pc.example (unknown [127.0.8.3])" in mail.trace(stored).decode()
        finally:
            farm.stop()


def test_exim_takes_the_proxy_header(tmp_path_factory, directory):
    with running(Exim(directory / "exim")) as exim:
        farm = module_farm(tmp_path_factory, "exim", relay_to=f"smtp:127.0.0.1:{exim.port}",
                           smtpgate='identify = "proxy"')
        try:
            farm.login("127.0.8.5")
            with farm.smtp("127.0.8.5", hello="pc.example") as smtp:
                assert smtp.deliver(SENDER, [TO], mail.stuffed(LETTER)).startswith("250")
                port = smtp.port
            stored, = until(exim.messages, 20, "the message in Exim's Maildir")
            assert mail.same(stored, LETTER)
            assert f"H=(pc.example) [127.0.8.5]:{port}" in exim.log()
        finally:
            farm.stop()


@pytest.mark.parametrize("how", ["tcp", "unix"])
def test_dovecot_takes_local_mail_by_lmtp(tmp_path_factory, directory, how):
    with running(Dovecot(directory / "dovecot")) as dovecot:
        uri = f"lmtp:unix:{dovecot.socket}" if how == "unix" else f"lmtp:127.0.0.1:{dovecot.port}"
        farm = module_farm(tmp_path_factory, f"dovecot-{how}", deliver_to=uri)
        try:
            with farm.smtp("127.0.8.4") as smtp:
                answers = smtp.mail("x@else.test", "anna@example.net", "bert@example.net")
                assert answers[1].startswith("250") and answers[2].startswith("452 4.5.3")
                assert smtp.data(mail.stuffed(LETTER)).startswith("250")
                assert smtp.deliver("x@else.test", ["bert@example.net"],
                                    mail.stuffed(LETTER)).startswith("250")
            for user in ("anna@example.net", "bert@example.net"):
                stored, = dovecot.messages(user)
                assert mail.same(stored, LETTER)
                assert b"Return-Path: <x@else.test>" in mail.trace(stored)
        finally:
            farm.stop()


SENDING = """
relayhost = [127.0.0.1]:{port}
smtp_bind_address = 127.0.8.2
virtual_mailbox_domains =
virtual_mailbox_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = permit_mynetworks, reject
smtp_host_lookup = native
smtp_tls_security_level = none
"""


def test_postfix_sends_through_the_gate_to_postfix(tmp_path_factory, directory):
    with running(Postfix(directory / "far", [TO, "carol@else.test"])) as far:
        farm = module_farm(tmp_path_factory, "sending", relay_to=f"smtp:127.0.0.1:{far.port}")
        near = Postfix(directory / "near", [], SENDING.format(port=farm.smtp_port),
                       "smtp unix - - n - - smtp\n")
        try:
            farm.login("127.0.8.2")
            with running(near), smtplib.SMTP("127.0.0.1", near.port, timeout=20) as smtp:
                letters = [mail.tricky(), mail.large(200_000), mail.message("short", b"")]
                for letter in letters:
                    assert smtp.sendmail(SENDER, [TO, "carol@else.test"], letter) == {}
                for box in (TO, "carol@else.test"):
                    got = far.wait_for(box, len(letters), 40)
                    left = [stored for stored in got
                            if not any(mail.same(stored, letter) for letter in letters)]
                    assert left == [] and len(got) == len(letters)
        finally:
            farm.stop()
