"""The real MTA behind the gate: Postfix, unpacked privately (tests/peers/unpack), with a
configuration, queue and data directory of its own. It hears XCLIENT from loopback and delivers
what it takes into a Maildir for each recipient, so that a test can compare octets."""

import grp
import os
import pathlib
import pwd
import subprocess

from house import PEERS, sudo
from ports import free_port, reachable, until

ROOT = PEERS / "root"
SBIN = ROOT / "usr/lib/postfix/sbin"
LIBRARIES = [ROOT / "usr/lib/postfix", ROOT / "usr/lib/x86_64-linux-gnu"]
OWNER, DROP = "mail", "daemon"  # every Debian has them, and Postfix only wants them to differ

# service type private unpriv chroot wakeup maxproc command
MASTER = """
{port} inet n - n - 50 smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
virtual unix - n n - - virtual
error unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""

MAIN = """
compatibility_level = 3.6
myhostname = hop.example.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = {root}/usr/sbin
daemon_directory = {sbin}
meta_directory = {dir}/etc
shlib_directory = {root}/usr/lib/postfix
mail_owner = {owner}
setgid_group = {drop}
default_privs = nobody
import_environment = LD_LIBRARY_PATH={libraries} MAIL_CONFIG={dir}/etc TZ=UTC
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
virtual_mailbox_domains = static:all
virtual_mailbox_maps = texthash:{dir}/etc/boxes
virtual_mailbox_base = {dir}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
virtual_transport = virtual
virtual_mailbox_limit = 0
message_size_limit = 0
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_relay_restrictions = reject_unauth_destination
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
smtpd_delay_reject = yes
local_header_rewrite_clients =
local_recipient_maps =
proxy_read_maps =
alias_maps =
"""


def once(settings):
    """The last line of each parameter: Postfix's logging daemon would wait for itself to log that there
    are two."""
    lines = [line for line in settings.splitlines() if line]
    return "".join(f"{line}\n" for line in {line.split("=")[0].strip(): line for line in lines}.values())


class Postfix:
    """boxes: the addresses that have a Maildir here; other recipients are refused by it. main, master:
    further lines of main.cf, which win, and of master.cf. In a network of its own: within(command) gives the
    words that run a command there, and at is where it listens."""

    def __init__(self, directory, boxes, main="", master="", within=sudo.words, at=None):
        self.main, self.master, self.within = main, master, within
        self.dir = pathlib.Path(directory)
        self.port = free_port() if at is None else 0
        self.at = at or f"127.0.0.1:{self.port}"
        self.boxes = list(boxes)
        self.process = None

    def start(self):
        uid, gid = os.getuid() or pwd.getpwnam("nobody").pw_uid, os.getgid() or 65534
        for name in ("etc", "mail"):
            (self.dir / name).mkdir(parents=True)  # below directories that `mail` may enter
        os.chmod(self.dir, 0o755)
        values = dict(dir=self.dir, root=ROOT, sbin=SBIN, owner=OWNER, drop=DROP, uid=uid, gid=gid,
                      port=self.at, libraries=self.libraries())
        (self.dir / "etc/main.cf").write_text(once(MAIN.format(**values) + self.main))
        (self.dir / "etc/master.cf").write_text(MASTER.format(**values) + self.master)
        (self.dir / "etc/boxes").write_text("".join(f"{b} {b}/\n" for b in self.boxes))
        self._lay_out_queue()
        sudo("chown", "-R", f"{uid}:{gid}", self.dir / "mail")
        self.process = subprocess.Popen(
            self.within("env", f"LD_LIBRARY_PATH={self.libraries()}", f"MAIL_CONFIG={self.dir}/etc",
                       SBIN / "master", "-c", self.dir / "etc", "-d"),
            stdin=subprocess.DEVNULL, stdout=open(self.dir / "out", "wb"), stderr=subprocess.STDOUT,
            start_new_session=True)  # its children are ended as its process group
        if self.port == 0:
            return self  # who made the network waits for it there
        until(lambda: reachable(self.port), 15, lambda: f"Postfix ({self.said()}) listening")
        return self

    def libraries(self):
        return ":".join(str(path) for path in LIBRARIES)

    def _lay_out_queue(self):
        """What postfix-script(1) would make; its own checks insist on system directories."""
        queue, owner, drop = self.dir / "queue", pwd.getpwnam(OWNER), grp.getgrnam(DROP)
        layout = [(self.dir / "data", 0o700, owner.pw_uid, 0), (queue, 0o755, 0, 0),
                  (queue / "pid", 0o755, 0, 0), (queue / "private", 0o700, owner.pw_uid, 0),
                  (queue / "public", 0o710, owner.pw_uid, drop.gr_gid),
                  (queue / "maildrop", 0o730, owner.pw_uid, drop.gr_gid)]
        layout += [(queue / name, 0o700, owner.pw_uid, 0) for name in
                   ("incoming", "active", "deferred", "bounce", "defer", "corrupt", "hold", "flush",
                    "saved", "trace")]
        for path, mode, uid, gid in layout:
            sudo("install", "-d", "-m", f"{mode:o}", "-o", uid, "-g", gid, path)

    def said(self):
        return " / ".join(path.read_text(errors="replace")[-2000:]
                          for path in (self.dir / "out", self.dir / "log") if path.exists())

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def messages(self, box):
        """The delivered files of one recipient, as octets with LF lines, oldest first."""
        found = sudo.output("find", self.dir / "mail" / box / "new", "-type", "f") if os.getuid() \
            else "\n".join(str(p) for p in (self.dir / "mail" / box / "new").glob("*"))
        paths = sorted(pathlib.Path(line) for line in found.splitlines())
        return [path.read_bytes() for path in paths]

    def wait_for(self, box, count=1, seconds=20):
        return until(lambda: len(got := self.messages(box)) >= count and got, seconds,
                     f"{count} message(s) for {box} at Postfix")

    def stop(self):
        """Ends the master; its children end by themselves when it is gone."""
        if self.process is None:
            return
        sudo("kill", "-TERM", self.process.pid)
        self.process.wait(20)
        self.process = None
