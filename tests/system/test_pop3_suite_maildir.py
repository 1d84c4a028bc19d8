"""POP3 judged from outside: Maildirs. UIDL outlives moves and flags (RFC 1939 7); a message that changes
meanwhile is never served as something else; no file hangs a session or leaks another."""

import os
import re
import socket

import pytest

from pop3_host import LETTERS, running
from ports import until


@pytest.fixture(scope="module")
def host():
    with running() as made:
        yield made


# -- unique-ids

HOSTILE_NAMES = (
    b"1", b"a", b"a.b", b"1700000001.M1P1.host:2,", b"1700000002.M1P1.host:2,S",
    b"1700000003.M1P1.host:2,FRS",
    b"space name", b" lead", b"trail ", b"tab\tname", b"new\nline", b"cr\rname", b"crlf\r\n.\r\nname",
    b"nul-like\\0",
    b"\xff\xfe", "\u00e9".encode(), b"esc\x1b[2J", b"x" * 69, b"x" * 70, b"x" * 71, b"x" * 70 + b"y",
    b"x" * 70 + b"z",
    b"x" * 200, b"x" * 199 + b"y", b"w" * 199 + b"y:2,S", b"aa:2,S:2,T", b"b:", b":2,S", b"c:1,x", b",S=1",
    b"d,W=5", b"-1", b"%s%n",
    b"$(id)", b"'", b'"', b"<>", b"\x7f", b"~", b"!", b"e:2,S\n", b"\x01", b"{", b"f;g", b"+OK",
    b"X-UIDL: 1",
    b"1700000001.M1P1.host2,S=10:2,S", b"1700000001.M1P1.host2,S=11:2,S", b"1700000001.V1.host",
    b"1700000001.V1.HOST",
)


def test_uids_are_well_formed_and_unique_for_any_name(host):
    """RFC 1939 7 UIDL: 1 to 70 octets from 0x21 to 0x7E, unique within the maildrop, the same next time."""
    box = host.box()
    for n, name in enumerate(HOSTILE_NAMES):
        box.put(b"Subject: %d\n\nx\n" % n, os.fsdecode(name), new=b":" not in name)
    with box.session() as wire:
        uids, sizes = wire.table("UIDL"), wire.table("LIST")
        assert len(uids) == len(sizes) >= len(HOSTILE_NAMES) - 1  # nothing before ":2,S" may be no name
        for number, uid in uids.items():
            assert re.fullmatch(rb"[!-~]{1,70}", uid), (number, uid)
            assert wire.says(f"UIDL {number}").split() == [b"+OK", b"%d" % number, uid]
        assert len(set(uids.values())) == len(uids)
        subjects = {uid: wire.message(f"RETR {number}") for number, uid in uids.items()}
    with box.session() as wire:
        again = {uid: wire.message(f"RETR {number}") for number, uid in wire.table("UIDL").items()}
    assert again == subjects


def test_the_same_name_twice_has_two_uids(host):
    """A copy in new and one in cur, or two sets of flags: two messages, two unique-ids."""
    box = host.box()
    for n, (name, new) in enumerate((("1700000001.M1P1.host", True), ("1700000001.M1P1.host:2,", False),
                                     ("1700000001.M1P1.host:2,S", False),
                                     ("1700000001.M1P1.host:2,RS", False))):
        box.put(b"Subject: %d\n\nx\n" % n, name, new)
    with box.session() as wire:
        uids = wire.table("UIDL")
        assert len(set(uids.values())) == len(uids) == int(wire.says("STAT").split()[1])
        bodies = {wire.message(f"RETR {number}") for number in uids}
        assert len(bodies) == len(uids)


@pytest.mark.parametrize("flags", ["", "S", "FS", "RS", "PRS", "DFPRST", "abc"])
def test_a_uid_survives_moves_and_flags(host, flags):
    box = host.box().fill()
    with box.session() as wire:
        before = {uid: wire.message(f"RETR {n}") for n, uid in wire.table("UIDL").items()}
    for path in sorted((box.maildir / "new").iterdir())[1:]:
        path.rename(box.maildir / "cur" / f"{path.name}:2,{flags}")
    with box.session() as wire:
        assert {uid: wire.message(f"RETR {n}") for n, uid in wire.table("UIDL").items()} == before


