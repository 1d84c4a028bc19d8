"""The log on its way: readers that stop, syslog that is started anew, and the programs that read it."""

import json
import os
import re
import socket
import subprocess

import logpage
import logs
from ports import until
from readers import Fail2ban, Rsyslog, lnav

FAKE = 'event=pop3.login_failed sid=1 addr=9.9.9.9 port=1 user=x mechanism=plain tls=false reason=password'
NAMES = [  # what somebody gives as a name to have another address banned
    f'x" {FAKE}', FAKE, f'x\\" {FAKE}', 'anna" addr=9.9.9.9', "anna addr=9.9.9.9", "addr=9.9.9.9",
    'x","addr":"9.9.9.9","reason":"password"}', "\u2028" + FAKE, "9.9.9.9"]
PRIORITY = {"error": 3, "warn": 4, "info": 6, "debug": 7}


def spawn(farm, name, fd):
    farm.running[name] = subprocess.Popen([farm.program(name), "-c", farm.conf], stdin=subprocess.DEVNULL,
                                          stdout=fd, stderr=fd, env=farm.env(), cwd=farm.dir)
    os.close(fd)


def drain(fd):
    os.set_blocking(fd, False)
    octets = b""
    while True:
        try:
            more = os.read(fd, 1 << 16)
        except BlockingIOError:
            return octets
        if not more:
            return octets
        octets += more


def test_a_log_that_nobody_reads_holds_nothing_up(farm, hop):
    """pop3d writes into a pipe that is full, smtpgate into a stream as the journal has it."""
    farm.relay_to = hop.uri
    farm.write()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    filled = 0
    while True:
        try:
            filled += os.write(writer, b"#" * 4095 + b"\n")
        except BlockingIOError:
            break
    os.set_blocking(writer, True)
    ours, theirs = socket.socketpair()
    of = os.fstat(theirs.fileno())
    spawn(farm, "pop3d", writer)
    farm.environment["JOURNAL_STREAM"] = f"{of.st_dev}:{of.st_ino}"
    spawn(farm, "smtpgate", theirs.detach())
    farm.ready("pop3d", "smtpgate")
    for _ in range(30):
        assert farm.login().startswith("+OK")
        assert farm.relay_reply().startswith("250")

    pipe, stream = b"", b""

    def all_came():
        nonlocal pipe, stream
        pipe, stream = pipe + drain(reader), stream + drain(ours.fileno())
        return (pipe.count(b"event=pop3.login ") == 30 and stream.count(b"event=smtp.relay ") == 30)

    until(all_came, 15, lambda: f"the lines coming after all\n{pipe[filled:]}\n{stream}")
    for line in pipe[filled:].decode().splitlines():
        assert logs.parse(line)["event"] != "log.dropped"
    for line in stream.decode().splitlines():
        priority, text = re.fullmatch(r"<(\d)>(.*)", line).groups()
        assert PRIORITY[logs.parse(text)["level"]] == int(priority)

    os.close(reader)  # now for good
    ours.close()
    for _ in range(3):
        assert farm.login().startswith("+OK")
        assert farm.relay_reply().startswith("250")


def guess_passwords(farm):
    """Failed logins by POP3 with each name, from as many addresses; other fields are misused, too."""
    sources = []
    for n, name in enumerate(NAMES):
        source = f"127.0.9.{n + 1}"
        with farm.pop(source) as pop:
            pop.login(name, "wrong")
        sources.append(source)
    with farm.smtp("127.0.8.1", hello=None) as smtp:
        smtp.says(f"EHLO {FAKE}")
        smtp.says("EHLO [127.0.8.1]")
        smtp.mail('"x reason=password addr=9.9.9.9"@else.test', '"addr=9.9.9.9"@else.test')
    with farm.pop("127.0.8.2") as pop, farm.pop("127.0.8.3") as late:  # in-use is no wrong password
        assert pop.login("anna", "secret").startswith("+OK")
        assert late.login("anna", "secret").startswith("-ERR [IN-USE]")
    return sources


def heard_all(farm_lines, sources):
    events = [line for line in farm_lines() if line["event"] == "pop3.login_failed" and "reason" in line]
    return {line["addr"] for line in events} >= {*sources, "127.0.8.3"}


