"""The real programs that read logs: rsyslogd and fail2ban, unpacked privately, and lnav."""

import csv
import io
import os
import shutil
import subprocess

import house
from ports import until

ROOT = house.PEERS / "root"
DEPLOY = house.SOURCE / "deploy"
LIBRARIES = ROOT / "usr/lib/x86_64-linux-gnu"

RSYSLOG = """
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{dir}/socket")
global(workDirectory="{dir}" maxMessageSize="8k")
$IncludeConfig {dir}/popgate.conf
*.* action(type="omfile" file="{dir}/rest" template="RSYSLOG_TraditionalFileFormat")
"""


class Rsyslog:
    """rsyslogd with deploy/rsyslog/popgate.conf, but for the place of its file, and a socket of its own."""

    def __init__(self, directory):
        self.dir, self.process = directory, None
        self.dir.mkdir()
        self.socket, self.file, self.rest = self.dir / "socket", self.dir / "popgate.log", self.dir / "rest"
        snippet = (DEPLOY / "rsyslog/popgate.conf").read_text()
        assert snippet.count('"/var/log/popgate.log"') == 1
        (self.dir / "popgate.conf").write_text(snippet.replace("/var/log/popgate.log", str(self.file)))
        (self.dir / "conf").write_text(RSYSLOG.format(dir=self.dir))

    def start(self):
        self.process = subprocess.Popen(
            house.sudo.words("env", f"LD_LIBRARY_PATH={LIBRARIES}", ROOT / "usr/sbin/rsyslogd", "-n", "-C", "-M",
                             LIBRARIES / "rsyslog", "-f", self.dir / "conf", "-i", self.dir / "pid"),
            stdin=subprocess.DEVNULL, stdout=open(self.dir / "out", "ab"), stderr=subprocess.STDOUT)
        until(self.socket.exists, 15, lambda: f"rsyslogd listening ({(self.dir / 'out').read_text()})")
        return self

    def stop(self):
        if self.process is not None:
            house.sudo("kill", "-TERM", self.process.pid)
            self.process.wait(20)
            self.process = None


class Fail2ban:
    """fail2ban with our filter and jail among its own configuration."""

    def __init__(self, directory):
        self.dir = directory
        shutil.copytree(ROOT / "etc/fail2ban", self.dir)
        for name in ("filter.d", "jail.d"):
            shutil.copy(DEPLOY / "fail2ban" / name / "popgate.conf", self.dir / name)

    def run(self, program, *words):
        return subprocess.run(
            ["/usr/bin/python3", ROOT / "usr/bin" / program, "-c", self.dir, *words], text=True, timeout=60,
            stdin=subprocess.DEVNULL, capture_output=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "usr/lib/python3/dist-packages")})

    def banned(self, log):
        """The addresses it counts failures of in a log, one for each failure."""
        done = self.run("fail2ban-regex", "-o", "<ip>", log, self.dir / "filter.d/popgate.conf")
        assert done.returncode == 0 and not done.stderr, done.stderr
        return done.stdout.split()


def lnav(directory, log, query):
    """The rows that lnav answers with deploy/lnav installed."""
    formats = directory / "lnav/formats/popgate"
    if not formats.exists():
        shutil.copytree(DEPLOY / "lnav", formats)
    done = subprocess.run(["lnav", "-I", directory / "lnav", "-n", "-c", f";{query}", "-c", ":write-csv-to -", log],
                          text=True, timeout=60, stdin=subprocess.DEVNULL, capture_output=True,
                          env={**os.environ, "HOME": str(directory), "TERM": "dumb"})
    assert done.returncode == 0 and not done.stderr, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))
