"""Who held an address, and who needs the window: popgate who, popgate report, and the history behind them."""

import base64
import csv
import datetime
import email.utils
import os
import pathlib
import signal
import socket
import tempfile

import pytest

import house
import storewire
from farm import Farm, processes
from ports import free_port, until
from talk import Smtp

HOME = "127.0.20.1"
REPORTS = pathlib.Path(__file__).parent / "reports"
BODY = b"Subject: x\r\n\r\nx\r\n"
DAMAGED = "history.damaged-*"


def now(seconds=0.0):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)


def iso(moment):
    return moment.isoformat(timespec="milliseconds")


def report(farm, *words):
    return {row["user"].partition("@")[0]: row for row in farm.table("report", *words)}


def historian(farm):
    """Its pid; None while there is none."""
    found = [pid for pid, command in processes(farm.token).items() if "popgate-history" in command.split()[0]]
    return found[0] if found else None


@pytest.fixture(scope="module")
def host():
    """One for all that only ask: each test has addresses and subscribers of its own."""
    with tempfile.TemporaryDirectory(prefix="popgate-test.") as directory:
        made = Farm(pathlib.Path(directory) / "farm", house.SANITISED)
        made.users |= {f"{name}@example.net": "{PLAIN}secret" for name in ("cleo", "dora", "emil", "fred")}
        made.submission_port = free_port()
        made.smtpgate = f'listener "127.0.0.1:{made.submission_port}" {{ role = "submission" }}\n'
        yield made.start()
        made.stop()


def login(farm, source, user="anna"):
    with farm.pop(source) as talk:
        assert talk.login(user).startswith("+OK")
        assert talk.says("QUIT").startswith("+OK")
        return talk.port


def relay(farm, source, sender="anna@example.net", hello="scanner.example.test"):
    with farm.smtp(source, hello=hello) as smtp:
        assert smtp.deliver(sender, ["bob@else.test"], BODY).startswith("250")
        return smtp.port


def authenticated(farm, source, user):
    token = base64.b64encode(f"\0{user}@example.net\0secret".encode()).decode()
    with Smtp(farm.submission_port, source) as smtp:
        assert smtp.says(f"AUTH PLAIN {token}").startswith("235")
        assert smtp.deliver(f"{user}@example.net", ["bob@else.test"], BODY).startswith("250")


def test_a_login_is_known_by_its_port_and_session(host):
    home, other = "127.0.20.10", "127.0.20.11"
    port = login(host, home)
    row, = host.table("who", home)
    said = host.wait_event("pop3.login", addr=home)
    assert (row["user"], row["addr"], row["kind"], row["off_ms"]) == ("anna@example.net", home, "login", 0)
    assert (row["first_port"], row["last_session"]) == (port, said["sid"])
    assert (row["service"], row["tls"], row["times"]) == ("pop3", "no", 1)
    again = login(host, home)  # coalescing keeps it out of the log, not out of here
    host.wait_event("window.renew", addr=home)
    row, = host.table("who", home)
    assert (row["times"], row["first_port"], row["last_port"]) == (2, port, again)
    assert f"anna@example.net was on {home}" in host.ctl("who", home).stdout
    assert host.ctl("who", other).returncode == 1
    assert "nobody was on" in host.ctl("who", other).stdout


def test_behind_a_nat_the_port_tells_and_without_it_nothing_does(host):
    nat = "127.0.20.12"
    ports = {}
    for user in ("anna", "bert", "emil", "fred"):
        ports[user] = login(host, nat, user)
    people = host.table("who", nat)
    assert len({row["user"] for row in people}) == 4
    assert "4 subscribers were on" in (said := host.ctl("who", nat).stdout) and "nothing tells" in said
    for user, port in ports.items():
        first, *others = host.table("who", nat, "--port", str(port))
        assert (first["user"], first["port_match"]) == (f"{user}@example.net", "same")
        assert all(row["port_match"] != "same" for row in others)


def test_times_are_read_as_people_and_mails_write_them(host):
    home = "127.0.20.13"
    before = now(-3600)
    login(host, home)
    at = now()
    for text in (iso(at), f"{at:%Y-%m-%d %H:%M:%S}Z", email.utils.format_datetime(at), f"@{int(at.timestamp())}"):
        row, = host.table("who", home, "--at", text)
        assert row["user"] == "anna@example.net"
    local = at.astimezone(datetime.timezone(datetime.timedelta(hours=5)))
    host.environment["TZ"] = "XXX-5"
    assert host.table("who", home, "--at", f"{local:%Y-%m-%d %H:%M:%S}")
    assert host.ctl("who", home, "--utc", "--at", f"{local:%Y-%m-%d %H:%M:%S}").returncode == 2, "still to come"
    del host.environment["TZ"]
    for wrong in (("--at", "yesterday"), ("--at", "2026-02-30 10:00"), ("--port", "70000"), ("--within", "5")):
        assert host.ctl("who", home, *wrong).returncode == 2
    old = host.ctl("who", home, "--at", iso(before))
    assert old.returncode == 3 and "the history goes back to" in old.stderr, "not known is no nobody"
    near, = host.table("who", home, "--at", iso(before), "--within", "2h")
    assert near["off_ms"] > 3500000
    assert "nobody was on" in host.ctl("who", home, "--at", iso(before), "--within", "2h").stdout


