"""What a worker can do that is in the hands of somebody else, and what becomes of the window if one of its
readers means harm."""

import ctypes
import errno
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

import house
import mail
import storewire
from farm import processes
from house import sudo
from ports import until
from puppet import Puppet, Refused
from test_run_as import GATE, GROUP, MAIL, as_user, host  # noqa: F401 (host is a fixture)

WEDGE = pathlib.Path(__file__).with_name("wedge.py")
ROOT = os.getuid() == 0


def status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(re.findall(r"^(\w+):\s+(.*)$", text, re.M))


def descendants(farm):
    """All processes but the supervisors, as {pid: command line}."""
    return {pid: command for pid, command in processes(farm.token).items()
            if pid not in [process.pid for process in farm.running.values()]}


def test_every_process_has_given_up_what_it_does_not_need(farm, hop):
    farm.relay_to = hop.uri
    farm.start()
    assert farm.login().startswith("+OK")
    roles = {event["role"] for event in farm.events("sandbox.on", seccomp="true", strict="true")}
    assert roles == {"worker", "deliver", "store", "history"}
    found = descendants(farm)
    assert len(found) == 2 + 2 + 1 + 1 + 1, found
    for pid, command in found.items():
        says = status(pid)
        assert (says["NoNewPrivs"], says["Seccomp"]) == ("1", "2"), (command, says)
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb", *(["CapBnd"] if ROOT else [])):
            assert int(says[kind], 16) == 0, (command, kind, says[kind])


def test_without_a_sandbox_there_is_a_warning_and_no_filter(farm):
    farm.sandbox = "off"
    farm.start("pop3d")
    assert farm.wait_event("sandbox.off", prog="pop3d", level="warn")
    for pid, command in descendants(farm).items():
        assert status(pid)["Seccomp"] == "0", command
        assert int(status(pid)["CapEff"], 16) == 0, command


def without_landlock():
    """As on a kernel that has none."""
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(seccomp.seccomp_init(0x7fff0000))  # SCMP_ACT_ALLOW
    number = seccomp.seccomp_syscall_resolve_name(b"landlock_create_ruleset")
    assert seccomp.seccomp_rule_add(rules, 0x00050000 | errno.ENOSYS, number, 0) == 0
    assert seccomp.seccomp_load(rules) == 0


def test_a_kernel_without_landlock_is_told_of_and_served_on(farm, hop):
    farm.relay_to, farm.before_exec = hop.uri, without_landlock
    farm.start()
    assert farm.login().startswith("+OK")
    assert farm.relay_reply().startswith("250")
    lacking = farm.events("sandbox.lacking", level="warn")
    assert {event["part"] for event in lacking} == {"landlock"}
    assert {event["role"] for event in lacking} == {"worker", "deliver", "store", "history"}
    assert {event["landlock"] for event in farm.events("sandbox.on")} == {"0"}


def refused_by_its_errno(puppet, number, name, *arguments):
    with pytest.raises(OSError) as failure:
        puppet.call(name, *arguments)
    assert failure.value.errno == number, (name, arguments, failure.value)


def refused(puppet, *call):
    try:
        done = puppet.call(*call)
    except Refused:
        return
    raise AssertionError(f"{call} was done: {done}")


@pytest.mark.release
def test_a_system_call_that_is_not_in_the_set_is_reported_and_the_worker_goes_on(farm):
    farm.sandbox, farm.workers, farm.may_violate = "on", 1, True
    farm.start("pop3d")
    worker, = farm.role("pop3d", "worker")
    with Puppet(worker) as puppet:
        for _ in range(2):
            with pytest.raises(Refused):
                puppet.call("setpriority", 0, 0, 0, pass_on=True)
            assert puppet.returned == -errno.ENOSYS
    event = farm.wait_event("sandbox.violation", role="worker", syscall="setpriority", killed="false")
    assert event["level"] == "error" and event["number"] == "141"
    assert farm.login().startswith("+OK")
    assert farm.role("pop3d", "worker") == [worker]
    assert len(farm.events("sandbox.violation")) == 1, "each is said once"


@pytest.mark.release
def test_where_the_sandbox_is_strict_it_ends_the_worker(farm):
    farm.workers, farm.may_violate = 1, True
    farm.start("pop3d")
    worker, = farm.role("pop3d", "worker")
    with Puppet(worker) as puppet:
        with pytest.raises((Refused, ProcessLookupError)):
            puppet.call("setpriority", 0, 0, 0, pass_on=True)
    assert farm.wait_event("sandbox.violation", syscall="setpriority", killed="true")
    assert farm.wait_event("worker.died", signal=int(signal.SIGSYS), worker=worker)
    until(lambda: farm.role("pop3d", "worker") not in ([], [worker]), 10, "another worker")


