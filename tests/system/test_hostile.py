"""Bad input gets the protocol's own error, and no log line can be forged by it."""

import os

import mail

SOURCE = "127.0.8.1"


def test_names_and_helos_forge_no_log_line(farm):
    farm.start()
    with farm.pop(SOURCE) as pop:
        assert pop.login("x\x1b[31m event=pop3.login user=root", "y").startswith("-ERR")
    with farm.smtp(SOURCE, hello=None) as smtp:
        smtp.says("EHLO a event=forged")
        smtp.says('MAIL FROM:<"a event=forged"@else.test>')
        smtp.says("RCPT TO:<bob@else.test>")
    assert farm.events("forged") == [] and farm.events("pop3.login") == []
    assert "\x1b" not in farm.said("pop3d")


def test_commands_out_of_sequence_and_out_of_range(farm):
    farm.start()
    with farm.pop(SOURCE) as pop:
        for command in ("PASS x", "RETR 1", "STAT", "NONSENSE"):
            assert pop.says(command).startswith("-ERR")
        pop.login()
        for command in ("RETR 0", "DELE 4294967297", "LIST -1", "LIST 1 2", "STAT junk", "QUIT junk"):
            assert pop.says(command).startswith("-ERR"), command
        assert pop.says("QUIT").startswith("+OK")
    with farm.smtp(SOURCE) as smtp:
        assert smtp.says("RCPT TO:<a@b.test>").startswith("503")
        assert smtp.says("DATA").startswith("503")
        assert smtp.says("NONSENSE").startswith("500")
        assert smtp.says("NOOP").startswith("250")


def test_links_fifos_and_directories_in_a_maildir_leak_and_hang_nothing(farm):
    mail.put(farm.maildir(), b"Subject: x\n\nx\n")
    new = farm.maildir() / "new"
    (new / "1.link").symlink_to("/etc/passwd")
    os.mkfifo(new / "2.fifo")
    (new / "3.dir").mkdir()
    farm.start("pop3d")
    with farm.pop(SOURCE) as pop:
        assert pop.login().startswith("+OK")
        count = int(pop.says("STAT").split()[1])
        got = [pop.many(f"RETR {n}")[1] for n in range(1, count + 1)]
        assert b"Subject: x\r\n\r\nx\r\n" in got
        assert not any(b"root:" in octets for octets in got)
        pop.says("QUIT")
