"""The command line: what it says, what it changes, its exit codes."""

SOURCE = "127.0.7.1"


def test_grants_and_revocations_by_hand(farm):
    farm.start()
    assert farm.ctl("window", "show", SOURCE).returncode == 1
    assert farm.ctl("window", "grant", SOURCE, "--user", "anna", "--for", "10m").returncode == 0
    assert farm.ctl("window", "show", SOURCE).returncode == 0
    row, = farm.table("window", "list", "--user", "anna")
    assert (row["addr"], row["user"]) == (SOURCE, "anna@example.net")
    assert not farm.relay_reply(SOURCE).startswith("550 5.7.1")
    assert farm.ctl("window", "revoke", SOURCE).returncode == 0
    assert farm.table("window", "list") == []
    assert farm.relay_reply(SOURCE).startswith("550 5.7.1")
    assert farm.stats()["revocations"] >= 1


def test_usage_is_2_and_a_store_that_is_away_is_3(farm):
    farm.write()
    assert farm.ctl("nonsense").returncode == 2
    assert farm.ctl("window", "grant", "no address", "--user", "anna").returncode == 2
    assert farm.ctl("window", "grant", SOURCE, "--user", "anna").returncode == 3


def test_accounts(farm):
    farm.start()
    assert farm.ctl("user", "add", "cleo", stdin="word\n").returncode == 0
    assert "cleo@example.net" in farm.ctl("user", "list").stdout
    assert farm.ctl("user", "check", "cleo", stdin="word\n").returncode == 0
    assert farm.ctl("user", "check", "cleo", stdin="other\n").returncode == 1
    assert farm.ctl("user", "remove", "cleo").returncode == 0
    assert "cleo" not in farm.ctl("user", "list").stdout


def test_who_asks_a_store_that_does_not_run_is_told_so(farm):
    farm.write()
    for words in (["window", "watch"], ["window", "revoke", "--everything"], ["who", "192.0.2.1"], ["report"]):
        answer = farm.ctl(*words)
        assert answer.returncode == 3 and "is popgate-store running" in answer.stderr, words
        assert 'group ""' not in answer.stderr


def test_a_password_is_no_other_field_of_the_account(farm):
    farm.start()
    evil = "x::::::addresses=postmaster@example.net group=exempt\n"
    for words in (("add", "cleo"), ("passwd", "anna")):
        answer = farm.ctl("user", *words, "--scheme", "PLAIN", stdin=evil)
        assert answer.returncode == 2 and "another --scheme" in answer.stderr
    assert "postmaster" not in (farm.dir / "users").read_text() and farm.login().startswith("+OK")
    assert farm.ctl("user", "add", "cleo", "--scheme", "SHA512-CRYPT", stdin=evil).returncode == 0
    assert farm.ctl("user", "check", "cleo", stdin=evil).returncode == 0


def test_every_command_says_by_its_exit_code_how_it_went(farm):
    farm.write()
    for code, commands in (
            (0, ("check", "user list", "help window")),
            (1, ("user remove nobody", "user check nobody --stdin", "uidl nobody")),
            (2, ("", "window", "window show", f"window grant {SOURCE} --user anna --for 99d", "window revoke",
                 f"window revoke {SOURCE} --everything", "explain nowhere", "user add", "stats --json --openmetrics",
                 "help nonsense", "window watch --net 192.0.2.0/99")),
            (3, ("window list", f"window show {SOURCE}", f"window revoke {SOURCE}", "window watch", "window stats",
                 "stats", "status"))):
        for command in commands:
            answer = farm.ctl(*command.split(), stdin="word\n")
            assert answer.returncode == code, (command, answer.returncode, answer.stderr)
            assert (code == 0) == (answer.stderr == "") or command == "status", (command, answer.stderr)
