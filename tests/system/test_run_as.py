"""Started as root: every program runs as its own user and can do its work, and only that.

The users are made for the test alone: passwd(5) and group(5) with them are bound over the machine's own
in a mount namespace that ends with the daemons."""

import pathlib
import shutil
import subprocess

import pytest

import house
import mail
from house import sudo
from ports import until

MAIL, STORE, GATE, GROUP = 61001, 61002, 61003, 61004
USERS = {"popgate-mail": MAIL, "popgate-store": STORE, "popgate-gate": GATE}
CONF = """
hostname = "mail.example.net"
default_domain = "example.net"
state_dir = "{dir}/host/state"
run_dir = "{dir}/host/run"
workers = 2
plaintext_auth = "always"
sandbox = "{sandbox}"
users "passwd-file" {{ path = "{dir}/host/etc/users" }}
pop3d {{
    listener "127.0.0.1:{pop}" {{ }}
    mailbox = "maildir:{dir}/host/mail/%d/%n"
}}
smtpgate {{
    listener "127.0.0.1:{smtp}" {{ role = "mx" }}
    local_domains = {{ "example.net" }}
    deliver_to = "maildir:{dir}/host/mail/%d/%n"
    relay_to = "maildir:{dir}/host/far/%d/%n"
}}
"""
SCRIPT = """
set -u
cd {dir}
mount --bind passwd /etc/passwd
mount --bind group /etc/group
echo secret | bin/ctl/popgate -c popgate.conf user add anna
bin/pop3d/pop3d -c popgate.conf 2>pop3d.log & pop=$!
bin/smtpgate/smtpgate -c popgate.conf 2>smtpgate.log & gate=$!
cat >/dev/null
kill $pop $gate
wait $pop; first=$?
wait $gate; second=$?
for p in /proc/[0-9]*; do  # the store outlives the daemons
    if [ "$(readlink $p/cwd)" = {dir} ] && grep -q popgate-store $p/cmdline; then
        kill ${{p#/proc/}}
        while [ -d $p ]; do sleep 0.05; done
    fi
done
echo $first $second
"""


@pytest.fixture
def host(farm, directory):
    """Farm's clients, on a host that was started as root."""
    farm.dir = directory
    for name in house.PROGRAMS.values():  # where everybody may enter
        (directory / "bin" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(house.RELEASE / name, directory / "bin" / name)
    farm.conf.write_text(CONF.format(dir=directory, pop=farm.pop_port, smtp=farm.smtp_port,
                                     sandbox=farm.sandbox))
    for file, lines in (
            ("passwd", [f"{n}:x:{i}:{i}::/nonexistent:/usr/sbin/nologin" for n, i in USERS.items()]),
            ("group", [f"{n}:x:{i}:" for n, i in USERS.items()] + [f"popgate:x:{GROUP}:"])):
        (directory / file).write_text(pathlib.Path(f"/etc/{file}").read_text() + "\n".join(lines) + "\n")
    for name in ("mail", "far"):
        (directory / "host" / name).mkdir(parents=True)
        sudo("chown", f"{MAIL}:{MAIL}", directory / "host" / name)
    (directory / "host/etc").mkdir()
    (directory / "run.sh").write_text(SCRIPT.format(dir=directory))
    running = subprocess.Popen(
        sudo.words("unshare", "-m", "--propagation", "private", "sh", directory / "run.sh"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    until(lambda: len(farm.events("users.loaded")) == 5, 20,  # by each worker and the deliver role
          lambda: farm.said("pop3d") + farm.said("smtpgate"))
    until(lambda: farm.login().startswith("+OK"), 10, "a login")
    yield farm
    said, _ = running.communicate(timeout=40)
    assert said.split("\n")[-2] == "0 0", said
    assert farm.may_report or not farm.events(level="error"), farm.events(level="error")


def as_user(host, uid, group, *words):
    return subprocess.run(
        sudo.words("setpriv", f"--reuid={uid}", f"--regid={uid}", f"--groups={group}",
                   host.dir / "bin/ctl/popgate", "-c", host.conf, *words),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30).returncode


@pytest.mark.release
def test_each_user_can_do_its_own_work_and_no_other(host):
    until(lambda: host.relay_reply().startswith("250"), 10, "relay after the login")
    with host.smtp() as smtp:
        assert smtp.deliver("anna@example.net", ["anna@example.net", "bob@else.test"],
                            mail.stuffed(mail.tricky())).startswith("250")
    owners = sudo.output("find", host.dir / "host/mail", "-type", "f", "-printf", "%u %m\n").split("\n")
    assert owners[0] in (f"{MAIL} 600", "popgate-mail 600"), owners
    with host.pop() as pop:
        assert pop.login().startswith("+OK")
        assert pop.says("DELE 1").startswith("+OK")
        assert pop.says("QUIT").startswith("+OK")
    modes = sudo.output("find", host.dir / "host", "-maxdepth", "3", "-printf", "%P %U %G %m\n").split("\n")
    assert f"etc/users 0 {GROUP} 640" in modes
    assert f"state/log {STORE} {GROUP} 2700" in modes, modes
    assert f"state/locks {MAIL} {MAIL} 711" in modes
    for name, owner in (("pop3d", 0), ("smtpgate", 0), ("popgate-store", STORE)):
        assert f"run/{name}/counters {owner} {GROUP} 640" in modes
    # The store's socket goes by who asks: a broken gate forges no grant, a broken pop3d revokes nothing.
    grant = ("window", "grant", "192.0.2.1", "--user", "anna")
    assert as_user(host, GATE, GROUP, *grant) == 3
    assert as_user(host, MAIL, GROUP, "window", "revoke", "--everything") == 3
    assert as_user(host, 65534, 65534, *grant) == 3
    assert as_user(host, 65534, 65534, "window", "list") == 3
    assert as_user(host, 65534, GROUP, *grant) == 0
    assert as_user(host, 65534, GROUP, "window", "show", "192.0.2.1") == 0
    # Who held which address is for the desks, not for the daemons, though they are of the same group.
    for uid, group, code in ((GATE, GROUP, 3), (MAIL, GROUP, 3), (65534, 65534, 3), (65534, GROUP, 0), (0, 0, 0)):
        assert as_user(host, uid, group, "who", "127.0.0.2") == code, uid
        assert as_user(host, uid, group, "report") == code, uid
    assert sudo.output("stat", "-c", "%u %a", host.dir / "host/state/history") == f"{STORE} 2700\n"
    assert as_user(host, 65534, GROUP, "stats") == as_user(host, 65534, GROUP, "status") == 0
    assert as_user(host, 65534, 65534, "stats") == as_user(host, MAIL, GROUP, "window", "watch") == 3
