"""deploy/examples work as they are: with names, ports and places edited and nothing else, mail goes through
each of them, with the real mail server behind it."""

import grp
import os
import pwd
import subprocess

import pytest

import certificates
import house
from exim import Exim
from hop import Hop
from peers import Postfix
from ports import free_port, until
from talk import Pop, Smtp

EXAMPLES = house.SOURCE / "deploy/examples"
EXAMPLE = "example = true                          # nobody has edited this file yet: remove this line when you have"
# Who owns the Maildirs that another server delivers to; from root its processes keep no power over others' files.
OWNER = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
LETTER = b"From: anna@example.net\r\nSubject: hello\r\n\r\nA word.\r\n"


def edited(name, *edits):
    text = (EXAMPLES / name).read_text()
    for old, new in edits:
        assert old in text, f"{name} has no {old} any more"
        text = text.replace(old, str(new))
    return text


@pytest.fixture
def outside():
    made = Hop("127.0.0.42").start()  # the smarthost
    yield made
    made.stop()


def unedited(farm):
    """What each program says of a file that nobody has edited: no, and which line says so."""
    for name in house.PROGRAMS:
        words = ["check"] if name == "popgate" else ["-t"]
        answer = subprocess.run([farm.program(name), "-c", farm.conf, *words], capture_output=True, text=True,
                                timeout=30, check=False)
        line = farm.conf.read_text().split("\n").index(EXAMPLE) + 1
        assert answer.returncode == (1 if name == "popgate" else 78), (name, answer)
        assert f"{farm.conf}:{line}: example: this is still the file as it was shipped" in answer.stderr, answer


def start(farm, site, *edits):
    """Popgate with that example, on ports of its own."""
    farm.users_mode = 0o644
    for path in (farm.dir.parent, farm.dir):
        os.chmod(path, 0o755)
    house.sudo("chown", OWNER.pw_uid, farm.dir / "mail")
    os.chown(farm.dir / "state", -1, OWNER.pw_gid)
    os.chmod(farm.dir / "state", 0o2755)
    group = grp.getgrgid(OWNER.pw_gid).gr_name
    certificate, key = certificates.make(farm.dir)
    farm.pop_port, farm.smtp_port = free_port(), free_port()
    farm.port = {name: free_port() for name in ("995", "587", "465")}
    ports = {"110": farm.pop_port, "25": farm.smtp_port, **farm.port}
    listeners = [(f'"{at}:{old}"', f'"{ours}:{new}"') for old, new in ports.items()
                 for at, ours in (("0.0.0.0", "127.0.0.1"), ("[::]", "[::1]"))]
    text = edited(f"{site}/popgate.conf", *listeners, ("/etc/popgate/users", farm.dir / "users"),
                  ("/etc/popgate/cert.pem", certificate), ("/etc/popgate/key.pem", key),
                  ("/var/vmail", farm.dir / "mail"), *edits)
    farm.conf_text = text + f'state_dir = "{farm.dir}/state"\nrun_dir = "{farm.dir}/run"\n' \
        f'sandbox = "strict"\nrun_as {{ mail = "{OWNER.pw_name}" store = "" gate = "" group = "{group}" }}\n'
    farm.write()
    unedited(farm)
    farm.conf_text = farm.conf_text.replace(EXAMPLE + "\n", "")
    farm.write()
    answer = farm.ctl("check")
    assert answer.returncode == 0, answer.stderr
    farm.start()


def give(path, uid):
    for name in ("anna", "bert"):
        (path / "example.net" / name).mkdir(parents=True, exist_ok=True)
    house.sudo("chown", "-R", f"{uid}:{uid}", path)


def the_whole_story(farm, outside):
    """Refused, fetched, sent; and mail from the world for a subscriber, fetched again."""
    assert farm.relay_reply().startswith("550 5.7.1")
    assert farm.login().startswith("+OK")
    with farm.smtp() as smtp:
        assert smtp.deliver("anna@example.net", ["bob@else.test"], LETTER).startswith("250")
    until(outside.taken, 20, "the smarthost having it")
    assert b"A word." in outside.taken()[0].body
    with Smtp(farm.smtp_port, "127.0.0.3") as smtp:
        answers = smtp.mail("somebody@else.test", "anna@example.net", "nobody@example.net", "bob@else.test")
        assert [answer[:3] for answer in answers] == ["250", "250", "550", "550"], answers
        assert smtp.data(LETTER).startswith("250")

    def fetched():
        with farm.pop("127.0.0.4") as pop:
            pop.login()
            return b"A word." in pop.many("RETR 1")[1]

    until(fetched, 20, "the subscriber having it")
    with Smtp(farm.port["587"], "127.0.0.3") as smtp:
        assert smtp.says("MAIL FROM:<anna@example.net>").startswith("530")
        assert smtp.says("AUTH PLAIN AGFubmEAc2VjcmV0").startswith("235")
        assert smtp.mail("anna@example.net", "bob@else.test")[-1].startswith("250")
    with Pop(farm.pop_port, "::1", host="::1") as pop:
        assert "STLS" in pop.many("CAPA")[1].decode()


def test_in_front_of_postfix(farm, directory, outside):
    port, uid = free_port(), OWNER.pw_uid
    give(farm.dir / "mail", uid)
    main = edited("postfix/main.cf", ("/var/vmail", farm.dir / "mail"), ("5000", uid),
                  ("/etc/postfix/mailboxes", EXAMPLES / "postfix/mailboxes"),
                  ("[smarthost.example.net]:25", f"[{outside.host}]:{outside.port}"))
    master = edited("postfix/master.cf", ("127.0.0.1:10025 inet n - y", f"127.0.0.1:{port} inet n - n"))
    postfix = Postfix(directory / "postfix", [], main, master + "smtp unix - - n - - smtp\n").start()
    try:
        start(farm, "postfix", ("127.0.0.1:10025", f"127.0.0.1:{port}"))
        the_whole_story(farm, outside)
        assert "127.0.0.2" in postfix.log()  # it sees the client, not the gate
    finally:
        postfix.stop()


def test_in_front_of_exim(farm, directory, outside):
    uid = OWNER.pw_uid
    give(farm.dir / "mail", uid)
    places = "spool_directory = {dir}/spool\nlog_file_path = {dir}/log/%slog\npid_file_path = {dir}/pid\n" \
             "keep_environment =\n"
    conf = places + edited("exim/exim4.conf", ("/var/vmail", farm.dir / "mail"),
                           ("/etc/exim4/mailboxes", EXAMPLES / "exim/mailboxes"), ("10025", "{port}"),
                           ("smarthost.example.net::25", f"{outside.host}::{outside.port}"))
    exim = Exim(directory / "exim", conf, [("popgate-mail", uid), ("popgate", uid + 1)]).start()
    try:
        start(farm, "exim", ("127.0.0.1:10025", f"127.0.0.1:{exim.port}"))
        the_whole_story(farm, outside)
        assert "[127.0.0.2]" in exim.log()
    finally:
        exim.stop()


def test_alone_with_maildirs(farm, outside):
    give(farm.dir / "mail", OWNER.pw_uid)
    start(farm, "maildir", ("smtp:smarthost.example.net:25", outside.uri))
    the_whole_story(farm, outside)
