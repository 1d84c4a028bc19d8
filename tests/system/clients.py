"""What subscribers really use: curl, fetchmail, mpop, getmail, mutt, msmtp, swaks, run against a farm from a source
address. Each fetches into, or sends from, files of a test's directory."""

import os
import pathlib
import pty
import select
import socket
import subprocess
import threading
import time

import house
from mail import files

FETCHMAIL = house.PEERS / "root/usr/bin/fetchmail"


def run(*words, stdin=b"", code=0, env=None, timeout=60):
    """Runs a program that must exit with code; what it printed."""
    answer = subprocess.run([str(w) for w in words], input=stdin, capture_output=True, timeout=timeout,
                            env={**os.environ, "LC_ALL": "C", **(env or {})})
    assert answer.returncode == code, (words, answer.returncode, answer.stdout[-2000:],
                                       answer.stderr[-2000:])
    return answer.stdout + answer.stderr


class Via:
    """A port that forwards to another from a source address, for clients that cannot choose theirs."""

    def __init__(self, port, source):
        self.target, self.source = port, source
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.target), 10, (self.source, 0))
            far.settimeout(None)
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(a, b), daemon=True).start()

    @staticmethod
    def _copy(source, target):
        try:
            while got := source.recv(65536):
                target.sendall(got)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


def curl_fetch(farm, number, source, user="anna", extra=()):
    """RETR of one message; its octets as curl gives them."""
    return subprocess.run(
        ["curl", "-sS", "--interface", source, "-u", f"{user}:secret", *extra,
         f"pop3://127.0.0.1:{farm.pop_port}/{number}"], capture_output=True, timeout=60, check=True).stdout


def curl_pop(farm, number, source, user="anna", scheme="pop3", extra=()):
    """The same with TLS: pop3s, or STLS for pop3."""
    port = farm.pops_port if scheme == "pop3s" else farm.pop_port
    return subprocess.run(
        ["curl", "-sS", "--interface", source, "--cacert", farm.ca, "--ssl-reqd", "-u", f"{user}:secret",
         *extra, f"{scheme}://127.0.0.1:{port}/{number}"], capture_output=True, timeout=60, check=True).stdout


def curl_delete(farm, number, source, user="anna"):
    curl_fetch(farm, number, source, user, ("--head", "-X", "DELE"))


def curl_send(farm, source, sender, recipients, octets, directory, code=0):
    path = pathlib.Path(directory) / "curl.eml"
    path.write_bytes(octets)
    words = [w for r in recipients for w in ("--mail-rcpt", r)]
    return run("curl", "-sS", "--interface", source, f"smtp://127.0.0.1:{farm.smtp_port}/client.test",
               "--mail-from", sender, *words, "-T", path, code=code)


def fetchmail(farm, source, directory, keep, user="anna", port=None, protocol="pop3", auth="password",
              tls='sslproto ""'):
    """Fetches all into a Maildir-like folder by a delivery command; the octets of each message."""
    directory = pathlib.Path(directory)
    mda, into = delivery(directory, "fetched")
    for old in into.iterdir():
        old.unlink()
    with Via(port or farm.pop_port, source) as via:
        rc = directory / "fetchmailrc"
        rc.write_text(
            f'poll 127.0.0.1 protocol {protocol} port {via.port} auth {auth} no dns\n'
            f' user "{user}" password "secret" {"keep" if keep else "nokeep"} fetchall'
            f' no rewrite no mimedecode {tls}\n mda "{mda}"\n')
        rc.chmod(0o600)
        run(FETCHMAIL, "-f", rc, "--nosyslog", "--invisible", "--pidfile", directory / "fetchmail.pid",
            "--idfile", directory / "fetchids", env={"HOME": str(directory)})
    return [path.read_bytes() for path in sorted(into.iterdir(), key=lambda p: p.stat().st_mtime_ns)]


def mpop(farm, source, directory, keep, user="anna", port=None, how=("--tls=off", "--auth=user")):
    """Fetches all that is new into a Maildir; the octets of each message there."""
    box = pathlib.Path(directory) / "mpop"
    for part in ("new", "cur", "tmp"):
        (box / part).mkdir(parents=True, exist_ok=True)
    run("mpop", "-C", "/dev/null", "--host=127.0.0.1", f"--port={port or farm.pop_port}",
        f"--source-ip={source}", *how, f"--user={user}", "--passwordeval=echo secret",
        f"--keep={'on' if keep else 'off'}", "--received-header=off", f"--delivery=maildir,{box}",
        f"--uidls-file={directory}/uidls.{user}")
    return files(box)


