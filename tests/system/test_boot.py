"""The units under the real systemd, which boots in namespaces of its own over a copy of this machine's files: services
without root and without capabilities, with root.conf, on passed sockets; start, reload, upgrade, restart, a worker
that hangs. Filters, sandbox and service manager meet here as they do on a host."""

import os
import pathlib
import re
import subprocess

import pytest

import house
from house import sudo
from ports import until

pytestmark = pytest.mark.release

CONF = """
hostname = "mail.example.net"
default_domain = "example.net"
plaintext_auth = "always"
workers = 2
users "passwd-file" { path = "/etc/popgate/users" }
pop3d {
    listener "0.0.0.0:110" { }
    listener "[::]:110" { }
    mailbox = "maildir:/var/vmail/%d/%n"
}
smtpgate {
    listener "0.0.0.0:25" { role = "mx" }
    local_domains = { "example.net" }
    deliver_to = "maildir:/var/vmail/%d/%n"
    relay_to = "smtp:127.0.0.1:2525"
}
"""
OUTER = """
set -eu
cd {dir}
mount -t tmpfs tmpfs over
mkdir over/up over/work over/root
mount -t overlay overlay -o lowerdir=/,upperdir=over/up,workdir=over/work over/root
R={dir}/over/root
mount -t proc proc $R/proc
mount -t sysfs -o ro sysfs $R/sys
mount -t cgroup2 cgroup2 $R/sys/fs/cgroup
mount -t tmpfs tmpfs $R/run
mount -t tmpfs tmpfs $R/tmp
mount -t tmpfs tmpfs $R/dev
for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do  # what PrivateDevices= looks for
    number=${{node#*:}}
    mknod -m 666 $R/dev/${{node%%:*}} c ${{number%:*}} ${{number#*:}}
done
mkdir $R/dev/shm $R/dev/pts
mount -t tmpfs tmpfs $R/dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts $R/dev/pts
ln -s pts/ptmx $R/dev/ptmx
ln -s /proc/self/fd $R/dev/fd
mount --bind {dir}/shared $R/mnt
rm -rf $R/etc/systemd/system $R/var/lib/popgate
mkdir -p $R/etc/systemd/system $R/etc/popgate
cp popgate.conf users $R/etc/popgate
cp test.service test.target $R/etc/systemd/system
for program in pop3d/pop3d smtpgate/smtpgate ctl/popgate common/store/popgate-store; do
    install -D {build}/$program $R/usr/local/sbin/${{program##*/}}
done
install -D $R/usr/local/sbin/popgate-store $R{libexec}/popgate-store
install -Dm 644 -t $R/etc/systemd/system {build}/deploy/popgate-*.service {source}/deploy/systemd/popgate-*.socket
sed -i 's,^\\(Exec[A-Z][a-z]*\\)=[^ ]*/sbin/,\\1=/usr/local/sbin/,; s,^ExecStart=[^ ]*/libexec.*,ExecStart=/usr/local/sbin/popgate-store,' \\
    $R/etc/systemd/system/popgate-*.service
cp -r {source}/deploy/systemd $R/etc/popgate/systemd
ip link set lo up
exec env -i container=popgate PATH=/usr/sbin:/usr/bin chroot $R /lib/systemd/systemd --unit=test.target --log-level=warning
"""
INNER = r"""
dialogue() { # PORT LINES: the first line that it greets with, then the answers to all
    exec 3<>/dev/tcp/127.0.0.1/$1
    read -r -t 20 line <&3
    printf '%s\n' "$line"
    printf "$2" >&3
    timeout 20 cat <&3
}
state() {
    for service; do
        echo "$service $(systemctl show -p ActiveState --value $service) restarts=$(systemctl show -p NRestarts --value $service)"
        main=$(systemctl show -p MainPID --value $service)
        for pid in $main $(cat /proc/$main/task/$main/children); do
            echo "process $service $(stat -c %U /proc/$pid) $(grep CapEff /proc/$pid/status)"
        done
    done
}
services="popgate-store popgate-pop3d popgate-smtpgate"
login='USER anna\r\nPASS secret\r\nSTAT\r\nQUIT\r\n'
systemd-sysusers /etc/popgate/systemd/sysusers.d/popgate.conf
systemd-tmpfiles --create /etc/popgate/systemd/tmpfiles.d/popgate.conf
mkdir -p /var/vmail && chown popgate-mail: /var/vmail
chgrp popgate /etc/popgate/users && chmod 640 /etc/popgate/users
# the ports of the units, but for those that this config does not have
sed -i '/:995\|:587\|:465\|\[::\]:25/d' /etc/systemd/system/popgate-*.socket
mkdir /etc/systemd/system/popgate-smtpgate.service.d /etc/systemd/system/popgate-pop3d.service.d
cp /etc/popgate/systemd/root.conf /etc/systemd/system/popgate-smtpgate.service.d
systemctl daemon-reload
echo PLAIN
systemctl start $services
state $services
dialogue 110 "$login"
python3 -c 'import smtplib
smtplib.SMTP("127.0.0.1").sendmail("", ["anna@example.net"], b"Subject: x\r\n\r\nx\r\n")' && echo delivered
stat -c "letter %U %a" /var/vmail/example.net/anna/new/*
echo RELOAD
systemctl reload popgate-pop3d popgate-smtpgate
dialogue 110 "$login"
echo UPGRADE
before=$(systemctl show -p MainPID --value popgate-pop3d)
cp /usr/local/sbin/pop3d /usr/local/sbin/pop3d.new && mv /usr/local/sbin/pop3d.new /usr/local/sbin/pop3d
systemctl kill --kill-whom=main --signal=USR2 popgate-pop3d popgate-smtpgate
for n in $(seq 100); do [ $(journalctl --no-pager | grep -c upgrade.done) = 2 ] || sleep 0.1; done
echo "upgraded $(journalctl --no-pager | grep -c upgrade.done) same=$([ $before = $(systemctl show -p MainPID --value popgate-pop3d) ] && echo yes)"
state $services
echo SOCKETS
systemctl stop popgate-pop3d
cp /etc/popgate/systemd/sockets.conf /etc/systemd/system/popgate-pop3d.service.d
systemctl daemon-reload
systemctl start popgate-pop3d.socket
dialogue 110 "$login"
state popgate-pop3d
systemctl restart popgate-pop3d
dialogue 110 "$login"
echo STOP
systemctl stop $services popgate-pop3d.socket
for service in $services; do echo "$service $(systemctl show -p Result --value $service)"; done
echo LOG
journalctl --no-pager | grep -E 'level=(warn|error)|EPERM|SECCOMP' | grep -v limits.lowered
echo END
"""
SERVICE = """
[Unit]
After=basic.target
[Service]
Type=oneshot
ExecStart=/bin/bash /mnt/inner
StandardOutput=file:/mnt/said
StandardError=file:/mnt/said
ExecStopPost=/bin/touch /mnt/over
"""
TARGET = "[Unit]\nRequires=basic.target\nWants=test.service\nAfter=basic.target\n"


