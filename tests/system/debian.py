"""A Debian 12 of its own, made by debootstrap and run by its own systemd, in namespaces that end with it.

    with Debian(directory) as debian:
        debian.run("apt-get", "install", "-y", "/root/popgate.deb")
        debian.write("/etc/popgate/popgate.conf", text)

It shares the network with the tests. What it may not touch of the machine it does not see: its /dev has six
nodes, /sys and the switches in /proc/sys are read-only, and its control groups are below one of its own.
What debootstrap made is kept in build/debian, and so is every package that apt fetched."""

import pathlib
import re
import secrets
import subprocess

import house
from house import sudo
from ports import until

CACHE = house.SOURCE / "build/debian"
BASE = CACHE / "bookworm.tar"
WITH = "systemd,systemd-sysv"
BOOT = pathlib.Path(__file__).with_name("debian_boot.sh")


def mirror():
    """Where this machine has its packages from."""
    text = "".join(path.read_text() for path in sorted(pathlib.Path("/etc/apt").rglob("sources.list*"))
                   if path.is_file())
    text += "".join(path.read_text() for path in pathlib.Path("/etc/apt/sources.list.d").glob("*.sources"))
    found = re.search(r"^(?:URIs:|deb(?: \[.*?\])?) *(\S+/debian/?)(?:$|\s+bookworm\s)", text, re.M)
    return found.group(1) if found else "http://deb.debian.org/debian"


def make_base():
    """The tar file of a minimal system, made once."""
    if BASE.exists():
        return
    (CACHE / "archives/partial").mkdir(parents=True, exist_ok=True)
    root = CACHE / "root"
    sudo("rm", "-rf", root)
    subprocess.run(sudo.words("debootstrap", "--variant=minbase", f"--include={WITH}", "bookworm", root, mirror()),
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=900)
    sudo("sh", "-c", f"rm -f {root}/var/cache/apt/archives/*.deb")
    sudo("tar", "-C", root, "-cf", f"{BASE}.new", ".")
    sudo("mv", f"{BASE}.new", BASE)
    sudo("rm", "-rf", root)


class Debian:
    def __init__(self, directory):
        self.root, self.group = directory / "root", f"popgate-test-{secrets.token_hex(4)}"
        self.process = self.pid = None

    def __enter__(self):
        make_base()
        sudo("mkdir", self.root)
        sudo("tar", "-C", self.root, "-xf", BASE)
        sudo("cp", "/etc/resolv.conf", self.root / "etc")
        try:
            self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _boot(self):
        self.process = subprocess.Popen(
            sudo.words("sh", BOOT, self.root, self.group, CACHE / "archives"), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.pid = int(until(self._find, 30, "systemd's start"))
        until(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"),
              60, lambda: self.run("systemctl", "list-jobs", check=False))

    def _find(self):
        """The one process that is systemd in the namespaces that debian_boot.sh made."""
        assert self.process.poll() is None, self.process.stdout.read()
        said = subprocess.run(["ps", "-e", "-o", "pid=,ppid=,comm="], capture_output=True, text=True, check=True)
        rows, mine = [line.split(None, 2) for line in said.stdout.splitlines()], {str(self.process.pid)}
        while more := {pid for pid, parent, _ in rows if parent in mine} - mine:
            mine |= more
        return next((pid for pid, _, name in rows if pid in mine and name.strip() == "systemd"), None)

    def __exit__(self, *_):
        if self.process is not None:
            if self.pid is not None:
                sudo("kill", "-KILL", self.pid)  # and with it everything in there, and every mount
            self.process.wait(30)
            self.process.stdout.close()
        sudo("find", "/sys/fs/cgroup", "-depth", "-type", "d", "-path", f"*/{self.group}*", "-exec", "rmdir", "{}", ";")
        sudo("rm", "-rf", "--one-file-system", self.root)

    def run(self, *words, check=True, stdin="", timeout=300):
        """A command in there, as root; its exit status must be 0 unless check is False."""
        done = subprocess.run(
            sudo.words("nsenter", "-t", self.pid, "-m", "-p", "chroot", self.root, "env", "-i", "LC_ALL=C.UTF-8",
                       "DEBIAN_FRONTEND=noninteractive", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                       *words), input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
        assert not check or done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done

    def apt(self, *words):
        return self.run("apt-get", "-q", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", *words)

    def read(self, path):
        return self.run("cat", path).stdout

    def write(self, path, text):
        self.run("sh", "-c", 'cat >"$1"', "sh", path, stdin=text)

    def take(self, path):
        """A file of ours into its /root."""
        sudo("cp", path, self.root / "root")
        return f"/root/{pathlib.Path(path).name}"

    def active(self, *units):
        """What each unit is: active, inactive, failed ..."""
        return self.run("systemctl", "is-active", *units, check=False).stdout.split()

    def journal(self, *words):
        return self.run("journalctl", "--no-pager", "-o", "cat", *words).stdout

    def paths(self):
        """Every path that programs of ours could leave behind."""
        skip = [f"/{name}" for name in ("proc", "sys", "dev", "root", "tmp")] + [
            "/var/cache", "/var/log/journal", "/var/lib/apt", "/var/lib/dpkg", "/run/systemd", "/var/lib/systemd"]
        prune = " -o ".join(f"-path {path}" for path in skip)
        return set(self.run("sh", "-c", f"find / \\( {prune} \\) -prune -o -print").stdout.splitlines())
