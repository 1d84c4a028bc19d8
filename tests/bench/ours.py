"""Popgate as it is measured: both daemons and the store, a worker a core, log at level info into a file, the
window, guards and penalties as they are by default."""

import subprocess

import material
import server
from ports import free_port, until

CONF = """hostname = "mail.bench.example"
default_domain = "bench.example"
state_dir = "{dir}/state"
run_dir = "{dir}/run"
plaintext_auth = "always"
drain_timeout = "2s"
run_as {{ mail = "" store = "" gate = "" group = "" }}
tls {{ certificate = "{certificate}" key = "{key}" }}
window {{ max_size = "16G" }}
users "passwd-file" {{ path = "{dir}/users" }}
pop3d {{
    listener "127.0.0.1:{pop}" {{ }}
    listener "127.0.0.1:{pops}" {{ tls = "implicit" }}
    mailbox = "maildir:{mail}/%n"
    max_connections = {connections}
}}
smtpgate {{
    listener "127.0.0.1:{smtp}" {{ role = "mx" }}
    listener "127.0.0.1:{submission}" {{ role = "submission" }}
    local_domains = {{ "bench.example" }}
    deliver_to = "maildir:{mail}/%n"
    relay_to = "smtp:127.0.0.1:{sink}"
    dns_servers = {{ "127.0.0.1:{names}" }}
    max_connections = {connections}
}}
"""
PROGRAMS = {"store": "common/store/popgate-store", "pop3d": "pop3d/pop3d", "smtpgate": "smtpgate/smtpgate"}


class Ours(server.Server):
    name = "popgate"
    grants = True  # a login opens the window
    settle = 2.3  # the history of who logged in is written every two seconds, and its cost is to be counted
    connections = 20000

    def __init__(self, directory, mail, sink, certificate="p256"):
        super().__init__(directory)
        self.mail, self.sink, self.env_of = mail, sink, {}
        self.certificate, self.key = material.certificate(self.dir, certificate)
        self.pop, self.pops, self.smtp, self.submission = (free_port() for _ in range(4))
        self.names = server.NoNames(self.dir / "names")
        self.refuse = self.smtp  # who holds no window is a stranger there

    def start(self, *programs):
        self.names.start()
        (self.dir / "state").mkdir()
        (self.dir / "run").mkdir()
        (self.dir / "users").write_text(self.mail.accounts.passwd())
        (self.dir / "users").chmod(0o600)
        (self.dir / "popgate.conf").write_text(CONF.format(
            dir=self.dir, certificate=self.certificate, key=self.key, mail=self.mail.dir, sink=self.sink.port,
            names=self.names.port, pop=self.pop, pops=self.pops, smtp=self.smtp, submission=self.submission,
            connections=self.connections))
        for program in programs or PROGRAMS:
            self.spawn(server.BUILD / PROGRAMS[program], "-c", self.dir / "popgate.conf",
                       env=self.env_of.get(program), log=f"{program}.log")
            if program == "store":
                until(lambda: (self.dir / "run/store.sock").exists(), 15, lambda: f"the store: {self.said()}")
        if not programs or "pop3d" in programs:
            self.wait(self.pop, self.pops)
        if not programs or "smtpgate" in programs:
            self.wait(self.smtp, self.submission)
            until(lambda: self.ctl("window", "stats").returncode == 0, 15, "the window")
        return self

    def stop(self):
        super().stop()
        self.names.stop()

    def ctl(self, *words):
        return subprocess.run([server.BUILD / "ctl/popgate", "-c", self.dir / "popgate.conf", *words],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
