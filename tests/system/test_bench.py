"""tests/bench/run still works: a few sessions of each kind, whose answers it checks. No figure is judged."""

import os
import subprocess

import pytest

import house
from ports import free_port, reachable, until

pytestmark = pytest.mark.release


def bench(*words, program="run"):
    done = subprocess.run([house.SOURCE / "tests/bench" / program, "--tiny", *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=400,
                          env={**os.environ, "POPGATE_RELEASE": str(house.RELEASE)})
    return done.returncode, done.stdout, done.stderr


def test_the_bench_measures_every_kind_of_session(directory):
    figures = ["pop3-login", "fetch-1", "tls-resumed", "smtp-10", "refuse", "auth", "idle-held", "grants"]
    code, out, err = bench("--ours-only", "--only", ",".join(figures), "--json", directory / "run.json")
    assert code == 0, out + err
    for name in figures:
        assert f"\n{name}: " in f"\n{out}"
    assert out.count("  popgate ") == len(figures)
    subprocess.run([house.SOURCE / "tests/bench/draw", directory / "run.json", directory], check=True, timeout=60)
    assert (directory / "figures.svg").read_text().startswith("<svg ")


def test_a_wrong_answer_fails_the_bench():
    hammer = house.RELEASE / "tests/bench/hammer"
    sink = house.RELEASE / "tests/bench/sink"
    port = free_port()
    process = subprocess.Popen([sink, str(port)])
    try:
        until(lambda: reachable(port))
        for script, code in (("smtp", 0), ("refuse", 1), ("pop3", 1)):
            done = subprocess.run([hammer, script, str(port), "3", "limit=10"], capture_output=True, text=True, timeout=60)
            assert done.returncode == code, done.stdout + done.stderr
    finally:
        process.kill()
        process.wait()


@pytest.mark.soak
def test_the_bench_measures_ours_beside_each_peer():
    code, out, err = bench()
    assert code == 0, out + err
    for peer in ("dovecot", "dovecot-rsa", "nginx", "postfix", "haproxy"):
        assert f"\n  {peer} " in out


@pytest.mark.soak
def test_the_bench_shows_how_cost_grows(directory):
    code, out, err = bench("--json", directory / "growth.json", program="growth")
    assert code == 0, out + err
    subprocess.run([house.SOURCE / "tests/bench/draw", directory / "growth.json", directory], check=True, timeout=60)
    for name in ("window", "retr", "idle", "tls", "stat"):
        assert (directory / f"{name}.svg").read_text().count("<polyline ") in (2, 3)


@pytest.mark.soak
def test_the_bench_shows_who_waits_for_whom():
    code, out, err = bench(program="stall")
    assert code == 0, out + err
    assert out.count("\n") == 9
