"""tests/bench still works: a few sessions of each kind, whose answers it checks, and it leaves nothing behind. No figure is
judged."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import xml.etree.ElementTree

import pytest

import house
from ports import free_port, reachable, until

sys.path.append(str(house.SOURCE / "tests/bench"))
import measure  # noqa: E402

pytestmark = pytest.mark.release


def environment(**more):
    return {**os.environ, "POPGATE_RELEASE": str(house.RELEASE), **more}


def bench(*words, program="run", **more):
    done = subprocess.run(house.sudo.words("env", *(f"{k}={v}" for k, v in environment(**more).items()
                                                    if k.startswith("POPGATE_")),
                                           house.SOURCE / "tests/bench" / program, "--tiny", *words),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=400)
    return done.returncode, done.stdout, done.stderr


def draw(*words):
    subprocess.run([house.SOURCE / "tests/bench/draw", *words], check=True, timeout=60)


def picture(path):
    """What is drawn in it; fails where it is no XML."""
    return [part.tag.rpartition("}")[2] for part in xml.etree.ElementTree.parse(path).iter()]


def marked(pid):
    """Processes that the bench of that pid started."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            found += [path.parent.name] if f"\0POPGATE_BENCH={pid}.".encode() in b"\0" + path.read_bytes() else []
        except OSError:
            pass
    return found


def test_the_bench_measures_every_kind_of_session(directory):
    figures = ["pop3-login", "fetch-1", "tls-resumed", "smtp-10", "refuse", "auth", "idle-held", "grants"]
    code, out, err = bench("--ours-only", "--only", ",".join(figures), "--json", directory / "run.json")
    assert code == 0, out + err
    for name in figures:
        assert f"\n{name}: " in f"\n{out}"
    assert out.count("  popgate ") == len(figures)
    draw(directory / "run.json", directory)
    assert picture(directory / "figures.svg")[0] == "svg"
    assert all(f"| `{name}` |" in (directory / "figures.md").read_text() for name in figures)


def test_a_file_keeps_figures_that_are_not_measured_again(directory):
    for only in ("refuse", "smtp-1"):
        code, out, err = bench("--ours-only", "--only", only, "--json", directory / "run.json")
        assert code == 0, out + err
    kept = json.loads((directory / "run.json").read_text())["figures"]
    assert list(kept) == ["refuse", "smtp-1"]
    assert all(len(f["values"]["popgate"]) == f["measured"]["rounds"] == 1 for f in kept.values())


def test_the_pictures_show_each_peer_and_each_table(directory):
    measured = {"at": "2026-12-01 02:00", "rounds": 2, "load": 0.1}
    figure = {"title": "a < b", "unit": "CPU ms", "more": False, "limit": None, "target": 1, "measured": measured,
              "values": {"popgate": [1.0, 2.0], "nginx": [2.0, 2.0], "dovecot": [0.1, 50.0]}}
    table = {"heads": ["messages", "first", "later"], "rows": [[10, 0.5, 0.0], [1000, 5.0, 2.0]], "measured": measured}
    scene = {"title": "a slow disk", "login": [1.0, 9.0], "relay": [2.0, 19.0], "measured": measured}
    (directory / "some.json").write_text(json.dumps({"figures": {"a": figure}}))
    (directory / "more.json").write_text(json.dumps({"tables": {"stat": table, "retr": table},
                                                         "scenes": {"disk": scene}}))
    draw(directory / "some.json", directory / "more.json", directory / "made")
    assert picture(directory / "made/figures.svg").count("rect") == 1 + 2
    assert picture(directory / "made/growth.svg").count("polyline") == 4
    told = (directory / "made/figures.md").read_text()
    for row in ("nginx 2 (1.5 (1-2) x)", "| last / first | 10 | - |", "| a slow disk | 1 | 9 | 2 | 19 |"):
        assert row in told


@pytest.mark.parametrize("words, why", [
    (["--only", "no-such"], "no figure no-such"), (["--rounds", "0"], "from 1 on"),
    (["--ours-only", "--dir", "/no/such"], "/no/such"), (["--ours-only", "--json", "/no/such/file"], "/no/such/file")])
def test_what_is_asked_for_wrongly_is_told_at_once(words, why):
    code, out, err = bench(*words)
    assert code != 0 and out == ""
    assert why in err.splitlines()[-1] and "Traceback" not in err


@pytest.mark.parametrize("missing, why", [("POPGATE_RELEASE", "ninja -C"), ("POPGATE_PEERS", "--ours-only")])
def test_what_is_missing_is_told_at_once(missing, why):
    code, out, err = bench("--only", "smtp-1", **{missing: "/no/such"})
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert why in err


def break_off(directory, end, words, after=""):
    """The bench gets a signal once it has printed that and runs daemons."""
    process = subprocess.Popen([house.SOURCE / "tests/bench" / words[0], "--tiny", *words[1:], "--dir", directory],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=environment(), start_new_session=True)
    try:
        while after and after not in process.stdout.readline():
            assert process.poll() is None
        until(lambda: marked(process.pid), 30, "a daemon of the bench")
        process.send_signal(end)
        said = process.communicate(timeout=60)[0]
        assert process.returncode == 1 and said.endswith("told to end\n"), said
    finally:
        process.kill()
    assert not marked(process.pid)
    assert not list(directory.iterdir())


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("words", [["run", "--ours-only"], ["growth", "--only", "retr"], ["stall"]], ids=lambda words: words[0])
def test_a_bench_that_is_broken_off_leaves_nothing(directory, words, end):
    break_off(directory, end, words)


def test_a_bench_can_be_broken_off_in_its_second_part(directory):
    break_off(directory, signal.SIGTERM, ["growth", "--only", "retr,stat"], after="last / first")


def test_cpu_time_of_children_that_ended_is_counted():
    child = "import time\nwhile time.process_time() < 0.2: pass"
    parent = (f"import subprocess, sys\nfor _ in range(3): subprocess.run([sys.executable, '-c', {child!r}])\n"
              "print('done', flush=True)\nsys.stdin.read()")
    with subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "done\n"
        spent = measure.cpu_ms(measure.tree([process.pid]))
        process.stdin.close()
    assert spent >= 3 * 200 - 3 * 1000 / measure.TICK  # hundredths are cut off


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
    draw(directory / "growth.json", directory)
    assert picture(directory / "growth.svg").count("polyline") == 3 + 2 * 4


@pytest.mark.soak
def test_the_bench_shows_who_waits_for_whom():
    code, out, err = bench(program="stall")
    assert code == 0, out + err
    assert out.count("\n") == 9
