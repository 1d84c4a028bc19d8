"""A config that is wrong is refused by every program, with file and line, and nothing starts."""

import subprocess

import pytest

GOOD_LINES = 'hostname = "a.test" users "passwd-file" { path = "/u" }\n'
BAD = {
    "unknown": 'no_such_option = "1"\n', "syntax": "window {{{\n", "duration": 'window { lifetime = "30 parsecs" }\n',
    "word": 'plaintext_auth = "sometimes"\n', "prefix": "window { ipv4_prefix = 33 }\n",
    "network": 'window { never = { "300.1.2.3/8" } }\n', "listener": 'pop3d { listener "127.0.0.1:70000" { } }\n',
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_a_wrong_config_is_refused_with_file_and_line(farm, text):
    farm.conf_text = GOOD_LINES + text
    farm.write()
    for words in ([farm.program("pop3d"), "-t"], [farm.program("smtpgate"), "-t"],
                  [farm.program("popgate"), "check"]):
        answer = subprocess.run([words[0], "-c", farm.conf, *words[1:]], capture_output=True, text=True,
                                timeout=20, env=farm.env())
        if text.startswith("pop3d") and words[0].name == "smtpgate":
            continue  # another daemon's section is not its business
        assert answer.returncode != 0, words
        assert f"{farm.conf}:2" in answer.stderr, answer.stderr


def test_a_good_one_is_fine(farm):
    farm.write()
    for name in ("pop3d", "smtpgate"):
        assert subprocess.run([farm.program(name), "-t", "-c", farm.conf], env=farm.env(), timeout=20,
                              capture_output=True).returncode == 0
    assert farm.ctl("check").returncode == 0


def test_a_check_tells_of_accounts_that_nobody_can_use(farm):
    farm.write()
    users = farm.dir / "users"
    users.write_text(users.read_text() + "nonsense\n")
    for words in ("event=users.bad_line line=", "not there: nobody can log in"):
        answer = farm.ctl("check")
        assert answer.returncode == 0 and words in answer.stderr and "is fine" in answer.stdout, answer.stderr
        users.unlink(missing_ok=True)
    users.write_text("# nobody yet\n")
    assert "no account: nobody can log in" in farm.ctl("check").stderr
