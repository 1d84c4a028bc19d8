"""The maildrop: unique-ids as other servers gave them, sizes that RETR keeps, locks, and Maildirs that are
hostile, move, vanish or cannot be written."""

import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

import house
import mail
from oldservers import Courier, Dovecot
from ports import until

SOURCE = "127.0.0.8"
LETTER = b"Subject: a\n\nhello\n"


def letters(farm, user="anna"):
    """As they come: new and read ones, with sizes in the name and without, blanks, no end of the last line."""
    maildir = farm.maildir(user)
    mail.put(maildir, LETTER, "1700000000.M1P1.host")
    mail.put(maildir, LETTER, "1700000099.b,S=18:2,S", new=False)
    mail.put(maildir, LETTER, "1700000001.M7P1.host,S=18,W=21:2,RS", new=False)
    mail.put(maildir, LETTER + b".x\n..\nno end", "1600000099.a b:2,S", new=False)
    mail.put(maildir, LETTER, "1600000000." + "long" * 20)
    return maildir


def ours(farm, uidl_format, user="anna"):
    """What popgate says that pop3d would answer: (ids, sizes)."""
    farm.pop3d = f'uidl_format = "{uidl_format}"'
    farm.write()
    rows = farm.table("uidl", "--user", user)
    assert [row["number"] for row in rows] == list(range(1, len(rows) + 1))
    return [row["uidl"] for row in rows], [str(row["size"]) for row in rows]


# --- after a change of server

@pytest.mark.parametrize("uidl_format, theirs", [("dovecot", "%08Xu%08Xv"), ("md5", "%Mf")])
def test_clients_of_dovecot_know_their_messages_again(farm, directory, uidl_format, theirs):
    maildir = letters(farm)
    old = Dovecot(directory / "dovecot", maildir, theirs)
    ids = old.listing("UIDL")
    assert len(ids) == 5
    if uidl_format == "dovecot":
        now, sizes = ours(farm, uidl_format)
        assert now == ids
        # Dovecot does not count the CRLF that RETR adds to a last line without its end.
        assert sizes[0] == "21" and sizes[1] == "37" and [
            s for s in sizes if s != "37"] == [s for s in old.listing("LIST") if s != "35"]
        (maildir / "cur/1600000099.a b:2,S").rename(maildir / "cur/1600000099.a b:2,FRS")
        mail.put(maildir, LETTER, "1500000000.later.host")
        now, _ = ours(farm, uidl_format)
        assert now == [*ids, "1500000000.later.host"]
    else:
        assert sorted(ours(farm, uidl_format)[0]) == sorted(ids)


def test_clients_of_courier_know_their_messages_again_and_the_quota_is_kept(farm):
    maildir = letters(farm)
    quota = maildir / "maildirsize"
    quota.write_text("100000S,100C\n   120   5\n")
    old = Courier(maildir)
    ids, sizes = old.listing("UIDL"), old.listing("LIST")
    assert len(ids) == 5 and all(i.startswith("UID") for i in ids)
    now, counted = ours(farm, "courier")
    assert now == ids
    assert [c for c, s in zip(counted, sizes) if c != s] == ["37"]  # Courier counts one octet too few there
    old.talk("DELE 1")
    theirs = quota.read_text().splitlines()[-1].split()
    farm.start("pop3d")
    with farm.pop(SOURCE) as pop:
        pop.login()
        assert [line.split()[1] for line in pop.many("UIDL")[1].decode().splitlines()] == ids[1:]
        sent = pop.many("RETR 1")[1]
        assert [len(sent)] == [int(line.split()[1]) for line in pop.many("LIST")[1].splitlines()][:1]
        pop.says("DELE 2")
        assert pop.says("QUIT").startswith("+OK")
    assert theirs == ["-18", "-1"]
    assert quota.read_text().splitlines()[-1].split() == ["-18", "-1"]


# --- one session at a time

