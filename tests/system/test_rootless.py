"""As the units run them: three users, no root, one capability. What sysusers.d and tmpfiles.d make is all there is, and
each program finds in it what it needs; systemd's own tools make it. The users are bound over the machine's in a
mount namespace, as in test_run_as."""

import pathlib
import random
import re
import shutil
import subprocess

import pytest

import house
import mail
from house import sudo
from ports import until
from test_run_as import GATE, GROUP, MAIL, STORE, USERS, as_user

pytestmark = pytest.mark.release

SYSTEMD = house.SOURCE / "deploy/systemd"
CONF = """
hostname = "mail.example.net"
default_domain = "example.net"
state_dir = "{dir}/host/state"
run_dir = "{dir}/host/run"
workers = 2
plaintext_auth = "always"
users "passwd-file" {{ path = "{dir}/host/users" }}
pop3d {{
    {listeners}
    mailbox = "maildir:{dir}/host/mail/%d/%n"
}}
smtpgate {{
    listener "127.0.0.1:{smtp}" {{ role = "mx" }}
    local_domains = {{ "example.net" }}
    deliver_to = "{hop}"
    relay_to = "{hop}"
}}
"""
SCRIPT = """
set -eu
cd {dir}
mount --bind passwd /etc/passwd
mount --bind group /etc/group
systemd-tmpfiles --create {dir}/tmpfiles.conf
for pair in store:popgate-store mail:pop3d gate:smtpgate; do  # RuntimeDirectory=
    install -d -m 755 -o popgate-${{pair%:*}} -g popgate host/run/${{pair#*:}}
done
as() {{ # USER GROUP CAPABILITIES PROGRAM...
    user=$1 group=$2 caps=$3; shift 3
    umask 077
    exec {trace} setpriv --reuid=popgate-$user --regid=$group --groups={group} --no-new-privs \\
        --inh-caps=-all$caps --ambient-caps=-all$caps --bounding-set=-all$caps "$@"
}}
(as store popgate-store "" bin/common/store/popgate-store -c popgate.conf 2>popgate-store.log) & store=$!
for _ in $(seq 200); do [ -S host/run/store.sock ] || sleep 0.05; done
(as mail popgate ,+net_bind_service bin/pop3d/pop3d -S -c popgate.conf 2>pop3d.log) & pop=$!
(as gate popgate ,+net_bind_service bin/smtpgate/smtpgate -S -c popgate.conf 2>smtpgate.log) & gate=$!
echo $pop $gate >pids
cat >/dev/null
for pid in $pop $gate $store; do
    kill $pid
    wait $pid; echo $?
done
"""


def reserved_port():
    """One below 1024 that nobody has."""
    taken = set(re.findall(r":(\d+)\s", subprocess.run(["ss", "-Htln"], capture_output=True, text=True).stdout))
    return random.choice([port for port in range(600, 1000) if str(port) not in taken])


