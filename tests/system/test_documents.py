"""Every command in README.md and deploy/doc is run, in the order of its page, on a host that is prepared for it:
the paths, the group and the name of the mail host are replaced by the test's own, and nothing else."""

import os
import re
import subprocess

import pytest

import house
import mail

PAGES = [house.SOURCE / "README.md", *sorted((house.SOURCE / "deploy/doc").glob("*.md"))]
MD5 = "$1$Etg2ExUZ$F9NTP7omafhKIlqaBMqng1"  # as vpopmail and cPanel would have it


def blocks(page):
    """The shell commands of a page: fenced as sh. No other block may look like commands."""
    text = page.read_text()
    found = re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)
    assert all(kind in ("", "sh", "conf") for kind, _ in found), f"{page.name}: a block of another kind"
    plain = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    loose = re.findall(r"^(?:    |\t)\s*((?:popgate|pop3d|smtpgate|cut|awk|for|while) .*)$", plain, re.M)
    assert not loose, f"{page.name}: a command that no test runs: {loose}"
    return [body for kind, body in found if kind == "sh"]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def host(farm):
    """Popgate runs, and what older systems left lies around."""
    farm.pop3d = "implementation = false\n"
    farm.start()
    mail.put(farm.maildir(), b"Subject: x\n\nx\n")
    write(farm.dir / "home/vpopmail/domains/example.net/vpasswd", f"carla:{MD5}:1:0:Carla:/home/x:NOQUOTA\n")
    write(farm.dir / "home/vpopmail/etc/open-smtp",
          "192.0.2.40:allow,RELAYCLIENT=\"\",RBLSMTPD=\"\"\t1700000000\n")
    write(farm.dir / "home/example/etc/example.net/shadow", f"dora:{MD5}:18000::::::\nempty:!!:18000::::::\n")
    write(farm.dir / "etc/relayhosts", "192.0.2.41\n2001:db8:41::1\n")
    bin_dir = farm.dir / "bin"
    for name in house.PROGRAMS:
        write(bin_dir / name, f"#!/bin/sh\nexec {farm.program(name)} -c {farm.conf} \"$@\"\n")
        (bin_dir / name).chmod(0o755)
    return farm


def run(farm, command):
    edits = {"/etc/popgate/users": farm.dir / "users", "/home/": f"{farm.dir}/home/",
             "/etc/relayhosts": farm.dir / "etc/relayhosts", "chgrp popgate": f"chgrp {os.getgid()}",
             "mail.example.net:110": f"127.0.0.1:{farm.pop_port}",
             "mail.example.net:25": f"127.0.0.1:{farm.smtp_port}"}
    for old, new in edits.items():
        command = command.replace(old, str(new))
    return subprocess.run(["bash", "-euo", "pipefail", "-c", command], capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, cwd=house.SOURCE,
                          env={**farm.env(), "PATH": f"{farm.dir}/bin:{os.environ['PATH']}", "DESTDIR": farm.dir / "dest"})


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_command_of_a_page_works(host, page):
    commands = blocks(page)
    for command in commands:
        answer = run(host, command)
        # 1 is an answer, too, where a question is asked: explain and proxycheck
        fine = (0, 1) if re.match(r"popgate (explain|proxycheck)", command) else (0,)
        assert answer.returncode in fine, f"{command}\n{answer.stdout}{answer.stderr}"
        assert "usage" not in answer.stderr, f"{command}\n{answer.stderr}"


def test_old_accounts_log_in_and_old_windows_hold(host):
    """What moving.md says is not only accepted: it has its effect."""
    for command in blocks(house.SOURCE / "deploy/doc/moving.md"):
        run(host, command)
    listed = {row["user"] for row in host.table("user", "list")}
    assert {"carla@example.net", "dora@example.net"} <= listed and "empty@example.net" not in listed
    held = {row["addr"] for row in host.table("window", "list")}
    assert {"192.0.2.40", "192.0.2.41", "2001:db8:41::"} <= held


def test_the_build_installs(directory):
    """The one command of the README that is not run above: it would build once more."""
    assert "meson install -C build" in (house.SOURCE / "README.md").read_text()
    subprocess.run(["meson", "install", "-C", house.RELEASE, "--no-rebuild", "--quiet"], check=True,
                   capture_output=True, env={**os.environ, "DESTDIR": str(directory)})
    there = {path.name for path in directory.rglob("*") if path.is_file()}
    assert {*house.PROGRAMS, "popgate.conf.5", "pop3d.8", "smtpgate.8", "popgate.8"} <= there


def test_links_between_documents_lead_somewhere():
    for page in [*PAGES, *sorted((house.SOURCE / "deploy").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page}: {target}"
