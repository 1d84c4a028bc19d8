"""Dovecot's LMTP server, unpacked privately (tests/peers/unpack): over TCP on loopback and over a unix
socket, into Maildirs of its own, without logins and without a service of the host."""

import grp
import os
import pathlib
import pwd
import subprocess

from house import PEERS, sudo
from ports import free_port, reachable, until

ROOT = PEERS / "root"

CONF = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
info_log_path = {dir}/log
protocols = lmtp
ssl = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{dir}/mail/%u
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/mail/%u allow_all_users=yes
}}
service lmtp {{
  chroot =
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
  unix_listener {dir}/lmtp {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
protocol lmtp {{
  postmaster_address = postmaster@example.net
  mail_plugins =
}}
"""


class Dovecot:
    def __init__(self, directory):
        self.dir, self.port, self.process = pathlib.Path(directory), free_port(), None

    @property
    def socket(self):
        return self.dir / "lmtp"

    def start(self):
        uid = os.getuid() or pwd.getpwnam("nobody").pw_uid
        who = pwd.getpwuid(uid)
        for name in ("run", "state", "mail"):
            (self.dir / name).mkdir(parents=True)
        os.chmod(self.dir, 0o755)
        if os.getuid() == 0:
            os.chown(self.dir / "mail", uid, who.pw_gid)
        (self.dir / "conf").write_text(CONF.format(
            dir=self.dir, port=self.port, user=who.pw_name, uid=uid,
            gid=who.pw_gid, group=grp.getgrgid(who.pw_gid).gr_name))
        # It knows its own places by heart, so it runs where they are: its files lie over /usr in a
        # mount namespace of its own, which ends with it.
        self.process = subprocess.Popen(
            sudo.words("unshare", "-m", "sh", "-c", f"mount -t overlay overlay -o lowerdir={ROOT}/usr:/usr "
                       f"/usr && exec /usr/sbin/dovecot -F -c {self.dir}/conf"),
            stdin=subprocess.DEVNULL, stdout=open(self.dir / "out", "wb"), stderr=subprocess.STDOUT)
        until(lambda: reachable(self.port), 15, lambda: f"Dovecot ({self.said()}) listening")
        return self

    def said(self):
        return " / ".join(path.read_text(errors="replace")[-3000:]
                          for path in (self.dir / "out", self.dir / "log") if path.exists())

    def messages(self, user):
        paths = sorted((self.dir / "mail" / user / "new").glob("*"))
        return [path.read_bytes() for path in paths]

    def stop(self):
        if self.process is None:
            return
        sudo("kill", "-TERM", self.process.pid)
        self.process.wait(20)
        self.process = None