def check_readers(directory, log, lines, sources):
    failed = [line["addr"] for line in lines if line["event"] == "pop3.login_failed"
              and line["reason"] in ("password", "unknown")]
    assert "127.0.8.3" not in failed and len(failed) >= 6
    fail2ban = Fail2ban(directory / "fail2ban")
    assert fail2ban.banned(log) == failed
    rows = lnav(directory, log, "SELECT level, event, addr, port, user, reason FROM popgate "
                                "WHERE event = 'pop3.login_failed'")
    assert [(row["addr"], row["level"], row["reason"]) for row in rows] == \
        [(line["addr"], "warn", line["reason"]) for line in lines if line["event"] == "pop3.login_failed"]
    assert {row["addr"] for row in rows} == {*sources, "127.0.8.3"}
    return fail2ban


def test_json_is_read_by_fail2ban_and_lnav(farm, directory):
    farm.log_format = "json"
    farm.start()
    sources = guess_passwords(farm)
    until(lambda: heard_all(farm.events, sources), 10, "the failed logins being logged")
    log = farm.dir / "pop3d.log"
    check_readers(directory, log, logs.read(log), sources)


def test_syslog_may_be_started_anew_and_is_read_by_fail2ban_and_lnav(farm, directory, request):
    rsyslog = Rsyslog(directory / "rsyslog")
    request.addfinalizer(rsyslog.stop)
    farm.log_to, farm.log_more = "syslog", f'syslog_socket = "{rsyslog.socket}"'
    rsyslog.start()
    farm.start()
    assert farm.login("127.0.0.3").startswith("+OK")

    def written(source):
        return [line for line in logs.read(rsyslog.file)
                if line["event"] == "pop3.login" and line["addr"] == source]

    until(lambda: written("127.0.0.3"), 10, lambda: f"rsyslog writing ({(rsyslog.dir / 'out').read_text()})")
    rsyslog.stop()
    assert farm.login("127.0.0.4").startswith("+OK")  # nobody listens
    rsyslog.start()
    until(lambda: written("127.0.0.4"), 10, "the line that waited")

    sources = guess_passwords(farm)
    until(lambda: heard_all(lambda: logs.read(rsyslog.file), sources), 10, "the failed logins being logged")
    assert logs.stray(rsyslog.file) == []
    log = rsyslog.file
    fail2ban = check_readers(directory, log, logs.read(log), sources)

    # as a file of syslog's usual form, and as fail2ban gives it what the journal holds
    plain = log.read_text().splitlines()
    for number, front in enumerate(["Nov 25 14:02:07 host pop3d[7]: ", "2026-11-25T14:02:07.123456+01:00 host pop3d[7]: ",
                                    "host pop3d[7]: "]):
        other = directory / f"other{number}"
        other.write_text("".join(f"{front}{line}\n" for line in plain))
        assert fail2ban.banned(other) == fail2ban.banned(log)

    jail = (fail2ban.dir / "jail.d/zz.local")
    jail.write_text(f"[DEFAULT]\nbackend = auto\n[sshd]\nenabled = false\n"
                    f"[popgate]\nenabled = true\nbackend = auto\nlogpath = {log}\n")
    told = fail2ban.run("fail2ban-client", "-d")
    assert "['add', 'popgate', 'auto']" in told.stdout and "ERROR" not in told.stderr, told.stdout + told.stderr
    assert fail2ban.run("fail2ban-client", "-t").returncode == 0


def test_the_examples_of_the_page_work(farm, hop, directory):
    commands, events = logpage.examples()
    assert len(commands) >= 7 and len(events) >= 3
    for line in events:
        pairs = logs.parse(line)
        levels = logpage.Page().events[pairs["event"]][0]
        assert logpage.Page().unlisted({**pairs, "level": next(iter(levels))}) is None

    farm.relay_to = hop.uri
    farm.start()
    farm.login("127.0.0.3")
    with farm.smtp("127.0.0.3") as smtp:
        letter = b"Subject: hello\r\n\r\nhello\r\n"
        assert smtp.deliver("anna@example.net", ["bob@else.test"], letter).startswith("250")
    farm.relay_reply("127.0.0.4")
    farm.wait_event("smtp.message")
    port = farm.wait_event("smtp.relay")["port"]
    text = "".join(path.read_text() for path in sorted(farm.dir.glob("*.log")))
    forms = {"logfmt": text, "json": "".join(json.dumps(logs.parse(line)) + "\n" for line in text.splitlines())}
    for name, content in forms.items():
        (directory / name).mkdir()
        (directory / name / "mail.log").write_text(content)
    for command in commands:
        form = "json" if command.startswith("jq") else "logfmt"
        command = command.replace("192.0.2.7", "127.0.0.3").replace("51034", port)
        done = subprocess.run(["sh", "-c", command], cwd=directory / form, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, check=False)
        assert done.stderr == "" and done.returncode in (0, 1), (command, done)
        assert done.stdout or "level=error" in command or "tls_failed" in command, command
