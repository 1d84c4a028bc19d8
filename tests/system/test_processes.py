"""Supervision: what dies is replaced on the same socket, what is told to go finishes what it has begun."""

import json
import os
import signal
import socket
import threading
import time

import pytest

import mail
from ports import until

SOURCE = "127.0.0.13"


def test_sigterm_lets_sessions_finish_and_takes_no_new_ones(farm, hop):
    farm.relay_to = hop.uri
    farm.start()
    mail.put(farm.maildir(), b"Subject: x\n\nx\n")
    letter = mail.tricky()
    with farm.pop(SOURCE) as pop, farm.smtp(SOURCE) as smtp:
        assert pop.login().startswith("+OK")
        assert pop.says("DELE 1").startswith("+OK")
        smtp.mail("anna@example.net", "bob@else.test")
        assert smtp.says("DATA").startswith("354")
        smtp.send(mail.stuffed(letter[:100]))
        for name in ("pop3d", "smtpgate"):
            farm.running[name].terminate()
        for port in (farm.pop_port, farm.smtp_port):
            until(lambda p=port: refuses(p), 5, f"port {port} closed")
        smtp.send(mail.stuffed(letter)[len(mail.stuffed(letter[:100])):] + b".\r\n")
        assert smtp.reply().startswith("250")
        assert pop.says("QUIT").startswith("+OK")
    for name in ("pop3d", "smtpgate"):
        assert farm.end(name, 10) == 0
    assert mail.files(farm.maildir()) == []
    assert mail.same(mail.unstuffed(hop.taken()[0].body), letter)


