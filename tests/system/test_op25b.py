"""Outbound port 25 blocking at the edge of a provider, with networks of its own: a subscriber at home, the
router at the edge, the provider's mail host, and the world."""

import re
import subprocess
import time

import pytest

import house
from nets import Nets
from peers import Postfix
from ports import until

PROGRAM = house.SOURCE / "deploy/op25b/popgate-op25b"
HOME, HOME6 = "192.0.2.2", "2001:db8:100::2"
ISP, ISP6 = "198.51.100.25", "2001:db8:2::25"
WORLD, WORLD6 = "203.0.113.2", "2001:db8:3::2"
SHIPPED = (house.SOURCE / "deploy/op25b/op25b.conf").read_text()
CONF = re.sub(r"# Nobody has edited.*\nexample\n\n", "", SHIPPED)


@pytest.fixture
def nets():
    with Nets("home", "edge", "isp", "world") as made:
        for name, v4, v6 in (("home", HOME, HOME6), ("isp", ISP, ISP6), ("world", WORLD, WORLD6)):
            gateway, gateway6 = v4.rpartition(".")[0] + ".1", v6.rpartition(":")[0] + ":1"
            made.join(name, "edge", (f"{v4}/24", f"{gateway}/24"), (f"{v6}/64", f"{gateway6}/64"))
            made.route(name, gateway, gateway6)
        made.forward("edge")
        yield made


class Edge:
    """The program on the router."""

    def __init__(self, nets, directory):
        self.nets, self.conf = nets, directory / "op25b.conf"
        self.conf.write_text(CONF)

    def __call__(self, *words):
        return self.nets.run("edge", PROGRAM, "-c", self.conf, *words).stdout

    def counter(self, name):
        return int(re.search(rf"^{name} +(\d+)$", self("status"), re.M).group(1))


def spawn(farm, nets, name, where):
    with open(farm.dir / f"{name}.log", "ab") as log:
        farm.running[name] = subprocess.Popen(
            nets.words(where, farm.program(name), "-c", farm.conf), stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, env=farm.env(), cwd=farm.dir)


def test_who_may_not_send_directly_fetches_mail_and_relays(farm, directory, nets, request):
    edge = Edge(nets, directory)
    world = Postfix(directory / "postfix", ["bob@else.test"],
                    main="inet_interfaces = all\ninet_protocols = all\n",
                    master=f"[{WORLD6}]:25 inet n - n - - smtpd\n",
                    within=lambda *words: nets.words("world", *words), at=f"{WORLD}:25").start()
    request.addfinalizer(world.stop)
    nets.listen("world", 587, 465)
    farm.pop_host, farm.pop_port, farm.relay_to = ISP, 110, f"smtp:{WORLD}:25"
    farm.pop3d = f'listener "[{ISP6}]:110" {{ }}'
    farm.smtpgate = (f'listener "{ISP}:25" {{ role = "mx" }}\nlistener "[{ISP6}]:25" {{ role = "mx" }}\n'
                     'identify = "none"')
    farm.write()
    for name in ("pop3d", "smtpgate"):
        spawn(farm, nets, name, "isp")
    nets.await_open("home", (WORLD, 25), (WORLD6, 25), (ISP, 25), (ISP, 110), (ISP6, 25), (ISP6, 110))

    edge("load")
    for answer in nets.connect("home", (WORLD, 25), (WORLD6, 25)):
        assert answer not in ("open", "silent", "TimeoutError")
    places = [(WORLD, 587), (WORLD, 465), (WORLD6, 587), (WORLD6, 465), (ISP, 25), (ISP6, 25)]
    assert nets.connect("home", *places) == ["open"] * len(places)
    assert nets.connect("isp", (WORLD, 25)) == ["open"]
    counted = [edge.counter(name) for name in ("blocked_ipv4", "blocked_ipv6", "to_mailhosts", "exempted")]
    assert min(counted[:3]) >= 1 and counted[3] == 0
    edge("load")  # as often as one likes: what was counted stays
    assert edge.counter("blocked_ipv4") == counted[0]
    tried = re.findall(r"^tried +(\S+) (\d+)$", edge("status"), re.M)
    assert sorted(tried) == [(HOME, str(counted[0])), ("2001:db8:100::", str(counted[1]))]

    # the whole story
    until(lambda: not nets.ask("home", "relay", ISP, "bob@else.test").startswith("451"), 20, "a current window")
    assert nets.ask("home", "relay", ISP, "bob@else.test").startswith("550 5.7.1")
    assert nets.ask("home", "login", ISP).startswith("+OK")
    assert nets.ask("home", "relay", ISP, "bob@else.test").startswith("250")
    assert b"Subject: the whole story" in world.wait_for("bob@else.test")[0]
    assert nets.ask("home", "relay", ISP6, "bob@else.test").startswith("550 5.7.1")
    assert nets.ask("home", "login", ISP6).startswith("+OK")
    assert nets.ask("home", "relay", ISP6, "bob@else.test").startswith("250")
    world.wait_for("bob@else.test", 2)
    relays = farm.events("smtp.relay")
    assert [line["addr"] for line in relays] == [HOME, "2001:db8:100::2"]


