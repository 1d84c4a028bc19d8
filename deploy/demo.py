"""demo.py [--keep] - what quickstart shows, once python3 and the packages are there: builds Popgate, and
the main job on loopback.

Both daemons run on free ports with a throw-away directory; no mail server is needed, mail goes into
Maildirs. Everything ends with the demonstration; --keep leaves the daemons up and says how to talk to
them."""

import os
import pathlib
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = TOP / "build" / "quickstart"
LIFETIME = 6  # seconds, so that the end can be watched
SUBSCRIBER, STRANGER = "127.0.0.2", "127.0.0.3"
BOLD, GREEN, RED, DIM, PLAIN = (("\033[1m", "\033[32m", "\033[31m", "\033[2m", "\033[0m")
                                if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("",) * 5)

CONF = """hostname = "mail.example.net"
default_domain = "example.net"
state_dir = "{dir}/state"
run_dir = "{dir}/run"
drain_timeout = "2s"
run_as {{ mail = "" store = "" gate = "" group = "" }}
window {{ lifetime = "{lifetime}s" slack = "0" }}
users "passwd-file" {{ path = "{dir}/users" }}
pop3d {{
    listener "127.0.0.1:{pop}" {{ }}
    mailbox = "maildir:{dir}/mail/%d/%n"
}}
smtpgate {{
    listener "127.0.0.1:{smtp}" {{ role = "mx" }}
    local_domains = {{ "example.net" }}
    deliver_to = "maildir:{dir}/mail/%d/%n"
    relay_to = "maildir:{dir}/outside/%d/%n"    # an MTA: "smtp:127.0.0.1:10025"
}}
"""


def step(text):
    print(f"\n{BOLD}{text}{PLAIN}", flush=True)


def told(who, text, good):
    print(f"  {DIM}{who:>9}{PLAIN}  {GREEN if good else RED}{text}{PLAIN}", flush=True)


def fail(text):
    print(f"\n{RED}quickstart: {text}{PLAIN}", file=sys.stderr)
    sys.exit(1)


def build():
    step("The build")
    log = pathlib.Path(tempfile.mkstemp(prefix="popgate-build.")[1])
    with log.open("w") as out:
        if not (BUILD / "build.ninja").exists():
            BUILD.parent.mkdir(exist_ok=True)
            subprocess.run(["meson", "setup", BUILD, TOP, "-Dbuildtype=release", "-Dtests=false"],
                           stdout=out, stderr=out, check=False)
        done = subprocess.run(["ninja", "-C", BUILD], stdout=out, stderr=out, check=False)
    if done.returncode != 0:
        print(log.read_text()[-4000:])
        fail("the build failed")
    log.unlink()
    told("ninja", f"built in {BUILD.relative_to(TOP)}", True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Site:
    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="popgate-quickstart."))
        self.pop, self.smtp = free_port(), free_port()
        self.conf = self.dir / "popgate.conf"
        self.conf.write_text(CONF.format(dir=self.dir, pop=self.pop, smtp=self.smtp, lifetime=LIFETIME))
        self.ctl("user", "add", "anna", text="secret\n")
        self.daemons = []

    def ctl(self, *args, text=None):
        return subprocess.run([BUILD / "ctl/popgate", "-c", self.conf, *args], input=text, text=True,
                              capture_output=True, check=False)

    def start(self):
        log = (self.dir / "log").open("a")
        for program in ("pop3d/pop3d", "smtpgate/smtpgate"):
            self.daemons.append(subprocess.Popen([BUILD / program, "-c", self.conf], stderr=log))
        deadline = time.monotonic() + 15
        while not self.ready():
            if time.monotonic() > deadline:
                print((self.dir / "log").read_text())
                fail("the daemons did not start")
            time.sleep(0.05)

    def ready(self):
        try:
            for port in (self.pop, self.smtp):
                with socket.create_connection(("127.0.0.1", port), 2) as s:
                    s.recv(100)
        except OSError:
            return False
        return self.ctl("window", "stats").returncode == 0

    def store(self):
        """The store outlives the daemons; it holds its lock for its life."""
        lock = os.stat(self.dir / "state/store.lock").st_ino
        for line in pathlib.Path("/proc/locks").read_text().splitlines():
            words = line.split()
            if words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(lock):
                return int(words[4])
        return None

    def stop(self):
        for daemon in self.daemons:
            daemon.send_signal(signal.SIGTERM)
        for daemon in self.daemons:
            daemon.wait(20)
        store = self.store()
        if store:
            os.kill(store, signal.SIGTERM)
            while self.store():
                time.sleep(0.05)
        shutil.rmtree(self.dir)