@pytest.fixture
def mounted(farm):
    """Mounts a Maildir a second time, as another user's."""
    made = []

    def mount(user, other, *options):
        there = farm.maildir(other)
        there.mkdir(parents=True)
        done = subprocess.run(house.sudo.words("mount", "--bind", farm.maildir(user), there),
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"the tests need a host that lets them mount: {done.stderr}"
        made.append(there)
        if options:
            house.sudo("mount", "-o", ",".join(("remount", "bind", *options)), there)
        return there

    yield mount
    for path in made:
        house.sudo("umount", "-l", path)


def test_locks_hold_over_mounts_and_end_with_their_holder(farm, mounted):
    farm.workers = 1
    farm.users.update({"cleo@example.net": "{PLAIN}secret"})
    letters(farm)
    mounted("anna", "bert")
    mounted("anna", "cleo", "ro")
    farm.start("pop3d")
    with farm.pop(SOURCE) as first:
        assert first.login("anna").startswith("+OK")
        with farm.pop(SOURCE) as second:
            assert second.login("bert").startswith("-ERR [IN-USE]")
        (farm.maildir() / "popgate-sizes").unlink()
        # Read-only: it cannot lock there, and says so; it reads, and deletes nothing.
        with farm.pop(SOURCE) as third:
            assert third.login("cleo").startswith("+OK")
            assert third.says("STAT").startswith("+OK 5 ")
            assert farm.wait_event("maildrop.elsewhere", what="lock")["in"] == str(farm.dir / "state/locks")
            assert farm.wait_event("maildrop.elsewhere", what="sizes")
            with farm.pop(SOURCE) as fourth:
                assert fourth.login("cleo").startswith("-ERR [IN-USE]")
            assert third.says("DELE 1").startswith("+OK")
            assert third.says("QUIT").startswith("-ERR")
        assert len(mail.files(farm.maildir())) == 5
        assert list((farm.dir / "state/locks").glob("*.sizes"))
        worker, = farm.role("pop3d", "worker")
        os.kill(worker, signal.SIGKILL)
        until(lambda: farm.role("pop3d", "worker") not in ([], [worker]), 20, "a new worker")
    until(lambda: farm.login(SOURCE, "bert").startswith("+OK"), 20, "the lock being free")


# --- a maildrop that nobody changes

def unchanged(farm):
    rows = map(json.loads, farm.ctl("stats", "--json").stdout.splitlines())
    return next(row["pop3_unchanged"] for row in rows if "pop3_unchanged" in row)


def test_a_maildrop_that_has_not_changed_is_opened_at_once_and_another_is_scanned(farm):
    """What changed in the last two seconds may change again unseen; so this waits."""
    farm.workers = 1
    maildir = letters(farm)
    farm.start("pop3d")
    farm.login(SOURCE)  # the size cache is written
    time.sleep(4)

    def session(messages, seen, *more):
        count = unchanged(farm)
        with farm.pop(SOURCE) as pop:
            assert pop.login().startswith("+OK")
            ids, sizes = pop.many("UIDL")[1], listed(pop)
            assert pop.says("STAT") == f"+OK {messages} {sum(sizes.values())}"
            for number, size in sizes.items():
                _, body, ended = retr(pop, number)
                assert ended and len(body) == size
            with farm.pop("127.0.0.5") as other:
                assert other.login().startswith("-ERR [IN-USE]")
            for line in more:
                assert pop.says(line).startswith("+OK")
        until(lambda: unchanged(farm) == count + seen, 5, lambda: f"pop3_unchanged, {count} and {seen} more")
        return ids

    ids = session(5, 0)
    assert session(5, 1) == ids
    assert session(5, 1, "DELE 1") == ids  # without QUIT it stays
    assert session(5, 1, "DELE 1", "QUIT") == ids
    session(4, 0)
    mail.put(maildir, LETTER, "1800000000.new")
    session(5, 0)
    time.sleep(4)
    session(5, 0)
    session(5, 1)
    renamed = maildir / "new/1800000000.new"
    renamed.rename(maildir / "cur/1800000000.new:2,S")
    session(5, 0)


# --- messages that change

def retr(pop, number):
    """The first line of the answer, the octets of the message, and whether it ended with its dot."""
    pop.send(f"RETR {number}")
    first, body = pop.line(), b""
    if first is None or first.startswith("-ERR"):
        return first, body, False
    while (line := pop.file.readline()) not in (b".\r\n", b""):
        body += line[1:] if line.startswith(b".") else line
    return first, body, line == b".\r\n"


def listed(pop):
    return {int(n): int(size) for n, size in (line.split() for line in pop.many("LIST")[1].splitlines())}


def test_what_is_listed_is_what_is_sent_or_nothing_is(farm):
    maildir = farm.maildir()
    mail.put(maildir, LETTER, "1.wrong,W=999")
    grown = mail.put(maildir, LETTER, "2.grown")
    shrunk = mail.put(maildir, LETTER, "3.shrunk")
    gone = mail.put(maildir, LETTER, "4.gone")
    moved = mail.put(maildir, LETTER, "5.moved")
    link = mail.put(maildir, LETTER, "6.link")
    large = mail.put(maildir, mail.large(8_000_000), "7.large")
    (maildir / "new/8.fifo.dir").mkdir()
    os.mkfifo(maildir / "cur/9.fifo")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.path.relpath(maildir / "new/9.socket"))
    (maildir / "cur/9.link").symlink_to("/etc/passwd")
    farm.start("pop3d")
    with farm.pop(SOURCE) as pop:
        pop.login()
        sizes = listed(pop)
        assert len(sizes) == 7 and sizes[1] == 21
        assert pop.says("STAT") == f"+OK 7 {sum(sizes.values())}"
        grown.write_bytes(LETTER + b"more\n")
        shrunk.write_bytes(LETTER[:5])
        gone.unlink()
        moved.rename(maildir / "cur/5.moved:2,S")
        link.unlink()
        link.symlink_to("/etc/passwd")
        assert retr(pop, 1)[1:] == (LETTER.replace(b"\n", b"\r\n"), True)
        for number in (2, 3, 4, 6):
            first, body, _ = retr(pop, number)
            assert first.startswith("-ERR") and body == b"", number
        sizes = listed(pop)
        assert sizes[2] == 27 and sizes[3] == 7
        for number in (2, 3, 5):
            _, body, ended = retr(pop, number)
            assert ended and len(body) == sizes[number]
        pop.send("RETR 7")
        assert pop.line().startswith("+OK")
        with large.open("r+b") as file:
            file.truncate(7_000_000)  # most of it is not sent yet: nobody has read it
        rest = pop.file.read()
        assert not rest.endswith(b"\r\n.\r\n") and len(rest) < 8_000_000
    farm.wait_event("maildrop.size_wrong", announced=999, octets=21)
    with farm.pop(SOURCE) as pop:
        pop.login()
        again = listed(pop)
        assert set(again.values()) >= {27, 7, 21} and len(again) == 5
        for number in again:
            pop.says(f"DELE {number}")
        (maildir / "cur/5.moved:2,S").rename(maildir / "cur/5.moved:2,RS")
        grown.unlink()
        grown.mkdir()
        assert re.match(r"-ERR .*\b1 of", pop.says("QUIT"))
    assert sorted(os.listdir(maildir / "new")) == ["2.grown", "6.link", "8.fifo.dir", "9.socket"]
    assert sorted(os.listdir(maildir / "cur")) == ["9.fifo", "9.link"]


