"""Under a service manager: sockets that it passed, what it is told, workers that hang."""

import calendar
import os
import poplib
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

import manager
from ports import free_port, until
from test_supervision import Load

SOURCE = "127.0.0.21"


@pytest.fixture
def ear(farm):
    made = manager.Ear(farm)
    yield made
    made.close()


def test_passed_sockets_are_served_by_their_address_and_the_rest_is_reported(farm):
    passed, unused = manager.listening(farm.pop_port), manager.listening(free_port())
    own = free_port()
    farm.pop3d = f'listener "127.0.0.1:{own}" {{ }}'
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    manager.pass_sockets(farm, {"unused": unused, "odd": datagrams, "pop3": passed})
    farm.start("pop3d")
    for _ in range(8):
        assert farm.login(SOURCE).startswith("+OK")
    with farm.pop(SOURCE) as pop:
        assert pop.greeting
    farm.pop_port, known = own, farm.pop_port
    assert farm.login(SOURCE).startswith("+OK"), "a listener that was not passed is opened"
    said = " ".join(line["msg"] for line in farm.events("socket.unused"))
    assert f"127.0.0.1:{unused.getsockname()[1]}" in said and '"odd"' in said and str(known) not in said
    assert farm.end("pop3d") == 0
    with socket.create_connection(("127.0.0.1", known), 5):
        pass  # it is the manager's, and open as long as that keeps it
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", own), 5)
    for sock in (passed, unused, datagrams):
        sock.close()


