"""What crosses the wire: tshark on loopback sees a password only where the operator let it be sent."""

import base64
import binascii
import re
import subprocess

import pytest

import clients
import house
from ports import until

SOURCE = "127.0.15.1"
USER, PASSWORD = "anna", b"secret"


class Wire:
    """Payloads of TCP on loopback ports, as tshark prints them."""

    def __init__(self, directory, *ports):
        self.path, self.marks = directory / "wire", 0
        filters = " or ".join(f"tcp port {port}" for port in ports)
        with open(self.path, "wb") as out, open(directory / "tshark.err", "wb") as err:
            self.process = subprocess.Popen(
                house.sudo.words("tshark", "-l", "-n", "-i", "lo", "-a", "duration:120", "-f", filters,
                                 "-T", "fields", "-e", "tcp.payload"),
                stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        until(lambda: b"Capturing" in (directory / "tshark.err").read_bytes(), 30, "tshark capturing")

    def payload(self):
        """All octets so far, of both directions, in the order in which they were sent."""
        lines = self.path.read_text().split("\n")[:-1]
        return b"".join(binascii.unhexlify(line.replace(":", "").replace(",", "")) for line in lines)

    def seen(self, farm):
        """The same, once all that was sent before is in it: a connection says a word that nobody else says."""
        self.marks += 1
        mark = f"mark-{self.marks}".encode()

        def marked():
            with farm.pop(SOURCE, host=farm.pop_host) as pop:
                pop.says(mark.decode())
            return mark in self.payload()

        until(marked, 30, "tshark seeing what was just said")
        return self.payload()

    def close(self):
        house.sudo("kill", str(self.process.pid))
        self.process.wait(20)


def shows(octets, password):
    """Whether anyone can read it there, as it is or in base64."""
    words = re.findall(rb"[A-Za-z0-9+/]{4,}=*", octets)
    plain = [base64.b64decode(word) for word in words if len(word) % 4 == 0]
    return password in octets or any(password in text for text in plain)


@pytest.fixture
def wire(farm, directory):
    farm.certify()
    farm.start("pop3d")
    made = Wire(directory, farm.pop_port, farm.pops_port)
    yield made
    made.close()


STLS = ("--tls=on", "--tls-starttls=on")
WAYS = {  # mpop's options, and whether the password can be read
    "USER": (("--tls=off", "--auth=user"), True),
    "PLAIN": (("--tls=off", "--auth=plain"), True),
    "LOGIN": (("--tls=off", "--auth=login"), True),
    "APOP": (("--tls=off", "--auth=apop"), False),
    "CRAM-MD5": (("--tls=off", "--auth=cram-md5"), False),
    "SCRAM-SHA-256": (("--tls=off", "--auth=scram-sha-256"), False),
    "USER behind STLS": ((*STLS, "--auth=user"), False),
    "PLAIN behind STLS": ((*STLS, "--auth=plain"), False),
}


def test_a_password_crosses_in_clear_only_by_the_ways_that_send_it(farm, wire, directory):
    before = len(wire.seen(farm))
    for name, (how, readable) in WAYS.items():
        clients.mpop(farm, SOURCE, directory, True, how=(*how, f"--tls-trust-file={farm.ca}"))
        seen = wire.seen(farm)
        assert shows(seen[before:], PASSWORD) == readable, name
        before = len(seen)
    clients.mpop(farm, SOURCE, directory, True, port=farm.pops_port,
                 how=("--tls=on", "--tls-starttls=off", "--auth=user", f"--tls-trust-file={farm.ca}"))
    assert not shows(wire.seen(farm)[before:], PASSWORD)
    readable = [line["plaintext"] for line in farm.events("pop3.login")]
    assert readable == [str(way[1]).lower() for way in WAYS.values()] + ["false"]
