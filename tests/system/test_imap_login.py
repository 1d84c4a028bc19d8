"""A login to the real Dovecot's IMAP server opens the window, by deploy/dovecot."""

import grp
import os
import pwd
import subprocess

import pytest

import house
from dovecot import ROOT
from ports import free_port, reachable, until
from talk import Talk

DEPLOY = house.SOURCE / "deploy/dovecot"
# Dovecot limits the address space of what it runs, and the sanitisers want more.
POPGATE = house.RELEASE / house.PROGRAMS["popgate"]
RUNS_AS, GROUP = "nobody", "daemon"  # somebody who is neither root nor the owner of anything here

CONF = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
protocols = imap
ssl = no
disable_plaintext_auth = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
auth_username_chars =
auth_master_user_separator = %
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{dir}/mail/%Lu
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {dir}/masters
  master = yes
  result_success = continue
}}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/mail/all allow_all_users=yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
!include {dir}/popgate.conf
"""


class Imap:
    """Dovecot with the snippet and the script as they are installed, but for the places in them."""

    def __init__(self, directory, farm, of_group=GROUP):
        self.dir, self.port, self.process = directory, free_port(), None
        for name in ("run", "state", "mail"):
            (self.dir / name).mkdir(parents=True)
        os.chmod(self.dir, 0o755)
        script = (DEPLOY / "popgate-grant").read_text()
        for place, here in (("/usr/sbin/popgate", POPGATE),
                            ("/etc/popgate/popgate.conf", farm.conf)):
            assert script.count(f"={place}\n") == 1
            script = script.replace(f"={place}\n", f"={here}\n")
        (self.dir / "popgate-grant").write_text(script)
        os.chmod(self.dir / "popgate-grant", 0o755)
        snippet = (DEPLOY / "popgate.conf").read_text()
        for line, here in (("/usr/share/popgate/dovecot/popgate-grant", str(self.dir / "popgate-grant")),
                           ("user = popgate-imap", f"user = {RUNS_AS}"), ("group = popgate\n", f"group = {of_group}\n")):
            assert line in snippet
            snippet = snippet.replace(line, here)
        (self.dir / "popgate.conf").write_text(snippet)
        (self.dir / "masters").write_text("chief:boss\n")

    def start(self):
        uid = os.getuid() or pwd.getpwnam("mail").pw_uid
        who = pwd.getpwuid(uid)
        if os.getuid() == 0:
            os.chown(self.dir / "mail", uid, who.pw_gid)
        (self.dir / "conf").write_text(CONF.format(dir=self.dir, port=self.port, user=who.pw_name, uid=uid,
                                                   gid=who.pw_gid, group=grp.getgrgid(who.pw_gid).gr_name))
        self.process = subprocess.Popen(
            house.sudo.words("unshare", "-m", "sh", "-c", f"mount -t overlay overlay -o lowerdir={ROOT}/usr:/usr "
                             f"/usr && exec /usr/sbin/dovecot -F -c {self.dir}/conf"),
            stdin=subprocess.DEVNULL, stdout=open(self.dir / "out", "wb"), stderr=subprocess.STDOUT)
        until(lambda: reachable(self.port), 15, lambda: f"Dovecot ({self.said()}) listening")
        return self

    def said(self):
        return " / ".join(path.read_text(errors="replace")[-3000:]
                          for path in (self.dir / "out", self.dir / "log") if path.exists())

    def login(self, source, user, password="any"):
        """The tagged answer to LOGIN, with the name as a literal: any octets may stand in it."""
        with Talk(self.port, source) as talk:
            assert talk.line().startswith("* OK")
            name, word = user.encode(), password.encode()
            talk.send(b"a LOGIN {%d+}\r\n%s {%d+}\r\n%s\r\n" % (len(name), name, len(word), word))
            while not (line := talk.line()).startswith("a "):
                assert line.startswith("*"), line
            talk.send(b"b LOGOUT\r\n")
            while not talk.line().startswith("b OK"):
                pass
            return line

    def stop(self):
        if self.process is not None:
            house.sudo("kill", "-TERM", self.process.pid)
            self.process.wait(20)
            self.process = None


@pytest.fixture
def imap(farm, directory):
    """The store admits the group that the script runs with, as popgate.conf says for `popgate`."""
    farm.more = f'run_as {{ mail = "" store = "" gate = "" group = "{GROUP}" }}'
    os.chmod(farm.dir / "run", 0o755)
    made = Imap(directory / "dovecot", farm)
    yield made
    made.stop()


def test_an_imap_login_opens_the_window(farm, imap, hop, directory):
    farm.relay_to = hop.uri
    farm.start()
    os.chmod(farm.dir / "users", 0o600)
    imap.start()
    assert farm.relay_reply("127.0.0.5").startswith("550 5.7.1")
    assert imap.login("127.0.0.5", "anna").startswith("a OK"), imap.said()
    assert farm.relay_reply("127.0.0.5").startswith("250"), imap.said()
    grant = farm.wait_event("window.grant", addr="127.0.0.5")
    assert grant["user"] == "anna@example.net"

    # a master user is not the subscriber
    assert imap.login("127.0.0.6", "anna%chief", "boss").startswith("a OK"), imap.said()
    assert farm.relay_reply("127.0.0.6").startswith("550 5.7.1")

    # names are words to nobody
    marks = directory / "marks"
    marks.mkdir(mode=0o777)
    os.chmod(marks, 0o777)
    names = [f"x'; touch {marks}/a; '", f'x"; touch {marks}/b; "', f"$(touch {marks}/c)", f"`touch {marks}/d`",
             f"x\ntouch {marks}/e", f"| touch {marks}/f", "--everything", "-c", "--user", "--for", "*", "x y z"]
    for name in names:
        assert imap.login("127.0.0.7", name).startswith(("a OK", "a NO")), name
    assert list(marks.iterdir()) == []
    rows = farm.table("window", "list")
    assert ("127.0.0.5", "anna@example.net") in {(row["addr"], row["user"]) for row in rows}
    assert "chief" not in str(rows)

    # without a store, and with one that does not answer, logins go on
    store = farm.store_pid()
    os.kill(store, 19)
    try:
        assert imap.login("127.0.0.8", "anna").startswith("a OK"), imap.said()
    finally:
        os.kill(store, 18)
    (imap.dir / "popgate-grant").write_text(
        (imap.dir / "popgate-grant").read_text().replace(str(POPGATE), "/nowhere/popgate"))
    assert imap.login("127.0.0.9", "anna").startswith("a OK"), imap.said()


def test_who_is_not_in_the_group_grants_nothing_and_logs_in(farm, imap, directory, request):
    farm.start()
    stranger = Imap(directory / "stranger", farm, of_group="games")
    request.addfinalizer(stranger.stop)
    stranger.start()
    assert stranger.login("127.0.0.5", "anna").startswith("a OK"), stranger.said()
    assert farm.relay_reply("127.0.0.5").startswith("550 5.7.1")