def test_a_uid_survives_the_deletion_of_others(host):
    box = host.box().fill()
    with box.session() as wire:
        before = wire.table("UIDL")
        wire.says("DELE 1")
        assert wire.table("UIDL") == {n: uid for n, uid in before.items() if n != 1}
        wire.says("QUIT")
    with box.session() as wire:
        assert list(wire.table("UIDL").values()) == [before[2], before[3]]


def test_a_new_message_never_takes_the_uid_of_a_deleted_one(host):
    box = host.box().fill()
    with box.session() as wire:
        old = set(wire.table("UIDL").values())
        for number in (1, 2, 3):
            wire.says(f"DELE {number}")
        wire.says("QUIT")
    box.fill()  # other names, the same octets
    with box.session() as wire:
        assert not old & set(wire.table("UIDL").values())


def test_uid_from_a_header_is_not_believed(host):
    """CVE-2000-0320 and others: X-UIDL in a message is a stranger's text."""
    box = host.box()
    for uid in (b"%n%n%n%s", b"same", b"same", b"a\x01b", b"x" * 500):
        box.put(b"X-UIDL: " + uid + b"\nSubject: x\n\nx\n")
    with box.session() as wire:
        uids = list(wire.table("UIDL").values())
        assert len(set(uids)) == 5 and b"same" not in uids


# -- what changes during a session; a server may look into the Maildir as late as at the first question

def _second(box):
    return sorted((box.maildir / "new").iterdir())[1]


def test_new_mail_waits_for_the_next_session(host):
    box = host.box().fill()
    with box.session() as wire:
        stat = wire.says("STAT")
        box.put(b"Subject: late\n\nx\n", "1600000000.M0P0.host")
        assert wire.says("STAT") == stat and len(wire.table("LIST")) == 3
        assert wire.says("RETR 4").startswith(b"-ERR")
        assert wire.message("RETR 1") == LETTERS[0]
        wire.says("DELE 1")
        wire.says("QUIT")
    assert box.left() == 3
    with box.session() as wire:
        assert wire.says("STAT").startswith(b"+OK 3 ")


def test_a_message_moved_and_flagged_meanwhile_is_still_there(host):
    box = host.box().fill()
    with box.session() as wire:
        wire.table("LIST")
        path = _second(box)
        path.rename(box.maildir / "cur" / f"{path.name}:2,S")
        assert wire.message("RETR 2") == LETTERS[1]
        assert wire.message("TOP 2 1").startswith(b"Subject: two")


def test_a_message_moved_and_flagged_meanwhile_is_deleted_by_quit(host):
    box = host.box().fill()
    with box.session() as wire:
        wire.table("LIST")
        wire.says("DELE 2")
        path = _second(box)
        path.rename(box.maildir / "cur" / f"{path.name}:2,RS")
        assert wire.says("QUIT").startswith(b"+OK")
    assert box.left() == 2


def test_a_message_that_vanished_is_refused_and_the_session_goes_on(host):
    box = host.box().fill()
    with box.session() as wire:
        wire.table("LIST")
        _second(box).unlink()
        for command in ("RETR 2", "TOP 2 1"):
            assert wire.says(command).startswith(b"-ERR")
        assert wire.message("RETR 3") == LETTERS[2]
        assert wire.says("DELE 3").startswith(b"+OK")
        assert wire.says("QUIT").startswith(b"+OK")
    assert box.left() == 1


def test_a_vanished_message_can_be_deleted(host):
    box = host.box().fill()
    with box.session() as wire:
        wire.says("DELE 2")
        _second(box).unlink()
        assert wire.says("QUIT").startswith((b"+OK", b"-ERR")) and wire.ended()
    assert box.left() == 2


