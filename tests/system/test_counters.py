"""Counters and status: what is counted is seen while the daemons run, and by Prometheus; the dead are known."""

import datetime
import json
import os
import re
import signal
import subprocess

import house
from ports import until

SOURCE, STRANGER = "127.0.21.1", "127.0.21.2"
PROMTOOL = house.PEERS / "root/usr/bin/promtool"


def counters(farm):
    """One dictionary of all programs' counters, with the programs themselves under their names."""
    seen = {}
    for line in farm.ctl("stats", "--json").stdout.splitlines():
        row = json.loads(line)
        seen[row["program"]] = row
        seen.update({key: value for key, value in row.items() if "_" in key})
    return seen


def processes(farm):
    rows = [json.loads(line) for line in farm.ctl("status", "--json").stdout.splitlines()]
    return [row for row in rows if row["kind"] == "process"], [row for row in rows if row["kind"] == "setting"]


def test_what_happened_is_counted_live_and_promtool_finds_no_fault(farm):
    farm.start()
    assert farm.login(SOURCE).startswith("+OK")
    assert farm.login(SOURCE, password="wrong").startswith("-ERR")
    assert farm.relay_reply(SOURCE).startswith("250") and farm.relay_reply(STRANGER).startswith("550")
    seen = until(lambda: (now := counters(farm))["pop3_logins"] == 1 and now["store_login_failures"] == 1 and now,
                 5, lambda: f"one login and one failure in {counters(farm)}")
    assert (seen["pop3_failures_password"], seen["store_grants"], seen["pop3_grants"]) == (1, 1, 1)
    assert seen["pop3_ack_seconds_count"] == 1 and seen["pop3_ack_seconds_p99"] is not None
    assert seen["smtp_refusals_no_proof"] >= 1 and seen["smtp_relayed"] == 1
    with farm.pop(SOURCE):
        until(lambda: counters(farm)["pop3_open"] == 1, 5, "the open connection counted")

    text = farm.ctl("stats", "--openmetrics").stdout
    check = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, timeout=30)
    assert (check.returncode, check.stdout + check.stderr) == (0, "")
    assert "popgate_pop3_logins_total 1\n" in text and text.endswith("# EOF\n")
    assert 'popgate_pop3_failures_total{reason="password"} 1\n' in text
    assert 'popgate_pop3_ack_seconds_bucket{le="+Inf"} 1\n' in text and "popgate_pop3_ack_seconds_count 1\n" in text

    for name in ("pop3d", "smtpgate"):
        os.kill(farm.pid(name), signal.SIGUSR1)
        assert "pop3_failures_password" in farm.wait_event("stats", prog=name) or name == "smtpgate"
    farm.end_store()
    assert farm.wait_event("stats", prog="popgate-store")["store_grants"] == "1"


def test_who_is_dead_is_known_and_its_numbers_are_not_shown(farm):
    farm.start()
    farm.login(SOURCE)
    rows, _ = processes(farm)
    assert farm.ctl("status").returncode == 0
    assert {(r["program"], r["role"], r["state"]) for r in rows} >= {
        ("popgate-store", "store", "runs"), ("pop3d", "supervisor", "runs"), ("smtpgate", "worker", "serves")}
    assert {r["pid"] for r in rows if r["program"] == "pop3d"} == {farm.pid("pop3d"), *farm.children("pop3d")}
    os.kill(farm.pid("pop3d"), signal.SIGKILL)
    farm.running.pop("pop3d").wait()
    answer = farm.ctl("stats", "--json")
    assert answer.returncode == 0 and "pop3d does not run" in answer.stderr and "pop3_logins" not in answer.stdout
    assert 'popgate_up{program="pop3d"} 0' in farm.ctl("stats", "--openmetrics").stdout
    rows, _ = processes(farm)
    assert [r["state"] for r in rows if r["program"] == "pop3d"] == ["does not run"]
    assert farm.ctl("status").returncode == 3
    (farm.dir / "run/beside").write_bytes(b"x" * 1000)
    (farm.dir / "run/beside").rename(farm.dir / "run/smtpgate/counters")
    assert "not of this version" in farm.ctl("stats").stderr


def test_a_reload_shows_who_drains_and_a_changed_file_is_noticed(farm):
    farm.start()
    with farm.pop(SOURCE) as pop:
        pop.login()
        farm.reload("pop3d")
        until(lambda: {(r["generation"], r["state"]) for r in processes(farm)[0]
                       if r["program"] == "pop3d" and r["role"] == "worker"} >= {(0, "drains"), (1, "serves")},
              10, lambda: f"a draining worker in {processes(farm)[0]}")
    os.utime(farm.conf, (2e9, 2e9))
    assert "pop3d has an older config" in farm.ctl("status").stderr


def test_json_has_times_and_numbers_that_programs_read(farm):
    farm.start()
    found = [row for row in farm.table("status") if row["kind"] == "process"]
    for row in found:
        assert datetime.datetime.fromisoformat(row["since"].replace("Z", "+00:00")).tzinfo, row
        assert row["slot"] is None or isinstance(row["slot"], int), row
    assert {row["role"] for row in found if row["slot"] is None} == {"store", "supervisor"}


def test_each_setting_says_where_it_comes_from(farm):
    farm.write()
    _, settings = processes(farm)
    by_name = {row["setting"]: row for row in settings}
    lines = farm.conf.read_text().splitlines()
    for row in settings:
        place = re.fullmatch(re.escape(str(farm.conf)) + r":(\d+)", row["from"])
        assert place or row["from"] == "default", row
        if place:
            assert row["setting"].rpartition(".")[2] in lines[int(place[1]) - 1], row
    assert by_name["window.lifetime"]["value"] == "30m" and by_name["window.slack"]["effective"] == "450s"
    assert by_name["smtpgate.max_message_size"]["from"] == "default"
    assert by_name[f"smtpgate.listener[127.0.0.1:{farm.smtp_port}].role"]["value"] == "mx"
    assert farm.ctl("status").returncode == 3 and farm.ctl("stats").returncode == 3
