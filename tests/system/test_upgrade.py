"""Other binaries in the place of those that run, and SIGUSR2: the new ones take over in the same process, on the same
sockets. What is promised: nobody is refused, reset or cut, and what was answered 250 is at the next hop exactly
once."""

import os
import pathlib
import signal
import socket
import threading

import pytest

import house
import mail
import manager
from ports import until
from test_counters import counters
from test_supervision import Load, kill_workers

SOURCE = "127.0.0.22"
VERSION, OTHER = b"0.1.0\0", b"0.1.9\0"


@pytest.fixture
def installed(farm):
    """The farm's own copy of all programs, which a test can replace."""
    farm.original, farm.build = farm.build, farm.dir / "bin"
    for name in house.PROGRAMS:
        farm.program(name).parent.mkdir(parents=True, exist_ok=True)
        install(farm, name)
    return farm


def install(farm, name, octets=None, version=VERSION):
    """As a package manager does it: beside, then renamed."""
    path = farm.program(name)
    beside = path.with_name(path.name + ".new")
    if octets is None:
        octets = (farm.original / house.PROGRAMS[name]).read_bytes().replace(VERSION, version)
    beside.write_bytes(octets)
    beside.chmod(0o755)
    beside.rename(path)


def install_all(farm, version):
    for name in house.PROGRAMS:
        install(farm, name, version=version)


def upgrade(farm, *names):
    """SIGUSR2, until the new program says that it goes on and the old workers are gone."""
    for name in names:
        done = len(farm.events("upgrade.done", prog=name))
        os.kill(farm.pid(name), signal.SIGUSR2)
        farm.wait_event("upgrade.done", 20, done + 1, prog=name)


def runs(pid):
    return os.stat(f"/proc/{pid}/exe").st_ino


@pytest.mark.release
def test_an_upgrade_under_load_costs_nobody_anything(installed, hop):
    farm = installed
    farm.deliver_to = farm.relay_to = hop.uri
    load = Load(farm)
    farm.start()
    pids = {name: farm.pid(name) for name in ("pop3d", "smtpgate")}
    with load:
        for turn in range(1, 7):
            until(lambda t=turn: len(load.sent) > 20 * t and load.logins > 20 * t, 30, "mail and logins going on")
            install_all(farm, OTHER if turn % 2 else VERSION)
            upgrade(farm, "pop3d", "smtpgate")
        quiet = len(load.sent), load.logins
        until(lambda: len(load.sent) > quiet[0] + 20 and load.logins > quiet[1] + 20, 30, "all going on")
    load.check(hop)
    assert load.broken == load.resets == 0 and len(hop.taken()) == len(load.sent)
    assert not farm.events("store.failed") and not farm.events("worker.died")
    until(lambda: {runs(pid) for pid in farm.store_pids()} == {os.stat(farm.program("popgate-store")).st_ino}, 10,
          "the store being of the last program, too")
    assert len(farm.events("store.started")) > 3, "stores under load were replaced as well"
    for name, pid in pids.items():
        assert farm.running[name].poll() is None and farm.pid(name) == pid
        for child in until(lambda n=name: len(farm.children(n)) == 2 and farm.children(n), 20, "the old being gone"):
            assert runs(child) == os.stat(farm.program(name)).st_ino
    granted = {line["addr"] for line in farm.table("window", "list")}
    assert {f"127.0.8.{n + 1}" for n in range(3)} <= granted, "what the stores acknowledged is there"
    print(f"{len(load.sent)} messages, {load.logins} logins, 6 upgrades")


@pytest.mark.release
def test_no_grant_is_lost_while_stores_take_over_from_each_other(installed):
    """Every login from an address of its own: was it answered while one store ended and the next began, the next one
    has been asked again."""
    farm = installed
    farm.start("pop3d")
    sources, over = [], threading.Event()

    def log_in():
        while not over.is_set():
            source = f"127.3.{len(sources) // 250}.{len(sources) % 250 + 1}"
            assert farm.login(source).startswith("+OK")
            sources.append(source)

    thread = threading.Thread(target=log_in)
    thread.start()
    for turn in range(1, 9):
        until(lambda t=turn: len(sources) > 20 * t, 30, "logins going on")
        install(farm, "popgate-store", version=OTHER if turn % 2 else VERSION)
        upgrade(farm, "pop3d")
        farm.wait_event("store.started", count=turn + 1)
    over.set()
    thread.join()
    assert not farm.events("store.failed"), "a login waited in vain"
    held = {line["addr"] for line in farm.table("window", "list")}
    assert set(sources) <= held, sorted(set(sources) - held)
    print(f"{len(sources)} logins, {len(farm.events('store.started'))} stores")