def refuses(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as sock:
            sock.settimeout(2)
            return sock.recv(1) == b""
    except OSError:
        return True


def test_sigterm_ends_idle_sessions_at_the_deadline(farm):
    farm.drain_timeout = "1s"
    farm.start()
    with farm.pop(SOURCE) as pop, farm.smtp(SOURCE) as smtp:
        pop.login()
        smtp.mail("", "anna@example.net")
        assert farm.end("pop3d") == 0
        assert farm.end("smtpgate") == 0
        assert pop.line() == "-ERR [SYS/TEMP] The server is shutting down" and pop.ended()
        assert smtp.reply().startswith("421 4.3.2") and smtp.ended()


def test_sighup_serves_the_new_config_and_leaves_old_sessions_alone(farm):
    farm.start()
    with farm.smtp(SOURCE) as old, farm.pop(SOURCE) as pop:
        pop.login()
        farm.smtpgate, farm.pop3d = 'refusal_text = "Not from there"', 'idle_timeout = "9m"'
        farm.write()
        farm.reload("smtpgate")
        farm.reload("pop3d")
        until(lambda: "Not from there" in farm.relay_reply("127.0.0.14"), 10, "the new text")
        assert "Not from there" not in old.mail("", "bob@else.test")[-1]
        assert old.says("QUIT").startswith("221")
        assert pop.says("QUIT").startswith("+OK")
    assert farm.login(SOURCE).startswith("+OK")
    for name in ("smtpgate", "pop3d"):
        assert len(farm.events("config.loaded", prog=name)) >= 1


def test_sighup_with_a_bad_config_changes_nothing(farm):
    farm.start()
    good = farm.conf.read_text()
    farm.conf.write_text(good + '\nno_such_option = "1"\n')
    for name in ("pop3d", "smtpgate"):
        farm.reload(name)
        bad = farm.wait_event("config.bad", prog=name)
        assert f":{good.count(chr(10)) + 2}:" in bad["msg"] and "no_such_option" in bad["msg"]
    assert farm.login(SOURCE).startswith("+OK")
    assert not farm.relay_reply(SOURCE).startswith("550 5.7.1")
    farm.conf.write_text(good)


def test_many_reloads_leave_one_generation(farm):
    farm.drain_timeout = "2s"
    farm.start()
    counts = {name: len(farm.children(name)) for name in ("pop3d", "smtpgate")}
    for _ in range(8):
        for name in counts:
            farm.reload(name)
        assert farm.login(SOURCE).startswith("+OK")
    for name, count in counts.items():
        until(lambda n=name, c=count: len(farm.children(n)) == c, 20, f"{name} with {count} children")


@pytest.mark.soak
@pytest.mark.release
def test_a_storm_of_reloads_with_sessions_open_leaves_a_daemon_that_serves(farm):
    """Sessions keep the workers of earlier configs. Once there is no room for more, a reload is refused, and
    nobody is served by a generation that could not start."""
    farm.workers, farm.drain_timeout = 16, "60s"
    farm.start("pop3d")
    held, asked = [], 0
    while not farm.events("config.kept"):
        asked += 1
        assert asked < 100, "the room never ran out"
        held += [farm.pop(f"127.0.6.{asked}") for _ in range(40)]
        farm.reload("pop3d")
        until(lambda: len(farm.events("config.loaded") + farm.events("config.kept")) > asked, 10,
              "the reload being answered")
    with farm.pop("127.0.7.1") as talk:
        assert talk.greeting.startswith("+OK")
    for talk in held:
        talk.close()
    until(lambda: len(farm.children("pop3d")) == 16, 20, "the drained generations being gone")
    loaded = len(farm.events("config.loaded"))
    farm.reload("pop3d")
    farm.wait_event("config.loaded", count=loaded + 1)


def test_no_connection_is_refused_or_reset_while_reloading(farm):
    farm.start()
    stop, faults, done = threading.Event(), [], []

    def knock():
        while not stop.is_set():
            try:
                with farm.pop(SOURCE) as pop:
                    assert pop.greeting.startswith("+OK"), pop.greeting
                    assert pop.says("QUIT").startswith("+OK")
                    done.append(1)
            except (OSError, AssertionError, AttributeError) as error:
                faults.append(repr(error))

    threads = [threading.Thread(target=knock) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        farm.reload("pop3d")
        time.sleep(0.4)
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults and len(done) > 50


@pytest.mark.release
@pytest.mark.parametrize("name", ["pop3d", "smtpgate"])
def test_a_killed_worker_costs_nobody_else_a_connection(farm, name):
    farm.workers = 2
    farm.start()
    for _ in range(12):
        for pid in farm.role(name, "worker"):
            os.kill(pid, signal.SIGKILL)
        for _ in range(4):
            with (farm.pop if name == "pop3d" else farm.smtp)(SOURCE) as talk:
                assert talk.greeting.startswith(("+OK", "220"))
                assert talk.says("QUIT").startswith(("+OK", "221"))
    died = farm.wait_event("worker.died", count=12)
    assert died["level"] in ("error", "warn")


@pytest.mark.release
def test_a_killed_worker_leaves_no_lock_on_a_maildrop(farm):
    farm.start("pop3d")
    with farm.pop(SOURCE) as pop:
        assert pop.login().startswith("+OK")
        for pid in farm.role("pop3d", "worker"):
            os.kill(pid, signal.SIGKILL)
        assert pop.ended()
    assert farm.login(SOURCE).startswith("+OK")


@pytest.mark.release
def test_a_killed_store_is_replaced_and_logins_go_on(farm, hop):
    farm.relay_to = hop.uri
    farm.start()
    assert farm.login("127.0.1.1").startswith("+OK")
    for n in range(5):
        old = farm.store_pids()
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        assert farm.login(f"127.0.2.{n + 1}").startswith("+OK")
        until(lambda: farm.store_pids() and farm.store_pids() != old, 15, "a new store")
        until(lambda: farm.ctl("window", "stats").returncode == 0, 15, "it answering")
    assert farm.relay_reply("127.0.1.1").startswith("250"), "what was granted is granted"
    # Was a login lost meanwhile, nobody is told a final no; otherwise it counts.
    for n in range(5):
        assert not farm.relay_reply(f"127.0.2.{n + 1}").startswith("5")
    until(lambda: farm.login("127.0.3.1").startswith("+OK") and
          farm.relay_reply("127.0.3.1").startswith("250"), 20, "grants being taken again")


@pytest.mark.release
def test_a_store_that_hangs_delays_a_login_by_a_second_and_the_loss_is_counted(farm, hop):
    farm.relay_to = hop.uri
    farm.start()
    farm.login("127.0.1.1")
    store = farm.store_pid()
    os.kill(store, signal.SIGSTOP)
    try:
        start = time.monotonic()
        assert farm.login("127.0.1.2").startswith("+OK")
        assert time.monotonic() - start > 0.8  # it never answers, so a reply at all is the bound
        farm.wait_event("store.failed", level="error")
        time.sleep(5.5)  # until the heartbeat is too old to say no
        assert farm.relay_reply("127.0.1.9").startswith("451 4.3.0")
        assert farm.relay_reply("127.0.1.2").startswith("451 4.3.0")
        assert farm.relay_reply("127.0.1.1").startswith("250"), "a hit needs only a valid record"
        with farm.smtp("127.0.1.9") as smtp:  # and what needs no window is not held up
            assert smtp.mail("", "anna@example.net")[-1].startswith("250")
        explained = json.loads(farm.ctl("explain", "127.0.1.9", "--json").stdout.splitlines()[2])
        assert explained["rule"] == "window" and "a login was not recorded" in explained["result"]
        assert "a login was not recorded: until 2" in farm.ctl("window", "stats").stderr
    finally:
        os.kill(store, signal.SIGCONT)
    # The lost login must not turn into a final no before its lifetime is over.
    time.sleep(1.5)
    assert not farm.relay_reply("127.0.1.2").startswith("550 5.7.1")


def test_the_store_outlives_the_daemons_and_serves_the_next(farm):
    farm.start()
    farm.login(SOURCE)
    store = farm.store_pid()
    farm.end("pop3d")
    farm.end("smtpgate")
    assert farm.store_pid() == store
    farm.start()
    assert farm.store_pid() == store
    assert not farm.relay_reply(SOURCE).startswith("550 5.7.1")


def test_two_daemons_started_at_once_share_one_store(farm):
    farm.write()
    farm.spawn("pop3d")
    farm.spawn("smtpgate")
    farm.ready("pop3d", "smtpgate")
    time.sleep(1.5)
    assert len(farm.store_pids()) == 1


def test_connections_over_the_limit_are_told_and_the_limit_is_per_address(farm):
    farm.pop3d = farm.smtpgate = "max_connections_per_address = 3"
    farm.start()
    for dial, full in ((farm.pop, "-ERR"), (farm.smtp, "421")):
        held = [dial(SOURCE) for _ in range(3)]
        more = {"hello": None} if full == "421" else {}
        with dial(SOURCE, **more) as over:
            assert over.greeting.startswith(full)
        with dial("127.0.0.99") as other:
            assert other.greeting.startswith(("+OK", "220"))
        for talk in held:
            talk.close()
        until(lambda d=dial, m=more: d(SOURCE, **m).greeting.startswith(("+OK", "220")), 5, "room again")


def test_an_idle_session_is_ended(farm):
    farm.pop3d = farm.smtpgate = 'idle_timeout = "1s"'
    farm.start()
    with farm.pop(SOURCE) as pop, farm.smtp(SOURCE) as smtp:
        start = time.monotonic()
        assert (smtp.reply() or "421").startswith("421")
        assert pop.ended()
        assert time.monotonic() - start > 0.7
