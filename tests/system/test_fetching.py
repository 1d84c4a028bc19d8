"""Real POP3 clients fetch what lies in a Maildir, octet for octet, and delete it or not."""

import poplib

import pytest

import clients
import mail
from talk import PopFrom

SOURCE = "127.0.0.4"


@pytest.fixture
def letters(farm):
    """Three messages as three kinds of file: LF, CRLF, and both in one."""
    sent = [mail.message("plain"), mail.tricky("tricky"), mail.large(200_000)]
    mail.put(farm.maildir(), mail.lf(sent[0]))
    mail.put(farm.maildir(), sent[1], new=False)
    mail.put(farm.maildir(), mail.lf(sent[2][:100_000]) + sent[2][100_000:])
    farm.start("pop3d")
    return sent


def left(farm):
    return len(mail.files(farm.maildir()))


def sorted_lf(messages):
    return sorted(mail.lf(m) for m in messages)


def test_poplib_sees_sizes_that_retr_keeps(farm, letters):
    pop = PopFrom(farm.pop_port, SOURCE)
    pop.user("anna@example.net")
    pop.pass_("secret")
    count, octets = pop.stat()
    assert (count, octets) == (3, sum(map(len, letters)))
    got = []
    for line in pop.list()[1]:
        number, size = map(int, line.split())
        got.append(b"".join(part + b"\r\n" for part in pop.retr(number)[1]))
        assert len(got[-1]) == size
    assert sorted(got) == sorted(letters)
    assert len({line.split()[1] for line in pop.uidl()[1]}) == 3
    assert pop.quit().startswith(b"+OK")
    assert left(farm) == 3


def test_poplib_deletes_only_what_quit_confirms(farm, letters):
    pop = PopFrom(farm.pop_port, SOURCE)
    pop.user("anna")
    pop.pass_("secret")
    pop.dele(2)
    pop.close()
    assert farm.wait_event("pop3.logout", reason="gone")  # another worker may be the one that hears of the next
    assert left(farm) == 3
    pop = PopFrom(farm.pop_port, SOURCE)
    pop.user("anna")
    pop.pass_("secret")
    pop.dele(1)
    pop.dele(2)
    pop.rset()
    pop.dele(3)
    with pytest.raises(poplib.error_proto):
        pop.retr(3)
    pop.quit()
    assert left(farm) == 2


def test_curl_keeps_and_deletes(farm, letters):
    got = [clients.curl_fetch(farm, n, SOURCE) for n in (1, 2, 3)]
    assert sorted(got) == sorted(letters)
    assert left(farm) == 3
    clients.curl_delete(farm, 1, SOURCE)
    assert left(farm) == 2


@pytest.mark.parametrize("keep", [True, False], ids=["keeps", "deletes"])
def test_fetchmail(farm, letters, directory, keep):
    got = clients.fetchmail(farm, SOURCE, directory, keep)
    assert sorted(map(mail.lf, (strip_added(m) for m in got))) == sorted_lf(letters)
    assert left(farm) == (3 if keep else 0)
    assert farm.wait_event("pop3.login")["addr"] == SOURCE


def strip_added(message):
    return mail.ADDED.sub(b"", message, count=1)


@pytest.mark.parametrize("keep", [True, False], ids=["keeps", "deletes"])
def test_mpop(farm, letters, directory, keep):
    assert sorted_lf(clients.mpop(farm, SOURCE, directory, keep)) == sorted_lf(letters)
    assert left(farm) == (3 if keep else 0)
    if keep:
        assert len(clients.mpop(farm, SOURCE, directory, keep)) == 3, "UIDLs changed between sessions"


@pytest.mark.parametrize("keep", [True, False], ids=["keeps", "deletes"])
@pytest.mark.parametrize("client", [clients.getmail, clients.mutt])
def test_getmail_and_mutt(farm, letters, directory, client, keep):
    got = client(farm, SOURCE, directory, keep)
    assert sorted(map(mail.lf, (strip_added(m) for m in got))) == sorted_lf(letters)
    assert left(farm) == (3 if keep else 0)
    assert farm.wait_event("pop3.login")["addr"] == SOURCE