def test_all_workers_serve_a_passed_socket(farm):
    passed = manager.listening(farm.pop_port)
    manager.pass_sockets(farm, {"pop3": passed})
    farm.workers = 3
    farm.start("pop3d")

    def pids():
        threads = [threading.Thread(target=farm.login, args=(f"127.0.3.{n + 1}",)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len({line["pid"] for line in farm.events("pop3.login")}) == 3

    until(pids, 20, "each of three workers having had a login")
    passed.close()


def test_systemd_socket_activate_passes_them_as_we_expect(farm):
    farm.write()
    with open(farm.dir / "pop3d.log", "ab") as log:
        farm.running["pop3d"] = subprocess.Popen(
            ["systemd-socket-activate", "-l", f"127.0.0.1:{farm.pop_port}", "--fdname=pop3",
             *(word for name in ("POPGATE_TEST", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
               for word in ("-E", name)), str(farm.program("pop3d")), "-c", str(farm.conf)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=farm.env(), cwd=farm.dir)
    with until(lambda: dial(farm), 10, "a socket that listens before the daemon is there") as pop:
        assert pop.login().startswith("+OK")
    assert not farm.events("socket.unused")


def dial(farm):
    try:
        return farm.pop(SOURCE)
    except ConnectionRefusedError:
        return None


def test_keys_may_come_as_credentials(farm):
    """As LoadCredential= leaves them: a directory that the environment names."""
    farm.certify()
    farm.more = re.sub(r'"[^"]*/([^"/]*)"', r'"${CREDENTIALS_DIRECTORY}/\1"', farm.more)
    assert farm.more.count("CREDENTIALS_DIRECTORY") == 2
    farm.environment["CREDENTIALS_DIRECTORY"] = str(farm.dir)
    farm.start("pop3d")
    box = poplib.POP3_SSL("127.0.0.1", farm.pops_port, timeout=20,
                          context=ssl.create_default_context(cafile=str(farm.ca)))
    assert box.user("anna").startswith(b"+OK") and box.pass_("secret").startswith(b"+OK")
    box.quit()
    farm.reload("pop3d")
    farm.wait_event("config.loaded", count=2, prog="pop3d")


def test_sighup_says_which_listener_was_not_passed_and_keeps_the_config(farm):
    passed, taken = manager.listening(farm.pop_port), manager.listening(free_port())
    manager.pass_sockets(farm, {"pop3": passed})
    farm.start("pop3d")
    farm.pop3d = f'listener "127.0.0.1:{taken.getsockname()[1]}" {{ }}'
    farm.write()
    farm.reload("pop3d")
    farm.wait_event("config.kept")
    said = farm.wait_event("config.bad")["msg"]
    assert f"127.0.0.1:{taken.getsockname()[1]}" in said and "not among the sockets" in said and "restart" in said
    assert farm.login(SOURCE).startswith("+OK")
    for sock in (passed, taken):
        sock.close()


@pytest.mark.release
def test_a_restart_refuses_nobody_whose_socket_was_passed(farm, hop):
    """SIGTERM in the midst of logins, updates and messages, again and again; who comes meanwhile waits."""
    sockets = {"pop3": manager.listening(farm.pop_port), "smtp": manager.listening(farm.smtp_port)}
    manager.pass_sockets(farm, sockets)
    farm.deliver_to = farm.relay_to = hop.uri
    load = Load(farm)
    farm.start()
    with load:
        for turn in range(1, 6):
            until(lambda t=turn: len(load.sent) > 10 * t and load.logins > 10 * t, 30, "mail and logins going on")
            for name in ("pop3d", "smtpgate"):
                assert farm.end(name) == 0
                started = len(farm.events("config.loaded", prog=name))
                farm.spawn(name)
                farm.wait_event("config.loaded", count=started + 1, prog=name)
        quiet = len(load.sent), load.logins
        until(lambda: len(load.sent) > quiet[0] + 10 and load.logins > quiet[1] + 10, 30, "all going on")
    load.check(hop)
    assert load.resets == 0
    print(f"{len(load.sent)} messages, {load.logins} logins, {load.broken} told to come again")
    for sock in sockets.values():
        sock.close()


def test_the_manager_hears_of_start_reload_and_end(farm, ear):
    farm.environment["WATCHDOG_USEC"] = "600000"
    farm.start("pop3d")
    until(lambda: ear.order() == ["READY=1"], 10, lambda: f"READY=1, and only that, in {ear.said}")
    farm.reload("pop3d")
    until(lambda: ear.order() == ["READY=1", "RELOADING=1", "READY=1"], 10, lambda: f"a reload in {ear.said}")
    assert any(word.startswith("MONOTONIC_USEC=") for _, word in ear.said)
    until(lambda: len(ear.heard("WATCHDOG=1")) > 3, 10, "the watchdog being fed")
    assert farm.end("pop3d") == 0
    until(lambda: ear.order()[-1] == "STOPPING=1", 5, lambda: f"STOPPING=1 in {ear.said}")


def test_a_store_tells_its_manager_that_it_lives(farm, ear):
    farm.write()
    farm.environment["WATCHDOG_USEC"] = "1000000"
    store = farm.spawn("popgate-store")
    until(lambda: ear.order() == ["READY=1"], 10, lambda: f"READY=1 in {ear.said}")
    until(lambda: ear.heard("WATCHDOG=1"), 10, "the watchdog being fed")
    store.terminate()
    assert farm.running.pop("popgate-store").wait(10) == 0
    until(lambda: ear.order()[-1] == "STOPPING=1", 5, lambda: f"STOPPING=1 in {ear.said}")


def test_a_daemon_whose_store_is_a_service_starts_none(farm, ear):
    farm.write()
    (farm.dir / "state/locks").mkdir()  # as tmpfiles.d does
    farm.launcher = ("sh", "-c", 'exec "$0" -S "$@"')
    farm.spawn("pop3d")
    farm.wait_event("store.failed")  # it was waited for
    assert farm.login(SOURCE).startswith("+OK") and not farm.store_pids()
    farm.launcher = ()
    farm.spawn("popgate-store")
    until(lambda: farm.login(SOURCE).startswith("+OK") and farm.events("window.grant"), 10, "the store being found")
    assert len(farm.store_pids()) == 1 and not farm.events("store.starting")
    assert farm.end("popgate-store") == 0


@pytest.mark.release
def test_a_worker_that_hangs_is_replaced_and_its_clients_are_served(farm, ear):
    """Stopped, as by a debugger. The client that waits at its socket is the next worker's."""
    farm.workers = 1
    farm.environment["WATCHDOG_USEC"] = "600000"
    farm.start("pop3d")
    worker, = farm.role("pop3d", "worker")
    os.kill(worker, signal.SIGSTOP)
    with farm.pop(SOURCE, timeout=60) as pop:
        assert pop.login().startswith("+OK")
    hung = farm.events("worker.hung")
    assert [(line["worker"], line["signal"]) for line in hung] == [
        (str(worker), str(int(signal.SIGABRT))), (str(worker), str(int(signal.SIGKILL)))]
    died = farm.wait_event("worker.died")
    assert died["worker"] == str(worker)
    assert not [at for at in ear.heard("WATCHDOG=1") if stamp(hung[0]) < at < stamp(died)], \
        "nobody served, and the manager was told that somebody did"
    until(lambda: ear.heard("WATCHDOG=1")[-1] > stamp(died), 10, "the watchdog being fed again")


@pytest.mark.release
def test_a_deliver_role_that_hangs_is_replaced(farm):
    farm.start("smtpgate")
    deliver, = farm.role("smtpgate", "deliver")
    os.kill(deliver, signal.SIGSTOP)
    died = farm.wait_event("worker.died", 40, role="deliver")
    assert died["worker"] == str(deliver)
    until(lambda: farm.role("smtpgate", "deliver") not in ([], [deliver]), 10, "another deliver role")
    with farm.smtp(SOURCE) as smtp:
        assert smtp.deliver("", ["anna@example.net"], b"Subject: x\r\n\r\nx\r\n").startswith("250")


def stamp(line):
    moment = time.strptime(line["ts"][:19], "%Y-%m-%dT%H:%M:%S")
    return calendar.timegm(moment) + int(line["ts"][20:23]) / 1000