@pytest.mark.release
@pytest.mark.parametrize("call", [("execve", b"/bin/sh", 0, 0), ("ptrace", 16, 1, 0, 0)], ids=["execve", "ptrace"])
def test_what_only_an_intruder_asks_for_ends_the_worker_at_once(farm, call):
    farm.sandbox, farm.workers = "on", 1
    farm.start("smtpgate")
    worker, = farm.role("smtpgate", "worker")
    with Puppet(worker) as puppet:
        with pytest.raises(ProcessLookupError):
            puppet.call(*call)
    assert farm.wait_event("worker.died", signal=int(signal.SIGSYS), worker=worker)


@pytest.mark.release
def test_a_gate_in_other_hands_reads_no_mail_and_spoils_nothing(host):  # noqa: F811
    until(lambda: host.relay_reply().startswith("250"), 10, "relay after the login")
    with host.smtp() as smtp:
        assert smtp.deliver("anna@example.net", ["anna@example.net"], mail.stuffed(mail.tricky())).startswith("250")
    letter, = sudo.output("find", host.dir / "host/mail", "-path", "*/new/*", "-type", "f").split("\n")[:-1]
    workers = [event["pid"] for event in host.events("sandbox.on", prog="smtpgate", role="worker")]
    view = (host.dir / "host/state/view").resolve()
    with Puppet(int(workers[0])) as puppet:
        fd = puppet.call("open", str(view / "data.mdb").encode(), os.O_RDONLY)
        assert fd > 2, "what it needs it has"
        for path, flags in ((letter, os.O_RDONLY), (f"{host.dir}/host/mail", os.O_RDONLY),
                            (f"{host.dir}/host/state/log/data.mdb", os.O_RDONLY),
                            (f"{host.dir}/host/state/log/data.mdb", os.O_WRONLY),
                            (view / "data.mdb", os.O_RDWR), (host.conf, os.O_RDWR),
                            ("/etc/passwd", os.O_RDONLY), ("/proc/1/status", os.O_RDONLY),
                            (f"{host.dir}/new", os.O_WRONLY | os.O_CREAT)):
            refused_by_its_errno(puppet, errno.EACCES, "open", str(path).encode(), flags, 0o600)
        network = puppet.call("socket", 2, 1, 0)
        refused_by_its_errno(puppet, errno.EACCES, "connect", network,
                             b"\x02\0" + host.pop_port.to_bytes(2, "big") + b"\x7f\0\0\x01" + bytes(7), 16)
        for call in (("unlink", letter.encode()), ("rename", letter.encode(), b"/x"), ("mkdir", b"/tmp/x", 0o700),
                     ("fork",), ("mprotect", puppet.before.rsp & ~4095, 4096, 7), ("kill", os.getpid(), 0),
                     ("sched_setattr", os.getpid(), b"", 0)):
            refused(puppet, *call)
        store = puppet.call("socket", 1, 5, 0)
        path = f"{host.dir}/host/run/store.sock".encode()
        assert puppet.call("connect", store, b"\x01\0" + path, 2 + len(path) + 1) == 0
        forged = storewire.grant(1, bytes(10) + b"\xff\xff\xc0\0\2\x01", 1, b"0" * 16, b"anna@example.net")
        assert puppet.call("sendto", store, forged, len(forged), 0, 0, 0) == len(forged)
    assert host.wait_event("store.refused", 10)["level"] in ("warn", "error")
    assert as_user(host, 65534, GROUP, "window", "show", "192.0.2.1") == 1, "nothing was granted"
    host.may_report = True


@pytest.mark.release
def test_no_process_of_the_same_user_looks_into_another(host):  # noqa: F811
    for prog, uid in (("smtpgate", GATE), ("pop3d", MAIL)):
        worker = host.events("sandbox.on", prog=prog, role="worker")[0]["pid"]
        for what in ("environ", "maps", "mem"):
            assert subprocess.run(sudo.words("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
                                             "head", "-c1", f"/proc/{worker}/{what}"),
                                  capture_output=True).returncode != 0, (prog, what)
    for prog in ("smtpgate", "pop3d"):  # the supervisors, which hold all keys, by root without its powers
        supervisor = host.events("config.loaded", prog=prog)[0]["pid"]
        assert subprocess.run(sudo.words("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs",
                                         "head", "-c1", f"/proc/{supervisor}/environ"),
                              capture_output=True).returncode != 0, prog


# --- a window that one of its readers spoils


