"""Memory runs out in a process that serves: each connection that there is none for is answered with a temporary
failure or closed, none hangs, no process dies or loops, no message is cut short; and once there is memory again,
all goes on."""

import pathlib
import re
import resource
import socket
import ssl

import pytest

import mail
from ports import until

pytestmark = pytest.mark.release

CLIENTS = 60
ROOM = [0, 100_000, 400_000, 700_000]
LETTER = b"Subject: whole\r\n\r\n" + b"".join(b"line %d\r\n" % n for n in range(30000)) + b"the last\r\n"
FOREVER = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def starve(pid, room, begins_with=1 + 1 + 4):  # a worker's loop, its threads for hashes and for files
    """No more than that many octets more than it has now; once it has made the threads that it begins with."""
    def data():
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        threads, size = re.search(r"Threads:\s+(\d+)", text), re.search(r"VmData:\s+(\d+) kB", text)
        return int(threads.group(1)) >= begins_with and int(size.group(1)) * 1024

    size = until(data, 10, "the threads of the pool")
    resource.prlimit(pid, resource.RLIMIT_DATA, (size + room, resource.RLIM_INFINITY))


def host(farm):
    farm.workers = 1
    farm.certify()
    farm.pop3d += "max_connections_per_address = 10000"
    farm.smtpgate += "max_connections_per_address = 10000"
    for n in range(CLIENTS):
        farm.users[f"u{n}@example.net"] = "{PLAIN}secret"
    farm.start()
    assert farm.login().startswith("+OK") and farm.relay_reply()
    for n in range(30):
        mail.put(farm.maildir("u1"), b"Subject: %d\n\n" % n + b"x" * 200000)


def pop_answers(farm, n, held):
    pop = farm.pop(f"127.0.9.{n + 1}", timeout=10)
    held.append(pop)
    if pop.greeting is None:
        return ""
    answer = pop.login(f"u{n}") or ""
    if answer.startswith("+OK"):
        pop.many("RETR 1")
    return answer


def tls_answers(farm, n, held):
    sock = socket.create_connection(("127.0.0.1", farm.pops_port), 10, (f"127.0.9.{n + 1}", 0))
    held.append(sock)
    context = ssl.create_default_context(cafile=str(farm.ca))
    held.append(context.wrap_socket(sock, server_hostname="mail.example.net"))
    return held[-1].recv(3).decode()


def smtp_answers(farm, n, held):
    smtp = farm.smtp(f"127.0.9.{n + 1}", timeout=10)
    held.append(smtp)
    answer = smtp.mail("", f"u{n}@example.net")[-1]
    return smtp.data(mail.stuffed(LETTER)) or "" if answer and answer.startswith("250") else answer or ""


def ask_all(farm, answers):
    """What each of many clients is told, "" for nothing; all connections stay until the last."""
    held, said = [], []
    for n in range(CLIENTS):
        try:
            said.append(answers(farm, n, held))
        except TimeoutError:
            raise AssertionError(f"client {n} was left without an answer, behind {said[-3:]}") from None
        except (OSError, AttributeError, IndexError, TypeError):  # reset, or ended within an answer
            said.append("")
    for one in held:
        one.close()
    return said


def check_processes(farm, name, children):
    assert farm.children(name) == children and not farm.events("worker.died") and not farm.events("worker.hung")


@pytest.mark.parametrize("room", ROOM)
@pytest.mark.parametrize("answers", [pop_answers, tls_answers])
def test_pop3d_answers_or_closes(farm, answers, room):
    host(farm)
    children = farm.children("pop3d")
    starve(children[0], room)
    said = ask_all(farm, answers)
    assert all(answer == "" or answer.startswith(("+OK", "-ERR [SYS/TEMP]", "-ERR [IN-USE]")) for answer in said), said
    assert room > ROOM[1] or not all(answer.startswith("+OK") for answer in said), "memory was not short"
    check_processes(farm, "pop3d", children)
    resource.prlimit(children[0], resource.RLIMIT_DATA, FOREVER)
    until(lambda: farm.login("127.0.9.200").startswith("+OK"), 10, "all going on")
    check_processes(farm, "pop3d", children)


@pytest.mark.parametrize("room", ROOM)
@pytest.mark.parametrize("role", ["worker", "deliver"])
def test_smtpgate_answers_or_closes_and_no_message_is_cut_short(farm, hop, role, room):
    if role == "worker":
        farm.deliver_to = farm.relay_to = hop.uri
    host(farm)
    children = farm.children("smtpgate")
    starving, = farm.role("smtpgate", role)
    starve(starving, room, *([1 + 4] if role == "deliver" else []))
    said = ask_all(farm, smtp_answers)
    assert all(answer == "" or answer.startswith(("250", "4")) for answer in said), said
    assert room > ROOM[1] or not all(answer.startswith("250") for answer in said), "memory was not short"
    check_processes(farm, "smtpgate", children)
    resource.prlimit(starving, resource.RLIMIT_DATA, FOREVER)

    def good():
        with farm.smtp("127.0.9.200") as smtp:
            return smtp.deliver("", ["bert@example.net"], mail.stuffed(LETTER)).startswith("250")

    until(good, 40, "all going on")  # a hop that failed is left alone for a while
    check_processes(farm, "smtpgate", children)
    there = arrived(farm, hop, role)
    assert all(letter.endswith(LETTER) for letter in there), "a message was cut short"
    assert len(there) == 1 + sum(answer.startswith("250") for answer in said)


def arrived(farm, hop, role):
    if role == "worker":
        return [mail.unstuffed(message.body) for message in hop.taken()]
    return [path.read_bytes().replace(b"\n", b"\r\n") for path in (farm.dir / "mail").rglob("*")
            if path.is_file() and path.parent.name in ("new", "cur") and b"Subject: whole" in path.read_bytes()[:4096]]