def lay_out(host, hop, trace):
    directory = host.dir
    directory.chmod(0o755)
    for name in house.PROGRAMS.values():
        (directory / "bin" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(house.RELEASE / name, directory / "bin" / name)
    for file, lines in (
            ("passwd", [f"{n}:x:{i}:{i}::/nonexistent:/usr/sbin/nologin" for n, i in USERS.items()]),
            ("group", [f"{n}:x:{i}:" for n, i in USERS.items()] + [f"popgate:x:{GROUP}:{','.join(USERS)}"])):
        (directory / file).write_text(pathlib.Path(f"/etc/{file}").read_text() + "\n".join(lines) + "\n")
    text = (SYSTEMD / "tmpfiles.d/popgate.conf").read_text()
    (directory / "tmpfiles.conf").write_text(
        text.replace("/var/lib/popgate", f"{directory}/host/state").replace("/run/popgate", f"{directory}/host/run"))
    (directory / "host/mail").mkdir(parents=True)
    sudo("chown", f"{MAIL}:{MAIL}", directory / "host/mail")
    (directory / "host/users").write_text("anna@example.net:{PLAIN}secret\n")
    sudo("chown", f"0:{GROUP}", directory / "host/users")
    (directory / "host/users").chmod(0o640)
    configure(host, hop)
    (directory / "run.sh").write_text(SCRIPT.format(dir=directory, group=GROUP, trace=trace))
    sudo("chown", "0:0", directory, directory / "host")  # systemd-tmpfiles follows no path through others' directories


def configure(host, hop, *more):
    listeners = "\n".join(f'listener "127.0.0.1:{port}" {{ }}' for port in (host.pop_port, *more))
    host.conf.write_text(CONF.format(dir=host.dir, listeners=listeners, smtp=host.smtp_port, hop=hop.uri))


@pytest.fixture
def host(farm, directory, hop, request):
    farm.dir, farm.pop_port, farm.smtp_port = directory, reserved_port(), reserved_port()
    lay_out(farm, hop, getattr(request, "param", ""))
    running = subprocess.Popen(
        sudo.words("unshare", "-m", "--propagation", "private", "sh", directory / "run.sh"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    until(lambda: len(farm.events("users.loaded")) == 4, 20, lambda: farm.said("pop3d") + farm.said("smtpgate"))
    farm.pids = dict(zip(("pop3d", "smtpgate"), map(int, (directory / "pids").read_text().split())))
    farm.pid = farm.pids.get
    until(lambda: farm.login().startswith("+OK"), 10, "a login")
    yield farm
    said, _ = running.communicate(timeout=40)
    assert said.split()[-3:] == ["0", "0", "0"], said
    assert not farm.events(level="error"), farm.events(level="error")
    expected = ("limits.lowered", "smtp.refused", "store.refused")
    complaints = [line for line in farm.events(level="warn") if line["event"] not in expected]
    assert not complaints, complaints


def credentials(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return (int(re.search(r"^Uid:\t\d+\t(\d+)", text, re.M).group(1)),
            int(re.search(r"^CapEff:\t(\w+)", text, re.M).group(1), 16),
            int(re.search(r"^CapAmb:\t(\w+)", text, re.M).group(1), 16),
            re.search(r"^NoNewPrivs:\t(\d)", text, re.M).group(1))


def test_nobody_is_root_and_everything_works(host, hop):
    until(lambda: host.relay_reply().startswith("250"), 10, "relay after the login")
    with host.smtp() as smtp:
        assert smtp.deliver("anna@example.net", ["bob@else.test"], mail.stuffed(mail.tricky())).startswith("250")
    assert len(hop.taken()) == 1
    for name, uid in (("pop3d", MAIL), ("smtpgate", GATE)):
        bind = 1 << 10  # CAP_NET_BIND_SERVICE
        assert credentials(host.pid(name)) == (uid, bind, bind, "1")
        children = host.children(name)
        assert len(children) == 2 and all(credentials(pid) == (uid, 0, 0, "1") for pid in children)
    modes = sudo.output("find", host.dir / "host", "-maxdepth", "3", "-printf", "%P %U %G %m\n").split("\n")
    for path, owner in (("pop3d", MAIL), ("smtpgate", GATE), ("popgate-store", STORE)):
        assert f"run/{path}/counters {owner} {GROUP} 640" in modes, modes
    assert f"state/salts.key {STORE} {GROUP} 640" in modes and f"state/log {STORE} {GROUP} 2700" in modes, modes
    assert as_user(host, 65534, GROUP, "stats") == as_user(host, 65534, GROUP, "status") == 0
    # A broken gate forges no grant, a broken pop3d revokes nothing, as with a supervisor that is root.
    grant = ("window", "grant", "192.0.2.1", "--user", "anna")
    assert as_user(host, GATE, GROUP, *grant) == 3
    assert as_user(host, MAIL, GROUP, "window", "revoke", "--everything") == 3
    assert as_user(host, 65534, GROUP, *grant) == 0


def test_reload_and_upgrade_keep_the_one_capability(host, hop):
    """A port below 1024 more, by SIGHUP alone; and by who has come in by an upgrade."""
    for signal in ("HUP", "USR2"):
        more = reserved_port()
        configure(host, hop, more)
        sudo("kill", "-HUP", host.pid("pop3d"))
        if signal == "USR2":
            sudo("kill", "-USR2", host.pid("pop3d"))
            host.wait_event("upgrade.done")
        first, host.pop_port = host.pop_port, more
        until(lambda: reaches(host), 10, "the new port")
        host.pop_port = first
        assert host.login().startswith("+OK")


def calls_of(group):
    """What systemd.exec(5) has in a group of system calls."""
    said = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True)
    names = [line.strip() for line in said.stdout.splitlines()[1:] if line.strip() and "#" not in line]
    return set().union(*(calls_of(name) if name.startswith("@") else {name} for name in names))


def allowed(service):
    """The system calls that the filter of a unit lets through."""
    calls = calls_of("@default")
    text = (house.RELEASE / f"deploy/{service}.service").read_text()
    for line in re.findall(r"^SystemCallFilter=(.*)", text, re.M):
        named = set().union(*(calls_of(name) if name.startswith("@") else {name} for name in line.lstrip("~").split()))
        calls = calls - named if line.startswith("~") else calls | named
    return calls


@pytest.mark.parametrize("host", ["strace -D -f -qq -o trace.$user"], indirect=True)
def test_no_call_is_made_that_the_filters_of_the_units_forbid(host, hop):
    until(lambda: host.relay_reply().startswith("250"), 10, "relay after the login")
    with host.smtp() as smtp:
        assert smtp.deliver("anna@example.net", ["bob@else.test"], mail.stuffed(mail.tricky())).startswith("250")
    sudo("kill", "-HUP", host.pid("pop3d"), host.pid("smtpgate"))
    for name in ("pop3d", "smtpgate"):
        host.wait_event("config.loaded", generation=1, prog=name)
        sudo("kill", "-USR2", host.pid(name))
        host.wait_event("upgrade.done", prog=name)
    assert host.login().startswith("+OK")
    for user, service in (("store", "popgate-store"), ("mail", "popgate-pop3d"), ("gate", "popgate-smtpgate")):
        trace = sudo.output("cat", host.dir / f"trace.{user}").partition('execve("bin/')[2]  # behind setpriv's own
        made = set(re.findall(r"^\d+ +(\w+)\(", trace, re.M))
        made -= {"capset"}  # minds no refusal, see privilege.c
        assert len(made) > 40 and made <= allowed(service), made - allowed(service)


def reaches(host):
    try:
        return host.login().startswith("+OK")
    except OSError:
        return False



def test_sysusers_makes_the_users(tmp_path):
    (tmp_path / "etc").mkdir()
    said = subprocess.run(["systemd-sysusers", f"--root={tmp_path}", SYSTEMD / "sysusers.d/popgate.conf"],
                          capture_output=True, text=True, timeout=30)
    assert said.returncode == 0, said.stderr
    users = {line.split(":")[0] for line in (tmp_path / "etc/passwd").read_text().splitlines()}
    members = re.search(r"^popgate:[^:]*:\d+:(.*)$", (tmp_path / "etc/group").read_text(), re.M).group(1)
    assert users == set(USERS) == set(members.split(","))