def lay_out(directory):
    build, source = house.RELEASE, house.SOURCE
    libexec = re.search(r"^ExecStart=(\S+)/popgate-store", (build / "deploy/popgate-store.service").read_text(),
                        re.M).group(1)
    (directory / "over").mkdir()
    (directory / "shared").mkdir()
    (directory / "popgate.conf").write_text(CONF)
    (directory / "users").write_text("anna@example.net:{PLAIN}secret\n")
    (directory / "test.service").write_text(SERVICE)
    (directory / "test.target").write_text(TARGET)
    (directory / "shared/inner").write_text(INNER)
    (directory / "outer").write_text(OUTER.format(dir=directory, build=build, source=source, libexec=libexec))


def cgroup():
    """A group of our own in the unified hierarchy: systemd believes that it is the root of it."""
    mounts = [line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines()
              if line.split()[2] == "cgroup2"]
    return pathlib.Path(mounts[0]) / f"popgate-test.{os.getpid()}"


def boot(directory):
    group = cgroup()
    words = sudo.words("sh", "-c", f"mkdir -p {group} && echo $$ >{group}/cgroup.procs && exec timeout 120 unshare "
                       f"--mount --pid --uts --ipc --cgroup --net --propagation private --kill-child=KILL "
                       f"sh {directory}/outer")
    running = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True)
    return running, group


@pytest.fixture
def said(directory):
    """What the shell of the machine within said, by section."""
    lay_out(directory)
    running, group = boot(directory)
    try:
        until(lambda: (directory / "shared/over").exists() or running.poll() is not None, 90,
              lambda: f"an end of {text_of(directory)}")
    finally:
        until(lambda: removed(group), 20, "the end of all that was started")
        out, _ = running.communicate(timeout=20)
    text = text_of(directory)
    assert text.endswith("END\n"), f"{out}\n{text}"
    return dict(re.findall(r"^([A-Z]+)\n(.*?)(?=^[A-Z]+\n)", text, re.M | re.S))


def text_of(directory):
    path = directory / "shared/said"
    return path.read_text() if path.exists() else ""


def removed(group):
    """Ends who is in it, and takes it away; whether that is done."""
    sudo("sh", "-c", f"find {group} -name cgroup.procs -exec cat {{}} + | xargs -r kill -KILL; "
         f"find {group} -depth -type d -exec rmdir {{}} + 2>/dev/null; true")
    return not group.exists()


LOGIN = "+OK Send the password\n+OK Welcome\n+OK 1 "


def processes(text, service):
    return re.findall(rf"^process {service} (\S+) CapEff:\s+(\w+)", text, re.M)


def test_a_host_boots_serves_reloads_upgrades_and_stops(said):
    for service in ("popgate-store", "popgate-pop3d", "popgate-smtpgate"):
        assert f"{service} active restarts=0" in said["PLAIN"] and f"{service} success" in said["STOP"], said
        assert f"{service} active restarts=0" in said["UPGRADE"], said["UPGRADE"]
    assert "delivered\nletter popgate-mail 600\n" in said["PLAIN"], said["PLAIN"]
    for section in ("RELOAD", "SOCKETS"):
        assert LOGIN in said[section], said[section]
    assert said["SOCKETS"].count(LOGIN) == 2 and "upgraded 2 same=yes" in said["UPGRADE"]
    bind, none, root = "0000000000000400", "0000000000000000", "00000000000004e0"
    assert processes(said["PLAIN"], "popgate-pop3d") == [("popgate-mail", bind), *[("popgate-mail", none)] * 2]
    assert sorted(processes(said["PLAIN"], "popgate-smtpgate")) == [
        *[("popgate-gate", none)] * 2, ("popgate-mail", none), ("root", root)]  # with root.conf, to deliver
    assert processes(said["SOCKETS"], "popgate-pop3d") == [("popgate-mail", none)] * 3
    assert {user for user, _ in processes(said["PLAIN"], "popgate-store")} == {"popgate-store"}
    assert said["LOG"] == "", said["LOG"]