def send(site, source, recipient):
    """One message; what the gate said in the end, and whether it was taken."""
    letter = f"From: anna@example.net\r\nTo: {recipient}\r\nSubject: from {source}\r\n\r\nHello.\r\n"
    with smtplib.SMTP("127.0.0.1", site.smtp, source_address=(source, 0), timeout=20) as smtp:
        smtp.ehlo()
        smtp.mail("anna@example.net")
        code, text = smtp.rcpt(recipient)
        if code == 250:
            code, text = smtp.data(letter)
    return f"{code} {text.decode()}", code == 250


def expect(site, source, recipient, taken):
    text, was = send(site, source, recipient)
    told(source, f"to {recipient}: {text}", was)
    if was != taken:
        fail("that is not what was to be shown")


def login(site, source):
    with socket.create_connection(("127.0.0.1", site.pop), 20, source_address=(source, 0)) as s:
        lines = s.makefile("rwb", buffering=0)
        for command in (None, b"USER anna", b"PASS secret", b"STAT", b"QUIT"):
            if command:
                lines.write(command + b"\r\n")
            answer = lines.readline().decode().strip()
            shown = (command or b"").decode().replace("secret", "******")
            told(source, f"{shown:12} {answer}", answer.startswith("+OK"))
            if not answer.startswith("+OK"):
                fail("the login failed")


def show_table(site):
    for line in site.ctl("window", "list").stdout.splitlines():
        print(f"    {line}")


def demonstrate(site):
    step("1. A subscriber's device cannot do SMTP AUTH. Relay is refused")
    expect(site, SUBSCRIBER, "friend@elsewhere.example", False)
    step("2. Mail for local domains needs no permission")
    expect(site, SUBSCRIBER, "anna@example.net", True)
    step("3. The subscriber fetches mail by POP3, from the same address")
    login(site, SUBSCRIBER)
    step("4. popgate window list")
    show_table(site)
    step(f"5. Within the window ({LIFETIME} s here, 30 min by default) relay is accepted; a stranger's is not")
    expect(site, SUBSCRIBER, "friend@elsewhere.example", True)
    expect(site, STRANGER, "friend@elsewhere.example", False)
    step("6. The message lies in the next hop's Maildir")
    found = list((site.dir / "outside/elsewhere.example/friend/new").iterdir())
    for line in found[0].read_text().splitlines():
        print(f"    {DIM}{line}{PLAIN}")
    step("7. After the window has closed")
    while site.ctl("window", "show", SUBSCRIBER).returncode == 0:
        time.sleep(0.2)
    expect(site, SUBSCRIBER, "friend@elsewhere.example", False)


def main():
    if sys.argv[1:] not in ([], ["--keep"]):
        print("usage: quickstart [--keep]", file=sys.stderr)
        sys.exit(2)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of what ends the daemons
    build()
    step("Starting pop3d and smtpgate")
    site = Site()
    kept = False
    try:
        site.start()
        told("pop3d", f"127.0.0.1 port {site.pop}", True)
        told("smtpgate", f"127.0.0.1 port {site.smtp}", True)
        demonstrate(site)
        kept = sys.argv[1:] == ["--keep"]
    finally:
        if not kept:
            site.stop()
    if kept:
        step("The daemons stay up")
        print(f"  popgate   {BUILD}/ctl/popgate -c {site.conf} window list\n"
              f"  POP3      nc -s {SUBSCRIBER} 127.0.0.1 {site.pop}      (USER anna, PASS secret)\n"
              f"  SMTP      nc -C -s {SUBSCRIBER} 127.0.0.1 {site.smtp}\n"
              f"  the log   tail -f {site.dir}/log\n"
              f"  the end   kill {' '.join(str(d.pid) for d in site.daemons)} {site.store()}"
              f" && rm -r {site.dir}")
    else:
        step("Done: nothing is left running")


main()
