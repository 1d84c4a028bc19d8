"""A file system that is full: the client hears it, nothing half-made stays, and mail flows once there is room."""

import subprocess

import pytest

import mail
from house import sudo
from ports import until

LETTER = mail.large(300_000)


@pytest.fixture
def small_disk(farm):
    """A file system of 1 MB where the Maildirs are."""
    where = farm.dir / "mail"
    mounted = subprocess.run(sudo.words("mount", "-t", "tmpfs", "-o", "size=1m,mode=1777", "tmpfs", where),
                             capture_output=True)
    assert mounted.returncode == 0, f"this host lets the tests mount nothing: {mounted.stderr}"
    yield where
    sudo("umount", "-l", where)


def test_a_full_disk_is_452_and_leaves_nothing_behind(farm, small_disk):
    farm.start("smtpgate")
    with farm.smtp() as smtp:
        answers = [smtp.deliver("x@else.test", ["anna@example.net"], mail.stuffed(LETTER))
                   for _ in range(5)]
        taken = [answer for answer in answers if answer.startswith("250")]
        assert taken and all(a.startswith("452 4.3.1") for a in answers if a not in taken)
        assert len(mail.files(farm.maildir())) == len(taken) < 5
        until(lambda: not list(farm.maildir().glob("tmp/*")), 10, "an empty tmp")
        for path in (farm.maildir() / "new").iterdir():
            path.unlink()
        assert smtp.deliver("x@else.test", ["anna@example.net"], mail.stuffed(LETTER)).startswith("250")


def test_a_mailbox_over_its_quota_is_452_and_no_other_is_spoilt(farm):
    farm.start("smtpgate")
    box = farm.maildir()
    (box / "tmp").mkdir(parents=True, exist_ok=True)
    (box / "maildirsize").write_text("1000S\n990 1\n")
    letter = mail.message()
    with farm.smtp() as smtp:
        assert smtp.says("MAIL FROM:<x@else.test> SIZE=500").startswith("250")
        assert smtp.says("RCPT TO:<anna@example.net>").startswith("452 4.2.2")
        assert smtp.says("RCPT TO:<bert@example.net>").startswith("250")
        assert smtp.data(mail.stuffed(letter)).startswith("250")
        assert len(mail.files(farm.maildir("bert"))) == 1 and not mail.files(box)
        assert smtp.deliver("x@else.test", ["anna@example.net"], mail.stuffed(letter)).startswith("452 4.2.2")
        assert not mail.files(box) and not list(box.glob("tmp/*"))
        (box / "maildirsize").write_text("100000S\n990 1\n")
        assert smtp.deliver("x@else.test", ["anna@example.net"], mail.stuffed(letter)).startswith("250")
    octets = len(mail.files(box)[0])
    assert (box / "maildirsize").read_text() == f"100000S\n990 1\n{octets} 1\n"