@pytest.mark.parametrize("command", ["RETR 2", "TOP 2 9999"])
@pytest.mark.parametrize("octets", [0, 1, 30, 44])
def test_a_message_that_shrank_never_ends_like_a_whole_one(host, octets, command):
    """What is not what LIST promised is refused, or the connection breaks off before the dot."""
    box = host.box().fill()
    with box.session() as wire:
        wire.table("LIST")
        os.truncate(_second(box), octets)
        first = wire.says(command)
        if first is not None and first.startswith(b"+OK"):
            while line := wire.raw():
                assert line != b".\r\n", "a cut message looks whole"
        else:
            assert wire.message("RETR 3") == LETTERS[2]


def test_a_large_message_cut_while_it_is_sent_never_ends_like_a_whole_one(host):
    box = host.box()
    path = box.put(b"Subject: x\n\n" + (b"0123456789abcdef" * 4095 + b"\n") * 400)
    with box.session() as wire:
        wire.table("LIST")
        wire.send("RETR 1")
        assert wire.reply().startswith(b"+OK")
        wire.file.read(100_000)
        os.truncate(path, 200_000)
        while line := wire.raw():
            assert line != b".\r\n", "a cut message looks whole"


def test_a_message_that_grew_is_never_out_of_step(host):
    box = host.box().fill()
    with box.session() as wire:
        wire.table("LIST")
        with open(_second(box), "ab") as file:
            file.write(b"more\r\n.\r\nmore\r\n")
        first, got = None, None
        wire.send("RETR 2")
        first = wire.reply()
        if first is not None and first.startswith(b"+OK"):
            got = wire.body(short=False)
            assert got in (LETTERS[1], LETTERS[1] + b"more\r\n.\r\nmore\r\n")
        assert wire.message("RETR 3") == LETTERS[2]


@pytest.mark.parametrize("what", ["link", "fifo", "directory", "socket", "unreadable", "device-link",
                                  "dangling"])
def test_a_message_replaced_meanwhile_leaks_and_hangs_nothing(host, what):
    box = host.box().fill()
    secret = host.dir / "users"
    with box.session() as wire:
        wire.table("LIST")
        path = _second(box)
        path.unlink()
        _odd(path, what, secret)
        wire.send("RETR 2")
        first = wire.reply()
        if first is not None and first.startswith(b"+OK"):
            got = wire.body(short=False)
            assert b"PLAIN" not in got
            assert what == "unreadable" and os.getuid() == 0, f"{what} was sent as a message"
        assert wire.message("RETR 3") == LETTERS[2]
        wire.says("DELE 2")
        wire.send("QUIT")
        assert wire.reply() is not None and wire.ended()
    assert secret.exists()


def _odd(path, what, secret):
    if what == "link":
        path.symlink_to(secret)
    elif what == "device-link":
        path.symlink_to("/dev/zero")
    elif what == "dangling":
        path.symlink_to("/nonexistent/x")
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "directory":
        path.mkdir()
    elif what == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            here = os.getcwd()
            os.chdir(path.parent)
            try:
                made.bind(path.name)
            finally:
                os.chdir(here)
    else:
        path.write_bytes(LETTERS[1])
        path.chmod(0)


@pytest.mark.parametrize("what", ["link", "fifo", "directory", "socket", "device-link", "dangling"])
@pytest.mark.parametrize("folder", ["new", "cur"])
def test_what_is_no_file_is_no_message(host, folder, what):
    box = host.box().fill()
    (box.maildir / folder).mkdir(exist_ok=True)
    odd = box.maildir / folder / "1700000000.M0P0.host:2,S"
    _odd(odd, what, host.dir / "users")
    with box.session() as wire:
        sizes = wire.table("LIST")
        bodies = []
        for number in sizes:
            wire.send(f"RETR {number}")
            if wire.reply().startswith(b"+OK"):
                bodies.append(wire.body(short=False))
        assert sorted(bodies) == sorted(LETTERS)
        assert wire.says("STAT").split()[1] == b"3"
        for number in sizes:
            wire.says(f"DELE {number}")
        assert wire.says("QUIT").startswith(b"+OK")
    assert os.path.lexists(odd), "deleted what was no message"


