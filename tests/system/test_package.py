"""The Debian packages, on a Debian 12 of their own with its own systemd: install, edit one file, start two services;
then upgrade, remove, purge."""

import re
import resource
import subprocess

import pytest

import certificates
import house
import mail
from debian import Debian
from hop import Hop
from ports import free_port, until
from talk import Pop, Smtp

OUT = house.SOURCE / "build/package"
CONF = "/etc/popgate/popgate.conf"
EXAMPLES = "/usr/share/doc/popgate/examples"
SERVICES = ("popgate-store", "popgate-pop3d", "popgate-smtpgate")
SHIPPED = "this is still the file as it was shipped"
LETTER = b"From: anna@example.net\r\nSubject: hello\r\n\r\nA word.\r\n"
NEXT = "999:0.1"


@pytest.fixture(scope="module")
def packages():
    """What deploy/package makes."""
    subprocess.run([house.SOURCE / "deploy/package"], check=True, stdin=subprocess.DEVNULL, capture_output=True,
                   timeout=900)
    return {path.name.partition("_")[0]: path for path in OUT.glob("*.deb")}


@pytest.fixture
def debian(directory):
    with Debian(directory) as made:
        made.apt("update")
        yield made


def repacked(package, directory):
    """The same as a later version, with another conffile."""
    tree = directory / "next"
    subprocess.run(["dpkg-deb", "-R", package, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*", f"Version: {NEXT}", control.read_text(), flags=re.M))
    with open(tree / CONF[1:], "a", encoding="utf-8") as file:
        file.write("# news\n")
    made = directory / "next.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, made], check=True, stdout=subprocess.DEVNULL)
    return made


class Host:
    """Popgate on it, as an operator sets it up before the next hop at uri."""

    def __init__(self, debian, directory, uri):
        self.debian, self.directory, self.uri = debian, directory, uri
        self.port = {name: free_port() for name in ("110", "995", "25", "587", "465")}

    def edit(self):
        """The one file, its certificate, an account and the mail of it."""
        text = self.debian.read(CONF)
        text = re.sub(r"^example = .*\n", "", text, flags=re.M)
        for old, new in self.port.items():
            text = text.replace(f'"0.0.0.0:{old}"', f'"127.0.0.1:{new}"').replace(f'"[::]:{old}"', f'"[::1]:{new}"')
        self.debian.write(CONF, text.replace("smtp:127.0.0.1:10025", self.uri))
        for path in certificates.make(self.directory):
            taken = self.debian.take(path)
            self.debian.run("install", "-m", "640", "-g", "popgate", taken, f"/etc/popgate/{path.name}")
        self.debian.run("popgate", "check")
        self.debian.run("popgate", "user", "add", "anna", "--stdin", stdin="secret\n")
        maildir = "/var/vmail/example.net/anna"
        letter = self.directory / "letter"
        letter.write_bytes(mail.tricky())
        taken = self.debian.take(letter)
        owner = ("-o", "popgate-mail", "-g", "popgate-mail")
        self.debian.run("install", "-d", *owner, "/var/vmail/example.net", maildir,
                        *(f"{maildir}/{name}" for name in ("cur", "new", "tmp")))
        self.debian.run("install", *owner, "-m", "600", taken, f"{maildir}/new/1.letter")

    def start(self):
        self.debian.run("systemctl", "enable", "--now", *SERVICES)
        assert self.debian.active(*SERVICES) == ["active"] * 3

    def allow_what_the_machine_allows(self):
        """The units want more descriptors than who runs the tests may have."""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.debian.run("mkdir", "/etc/systemd/system/popgate-.service.d")
        self.debian.write("/etc/systemd/system/popgate-.service.d/test.conf",
                          f"[Service]\nLimitNOFILE={min(most, 524288)}\n")
        self.debian.run("systemctl", "daemon-reload")

    def relay(self, source):
        """What a client there is told when it sends to the world."""
        with Smtp(self.port["25"], source) as smtp:
            answer = smtp.mail("anna@example.net", "bob@else.test")[-1]
            return smtp.data(LETTER) if answer.startswith("250") else answer

    def fetch(self, source):
        with Pop(self.port["110"], source) as pop:
            assert pop.login().startswith("+OK")
            return pop.many("RETR 1")[1]

    def pids(self):
        return [int(self.debian.run("systemctl", "show", "-P", "MainPID", name).stdout) for name in SERVICES]


def refuses_the_example(debian):
    for words, code in ((("pop3d", "-t"), 78), (("smtpgate", "-t"), 78), (("popgate", "check"), 1)):
        answer = debian.run(*words, check=False)
        assert answer.returncode == code and f"{CONF}:2: example: {SHIPPED}" in answer.stderr, answer
    assert debian.active(*SERVICES) == ["inactive"] * 3
    for name in SERVICES:
        assert debian.run("systemctl", "is-enabled", name, check=False).stdout == "disabled\n"
        debian.run("systemctl", "start", name, check=False)
        until(lambda name=name: debian.active(name) == ["failed"], 20, f"{name} giving up")
        assert f"{CONF}:2: example: {SHIPPED}" in debian.journal("-u", name)
    debian.run("systemctl", "reset-failed")


def members_see_what_daemons_count(debian):
    """Whoever is in group popgate may look."""
    member = ("setpriv", "--reuid=65534", "--regid=65534", "--groups", debian.run("getent", "group", "popgate").stdout.split(":")[2])
    said = debian.run(*member, "popgate", "stats").stdout
    assert all(f"{name}, since" in said for name in ("pop3d", "smtpgate", "popgate-store")), said
    debian.run(*member, "popgate", "window", "grant", "192.0.2.9", "--user", "anna")


def delivers_as_the_owner_of_the_mail(host):
    """The one way to run the gate that needs root, as README.Debian says."""
    debian = host.debian
    debian.write(CONF, debian.read(CONF).replace(f'deliver_to = "{host.uri}"', 'deliver_to = "maildir:/var/vmail/%d/%n"'))
    debian.run("systemctl", "restart", "popgate-smtpgate")
    assert "event=worker.user role=deliver user=popgate-mail" in debian.journal("-u", "popgate-smtpgate")
    for command in re.search(r"root.conf:\n\n((?:    .*\n)+)", debian.read("/usr/share/doc/popgate/README.Debian")).group(1).splitlines():
        debian.run("sh", "-c", command)
    debian.run("systemctl", "restart", "popgate-smtpgate")
    with Smtp(host.port["25"], "127.0.0.5") as smtp:
        assert smtp.deliver("bob@else.test", ["anna@example.net"], LETTER).startswith("250")
    assert owners(debian, "/var/vmail/example.net/anna/new")[0].endswith(" popgate-mail:popgate-mail 755")
    with Pop(host.port["110"], "127.0.0.2") as pop:
        assert pop.login().startswith("+OK") and pop.says("STAT").startswith("+OK 2 ")


def reloads_and_comes_back(host):
    """What an operator does, and what happens to processes, under the units."""
    debian, text = host.debian, host.debian.read(CONF)

    def said(service, event):
        return debian.journal("-u", service).count(event)

    debian.write(CONF, text + "nonsense = 1\n")
    for name in SERVICES[1:]:
        assert debian.run("systemctl", "reload", name, check=False).returncode != 0
        assert said(name, "nonsense") and debian.active(name) == ["active"]
    debian.write(CONF, text)
    debian.run("systemctl", "reload", *SERVICES[1:])
    until(lambda: all(said(name, "event=config.loaded") == 2 for name in SERVICES[1:]), 20, "a good one being taken")
    for name in SERVICES:
        before = host.pids()
        debian.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", name)
        until(lambda before=before, name=name: "0" not in map(str, host.pids()) and host.pids() != before
              and debian.active(name) == ["active"], 20, f"{name} running again")
    assert said("popgate-store", "event=store.started") == 2
    assert not said("popgate-store", "event=store.rebuilt what=view"), "of the same boot, and taken for another's"


def an_upgrade_with_a_bad_config_ends_nothing(host):
    debian, good, before = host.debian, host.debian.read(CONF), host.pids()
    debian.write(CONF, good + "no_such_option = 1\n")
    said = debian.apt("install", "--reinstall", "/root/next.deb")
    assert "no such option 'no_such_option'" in said.stderr and "until that is mended" in said.stderr, said
    until(lambda: debian.journal("-u", "popgate-*").count("event=upgrade.refused") == 2, 20, "both saying why not")
    assert host.pids() == before and host.relay("127.0.0.2").startswith("250")
    debian.write(CONF, good)


def owners(debian, *paths):
    return debian.run("stat", "-c", "%n %U:%G %a", *paths).stdout.split("\n")[:-1]


@pytest.mark.soak
def test_readme_says_what_is_done_here(packages):
    control = (house.SOURCE / "deploy/debian/control").read_text()
    commands = re.findall(r"^    (?:sudo )?(.*?)(?: +#.*)?$", (house.SOURCE / "README.md").read_text(), re.M)
    assert "./deploy/package" in commands
    assert f"systemctl enable --now {' '.join(SERVICES)}" in commands
    for word in (house.SOURCE / "deploy/packages/build").read_text().splitlines():
        if not word.startswith("#") and word not in ("gcc", "libc6-dev"):  # build-essential
            assert re.search(rf"^ +{word}( |,|$)|: {word}", control, re.M), word
    path, = (command.split()[-1] for command in commands if command.startswith("apt install "))
    assert list(house.SOURCE.glob(path[2:])) == [packages["popgate"]]


@pytest.mark.soak
def test_lintian_finds_no_error(packages):
    assert {"popgate", "popgate-op25b"} <= packages.keys()
    said = subprocess.run(["lintian", "--fail-on", "error,warning", *OUT.glob("*.changes")], capture_output=True,
                          text=True, check=False, stdin=subprocess.DEVNULL)
    assert said.returncode == 0, said.stdout


@pytest.mark.soak
def test_install_configure_run_upgrade_remove_purge(packages, debian, directory, hop):
    host = Host(debian, directory, hop.uri)
    package = debian.take(packages["popgate"])
    debian.apt("satisfy", subprocess.run(["dpkg-deb", "-f", packages["popgate"], "Depends"], check=True, text=True,
                                         capture_output=True).stdout.strip())
    host.allow_what_the_machine_allows()
    before = debian.paths()

    debian.apt("install", package)
    assert owners(debian, "/var/lib/popgate", "/var/lib/popgate/locks", "/run/popgate", "/var/vmail") == [
        "/var/lib/popgate popgate-store:popgate 2755", "/var/lib/popgate/locks popgate-mail:popgate-mail 711",
        "/run/popgate popgate-store:popgate 755", "/var/vmail popgate-mail:popgate-mail 750"]
    refuses_the_example(debian)

    host.edit()
    host.start()
    assert host.relay("127.0.0.2").startswith("550 5.7.1")
    assert host.fetch("127.0.0.2") == mail.tricky()
    assert host.relay("127.0.0.2").startswith("250") and host.relay("127.0.0.3").startswith("550 5.7.1")
    members_see_what_daemons_count(debian)
    until(hop.taken, 20, "the next hop having it")
    assert b"A word." in hop.taken()[0].body

    reloads_and_comes_back(host)
    edited, (store, *daemons) = debian.read(CONF), host.pids()
    session = Pop(host.port["110"], "127.0.0.4")
    assert session.login().startswith("+OK")
    debian.apt("-o", "Dpkg::Options::=--force-confold", "install", debian.take(repacked(packages["popgate"], directory)))
    assert debian.run("dpkg-query", "-W", "-f", "${Version} ${Status}", "popgate").stdout == f"{NEXT} install ok installed"
    assert debian.read(CONF) == edited and debian.read(f"{CONF}.dpkg-dist").endswith("# news\n")
    until(lambda: debian.active(*SERVICES) == ["active"] * 3, 20, "all running again")
    until(lambda: debian.journal("-u", "popgate-*").count("event=upgrade.done") == 2, 20, "both being the new ones")
    assert host.pids()[0] != store and host.pids()[1:] == daemons
    assert not [pid for pid in host.pids() if debian.run("readlink", f"/proc/{pid}/exe").stdout.endswith("(deleted)\n")]
    assert session.says("STAT").startswith("+OK 1 ") and session.says("QUIT").startswith("+OK")
    session.close()
    assert host.relay("127.0.0.2").startswith("250"), "the window was forgotten"
    assert host.fetch("127.0.0.3") == mail.tricky()

    delivers_as_the_owner_of_the_mail(host)
    members_see_what_daemons_count(debian)
    assert not re.findall(r".* level=error .*|.*counters\.hidden.*|.*sandbox\.wide.*", debian.journal("-u", "popgate-*"))
    an_upgrade_with_a_bad_config_ends_nothing(host)

    edited = debian.read(CONF)
    debian.apt("remove", "popgate")
    assert debian.active(*SERVICES) == ["inactive"] * 3
    assert debian.read(CONF) == edited
    debian.run("test", "-d", "/var/lib/popgate/log", "-a", "!", "-e", "/usr/sbin/pop3d")

    debian.apt("purge", "popgate")
    left = {path for path in debian.paths() - before if not path.startswith("/var/vmail/example.net/anna")}
    drop_in = "/etc/systemd/system/popgate-smtpgate.service.d"
    mine = {drop_in, f"{drop_in}/root.conf", "/etc/popgate", "/etc/popgate/cert.pem", "/etc/popgate/key.pem", "/etc/popgate/users", "/var/vmail",
            "/var/vmail/example.net"}
    assert left == mine, left ^ mine
    assert "anna" in debian.read("/etc/popgate/users")
    debian.run("test", "-f", "/var/vmail/example.net/anna/cur/1.letter:2,S", "-o", "-f",
               "/var/vmail/example.net/anna/new/1.letter")


def set_up_postfix(debian, port, outside):
    """Its files with the lines of the example, as its comments say."""
    owner = debian.run("id", "-u", "popgate-mail").stdout.strip()
    main = debian.read(f"{EXAMPLES}/postfix/main.cf").replace("static:5000", f"static:{owner}").replace(
        "[smarthost.example.net]:25", f"[{outside.host}]:{outside.port}")
    for setting in re.findall(r"^(\w+ = .*)$", main, re.M):
        debian.run("postconf", "-e", setting)
    debian.run("cp", f"{EXAMPLES}/postfix/mailboxes", "/etc/postfix")
    debian.run("postconf", "-MX", "smtp/inet")
    debian.write("/etc/postfix/master.cf", debian.read("/etc/postfix/master.cf")
                 + debian.read(f"{EXAMPLES}/postfix/master.cf").replace("10025", str(port)))


def set_up_exim(debian, port, outside):
    text = debian.read(f"{EXAMPLES}/exim/exim4.conf").replace("10025", str(port))
    debian.write("/etc/exim4/exim4.conf", text.replace("smarthost.example.net::25", f"{outside.host}::{outside.port}"))
    debian.run("cp", f"{EXAMPLES}/exim/mailboxes", "/etc/exim4")


@pytest.mark.soak
@pytest.mark.parametrize("site, server, set_up", [("postfix", "postfix", set_up_postfix),
                                                  ("exim", "exim4-daemon-heavy", set_up_exim)])
def test_the_sites_work_with_the_servers_of_debian(packages, debian, directory, request, site, server, set_up):
    outside = Hop("127.0.0.42").start()
    request.addfinalizer(outside.stop)
    debian.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")  # none begins before it is set up
    debian.run("chmod", "755", "/usr/sbin/policy-rc.d")
    debian.apt("install", debian.take(packages["popgate"]), server)
    port = free_port()
    set_up(debian, port, outside)
    debian.run("systemctl", "restart", server.partition("-")[0])
    debian.run("cp", f"{EXAMPLES}/{site}/popgate.conf", CONF)
    host = Host(debian, directory, f"smtp:127.0.0.1:{port}")
    host.allow_what_the_machine_allows()
    host.edit()
    host.start()
    assert host.fetch("127.0.0.2") == mail.tricky()
    assert host.relay("127.0.0.2").startswith("250")
    with Smtp(host.port["25"], "127.0.0.3") as smtp:
        assert smtp.deliver("bob@else.test", ["anna@example.net"], LETTER).startswith("250")
    until(outside.taken, 30, "the smarthost having it")

    def stat():
        with Pop(host.port["110"], "127.0.0.2") as pop:
            assert pop.login().startswith("+OK")
            return pop.says("STAT")

    until(lambda: stat().startswith("+OK 2 "), 30, "the subscriber having it")


@pytest.mark.soak
def test_mail_that_belongs_to_somebody_else_is_served(packages, debian, directory, hop):
    debian.apt("install", debian.take(packages["popgate"]))
    debian.run("useradd", "--system", "vpopmail")
    page = debian.read("/usr/share/doc/popgate/moving.md")
    for command in re.search(r"before the first start:\n\n((?:    .*\n)+)", page).group(1).splitlines():
        debian.run("sh", "-c", command)
    host = Host(debian, directory, hop.uri)
    host.allow_what_the_machine_allows()
    host.edit()
    debian.run("chown", "-R", "vpopmail", "/var/vmail/example.net")
    host.start()
    assert host.fetch("127.0.0.2") == mail.tricky()
    assert host.relay("127.0.0.2").startswith("250")
    assert not re.findall(r".* level=error .*", debian.journal("-u", "popgate-*"))


@pytest.mark.soak
def test_the_router_s_package(packages, debian):
    debian.apt("install", debian.take(packages["popgate-op25b"]))
    debian.run("systemctl", "start", "popgate-op25b", check=False)
    assert debian.active("popgate-op25b") == ["failed"]
    assert f"/etc/popgate/op25b.conf:4: example: {SHIPPED}" in debian.journal("-u", "popgate-op25b")
    debian.write("/etc/popgate/op25b.conf", debian.read("/etc/popgate/op25b.conf").replace("\nexample\n", "\n"))
    assert "is fine" in debian.run("popgate-op25b", "check").stdout
    debian.apt("purge", "popgate-op25b")
    assert not {path for path in debian.paths() if "op25b" in path or path.startswith("/etc/popgate")}
