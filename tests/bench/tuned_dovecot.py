"""Dovecot as its manuals advise for many short POP3 sessions: login processes that serve many (high-performance mode),
mail processes that are used again, the auth cache, fast size look-ups, no flag updates. It logs to a file.

Unpacked only (tests/peers/unpack), it knows its places by heart, so its files lie over /usr in a mount namespace of
its own."""

import grp
import os
import pwd

import material
import server
from ports import free_port

ROOT = server.PEERS / "root"

CONF = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
info_log_path = {dir}/log
protocols = pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
ssl_min_protocol = TLSv1.2
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
default_client_limit = 25000
first_valid_uid = 1
first_valid_gid = 1
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_cache_size = 64M
auth_cache_ttl = 1 hour
auth_failure_delay = 0
auth_username_format = %Lu
auth_default_realm = bench.example
mail_location = maildir:{mail}/%n
mail_max_userip_connections = 0
maildir_very_dirty_syncs = yes
mailbox_list_index = no
pop3_fast_size_lookups = yes
pop3_no_flag_updates = yes
passdb {{
  driver = passwd-file
  args = {dir}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={mail}/%n
}}
service pop3-login {{
  chroot =
  service_count = 0
  process_min_avail = {cores}
  process_limit = {cores}
  client_limit = 25000
  vsz_limit = 1G
  inet_listener pop3 {{
    port = {pop}
  }}
  inet_listener pop3s {{
    port = {pops}
    ssl = yes
  }}
}}
service pop3 {{
  service_count = 1000
  process_min_avail = 16
  process_limit = 2000
}}
service auth {{
  client_limit = 25000
  unix_listener {dir}/sasl {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
  client_limit = 25000
}}
service stats {{
  chroot =
}}
service imap-urlauth-login {{
  chroot =
}}
"""


class Dovecot(server.Server):
    name = "dovecot"
    grants = False

    def __init__(self, directory, mail, certificate="p256"):
        super().__init__(directory)
        self.mail = mail
        self.certificate, self.key = material.certificate(self.dir, certificate)
        self.pop, self.pops = free_port(), free_port()
        self.sasl = self.dir / "sasl"

    def start(self):
        uid = os.getuid() or pwd.getpwnam("nobody").pw_uid
        who = pwd.getpwuid(uid)
        for name in ("run", "state"):
            (self.dir / name).mkdir()
        (self.dir / "users").write_text(self.mail.accounts.passwd())
        (self.dir / "conf").write_text(CONF.format(
            dir=self.dir, mail=self.mail.dir, certificate=self.certificate, key=self.key, pop=self.pop, pops=self.pops,
            cores=os.cpu_count(), user=who.pw_name, uid=uid, gid=who.pw_gid, group=grp.getgrgid(who.pw_gid).gr_name))
        self.spawn("unshare", "-m", "sh", "-c", f"mount -t overlay overlay -o lowerdir={ROOT}/usr:/usr /usr && "
                   f"exec /usr/sbin/dovecot -F -c {self.dir}/conf", log="out.log")
        self.wait(self.pop, self.pops)
        return self