@pytest.mark.parametrize("folder", ["new", "cur"])
def test_a_folder_that_is_a_link_elsewhere_leaks_nothing(host, folder):
    """A subscriber's own link must not read another's mail."""
    victim, box = host.box().fill(), host.box()
    box.maildir.mkdir(parents=True)
    (victim.maildir / "cur").mkdir(exist_ok=True)
    for part in ("new", "cur", "tmp"):
        if part == folder:
            (box.maildir / part).symlink_to(victim.maildir / "new")
        else:
            (box.maildir / part).mkdir()
    with box.greeted() as wire:
        if wire.login(box.name).startswith(b"+OK"):
            for number in wire.table("LIST"):
                assert not (wire.many(f"RETR {number}", short=False)[1] or b"").startswith(b"Subject: ")
                wire.says(f"DELE {number}")
        wire.says("QUIT")
    assert victim.left() == 3


def test_tmp_and_dot_files_are_no_messages(host):
    box = host.box().fill()
    (box.maildir / "tmp" / "1700000009.M1P1.host").write_bytes(b"x\n")
    (box.maildir / "new" / ".hidden").write_bytes(b"x\n")
    (box.maildir / "cur" / ".nfs0001").write_bytes(b"x\n")
    (box.maildir / "stray").write_bytes(b"x\n")
    with box.session() as wire:
        assert wire.says("STAT").startswith(b"+OK 3 ")


@pytest.mark.parametrize("missing", ["new", "cur", "tmp", "all"])
def test_a_maildir_without_its_folders_is_served(host, missing):
    box = host.box()
    box.maildir.mkdir(parents=True)
    for part in ("new", "cur", "tmp"):
        if missing not in (part, "all"):
            (box.maildir / part).mkdir()
    with box.session() as wire:
        assert wire.says("STAT") == b"+OK 0 0"
        assert wire.table("LIST") == wire.table("UIDL") == {}
        for command in ("LIST 1", "RETR 1", "DELE 1", "UIDL 1", "TOP 1 0", "RETR 0"):
            assert wire.says(command).startswith(b"-ERR")
        assert wire.says("QUIT").startswith(b"+OK")


def test_no_maildir_at_all_is_an_empty_maildrop(host):
    with host.box().session() as wire:
        assert wire.says("STAT") == b"+OK 0 0"
        assert wire.says("QUIT").startswith(b"+OK")


def test_a_thousand_messages_keep_their_numbers(host):
    box = host.box()
    for n in range(1000):
        box.put(b"Subject: %d\n\nx\n" % n, f"17{n:08d}.M1P1.host", new=bool(n % 3))
    with box.session() as wire:
        sizes, uids = wire.table("LIST"), wire.table("UIDL")
        assert list(sizes) == list(uids) == list(range(1, 1001)) and len(set(uids.values())) == 1000
        wire.send(b"".join(b"DELE %d\r\n" % n for n in range(1, 1001, 2)))
        assert all(wire.reply().startswith(b"+OK") for _ in range(500))
        assert list(wire.table("LIST")) == list(range(2, 1001, 2))
        assert wire.table("UIDL") == {n: uids[n] for n in range(2, 1001, 2)}
        assert wire.says("QUIT").startswith(b"+OK")
    assert box.left() == 500
    with box.session() as wire:
        assert list(wire.table("UIDL").values()) == [uids[n] for n in range(2, 1001, 2)]


def test_a_message_left_half_read_deletes_nothing(host):
    box = host.box()
    box.put(b"Subject: x\n\n" + b"line\n" * 400_000)
    with box.session() as wire:
        wire.says("DELE 1")
        wire.says("RSET")
        wire.send("RETR 1")
        wire.file.read(10_000)

    def again():
        with box.greeted() as wire:
            return wire.login(box.name).startswith(b"+OK") and wire.says("STAT")

    assert until(again, 10, "the next session").startswith(b"+OK 1 ")
    assert box.left() == 1
