"""What run, growth and stall have in common: they end by themselves, whatever happens leave nothing behind, say in one
line what is missing, and keep what they found in a file of JSON."""

import contextlib
import datetime
import errno
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import server

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
FILES_LEAST = 1024
PEERS = {"dovecot": "usr/sbin/dovecot", "dovecot-rsa": "usr/sbin/dovecot", "nginx": "usr/sbin/nginx",
         "haproxy": "usr/sbin/haproxy", "postfix": "usr/sbin/postfix"}  # below the directory they are unpacked into


KINDS = ("figures", "tables", "scenes")  # what run, growth and stall find


class Fault(Exception):
    """Told to whoever started the program, in a line."""


@contextlib.contextmanager
def undisturbed():
    """Nothing breaks off what is done meanwhile: the ending of what was started."""
    left = signal.alarm(0)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDS}
    try:
        yield
    finally:
        for number, how in before.items():
            signal.signal(number, how)
        signal.alarm(left)


def main(name, function, seconds):
    """The exit status of function(); seconds() is how long it may take at most. A signal ends it by way of an
    exception, so that all that it started is stopped."""
    def end(number, _):
        for each in ENDS:
            signal.signal(each, signal.SIG_IGN)
        sys.exit(f"{name}: {'not over in time' if number == signal.SIGALRM else 'told to end'}")
    for number in ENDS:
        signal.signal(number, end)
    signal.alarm(seconds)
    try:
        return function()
    except (Fault, AssertionError, OSError, subprocess.SubprocessError) as error:
        full = " (--dir says where)" if getattr(error, "errno", 0) == errno.ENOSPC else ""
        print(f"{name}: {str(error).strip() or repr(error)}{full}", file=sys.stderr)
        return 1


def need(*programs, peers=()):
    """Looks at once for what would be missed late: programs of the build, tools, descriptors, and what peers want."""
    for path in ("tests/bench/hammer", "tests/bench/sink", "tests/bench/nonames", "common/store/popgate-store",
                 "pop3d/pop3d", "smtpgate/smtpgate", "ctl/popgate", *programs):
        if not (server.BUILD / path).exists():
            raise Fault(f"{server.BUILD / path} is not there: meson setup build/release -Dbuildtype=release && "
                        "ninja -C build/release")
    tools = ["openssl", *(["unshare", "mount"] if peers else [])]
    for tool in tools:
        if not shutil.which(tool):
            raise Fault(f"{tool} is not installed: deploy/packages/install test")
    for peer in peers:
        if not (server.PEERS / "root" / PEERS[peer]).exists():
            raise Fault(f"there is no {peer} in {server.PEERS}: tests/peers/unpack {server.PEERS}, or --ours-only")
    if peers and os.getuid() != 0:
        raise Fault("the peers want root (Dovecot lies over /usr in a namespace of its own): sudo, or --ours-only")
    server.raise_files_limit(0)
    if server.files_limit() < FILES_LEAST:
        raise Fault(f"a process may have {server.files_limit()} descriptors only: ulimit -Hn {FILES_LEAST} at least")


class Found:
    """What was measured, in a file that is written anew after each thing: figures that are there and not measured
    again stay, so a long run can be made in pieces. file: None for none."""

    def __init__(self, file):
        self.file, self.all = file and pathlib.Path(file), {}
        if self.file and self.file.exists() and self.file.stat().st_size:
            try:
                self.all = json.loads(self.file.read_text())
            except ValueError as error:
                raise Fault(f"{self.file} is not what run, growth or stall wrote: {error}") from error
            if not isinstance(self.all, dict) or set(self.all) - set(KINDS):
                raise Fault(f"{self.file} is not what run, growth or stall wrote")
        if self.file:
            self._write()

    def add(self, kind, name, what, **how):
        """kind: one of KINDS. how: in what way it was measured."""
        how |= {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1),
                "at": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")}
        self.all.setdefault(kind, {})[name] = what | {"measured": how}
        if self.file:
            self._write()

    def _write(self):
        new = self.file.with_name(self.file.name + ".new")
        new.write_text(json.dumps(self.all, indent=1) + "\n")
        new.replace(self.file)


@contextlib.contextmanager
def running(words, **options):
    """A process that does not outlive the block."""
    process = subprocess.Popen([str(word) for word in words], **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


def chosen(names, only, what):
    """Those of names that the words of only name; a word ending in * names all that begin so."""
    found = {}
    for word in (only.split(",") if only else names):
        more = [n for n in names if n == word or (word.endswith("*") and n.startswith(word[:-1]))]
        if not more:
            raise Fault(f"no {what} {word}: there are {', '.join(names)}")
        found |= dict.fromkeys(more)
    return list(found)