def test_revocation_ends_what_was_held(host):
    home = "127.0.20.14"
    login(host, home)
    login(host, home, "bert")
    assert host.ctl("window", "revoke", home, "--user", "anna").returncode == 0
    until(lambda: [row["user"] for row in host.table("who", home, "--within", "0")] == ["bert@example.net"], 10,
          "anna's end")
    ended = {row["user"]: row for row in host.table("who", home)}["anna@example.net"]
    assert ended["off_ms"] < 0 and ended["until"] < iso(now()).replace("+00:00", "Z")
    login(host, home)  # a new interval, and the old one keeps its end
    rows = [row for row in host.table("who", home) if row["user"] == "anna@example.net"]
    assert len(rows) == 2 and rows[0]["off_ms"] == 0 and rows[1]["until"] == ended["until"]
    host.ctl("window", "revoke", home)
    until(lambda: host.table("who", home, "--within", "0") == [], 10, "everybody's end")


def test_the_report_tells_who_needs_the_window(host):
    home, other = "127.0.20.15", "127.0.20.16"
    for user in ("cleo", "dora", "emil"):
        login(host, home, user)
    for n in range(3):
        port = relay(host, home, "cleo@example.net")
    relay(host, home, "dora@example.net", hello="[192.0.2.1]")
    authenticated(host, other, "dora")
    with host.smtp(home) as smtp:  # mail for us needs nothing
        assert smtp.deliver("emil@example.net", ["bert@example.net"], BODY).startswith("250")
    until(lambda: report(host).get("dora", {}).get("auth_relays") == 1, 10, "all that was sent")
    rows = report(host)
    assert list(rows) == ["cleo", "dora"]
    cleo, dora = rows.values()
    assert (cleo["window_relays"], cleo["auth_relays"], cleo["logins"], cleo["days"]) == (3, 0, 1, 1)
    assert (cleo["window_addr"], cleo["window_port"]) == (home, host.smtp_port)
    assert (cleo["window_tls"], cleo["window_helo"]) == ("no", "scanner.example.test")
    assert (dora["window_relays"], dora["auth_relays"]) == (1, 1)
    assert (dora["auth_addr"], dora["auth_port"]) == (other, host.submission_port)
    assert {"cleo", "dora", "emil"} <= set(report(host, "--all"))
    text = host.ctl("report", "--csv").stdout
    read = list(csv.DictReader(text.splitlines()))
    assert [row["user"] for row in read] == ["cleo@example.net", "dora@example.net"]
    assert read[0]["window_relays"] == "3" and read[1]["window_helo"] == "[192.0.2.1]"
    sent = [row for row in host.table("who", home, "--port", str(port)) if row["kind"] == "sent"]
    assert (sent[0]["user"], sent[0]["mechanism"]) == ("cleo@example.net", "window")
    row, = host.table("who", other)  # never logged in there, but sent with a password
    assert (row["user"], row["mechanism"]) == ("dora@example.net", "plain")
    assert host.ctl("report", "--days", "0").returncode == 2


def sample(name, host, addr, at, port):
    """A report of tests/system/reports, of what has just happened."""
    raw = (REPORTS / name).read_bytes()
    for mark, value in ((b"{addr}", addr), (b"{port}", str(port)), (b"{date}", email.utils.format_datetime(at))):
        raw = raw.replace(mark, value.encode())
    (host.dir / name).write_bytes(raw)
    return host.dir / name


def test_an_abuse_report_is_answered(host):
    nat = "127.0.20.17"
    login(host, nat, "bert")
    port = login(host, nat, "anna")
    at = now()
    for name in ("whole.eml", "whole-crlf.eml", "folded.eml", "forwarded.eml", "part-alone.txt"):
        path = sample(name, host, nat, at, port)
        rows = host.table("who", "--arf", path)
        assert [row["user"] for row in rows] == ["anna@example.net", "bert@example.net"], name
        assert rows[0]["port_match"] == "same", name
    said = host.ctl("who", "--arf", "-", stdin=path.read_text()).stdout
    assert f"report of abuse: {nat} port {port} at" in said and f"one was seen from port {port}" in said
    sent = relay(host, nat, "bert@example.net")
    late = now(20)
    until(lambda: len(host.table("who", nat)) == 3, 10, "what bert sent")
    path = sample("whole.eml", host, nat, late, sent)
    first, *others = host.table("who", "--arf", path)
    assert (first["user"], first["kind"], first["port_match"]) == ("bert@example.net", "sent", "same")
    assert first["off_ms"] < 0 and len(others) == 2, "it arrived a little later than it was sent"
    assert f"2 subscribers were on {nat}" in (said := host.ctl("who", "--arf", path).stdout)
    assert f"one was seen from port {sent}" in said and "earlier:" in said.splitlines()[1]
    undated = sample("no-date.eml", host, nat, at, port)
    assert "--at" in host.ctl("who", "--arf", undated).stderr
    assert {row["port_match"] for row in host.table("who", "--arf", undated, "--at", iso(at))} == {""}
    for name, why in ((sample("no-address.eml", host, nat, at, port), "Source-IP"), (host.conf, "no abuse report"),
                      (host.dir / "none", "cannot be read")):
        answer = host.ctl("who", "--arf", name)
        assert answer.returncode == 2 and why in answer.stderr