def delivery(directory, name, then="exit"):
    """A command that files its standard input in a folder; the two. then: what it does before it ends."""
    into = pathlib.Path(directory) / name
    into.mkdir(exist_ok=True)
    mda = pathlib.Path(directory) / f"{name}.mda"
    mda.write_text(f'#!/bin/sh\ncat >"$(mktemp {into}/XXXXXXXX)"\n{then}\n')
    mda.chmod(0o755)
    return mda, into


def maildir(directory, name):
    """A Maildir to fetch into."""
    box = pathlib.Path(directory) / name
    for part in ("new", "cur", "tmp"):
        (box / part).mkdir(parents=True, exist_ok=True)
    return box


def getmail(farm, source, directory, keep, user="anna", retriever="SimplePOP3Retriever", port=None, more=""):
    """Fetches all that is new by a delivery command; the octets of each message it ever got."""
    mda, into = delivery(directory, "getmail", "sleep 0.5")  # it misses a child that ends before it waits for it
    with Via(port or farm.pop_port, source) as via:
        rc = pathlib.Path(directory) / "getmailrc"
        rc.write_text(
            f"[retriever]\ntype = {retriever}\nserver = 127.0.0.1\nport = {via.port}\n"
            f"username = {user}\npassword = secret\n{more}\n"
            f"[destination]\ntype = MDA_external\npath = {mda}\nallow_root_commands = true\n"
            f"[options]\nread_all = false\ndelete = {'false' if keep else 'true'}\n"
            "delivered_to = false\nreceived = false\nverbose = 0\n")
        run("getmail", "--getmaildir", directory, "--rcfile", rc, env={"HOME": str(directory)})
    return [path.read_bytes() for path in sorted(into.iterdir())]


def on_terminal(words, env, seconds=60):
    """Runs a program that wants a terminal until it ends; what it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(words[0], words, {**os.environ, "TERM": "vt100", "LC_ALL": "C", **env})
    shown, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # it has closed it
                break
    else:
        os.kill(pid, 9)
    os.close(terminal)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 0, (words, status, shown[-3000:])
    return shown


def mutt(farm, source, directory, keep, user="anna", scheme="pop", port=None, more=""):
    """Fetches all into a Maildir with its fetch-mail; the octets of each message there."""
    box = maildir(directory, "mutt")
    with Via(port or farm.pop_port, source) as via:
        rc = pathlib.Path(directory) / "muttrc"
        rc.write_text(
            f"set folder={directory} spoolfile={box} mbox_type=Maildir header_cache=\"\" wait_key=no quit=yes\n"
            f"set pop_host={scheme}://127.0.0.1:{via.port} pop_user={user} pop_pass=secret\n"
            f"set pop_delete={'no' if keep else 'yes'} pop_last=no move=no mark_old=no delete=yes ssl_force_tls=no\n{more}\n"
            "push <fetch-mail><quit>\n")
        on_terminal(["mutt", "-n", "-F", str(rc), "-f", str(box)], {"HOME": str(directory)})
    return files(box)


def msmtp(farm, source, sender, recipients, octets, code=0):
    """Sends; octets may end lines in LF, as files do."""
    return run("msmtp", "-C", "/dev/null", "--host=127.0.0.1", f"--port={farm.smtp_port}",
               f"--source-ip={source}", "--tls=off", "--auth=off", "--domain=client.test",
               f"--from={sender}", "--", *recipients, stdin=octets, code=code)


def swaks(farm, source, sender, recipients, octets, directory, code=0):
    path = pathlib.Path(directory) / "swaks.eml"
    path.write_bytes(octets)
    return run("swaks", "--server", "127.0.0.1", "--port", farm.smtp_port, "--local-interface", source,
               "--helo", "client.test", "--from", sender, "--to", ",".join(recipients),
               "--data", f"@{path}", "--suppress-data", code=code)
