"""tests/bench/run still works: a few sessions of each kind, whose answers it checks. No figure is judged."""

import os
import subprocess

import pytest

import house
from ports import free_port, reachable, until

pytestmark = pytest.mark.release


def bench(*words):
    done = subprocess.run([house.SOURCE / "tests/bench/run", "--tiny", "--ours-only", *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "POPGATE_RELEASE": str(house.RELEASE)})
    return done.returncode, done.stdout, done.stderr


def test_the_bench_measures_every_kind_of_session():
    figures = ["pop3-login", "fetch-1", "tls-resumed", "smtp-10", "refuse", "auth", "idle-held", "grants"]
    code, out, err = bench("--only", ",".join(figures))
    assert code == 0, out + err
    for name in figures:
        assert f"\n{name}: " in f"\n{out}"
    assert out.count("  popgate ") == len(figures)


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