def test_one_session_at_a_time_and_in_use_still_grants(farm, letters):
    farm.spawn("smtpgate")
    farm.ready("smtpgate")
    with farm.pop(SOURCE) as first:
        assert first.login().startswith("+OK")
        with farm.pop("127.0.0.5") as second:
            assert second.login().startswith("-ERR [IN-USE]")
        assert not farm.relay_reply("127.0.0.5").startswith("550 5.7.1")
        first.says("QUIT")
    assert farm.login(SOURCE).startswith("+OK")


def test_an_empty_maildir_and_none_at_all(farm):
    farm.start("pop3d")
    for user in ("anna", "bert"):
        with farm.pop(SOURCE) as talk:
            assert talk.login(user).startswith("+OK")
            assert talk.says("STAT") == "+OK 0 0"
            assert talk.says("QUIT").startswith("+OK")
        (farm.maildir("bert") / "new").mkdir(parents=True, exist_ok=True)


def test_top_sends_the_header_and_so_many_lines(farm, letters):
    with farm.pop(SOURCE) as talk:
        talk.login()
        sizes = [int(line.split()[1]) for line in talk.many("LIST")[1].splitlines()]
        number = sizes.index(len(letters[1])) + 1
        head, _, body = letters[1].partition(b"\r\n\r\n")
        assert talk.many(f"TOP {number} 0")[1] == head + b"\r\n\r\n"
        assert talk.many(f"TOP {number} 3")[1] == head + b"\r\n\r\n" + b".\r\n..\r\n...\r\n"
        assert talk.many(f"TOP {number} 9999")[1] == head + b"\r\n\r\n" + body


def test_a_dot_as_the_very_first_octet_is_stuffed(farm):
    mail.put(farm.maildir(), b".first\n.\n")
    farm.start("pop3d")
    with farm.pop(SOURCE) as talk:
        talk.login()
        talk.send("RETR 1")
        assert [talk.line() for _ in range(4)][1:] == ["..first", "..", "."]


def test_a_message_that_came_during_the_session_waits_for_the_next(farm, letters):
    with farm.pop(SOURCE) as talk:
        talk.login()
        assert talk.says("STAT").startswith("+OK 3 ")
        mail.put(farm.maildir(), b"Subject: late\n\nlate\n")
        assert talk.says("STAT").startswith("+OK 3 ")
        talk.says("QUIT")
    with farm.pop(SOURCE) as talk:
        talk.login()
        assert talk.says("STAT").startswith("+OK 4 ")


def test_pipelined_commands_are_answered_in_order(farm, letters):
    with farm.pop(SOURCE) as talk:
        talk.send(b"USER anna\r\nPASS secret\r\nSTAT\r\nNOOP\r\nDELE 1\r\nRSET\r\nQUIT\r\n")
        answers = [talk.line() for _ in range(7)]
        assert all(answer.startswith("+OK") for answer in answers), answers
        assert talk.line() is None
    assert left(farm) == 3


def test_messages_that_are_asked_for_all_at_once_come_whole_and_in_order(farm):
    """Small and large, seen and not seen yet, one renamed meanwhile, and twice each: from wherever they are read."""
    sent = [mail.large(size, seed=size) for size in (300, 70_000, 5_000, 900_000, 32_768, 1, 40_000) * 4]
    names = [mail.put(farm.maildir(), mail.lf(m), name=f"{i + 1700000000}.x") for i, m in enumerate(sent)]
    farm.start("pop3d")
    with farm.pop(SOURCE) as talk:
        talk.login()
        talk.says("STAT")
        (names[5].parent.parent / "cur" / "1700000005.x:2,S").hardlink_to(names[5])
        names[5].unlink()
        talk.send(b"".join(b"RETR %d\r\n" % (i % len(sent) + 1) for i in range(2 * len(sent))))
        for m in sent * 2:
            status = talk.line()
            assert status == f"+OK {len(m)} octets"
            got = talk.file.read(len(mail.stuffed(m)) + 3)
            assert got == mail.stuffed(m) + b".\r\n"
