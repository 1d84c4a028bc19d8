"""More logins with costly passwords than can be worked off: who stands too far behind hears that it is busy, nobody
is left without a word, and subscribers whose passwords cost nothing are served meanwhile."""

import base64
import crypt
import select

import pytest

from talk import Pop, Smtp

pytestmark = pytest.mark.release

CROWD, WAITING_MAX = 1300, 1024 + 2  # hashing.h: those in line, and those under way


def costly(farm):
    hashed = crypt.crypt("secret", "$6$rounds=15000$saltstring")
    for n in range(CROWD):
        farm.users[f"u{n}@example.net"] = "{SHA512-CRYPT}" + hashed
    farm.workers = 1
    farm.pop3d = farm.smtpgate = "max_connections_per_address = 10000"


def pop_client(farm, n):
    pop = Pop(farm.pop_port, f"127.0.{40 + n // 250}.{n % 250 + 1}", timeout=120)
    assert pop.says(f"USER u{n}").startswith("+OK")
    pop.send("PASS secret")
    return pop


def smtp_client(farm, n):
    smtp = Smtp(farm.smtp_port, f"127.0.{40 + n // 250}.{n % 250 + 1}", timeout=120)
    smtp.send("AUTH PLAIN " + base64.b64encode(b"\0u%d\0secret" % n).decode())
    return smtp


def auth(farm):
    with farm.smtp("127.0.50.1") as smtp:
        return smtp.says("AUTH PLAIN " + base64.b64encode(b"\0anna\0secret").decode())


@pytest.mark.parametrize("name", ["pop3d", "smtpgate"])
def test_a_flood_of_costly_passwords_is_answered_and_plain_ones_pass_it(farm, name):
    costly(farm)
    farm.smtp_listener = "auth = yes"
    farm.start()
    crowd = [(pop_client if name == "pop3d" else smtp_client)(farm, n) for n in range(CROWD)]  # all have said theirs
    plain = farm.login("127.0.50.1") if name == "pop3d" else auth(farm)
    far_behind = crowd[WAITING_MAX - 50]
    waits = not select.select([far_behind.sock], [], [], 0)[0]
    assert plain.startswith(("+OK", "235")) and waits, "a password that costs nothing waited for the others"
    answers = [client.line() for client in crowd]
    for client in crowd:
        client.close()
    right, busy = ("+OK", "-ERR [SYS/TEMP]") if name == "pop3d" else ("235", "454 4.7.0")
    assert all(answer and answer.startswith((right, busy)) for answer in answers), {
        answer for answer in answers if not (answer and answer.startswith((right, busy)))}
    refused = sum(answer.startswith(busy) for answer in answers)
    assert 0 < refused <= CROWD - WAITING_MAX, f"{refused} of {CROWD} were refused"
    assert not farm.events("worker.died") and not farm.events("worker.hung")
