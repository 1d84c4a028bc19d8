"""The command line on a terminal and in a pipe: widths, colours, prompts, live events, completion."""

import json
import os
import pathlib
import re
import select
import signal
import subprocess
import tempfile

import pytest

import house
from farm import Farm
from ports import until
from terminal import Terminal

SOURCE, OTHER = "127.0.22.1", "127.0.22.2"
LONG = "a.subscriber.whose.name.is.as.long.as.they.come@example.net"
ESCAPE = "\x1b"


@pytest.fixture(scope="module")
def host():
    directory = tempfile.TemporaryDirectory(prefix="popgate-test.")
    farm = Farm(pathlib.Path(directory.name) / "farm", house.SANITISED)
    farm.users[LONG] = "{PLAIN}secret"
    farm.start()
    for user in ("anna", "bert", LONG):
        assert farm.login(SOURCE, user).startswith("+OK")
    yield farm
    farm.stop()
    directory.cleanup()


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("words", [("window", "list"), ("window", "stats"), ("status",), ("stats",)], ids=" ".join)
def test_no_line_is_wider_than_the_terminal(host, words, width):
    with Terminal(host, *words, width=width, NO_COLOR="1") as terminal:
        assert terminal.wait() == 0
    assert ESCAPE not in terminal.text
    assert [line for line in terminal.lines() if len(line) > width and not line.startswith("not shown")] == []
    if words == ("window", "list"):
        assert (LONG in terminal.text) == (width > 40) and "anna@example.net" in terminal.text


def test_a_pipe_gets_everything_and_no_colour(host):
    answer = host.ctl("window", "list")
    heads, *rows = answer.stdout.splitlines()
    assert heads.split()[-2:] == ["MECHANISM", "PORT"] and ESCAPE not in answer.stdout
    assert any(LONG in row for row in rows)
    with Terminal(host, "window", "list") as terminal:
        terminal.wait()
    assert ESCAPE + "[1m" in terminal.text
    with Terminal(host, "window", "list", TERM="dumb") as terminal:
        terminal.wait()
    assert ESCAPE not in terminal.text


def test_octets_that_a_terminal_would_obey_are_shown(host):
    for words in (["user", "check", "x\x1b]0;y\x07\u202e"], ["window", "show", "\x1b[31m"], ["\x1b[2J"]):
        answer = host.ctl(*words, stdin="word\n")
        assert answer.returncode in (1, 2) and "\\x1b" in answer.stderr
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", answer.stderr + answer.stdout)


def test_stats_draw_what_the_window_holds(host):
    until(lambda: sum(host.table("window", "stats")[0]["logins_per_minute"]) == 3, 10, "all being counted")
    text = host.ctl("window", "stats").stdout
    assert "logins in the last hour: 3" in text and re.search(r"^ +3  #+ 1$", text, re.M), text
    facts, = host.table("window", "stats")
    assert len(facts["logins_per_minute"]) == 60
    assert sum(facts["ends"]) == facts["live"] == 3
    assert [row["addresses"] for row in facts["addresses_by_subscribers"]][:4] == [0, 0, 1, 0]


# --- passwords


def test_a_password_is_asked_for_twice_without_echo(host):
    with Terminal(host, "user", "add", "cleo") as terminal:
        terminal.says("New password: ")
        until(lambda: not terminal.echoes(), 5, "no echo")
        terminal.types("a hidden word\n")
        terminal.says("Again: ")
        terminal.types("a hidden word\n")
        assert terminal.wait() == 0
    assert "hidden" not in terminal.text and "cleo@example.net: added" in terminal.text
    assert host.ctl("user", "check", "cleo", "--stdin", stdin="a hidden word\n").returncode == 0
    with Terminal(host, "user", "passwd", "cleo") as terminal:
        for prompt, word in (("New password: ", "one\n"), ("Again: ", "another\n")):
            terminal.says(prompt)
            terminal.types(word)
        assert terminal.wait() == 2 and "not the same" in terminal.text
    assert host.ctl("user", "check", "cleo", "--stdin", stdin="a hidden word\n").returncode == 0


def test_who_interrupts_the_prompt_gets_the_echo_back(host):
    with Terminal(host, "user", "passwd", "anna") as terminal:
        terminal.says("New password: ")
        until(lambda: not terminal.echoes(), 5, "no echo")
        terminal.types("\x03")
        assert terminal.wait() == -signal.SIGINT
        assert terminal.echoes()
    assert host.ctl("user", "check", "anna", "--stdin", stdin="secret\n").returncode == 0


# --- watching


def popen(host, *words, **more):
    return subprocess.Popen([host.program("popgate"), "-c", host.conf, *words], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=host.env(), stdin=subprocess.DEVNULL, **more)


def watch_has_begun(watch):
    """Something was told: what is asked of the store before it knows the watcher is not."""
    return bool(select.select([watch.stdout], [], [], 0.3)[0])


