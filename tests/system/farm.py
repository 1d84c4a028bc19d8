"""A Popgate host of a test's own: directory, config, accounts, daemons, logs.

    farm.start("pop3d", "smtpgate")      ready when both greet and the window is current
    farm.pop("127.0.0.2")                a POP3 connection from that address
    farm.ctl("window", "list")           the command line, against the same config
    farm.stop()                          everything, the store too; fails on what a test must not leave

Whatever carries POPGATE_TEST=<token> in its environment was started for a test; see leftovers()."""

import base64
import json
import os
import pathlib
import re
import secrets
import signal
import subprocess
import time

import certificates
import house
import logpage
import logs
from ports import free_port, until
from talk import Pop, Smtp

REPORTS = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:"
                     r"|Assertion .* failed")

LOG_PAGE = logpage.Page()
LINES_CHECKED = 5000

CONF = """
hostname = "mail.example.net"
default_domain = "example.net"
state_dir = "{dir}/state"
run_dir = "{dir}/run"
workers = {workers}
drain_timeout = "{drain_timeout}"
plaintext_auth = "{plaintext_auth}"
sandbox = "{sandbox}"
run_as {{ mail = "" store = "" gate = "" group = "" }}
log {{ to = "{log_to}" format = "{log_format}" level = "debug" {log_more} }}
window {{ lifetime = "{lifetime}" slack = "{slack}" {window} }}
{more}
users "passwd-file" {{ path = "{dir}/users" }}
pop3d {{
    listener "{pop_host}:{pop_port}" {{ }}
    mailbox = "maildir:{dir}/mail/%d/%n"
    {pop3d}
}}
smtpgate {{
    listener "127.0.0.1:{smtp_port}" {{ role = "mx" {smtp_listener} }}
    local_domains = {{ "example.net" }}
    deliver_to = "{deliver_to}"
    relay_to = "{relay_to}"
    next_hop_reuse = "{next_hop_reuse}"
    {smtpgate}
}}
"""


def _bears(entry, mark):
    """Whether mark is in the environment of that process. Ours let nobody but root look."""
    try:
        return mark in (entry / "environ").read_bytes()
    except PermissionError:
        if b"popgate" not in (command := (entry / "cmdline").read_bytes()) and b"--child" not in command:
            return False
        return subprocess.run(house.sudo.words("grep", "-qsF", mark.decode(), entry / "environ")).returncode == 0


