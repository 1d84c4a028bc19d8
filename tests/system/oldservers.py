"""The POP3 servers that operators come from, unpacked privately (tests/peers/unpack): each serves one
Maildir to a session on its standard input, as the test's own user."""

import os
import pathlib
import pwd
import re
import subprocess

from house import PEERS, sudo

ROOT = PEERS / "root"
DOVECOT = ROOT / "usr/lib/dovecot"
COURIER = ROOT / "usr/lib/courier/courier/courierpop3d"
LIBRARIES = ":".join(str(path) for path in (ROOT / "usr/lib/x86_64-linux-gnu", ROOT / "usr/lib", DOVECOT))

CONF = """
base_dir = {dir}/run
state_dir = {dir}/run
protocols = pop3
ssl = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 0
first_valid_gid = 0
mail_uid = {uid}
mail_gid = {gid}
mail_location = maildir:{maildir}
pop3_uidl_format = {uidl_format}
"""


def unpacked():
    """A peer that is not there is a failure: what nobody compared would pass."""
    for program in (DOVECOT / "pop3", COURIER):
        assert program.exists(), f"{program} is missing: run tests/peers/unpack (deploy/packages/peers)"


class Session:
    """One session of an old server, each command answered before the next."""

    def __init__(self, words, environment):
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "TZ": "UTC", "LD_LIBRARY_PATH": LIBRARIES, **environment})

    def talk(self, *commands):
        out, errors = self.process.communicate(b"".join(c.encode() + b"\r\n" for c in (*commands, "QUIT")), 30)
        assert b"-ERR" not in out and b"+OK" in out, (out, errors)
        return out.decode("latin-1").split("\r\n")


def rows(lines):
    """The rows of one listing: what stands behind each number."""
    return [m.group(1) for line in lines if (m := re.fullmatch(r"\d+ (\S+)", line))]


class Dovecot:
    def __init__(self, directory, maildir, uidl_format):
        unpacked()
        uid, gid = os.getuid() or pwd.getpwnam("nobody").pw_uid, os.getgid() or 65534
        self.dir, self.maildir, self.owner = pathlib.Path(directory), maildir, (uid, gid)
        (self.dir / "run").mkdir(parents=True, exist_ok=True)
        name = pwd.getpwuid(os.getuid()).pw_name
        (self.dir / "conf").write_text(CONF.format(
            dir=self.dir, maildir=maildir, uidl_format=uidl_format, uid=uid, gid=gid, user=name, group=name))

    def listing(self, command):
        """It refuses to work as root, so as root the Maildir is given to nobody meanwhile."""
        sudo("chown", "-R", "{}:{}".format(*self.owner), self.maildir)
        try:
            return rows(Session(
                [ROOT / "usr/bin/doveconf", "-c", self.dir / "conf", "-f", "service=pop3", "-m", "pop3",
                 "-e", DOVECOT / "pop3"], {"USER": "anna", "HOME": str(self.dir)}).talk(command))
        finally:
            sudo("chown", "-R", f"{os.getuid()}:{os.getgid()}", self.maildir)


class Courier:
    def __init__(self, maildir):
        unpacked()
        self.maildir = maildir

    def talk(self, *commands):
        return Session([COURIER, self.maildir], {
            "AUTHENTICATED": "anna", "AUTHADDR": "anna", "TCPREMOTEIP": "127.0.0.1"}).talk(*commands)

    def listing(self, command):
        return rows(self.talk(command))