def test_uidl_prints_what_pop3d_answers_and_its_exit_codes(farm):
    maildir = letters(farm)
    mail.put(maildir, LETTER, "1700000200.\x1b[31m\xe4\\:2,", new=False)
    mail.put(maildir, LETTER, "1700000200.twin:2,", new=False)
    mail.put(maildir, LETTER + b"x", "1700000200.twin:2,S", new=False)
    farm.start("pop3d")
    before = farm.table("uidl", str(maildir))
    assert not (maildir / "popgate-sizes").exists() and not (maildir / "popgate.lock").exists()
    with farm.pop(SOURCE) as pop:
        pop.login()
        ids = dict(line.split() for line in pop.many("UIDL")[1].decode().splitlines())
        sizes = listed(pop)
        assert len(set(ids.values())) == len(ids) == 8
        assert all(re.fullmatch(r"[!-~]{1,70}", i) for i in ids.values())
        assert farm.table("uidl", "--user", "anna") == before
    assert [(row["uidl"], row["size"]) for row in before] == [
        (ids[str(n)], sizes[n]) for n in range(1, len(ids) + 1)]
    assert any(row["file"] == r"cur/1700000200.\x1b[31m\xc3\xa4\x5c:2," for row in before)
    for path in list((maildir / "new").iterdir()):
        path.rename(maildir / "cur" / (path.name + ":2,S"))
    farm.end("pop3d")
    assert [row["uidl"] for row in farm.table("uidl", "anna")] == [row["uidl"] for row in before]
    assert farm.ctl("uidl", str(maildir / "nothing")).returncode == 1
    assert farm.ctl("uidl").returncode == 2
    assert farm.ctl("uidl", "anna", "--user", "bert").returncode == 2