def test_watch_tells_what_happens_as_it_happens(host):
    with popen(host, "window", "watch", "--json", "--net", f"{OTHER}/32") as watch:
        try:
            until(lambda: host.ctl("window", "grant", OTHER, "--user", "bert", "--for", "1h").returncode == 0
                  and watch_has_begun(watch), 10, "the first event")
            assert host.login(OTHER).startswith("+OK")
            assert host.login(OTHER, password="wrong").startswith("-ERR")
            assert host.login("127.0.22.99").startswith("+OK")  # not watched
            assert host.ctl("window", "revoke", OTHER, "--user", "bert").returncode == 0
            assert host.ctl("window", "grant", OTHER, "--user", "bert", "--for", "1s").returncode == 0
            seen = []
            while not seen or seen[-1]["event"] != "end":
                row = json.loads(watch.stdout.readline())
                assert row.get("addr") == OTHER, row
                seen.append(row)
            kinds = [(row["event"], row["user"]) for row in seen]
            wanted = [("grant", "anna@example.net"), ("failure", "anna@example.net"), ("revoke", "bert@example.net"),
                      ("grant", "bert@example.net"), ("end", "bert@example.net")]
            assert [kind for kind in kinds if kind in wanted][-5:] == wanted
            watch.send_signal(signal.SIGINT)
            assert watch.wait(10) == 0
        finally:
            watch.kill()


def test_watch_ends_with_the_pipe_it_writes_to(host):
    with popen(host, "window", "watch") as watch:
        watch.stdout.close()
        assert watch.wait(10) == 0


def logins(farm):
    """In the last hour; -1 while the store is away."""
    rows = farm.ctl("window", "stats", "--json")
    return sum(json.loads(rows.stdout)["logins_per_minute"]) if rows.returncode == 0 else -1


def test_watch_waits_for_a_store_that_went_away(farm):
    farm.start("pop3d")
    with popen(farm, "window", "watch", "--json") as watch:
        until(lambda: farm.ctl("window", "grant", OTHER, "--user", "bert").returncode == 0
              and watch_has_begun(watch), 10, "the first event")
        farm.login(SOURCE)
        until(lambda: logins(farm) == 1, 10, "the login counted in its minute")
        os.kill(farm.store_pids()[0], signal.SIGKILL)
        assert "went away" in watch.stderr.readline()
        assert "is back" in watch.stderr.readline()
        farm.login(SOURCE)
        until(lambda: logins(farm) == 2, 10, "both logins counted, over the store's death")
        assert any(json.loads(watch.stdout.readline())["addr"] == SOURCE for _ in range(20))
        watch.terminate()
        assert watch.wait(10) == 0
    assert farm.end("pop3d") == 0
    farm.end_store()
    answer = farm.ctl("window", "watch")
    assert answer.returncode == 3 and "is popgate-store running" in answer.stderr


# --- usage


def test_what_is_misspelt_is_guessed_and_help_says_what_there_is(host):
    for words, said in ((["window", "lsit"], '"window list" meant'), (["statsu"], '"stat'), (["--usr", "x"], "--user meant"),
                        (["window", "list", "--for", "1h"], "takes no --for"), (["window", "list", "x"], "no argument"),
                        (["window", "grant", SOURCE, "--user"], "a value is wanted"),
                        (["check", "--json=x"], "takes no value")):
        answer = host.ctl(*words)
        assert answer.returncode == 2 and said in answer.stderr, (words, answer.stderr)
    listed = host.ctl("help").stdout
    assert host.ctl("help", "window", "list").stdout == host.ctl("window", "list", "--help").stdout
    for line in host.ctl("help", "words").stdout.splitlines():
        command, _, options = line.partition(":")
        assert f"popgate {command}" in listed
        helped = host.ctl(*command.split(), "--help")
        assert helped.returncode == 0 and all(f"--{option.rstrip('=')}" in helped.stdout for option in options.split())
        assert command.split()[-1] in (house.SOURCE / "ctl/popgate.8").read_text(), f"{command} is in no man page"


BASH = """
source {script}
COMP_WORDS=({words}); COMP_CWORD={at}
_popgate; printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def complete(host, typed):
    words = [str(host.program("popgate")), "-c", str(host.conf), *typed.split(" ")]
    quoted = " ".join("'" + word + "'" for word in words)
    script = BASH.format(script=house.SOURCE / "deploy/completion/popgate", words=quoted, at=len(words) - 1)
    answer = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=30,
                            env=host.env(), check=True)
    assert answer.stderr == ""
    return set(answer.stdout.split())


def test_bash_completes_commands_options_and_values(host):
    names = {line.split(":")[0].split()[0] for line in host.ctl("help", "words").stdout.splitlines()}
    assert complete(host, "") == names | {"help"}
    assert complete(host, "wi") == {"window"}
    assert {"list", "watch", "revoke"} <= complete(host, "window ") and complete(host, "window w") == {"watch"}
    assert complete(host, "window list --") == {"--user", "--net", "--all", "--json", "--utc", "--help"}
    assert "--json" not in complete(host, "window list --json --")
    assert complete(host, "window list --user an") == {"anna@example.net"}
    assert SOURCE in complete(host, "window show ") and SOURCE in complete(host, "explain --to x@y.test 127.0.22.")
    assert "YESCRYPT" in complete(host, "user add x --scheme ")
    answer = subprocess.run(["bash", "--norc", "-c", f"source {house.SOURCE}/deploy/completion/popgate; complete -p popgate"],
                            capture_output=True, text=True, timeout=30)
    assert answer.stdout.strip() == "complete -F _popgate popgate"