def test_an_exemption_works_and_ends(directory, nets):
    edge = Edge(nets, directory)
    nets.listen("world", 25)
    with open(edge.conf, "a") as conf:
        conf.write(f'exempt {HOME} until 2027-01-31 note "a mail server of their own"\n')
    edge("-w", "2027-01-31T23:59:52Z", "load")
    loaded = time.monotonic()
    answer, other = nets.connect("home", (WORLD, 25), (WORLD6, 25))
    assert answer == "open" or time.monotonic() > loaded + 7
    assert edge.counter("exempted") >= 1 or time.monotonic() > loaded + 7
    assert other != "open"
    until(lambda: nets.connect("home", (WORLD, 25)) != ["open"], 30, "the exemption ending by itself")
    assert nets.run("edge", PROGRAM, "-c", edge.conf, "-w", "2027-02-01T00:00:00Z", "load").stderr.endswith(
        f": the exemption of {HOME} has ended on 2027-01-31\n")
    edge("unload")
    edge("unload")
    assert nets.connect("home", (WORLD, 25)) == ["open"]


def test_each_action_stops_and_an_error_changes_nothing(directory, nets):
    edge = Edge(nets, directory)
    nets.listen("world", 25)
    said = {}
    for action in ("reset", "drop"):
        edge.conf.write_text(CONF.replace("action reject", f"action {action}"))
        edge("load")
        said[action], = nets.connect("home", (WORLD, 25))
    assert said == {"reset": "ConnectionRefusedError", "drop": "TimeoutError"}
    before = nets.run("edge", "nft", "list", "ruleset").stdout
    edge.conf.write_text(CONF + "subscribers 198.51.100.0/33\n")
    failed = nets.run("edge", PROGRAM, "-c", edge.conf, "load", check=False)
    assert failed.returncode == 1 and f"{edge.conf}:16: subscribers 198.51.100.0/33" in failed.stderr

    def rules(text):
        return re.sub(r"packets \d+ bytes \d+|expires \S+", "", text)

    assert rules(nets.run("edge", "nft", "list", "ruleset").stdout) == rules(before)


@pytest.mark.parametrize("line, fault", [
    ("subscribers 192.0.3.1/24", "has host bits set"), ("subscribers 0.0.0.0/0", "that is everybody"),
    ("subscribers ::ffff:192.0.9.0/120", "an IPv4 address is written as such"),
    ("subscribers 192.0.2.128/25", "overlaps 192.0.2.0/24 in line 4"), ("subscriber 192.0.3.0/24", "is wanted"),
    ("subscribers 192.0.3.0/24 192.0.4.0/24", "nothing else"), ("mailhost mail.example.net", "mailhost mail"),
    ("mailhost 192.0.2.1 }; flush ruleset; {", "nothing else"), ('mailhost "192.0.2.1 } ; x"', "mailhost 192"),
    ("exempt 192.0.2.9", "wanted: exempt"), ('exempt 192.0.2.9 until 2027-02-30 note "x"', "a day like"),
    ('exempt 192.0.2.9 until 2027-2-3 note "x"', "a day like"), ('exempt 192.0.2.9 until 2027-02-03 note ""', "a note"),
    ('exempt 192.0.2.9 until 2027-02-03 note "x', "not understood"), ("action block", "is wanted"),
    ('exempt 192.0.2.9 until 2199-01-01 note "x"', "within 100 years"),
    ("action drop", "said twice"), ("mailhost 192.0.2.9\0", "control character"),
])
def test_the_file_is_read_strictly(directory, line, fault):
    path = directory / "conf"
    path.write_text(f"{CONF}{line}\n")
    done = subprocess.run([PROGRAM, "-c", path, "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"popgate-op25b: {path}:16: ") and fault in done.stderr, done.stderr


def test_nothing_is_loaded_from_the_file_as_it_was_shipped(directory):
    path = directory / "conf"
    path.write_text(SHIPPED)
    done = subprocess.run([PROGRAM, "-c", path, "print"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    line = SHIPPED.split("\n").index("example") + 1
    assert f"{path}:{line}: example: this is still the file as it was shipped" in done.stderr
