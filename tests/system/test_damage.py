"""A full disk and damaged files under state_dir: POP3 goes on, nobody is told a wrong no, nothing is lost
in silence."""

import os
import random

import pytest

import mail
from house import sudo
from ports import until

SOURCE = "127.0.0.15"


def state_files(farm, part):
    """data.mdb of the log, or of the view now in use."""
    return (farm.dir / "state" / part / "data.mdb").resolve()


@pytest.fixture
def small_disk(farm):
    """state_dir on a file system of its own, of 4 MB."""
    sudo("mount", "-t", "tmpfs", "-o", f"size=4m,mode=0700,uid={os.getuid()}", "popgate-test",
         farm.dir / "state")
    yield farm.dir / "state"
    farm.stop()
    sudo("umount", "-l", farm.dir / "state")  # who is ending may still have it open


def fill(directory):
    with open(directory / "ballast", "wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(b"x" * 4096)
        except OSError:
            pass
    return directory / "ballast"


def test_with_a_full_disk_logins_go_on_and_relay_is_451(farm, hop, small_disk):
    farm.relay_to = hop.uri
    farm.start()
    assert farm.login("127.0.5.1").startswith("+OK")
    ballast = fill(small_disk)
    lost = 0
    for n in range(2, 60):  # LMDB may still have free pages of its own; they do not last
        assert farm.login(f"127.0.5.{n}").startswith("+OK")
        if farm.events("store.failed"):
            lost = n
            break
    assert lost, "the store never noticed"
    assert farm.wait_event("store.failed")["level"] == "error"
    assert farm.relay_reply(f"127.0.5.{lost}").startswith("451 4.3.0")
    assert farm.relay_reply("127.0.5.200").startswith("451 4.3.0")
    mail.put(farm.maildir(), b"Subject: x\n\nx\n")
    with farm.pop(SOURCE) as pop:
        assert pop.login().startswith("+OK")
        assert pop.many("RETR 1")[0].startswith("+OK")
        pop.says("QUIT")
    ballast.unlink()
    until(lambda: farm.login("127.0.5.201") and farm.relay_reply("127.0.5.201").startswith("250"), 20,
          "grants again once there is room")


def spoil(path, start=0, size=None):
    octets = bytearray(path.read_bytes())
    size = len(octets) - start if size is None else size
    octets[start:start + size] = random.Random(1).randbytes(size)
    path.write_bytes(octets)


def truncate(path):
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096 + 100)


@pytest.mark.parametrize("damage", [spoil, truncate, lambda path: path.write_bytes(b""),
                                    lambda path: spoil(path, 8192), lambda path: path.unlink()],
                         ids=["noise", "cut", "empty", "noise-behind-meta", "gone"])
def test_a_damaged_view_is_rebuilt_from_the_log(farm, damage):
    farm.start()
    for n in range(1, 30):
        farm.login(f"127.0.6.{n}")
    farm.kill_all()
    damage(state_files(farm, "view"))
    farm.start()
    rows = {row["addr"] for row in farm.table("window", "list")}
    assert rows == {f"127.0.6.{n}" for n in range(1, 30)}
    assert not farm.relay_reply("127.0.6.7").startswith(("550 5.7.1", "451"))


@pytest.mark.parametrize("damage", [spoil, truncate, lambda path: spoil(path, 8192)],
                         ids=["noise", "cut", "noise-behind-meta"])
def test_a_damaged_log_is_moved_aside_and_reported(farm, damage):
    farm.start()
    for n in range(1, 30):
        farm.login(f"127.0.6.{n}")
    farm.kill_all()
    log = state_files(farm, "log")
    damage(log)
    damaged = log.read_bytes()
    farm.start()
    assert farm.login("127.0.6.40").startswith("+OK")
    until(lambda: not farm.relay_reply("127.0.6.40").startswith(("550 5.7.1", "451")), 15,
          "a new login counting")
    kept = [path for path in (farm.dir / "state").rglob("data.mdb") if path.read_bytes() == damaged]
    assert kept and kept[0].parent.name != "log", "moved aside, never deleted"
    assert any(event["level"] == "error" for event in farm.events() if event["event"].startswith("store."))


def test_a_view_damaged_while_readers_have_it_open_never_says_yes_or_a_final_no(farm):
    farm.start()
    farm.login("127.0.6.1")
    os.truncate(state_files(farm, "view"), 0)
    for _ in range(5):
        try:
            answer = farm.relay_reply("127.0.6.2")
        except (OSError, AttributeError, IndexError):
            continue  # the worker that met the missing pages died; another took its place
        assert not answer.startswith("250 2.1.5 fine")
    farm.may_report = True  # SIGBUS is the kernel's word for it, not a fault of ours to list
    farm.kill_all()
    farm.start()
    assert not farm.relay_reply("127.0.6.1").startswith(("550 5.7.1", "451"))


def test_accounts_that_cannot_be_read_stay_as_they_were(farm):
    farm.start()
    (farm.dir / "users").rename(farm.dir / "users.away")
    (farm.dir / "users").mkdir()
    farm.wait_event("users.failed", level="error")
    assert farm.login("127.0.6.1").startswith("+OK")
    (farm.dir / "users").rmdir()
    (farm.dir / "users.away").rename(farm.dir / "users")
    until(lambda: farm.login("127.0.6.2").startswith("+OK"), 5, "logins with the file back")


def test_a_local_recipient_waits_for_accounts_that_were_never_read(farm):
    """That nobody is known yet is no reason to return mail to its sender for good."""
    farm.write()
    (farm.dir / "users").unlink()
    farm.spawn("smtpgate")
    farm.ready("smtpgate")
    with farm.smtp() as smtp:
        assert smtp.mail("x@else.test", "anna@example.net")[-1].startswith("451 4.3.0")
        smtp.says("RSET")
        farm.write_users()
        until(lambda: (smtp.says("RSET"), smtp.mail("x@else.test", "anna@example.net"))[1][-1]
              .startswith("250"), 5, "the account being known")
        assert smtp.says("RCPT TO:<nobody@example.net>").startswith("550 5.1.1")


def test_accounts_change_while_serving(farm):
    farm.start("pop3d")
    farm.users["cleo@example.net"] = "{PLAIN}word"
    del farm.users["bert@example.net"]
    farm.write_users()
    until(lambda: farm.login(user="cleo", password="word").startswith("+OK"), 5, "the new account")
    until(lambda: farm.login(user="bert").startswith("-ERR"), 5, "each worker having read the file")
    assert farm.login(user="anna").startswith("+OK")