class Wedge:
    def __init__(self, lock, what, *before):
        self.process = subprocess.Popen(sudo.words(*before, sys.executable, WEDGE, lock, what), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        assert self.process.stdout.readline() == "done\n"
        return self

    def __exit__(self, *_):
        self.process.communicate(timeout=20)


def lock_of(state):
    return (state / "view").resolve() / "lock.mdb"


@pytest.mark.parametrize("what", ["writers-lock", "readers-lock", "cut", "noise", "ones", "number", "slots"])
def test_a_view_that_a_reader_wedges_is_replaced_and_no_grant_lost(farm, what):
    # What is open of such a view cannot be closed; and the C library says what it thinks of noise for a lock.
    farm.environment["ASAN_OPTIONS"] = "detect_leaks=0:abort_on_error=0"
    farm.may_report = what in ("noise", "ones")
    farm.start()
    assert farm.login("127.0.1.1").startswith("+OK")
    before = lock_of(farm.dir / "state")
    stores = farm.store_pids()
    with Wedge(before, what):
        assert farm.login("127.0.1.2").startswith("+OK")
        assert not farm.relay_reply("127.0.1.2").startswith("550"), "no no from the old view"
        assert farm.wait_event("window.wedged")["level"] == "error"
        assert farm.login("127.0.1.3").startswith("+OK")
        assert lock_of(farm.dir / "state") != before
        for address in ("127.0.1.1", "127.0.1.2", "127.0.1.3"):
            until(lambda a=address: farm.relay_reply(a).startswith("250"), 10, f"relay for {address}")
        until(lambda: farm.relay_reply("127.0.1.9").startswith("550 5.7.1"), 10, "a no that is sure")
        assert farm.store_pids() == stores, "it lived on"
        assert len(farm.events("window.wedged")) == 1
    assert not farm.events("store.failed", prog="popgate-store"), "nothing was lost"
    rows = {row["addr"] for row in farm.table("window", "list")}
    assert rows == {"127.0.1.1", "127.0.1.2", "127.0.1.3"}


@pytest.mark.release
def test_the_gates_user_cannot_keep_the_store_from_its_work(host):  # noqa: F811
    before = lock_of(host.dir / "host/state")
    with Wedge(before, "writers-lock", "setpriv", f"--reuid={GATE}", f"--regid={GATE}", f"--groups={GROUP}"):
        assert host.login("127.0.1.2").startswith("+OK")
        assert host.wait_event("window.wedged", what="lock")
        until(lambda: host.relay_reply("127.0.1.2").startswith("250"), 10, "relay")
    assert not host.events("store.failed", prog="popgate-store")
    host.may_report = True


HOARD = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
held = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(1500)]
for one in held:
    one.connect(sys.argv[1])
print("done", flush=True)
sys.stdin.read()
"""


@pytest.mark.release
def test_the_gates_user_cannot_take_the_places_of_others_at_the_store(host):  # noqa: F811
    words = sudo.words("setpriv", f"--reuid={GATE}", f"--regid={GATE}", f"--groups={GROUP}", sys.executable, "-c",
                       HOARD, host.dir / "host/run/store.sock")
    with subprocess.Popen(words, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as hoarder:
        assert hoarder.stdout.readline() == "done\n"
        assert host.wait_event("store.refused", reason="too many of one user")["uid"] == str(GATE)
        assert as_user(host, 65534, GROUP, "window", "grant", "192.0.2.1", "--user", "anna") == 0
        assert as_user(host, 0, 0, "window", "revoke", "--everything") == 0
        hoarder.communicate(timeout=20)


def test_a_view_that_is_wedged_when_the_store_starts_is_replaced(farm):
    farm.environment["ASAN_OPTIONS"] = "detect_leaks=0:abort_on_error=0"
    farm.start()
    assert farm.login("127.0.1.1").startswith("+OK")
    before = lock_of(farm.dir / "state")
    with Wedge(before, "writers-lock"):
        store, = farm.store_pids()
        os.kill(store, signal.SIGKILL)
        until(lambda: lock_of(farm.dir / "state") != before, 20, "another view")
        assert farm.wait_event("window.wedged")
        until(lambda: farm.login("127.0.1.2") and farm.relay_reply("127.0.1.2").startswith("250"), 20, "relay")
    farm.may_report = True


# --- places


def test_a_maildir_elsewhere_is_used_where_the_config_names_the_place(farm, directory):
    """A link leads out of what the template holds."""
    elsewhere = directory / "disk" / "anna"
    mail.put(elsewhere, b"Subject: x\n\nx\n")
    farm.maildir().parent.mkdir(parents=True)
    farm.maildir().symlink_to(elsewhere)
    farm.start("pop3d")
    with farm.pop() as pop:
        answer = pop.login()
        assert answer.startswith("-ERR [SYS/") or pop.says("STAT").startswith("-ERR [SYS/"), answer
    assert farm.events("maildrop.failed", level="error")
    farm.more += f'mail_roots = {{ "{directory}/disk" }}\n'
    farm.write()
    farm.reload("pop3d")
    farm.wait_event("config.loaded", prog="pop3d", generation=1)

    def has_it():
        with farm.pop() as pop:
            return pop.login().startswith("+OK") and pop.says("STAT").startswith("+OK 1 ")

    until(has_it, 10, "the maildrop")


def test_of_a_place_that_is_not_there_what_stands_above_it_is_used(farm):
    farm.pop3d += f'mailbox = "maildir:{farm.dir}/mail/later/%d/%n"\n'
    farm.conf_text = None
    farm.start("pop3d")
    wide = farm.wait_event("sandbox.wide", level="warn")
    assert wide["path"] == f"{farm.dir}/mail/later" and wide["given"] == f"{farm.dir}/mail"
    mail.put(farm.dir / "mail/later/example.net/anna", b"Subject: x\n\nx\n")
    with farm.pop() as pop:
        assert pop.login().startswith("+OK")
        assert pop.says("STAT").startswith("+OK 1 ")