def test_ipv6_is_asked_by_its_prefix(host):
    host.ctl("window", "grant", "2001:db8:1:2::77", "--user", "gina")
    row, = host.table("who", "2001:db8:1:2:aaaa::1")
    assert (row["addr"], row["user"], row["service"], row["port_match"]) == (
        "2001:db8:1:2::", "gina@example.net", "cli", "")
    assert host.table("who", "2001:db8:1:3::77") == []
    assert "gina" not in report(host, "--all"), "what is given is no login"


def test_nothing_told_is_forgotten_by_a_crash(farm):
    farm.start("pop3d")
    first = login(farm, HOME)
    assert farm.table("who", HOME)
    farm.kill_all()
    farm.start("pop3d")
    row, = farm.table("who", HOME)
    assert row["first_port"] == first
    dead = historian(farm)
    os.kill(dead, signal.SIGKILL)
    farm.wait_event("history.died", signal=9)
    assert login(farm, HOME, "bert"), "grants go on"
    until(lambda: historian(farm) not in (None, dead), 15, "a new historian")
    assert {row["user"] for row in until(lambda: farm.table("who", HOME), 10, "an answer")} == {
        "anna@example.net", "bert@example.net"}
    farm.end_store()  # in good order: what was told just before is written
    until(lambda: historian(farm) is None, 10, "the historian's end")


def grants(farm, first, n):
    """The packets of n logins, each from an address of its own, and their answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as store:
        store.settimeout(10)
        store.connect(str(farm.dir / "run/store.sock"))
        for start in range(first, first + n, 100):
            for i in range(start, start + 100):
                address = bytes(10) + b"\xff\xff\x0a" + i.to_bytes(3, "big")
                store.send(storewire.grant(i, address, 1024 + i % 50000, b"%016d" % i, b"anna@example.net"))
            assert [store.recv(512)[10] for _ in range(100)] == [0] * 100, "every one is granted"


@pytest.mark.soak
def test_a_full_history_hurts_no_login_and_says_what_it_lacks(farm):
    farm.more = 'history { max_size = "1M" }'
    farm.start("pop3d")
    grants(farm, 0, 1000)
    assert farm.table("who", "10.0.0.1"), "and written by being asked for"
    for n in range(1, 12):
        grants(farm, 1000 * n, 1000)
        farm.ctl("who", "10.0.0.1")
        if farm.events("history.failed"):
            break
    farm.wait_event("history.failed", what="write", error="no space left")
    assert login(farm, HOME)
    answer = farm.ctl("who", "10.0.0.1")
    assert answer.returncode == 0 and "were never written down" in answer.stderr


@pytest.mark.release
@pytest.mark.parametrize("harm", ["cut short", "overwritten"])
def test_a_damaged_history_is_moved_aside_and_hurts_no_login(farm, harm):
    farm.may_report = True
    farm.start("pop3d")
    for n in range(40):
        login(farm, f"127.0.21.{n + 1}")
    assert farm.table("who", "127.0.21.1")
    farm.kill_all()
    data = farm.dir / "state/history/data.mdb"
    size = data.stat().st_size
    with open(data, "r+b") as file:
        if harm == "cut short":
            file.truncate(size // 2)
        else:
            file.write(b"\x5a" * size)
    farm.start("pop3d")
    assert login(farm, HOME)
    farm.wait_event("history.damaged", 20)
    assert list((farm.dir / "state").glob(DAMAGED))
    until(lambda: farm.ctl("who", HOME).returncode == 0, 20, "an answer of the new history")


def test_what_is_old_is_forgotten_and_nothing_is_kept_where_none_is_wanted(farm):
    farm.lifetime, farm.slack = "1s", "0s"
    farm.more = 'history { keep = "2s" }'
    farm.start("pop3d")
    at = now()
    login(farm, HOME)
    assert farm.table("who", HOME, "--at", iso(at), "--within", "1m")
    answer = until(lambda: (said := farm.ctl("who", HOME, "--at", iso(at))).returncode == 3 and said, 15, "its end")
    assert "the history goes back to" in answer.stderr
    farm.wait_event("history.purged", 15)
    farm.end("pop3d")
    farm.end_store()
    farm.more = 'history { keep = "7d" }'
    farm.start("pop3d")
    assert farm.table("who", HOME, "--within", "10m") == [], "gone, not only hidden"
    farm.end("pop3d")
    farm.end_store()
    farm.more = 'history { keep = "0" }'
    farm.start("pop3d")
    login(farm, HOME)
    answer = farm.ctl("who", HOME)
    assert answer.returncode == 3 and "no history is kept" in answer.stderr
    assert historian(farm) is None