def is_over(pid):
    """Has each of its threads let go of everything? Its command line is gone before its files are."""
    try:
        tasks = [(task / "stat").read_text() for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return not pathlib.Path(f"/proc/{pid}").exists()
    return all(text.rpartition(")")[2].split()[0] in "ZX" for text in tasks)


def processes(token):
    """The processes started for that token (all tests if it is empty), as {pid: command line}."""
    mark, found = b"POPGATE_TEST=" + token.encode(), {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if _bears(entry, mark) and int(entry.name) != os.getpid():
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if command and state != "Z":
                    found[int(entry.name)] = command.strip()
        except (OSError, ValueError):
            pass  # gone meanwhile, or not ours to read
    return found


class Farm:
    """Settings are attributes until start(): farm.lifetime = "2s". pop3d, smtpgate, window and
    smtp_listener and log_more take further lines for those sections of the config, more for the file itself."""

    def __init__(self, directory, build):
        self.dir, self.build = pathlib.Path(directory), pathlib.Path(build)
        self.token = f"{os.getpid()}." + secrets.token_hex(8)  # ours, not another run's
        self.running, self.logs_of = {}, {}
        self.environment, self.may_report = {}, False
        self.launcher, self.pass_fds = (), ()  # words before a daemon's own, and descriptors: manager.py
        self.may_violate, self.before_exec = False, None
        self.pop_host, self.pop_port, self.smtp_port = "127.0.0.1", free_port(), free_port()
        self.workers, self.drain_timeout, self.log_format = 2, "5s", "logfmt"
        self.log_to, self.log_more = "stderr", ""
        self.sandbox = "strict"  # what it lacks ends a process, so that a test sees it
        self.lifetime, self.slack, self.window, self.more = "30m", "auto", "", ""
        self.deliver_to = self.relay_to = f"maildir:{self.dir}/mail/%d/%n"
        self.pop3d = self.smtpgate = self.smtp_listener = ""
        self.next_hop_reuse = "0"  # a hop sees a session for each client, unless a test is about that
        self.plaintext_auth = "always"
        self.users_mode = 0o640
        self.users = {"anna@example.net": "{PLAIN}secret", "bert@example.net": "{PLAIN}secret"}
        self.conf_text = None  # given: used as it is
        for name in ("state", "run", "mail"):
            (self.dir / name).mkdir(parents=True)

    # -- config and accounts

    def certify(self):
        """Gives it a certificate, STLS, and POP3 over TLS on pops_port. Clients trust ca."""
        self.ca, key = certificates.make(self.dir)
        self.pops_port = free_port()
        self.more += f'tls {{ certificate = "{self.ca}" key = "{key}" }}\n'
        self.pop3d += f'listener "127.0.0.1:{self.pops_port}" {{ tls = "implicit" }}\n'

    @property
    def conf(self):
        return self.dir / "popgate.conf"

    def write(self):
        """Writes config and accounts as they are set now."""
        text = self.conf_text if self.conf_text is not None else CONF.format(**vars(self))
        self.conf.write_text(text)
        self.write_users()

    def write_users(self):
        path = self.dir / "users"
        beside = self.dir / "users.new"
        beside.write_text("".join(f"{name}:{rest}\n" for name, rest in self.users.items()))
        beside.chmod(self.users_mode)
        beside.rename(path)

    def maildir(self, user="anna", domain="example.net"):
        return self.dir / "mail" / domain / user

    # -- processes

    def program(self, name):
        return self.build / house.PROGRAMS[name]

    def env(self):
        return {**os.environ, "POPGATE_TEST": self.token,
                # to standard error: no file can be made for them from within a sandbox
                "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0",
                "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
                "LSAN_OPTIONS": "report_objects=1", **self.environment}

    def spawn(self, name):
        """Starts a daemon and does not wait for it."""
        log = open(self.dir / f"{name}.log", "ab")
        self.running[name] = subprocess.Popen(
            [*self.launcher, self.program(name), "-c", self.conf], stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, env=self.env(), cwd=self.dir, pass_fds=self.pass_fds,
            preexec_fn=self.before_exec)
        log.close()
        return self.running[name]

    def start(self, *names):
        names = names or ("pop3d", "smtpgate")
        self.write()
        for name in names:
            self.spawn(name)
        self.ready(*names)
        return self

    def ready(self, *names):
        def greets(name):
            assert self.running[name].poll() is None, f"{name} ended at its start: {self.said(name)}"
            try:
                with (Pop(self.pop_port, host=self.pop_host) if name == "pop3d"
                      else Smtp(self.smtp_port, hello=None)) as talk:
                    return talk.greeting
            except OSError:
                return None

        for name in names:
            until(lambda n=name: greets(n), 15, lambda n=name: f"{n} greeting ({self.said(n)})")
        until(lambda: self.ctl("window", "stats").returncode == 0, 15,
              lambda: f"the store answering ({self.ctl('window', 'stats').stderr})")
        if "smtpgate" in names:
            until(self.current, 15, "the gate seeing a current window")

    def current(self):
        """Whether the gate says no, not later, to a stranger."""
        with Smtp(self.smtp_port, "127.9.9.9") as talk:
            return not talk.mail("", "nobody@elsewhere.test")[-1].startswith("451")

    def pid(self, name):
        return self.running[name].pid

    def children(self, name):
        """Pids of the workers and other roles of a daemon, oldest first."""
        listed = pathlib.Path(f"/proc/{self.pid(name)}/task/{self.pid(name)}/children")
        return [int(pid) for pid in listed.read_text().split()]

    def role(self, name, role):
        """Pids of the children of a daemon in that role: "worker", "deliver"."""
        return [pid for pid in self.children(name) if f"--child {role}:" in processes(self.token).get(pid, "")]

    @staticmethod
    def memory(pid):
        """Octets of memory that are the process's own, RssAnon of proc(5)."""
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+) kB", text).group(1)) * 1024

    def store_pids(self):
        return [pid for pid, command in processes(self.token).items()
                if "popgate-store" in command.split()[0]]

    def store_pid(self):
        """Of the one that stays: two may be started at once."""
        return until(lambda: len(pids := self.store_pids()) == 1 and pids[0], 20, "one store")

    def reload(self, name):
        os.kill(self.pid(name), signal.SIGHUP)

    def end(self, name, seconds=20):
        """SIGTERM, and the exit status."""
        process = self.running.pop(name)
        process.terminate()
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{name} did not end within {seconds} s of SIGTERM") from None

    def kill_all(self):
        """kill -9 of every process of this host at once; none holds a port or a file any more."""
        while found := processes(self.token):
            for pid in found:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            for process in self.running.values():
                process.wait()
            for pid in found:
                until(lambda p=pid: is_over(p), 20, f"process {pid} ended by SIGKILL")
        self.running.clear()

    def end_store(self, seconds=10):
        for pid in self.store_pids():
            os.kill(pid, signal.SIGTERM)
        until(lambda: not self.store_pids(), seconds, "the store ending on SIGTERM")

    def stop(self):
        """Ends daemons and store in good order; raises if one failed or left a process behind."""
        faults = []
        for name in list(self.running):
            try:
                code = self.end(name)
                if code != 0:
                    faults.append(f"{name} ended with {code}: {self.said(name)}")
            except AssertionError as error:
                faults.append(str(error))
        try:
            self.end_store()
        except AssertionError as error:
            faults.append(str(error))
        end = time.monotonic() + 3
        while (left := processes(self.token)) and time.monotonic() < end:
            time.sleep(0.05)
        for pid, command in left.items():
            faults.append(f"left running: {pid} {command}")
            os.kill(pid, signal.SIGKILL)
        if not self.may_report:
            faults += self.reports()
        faults += [] if self.may_violate else self.violations()
        faults += self.betrayals() + self.unlisted()
        assert not faults, "\n".join(faults)

    def reports(self):
        """What the sanitisers found, and asserts that failed."""
        strays = [logs.stray(path) for path in self.dir.glob("*.log")]
        return ["\n".join(lines)[:6000] for lines in strays if any(REPORTS.search(line) for line in lines)]

    def violations(self):
        """System calls that a sandbox lacks."""
        return [f"refused: {line}" for path in self.dir.glob("*.log")
                for line in path.read_text(errors="replace").splitlines() if "sandbox.violation" in line]

    def betrayals(self):
        """Log lines that hold a password of an account, as it is or in base64 as it was sent."""
        plain = {rest[len("{PLAIN}"):].split(":")[0] for rest in self.users.values() if rest.startswith("{PLAIN}")}
        words = {word for word in plain if len(word) > 3}
        words |= {base64.b64encode(b"\0%s\0%s" % (name.encode(), word.encode())).decode()
                  for word in words for name in ("anna", "anna@example.net", "bert")}
        words = re.compile("|".join(rf"(?<![\w.-]){re.escape(word)}(?![\w.-])" for word in sorted(words)) or r"(?!)")
        return [f"a password in {path.name}: {line}" for path in self.dir.glob("*.log")
                for line in path.read_text(errors="replace").splitlines() if words.search(line)]

    def unlisted(self):
        """What popgate-log(7) does not know of the lines of the log; of a long log only the beginning."""
        lines = [line for path in self.dir.glob("*.log") for line in logs.read(path, LINES_CHECKED)]
        return sorted({fault for line in lines if (fault := LOG_PAGE.unlisted(line))})

    # -- what they said

    def said(self, name):
        path = self.dir / f"{name}.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def events(self, event=None, **wanted):
        """Log lines of all daemons with that event name and those values, oldest first."""
        if event:
            wanted["event"] = event
        lines = [line for path in self.dir.glob("*.log") for line in logs.read(path)]
        lines.sort(key=lambda line: line.get("ts", ""))
        return [line for line in lines
                if all(str(line.get(key)) == str(value) for key, value in wanted.items())]

    def wait_event(self, event, seconds=10, count=1, **wanted):
        return until(lambda: len(found := self.events(event, **wanted)) >= count and found, seconds,
                     lambda: f"{count} x event={event} {wanted} in\n" + "\n".join(
                         self.said(name) for name in house.PROGRAMS))[-1]

    # -- clients

    def pop(self, source="127.0.0.2", **more):
        return Pop(self.pop_port, source, **more)

    def smtp(self, source="127.0.0.2", **more):
        return Smtp(self.smtp_port, source, **more)

    def login(self, source="127.0.0.2", user="anna", password="secret"):
        """Fetches nothing, quits; the answer to PASS."""
        with self.pop(source) as talk:
            answer = talk.login(user, password)
            talk.says("QUIT")
            return answer

    def relay_reply(self, source="127.0.0.2", sender="anna@example.net", to="bob@else.test"):
        """The answer to a RCPT that asks for relay."""
        with self.smtp(source) as talk:
            answers = talk.mail(sender, to)
            talk.says("QUIT")
            return next((a for a in answers if not a.startswith("2")), answers[-1])

    # -- the command line

    def ctl(self, *words, stdin=None, timeout=30):
        return subprocess.run([self.program("popgate"), "-c", self.conf, *words], input=stdin, text=True,
                              stdin=subprocess.DEVNULL if stdin is None else None, timeout=timeout,
                              capture_output=True, env=self.env())

    def table(self, *words):
        """A --json answer: one object a line."""
        answer = self.ctl(*words, "--json")
        assert answer.returncode in (0, 1), answer.stderr
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def stats(self):
        return self.table("window", "stats")[0]
