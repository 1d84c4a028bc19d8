"""The programs that people send with, by AUTH on the submission port: each gets its message through whole."""

import subprocess

import pytest

import clients
import mail
from hop import untouched
from ports import free_port

SENDER, TO = "anna@example.net", "bob@else.test"


@pytest.fixture
def gate(farm, hop):
    farm.submission_port, farm.relay_to = free_port(), hop.uri
    farm.smtpgate = f'listener "127.0.0.1:{farm.submission_port}" {{ role = "submission" }}'
    farm.start("smtpgate")
    return farm


def arrived(gate, hop, letter):
    """One message, as it was sent, by one who said who he is."""
    assert len(hop.taken()) == 1
    assert mail.same(mail.unstuffed(hop.taken()[0].body), letter)
    assert gate.wait_event("smtp.relay", proof="auth", to=TO)["user"] == SENDER


def test_swaks(gate, hop, directory):
    letter = mail.message("swaks", b"..dot\r\nplain\r\n")
    path = directory / "eml"
    path.write_bytes(letter)
    clients.run("swaks", "--server", "127.0.0.1", "--port", gate.submission_port, "--from", SENDER, "--to", TO,
                "--auth", "PLAIN", "--auth-user", SENDER, "--auth-password", "secret", "--helo", "client.test",
                "--data", f"@{path}", "--suppress-data")
    assert len(hop.taken()) == 1 and b"\r\n..dot\r\nplain\r\n" in mail.unstuffed(hop.taken()[0].body)
    assert gate.wait_event("smtp.auth")["mechanism"] == "plain"


def test_msmtp(gate, hop):
    letter = mail.tricky("msmtp")
    clients.run("msmtp", "-C", "/dev/null", "--host=127.0.0.1", f"--port={gate.submission_port}", "--tls=off",
                "--auth=plain", f"--user={SENDER}", "--passwordeval=echo secret", "--domain=client.test",
                f"--from={SENDER}", "--", TO, stdin=mail.lf(letter))
    arrived(gate, hop, letter)


def test_curl(gate, hop, directory):
    letter = mail.tricky("curl")
    path = directory / "eml"
    path.write_bytes(letter)
    clients.run("curl", "-sS", f"smtp://127.0.0.1:{gate.submission_port}/client.test", "-u", f"{SENDER}:secret",
                "--mail-from", SENDER, "--mail-rcpt", TO, "-T", path)
    arrived(gate, hop, letter)


def test_s_nail(gate, hop):
    user = SENDER.replace("@", "%40")
    clients.run("s-nail", "-:/", "-Sv15-compat=yes", "-Ssendwait", f"-Sfrom={SENDER}", "-Shostname=client.test",
                f"-Smta=smtp://{user}:secret@127.0.0.1:{gate.submission_port}", "-Ssmtp-auth=plain",
                "-s", "from s-nail", TO, stdin=b"one\n.two\n.\n..\nlast\n", env={"HOME": "/nonexistent"})
    body = mail.unstuffed(hop.taken()[0].body)
    assert b"Subject: from s-nail\r\n" in body and body.endswith(b"\r\n\r\none\r\n.two\r\n.\r\n..\r\nlast\r\n")
    assert gate.wait_event("smtp.auth", user=SENDER)


def test_git_send_email(gate, hop, directory):
    def git(*words):
        clients.run("git", "-C", directory, "-c", f"user.email={SENDER}", "-c", "user.name=Anna", *words,
                    env={"HOME": str(directory), "GIT_CONFIG_NOSYSTEM": "1"})

    git("init", "-q", ".")
    (directory / "file").write_text("one\n.\n..two\n")
    git("add", "file")
    git("commit", "-q", "-m", "Add a file")
    git("format-patch", "--root", "-o", directory / "out")
    git("send-email", "--quiet", "--to", TO, "--confirm=never", "--smtp-server=127.0.0.1",
        f"--smtp-server-port={gate.submission_port}", f"--smtp-user={SENDER}", "--smtp-pass=secret",
        "--smtp-auth=PLAIN", "--smtp-domain=client.test", str(next((directory / "out").iterdir())))
    body = mail.unstuffed(hop.taken()[0].body)
    assert b"Subject: [PATCH] Add a file\r\n" in body and b"\r\n+one\r\n+.\r\n+..two\r\n" in body


def test_each_is_told_when_the_password_is_wrong(gate, hop):
    assert b"535" in clients.run(
        "msmtp", "-C", "/dev/null", "--host=127.0.0.1", f"--port={gate.submission_port}", "--tls=off", "--auth=plain",
        f"--user={SENDER}", "--passwordeval=echo wrong", f"--from={SENDER}", "--", TO, stdin=b"x\n", code=77)
    got = subprocess.run(["curl", "-sS", f"smtp://127.0.0.1:{gate.submission_port}", "-u", f"{SENDER}:wrong",
                          "--mail-from", SENDER, "--mail-rcpt", TO, "-T", "-"], input=b"x\r\n",
                         capture_output=True, timeout=60, check=False)
    assert got.returncode == 67, got.stderr
    assert untouched(hop)
