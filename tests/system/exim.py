"""Exim, unpacked privately (tests/peers/unpack): it hears the PROXY protocol from loopback and delivers all
it takes into one Maildir."""

import os
import pathlib
import subprocess

from house import PEERS, sudo
from ports import free_port, reachable, until

ROOT = PEERS / "root"
USER, UID = "Debian-exim", 61010  # the name is built into Exim

CONF = """
spool_directory = {dir}/spool
log_file_path = {dir}/log/%slog
pid_file_path = {dir}/pid
primary_hostname = hop.example.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
hosts_proxy = 127.0.0.1
host_lookup =
keep_environment =
deliver_drop_privilege = true
log_selector = +incoming_port +proxy
tls_advertise_hosts =
acl_smtp_rcpt = all
begin acl
all:
  accept
begin routers
all:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = {dir}/mail/box
  maildir_format
  create_directory
begin retry
"""

# Its files lie over /usr, its configuration and its user over /etc, in a mount namespace that ends with it.
SCRIPT = """
mount -t overlay overlay -o lowerdir={root}/usr:/usr /usr &&
mount -t overlay overlay -o lowerdir={dir}/etc:/etc /etc &&
exec /usr/sbin/exim4 -bdf
"""


class Exim:
    """conf: its whole configuration instead of ours; {dir} and {port} in it are filled in. users: further
    accounts of the host that it may know, each with a group of its own."""

    def __init__(self, directory, conf=CONF, users=()):
        self.dir, self.port, self.process = pathlib.Path(directory), free_port(), None
        self.conf, self.users = conf, users

    def start(self):
        for name in ("spool", "log", "mail", "etc/exim4"):
            (self.dir / name).mkdir(parents=True)
        os.chmod(self.dir, 0o755)
        for file, line in (("passwd", f"{USER}:x:{UID}:{UID}::/nonexistent:/usr/sbin/nologin\n"),
                           ("group", f"{USER}:x:{UID}:\n")):
            kept = [old for old in pathlib.Path("/etc", file).read_text().splitlines(True)
                    if not old.startswith(f"{USER}:")]
            more = "".join(line.replace(USER, name).replace(str(UID), str(uid)) for name, uid in self.users)
            (self.dir / "etc" / file).write_text("".join(kept) + line + more)
        text = self.conf.replace("{dir}", str(self.dir)).replace("{port}", str(self.port))
        (self.dir / "etc/exim4/exim4.conf").write_text(text)
        sudo("chown", "-R", "root:root", self.dir / "etc")  # it obeys no other's
        sudo("chown", "-R", f"{UID}:{UID}", *(self.dir / name for name in ("spool", "log", "mail")))
        self.process = subprocess.Popen(
            sudo.words("unshare", "-m", "--propagation", "private", "sh", "-c",
                       SCRIPT.format(dir=self.dir, root=ROOT)),
            stdin=subprocess.DEVNULL, stdout=open(self.dir / "out", "wb"), stderr=subprocess.STDOUT,
            start_new_session=True)
        until(lambda: reachable(self.port), 15, lambda: f"Exim ({(self.dir / 'out').read_text()}) listening")
        return self

    def log(self):
        return sudo.output("cat", self.dir / "log/mainlog")

    def messages(self):
        return [subprocess.run(sudo.words("cat", path), check=True, capture_output=True).stdout
                for path in sudo.output("find", self.dir / "mail", "-path", "*/new/*", "-type", "f").splitlines()]

    def stop(self):
        if self.process is None:
            return
        sudo("kill", "-TERM", "--", f"-{self.process.pid}")
        self.process.wait(20)
        self.process = None
