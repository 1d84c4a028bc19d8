"""Network namespaces joined by veth pairs, gone at the end whatever happens.

    with Nets("subscriber", "edge", "outside") as nets:
        nets.join("subscriber", "edge", "192.0.2.2/24", "192.0.2.1/24")
        nets.run("subscriber", "ip", "-4", "route")
"""

import os
import secrets
import subprocess
import sys

import house
from ports import until

INSIDE = house.SOURCE / "tests/system/inside.py"


class Nets:
    def __init__(self, *names):
        self.names, self.links, self.processes = names, 0, []
        self.token = f"pg{os.getpid():x}{secrets.token_hex(2)}"

    def of(self, name):
        return f"{self.token}-{name}"

    def __enter__(self):
        try:
            for name in self.names:
                house.sudo("ip", "netns", "add", self.of(name))
                self.run(name, "ip", "link", "set", "lo", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                house.sudo("kill", "-TERM", process.pid)
                process.wait(10)
        for name in self.names:  # the veth pairs go with them
            subprocess.run(house.sudo.words("ip", "netns", "del", self.of(name)), check=False,
                           stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def words(self, name, *words):
        return house.sudo.words("ip", "netns", "exec", self.of(name), *words)

    def run(self, name, *words, check=True, **more):
        return subprocess.run(self.words(name, *words), check=check, text=True, capture_output=True,
                              timeout=60, **({"stdin": subprocess.DEVNULL} | more))

    def join(self, one, other, *pairs):
        """A cable between two, with these addresses at its ends: (address of one, address of the other)."""
        self.links += 1
        ends = [f"v{self.links}a", f"v{self.links}b"]
        house.sudo("ip", "link", "add", ends[0], "netns", self.of(one), "type", "veth", "peer", "name", ends[1],
                   "netns", self.of(other))
        for name, end, which in ((one, ends[0], 0), (other, ends[1], 1)):
            for pair in pairs:
                self.run(name, "ip", "addr", "add", pair[which], "dev", end, *(["nodad"] if ":" in pair[0] else []))
            self.run(name, "ip", "link", "set", end, "up")

    def forward(self, name):
        self.run(name, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward && "
                                   "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")

    def route(self, name, *gateways):
        for gateway in gateways:
            self.run(name, "ip", "route", "add", "default", "via", gateway)

    def start(self, name, *words, **more):
        process = subprocess.Popen(self.words(name, *words), stdin=subprocess.DEVNULL, **more)
        self.processes.append(process)
        return process

    def listen(self, name, *ports):
        """Something that greets on these ports, until the end."""
        process = self.start(name, sys.executable, INSIDE, "listen", *map(str, ports), stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"ready\n"

    def ask(self, name, what, *words):
        """What inside.py says when run there."""
        done = self.run(name, sys.executable, INSIDE, what, *map(str, words), check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def connect(self, name, *places):
        """What becomes of connections to each (host, port): "open", or why not."""
        return self.ask(name, "connect", *(f"{host}:{port}" for host, port in places)).splitlines()

    def await_open(self, name, *places, seconds=20):
        until(lambda: set(self.connect(name, *places)) == {"open"}, seconds, f"{places} open")