@pytest.mark.soak
@pytest.mark.release
def test_a_minute_of_upgrades_while_workers_are_killed(installed, hop):
    farm = installed
    farm.deliver_to = farm.relay_to = hop.uri
    load = Load(farm)
    farm.start()
    killer = threading.Thread(target=kill_workers, args=(farm, 60, 3))
    turns = 0
    with load:
        killer.start()
        while killer.is_alive():
            turns += 1
            install_all(farm, OTHER if turns % 2 else VERSION)
            upgrade(farm, "pop3d", "smtpgate")
        quiet = len(load.sent), load.logins
        until(lambda: len(load.sent) > quiet[0] + 20 and load.logins > quiet[1] + 20, 30, "all going on")
    load.check(hop)
    farm.may_report = True
    assert turns > 20 and not farm.events("upgrade.refused")
    print(f"{turns} upgrades, {len(load.sent)} messages, {load.logins} logins, {load.broken} broken off")


def test_sessions_go_on_with_the_old_program_and_the_counts_with_the_new(installed, hop):
    farm = installed
    farm.relay_to = hop.uri
    farm.start()
    mail.put(farm.maildir(), b"Subject: x\n\nx\n")
    letter = mail.stuffed(mail.tricky())
    with farm.pop(SOURCE) as pop, farm.smtp(SOURCE) as smtp:
        assert pop.login().startswith("+OK") and pop.says("DELE 1").startswith("+OK")
        assert smtp.mail("anna@example.net", "bob@else.test")[-1].startswith("250")
        assert smtp.says("DATA").startswith("354")
        smtp.send(letter[:100])
        install_all(farm, OTHER)
        upgrade(farm, "pop3d", "smtpgate")
        assert farm.login("127.0.0.23", "bert").startswith("+OK")
        smtp.send(letter[100:] + b".\r\n")
        assert smtp.reply().startswith("250") and pop.says("QUIT").startswith("+OK")
    assert mail.files(farm.maildir()) == [] and len(hop.taken()) == 1
    until(lambda: counters(farm)["pop3_logins"] == 2, 5, lambda: f"both logins in {counters(farm)}")
    assert {line["msg"].split()[1] for line in farm.events("upgrade.done")} == {OTHER[:-1].decode()}


def test_what_cannot_take_over_leaves_the_old_one_going(installed):
    farm = installed
    farm.start("pop3d")
    before = runs(farm.pid("pop3d"))
    good = farm.conf.read_text()

    def refused(count):
        os.kill(farm.pid("pop3d"), signal.SIGUSR2)
        return farm.wait_event("upgrade.refused", 20, count)["msg"]

    install(farm, "pop3d", b"\x7fELF and no more")
    assert "cannot be run" in refused(1)
    install(farm, "pop3d", b"#!/bin/sh\nexit 3\n")
    assert "without a word" in refused(2)
    install(farm, "pop3d")
    farm.conf.write_text(good + 'no_such_option = "1"\n')
    assert "no_such_option" in refused(3)
    farm.conf.write_text(good)
    farm.program("pop3d").unlink()
    assert "cannot be run" in refused(4)
    assert runs(farm.pid("pop3d")) == before and farm.login(SOURCE).startswith("+OK")
    install(farm, "pop3d")
    upgrade(farm, "pop3d")
    assert runs(farm.pid("pop3d")) != before and farm.login(SOURCE).startswith("+OK")


def test_a_port_that_cannot_be_opened_is_known_before_it_is_too_late(installed):
    farm = installed
    farm.start("pop3d")
    before, good = runs(farm.pid("pop3d")), farm.conf.read_text()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        farm.conf.write_text(good.replace("pop3d {", f'pop3d {{ listener "{taken}" {{ }}'))
        install(farm, "pop3d", version=OTHER)
        os.kill(farm.pid("pop3d"), signal.SIGUSR2)
        assert f"cannot listen on {taken}: in use" in farm.wait_event("upgrade.refused", 20)["msg"]
        assert runs(farm.pid("pop3d")) == before and farm.login(SOURCE).startswith("+OK")
    upgrade(farm, "pop3d")
    assert runs(farm.pid("pop3d")) != before and farm.login(SOURCE).startswith("+OK")


@pytest.mark.release
def test_until_then_a_dead_worker_is_replaced_by_one_of_the_same_program(installed):
    """A package manager has replaced the file; the supervisor and its children understand each other."""
    farm = installed
    farm.workers = 1
    farm.start("pop3d")
    before = runs(farm.pid("pop3d"))
    install(farm, "pop3d", b"#!/bin/sh\nexit 3\n")
    worker, = farm.role("pop3d", "worker")
    os.kill(worker, signal.SIGKILL)
    assert farm.login(SOURCE).startswith("+OK")
    other, = farm.role("pop3d", "worker")
    assert other != worker and runs(other) == before
    assert pathlib.Path(f"/proc/{other}/comm").read_text() == "pop3d\n"


def test_sockets_of_the_manager_are_kept_too(installed):
    farm = installed
    passed = manager.listening(farm.pop_port)
    manager.pass_sockets(farm, {"pop3": passed})
    farm.start("pop3d")
    for _ in range(3):
        install(farm, "pop3d", version=OTHER)
        upgrade(farm, "pop3d")
        assert farm.login(SOURCE).startswith("+OK")
    assert farm.end("pop3d") == 0
    passed.close()
