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
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
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
