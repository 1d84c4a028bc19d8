"""The store's socket, its lock and its mark of an orderly end, met directly."""

import os
import pathlib
import signal
import socket
import struct
import subprocess
import time

import pytest

import house
import journal
from ports import until
from storewire import LOST, REVOKE, packet, revoke_everything


class Peer:
    def __init__(self, farm):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(10)
        path, = (farm.dir / "run").glob("*.sock*")
        self.sock.connect(str(path))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def answer(self):
        """The ticket of the next answer; None where the store hung up."""
        got = self.sock.recv(512)
        return struct.unpack("<BBQ", got[:10])[2] if got else None


@pytest.fixture
def store(farm):
    farm.write()
    farm.spawn("popgate-store")
    farm.wait_event("store.started")
    yield farm
    if "popgate-store" in farm.running:
        farm.end("popgate-store")


def test_the_answer_to_a_peer_that_hung_up_is_nobody_else_s(store):
    pid = store.pid("popgate-store")
    for _ in range(5):
        first = Peer(store)
        first.sock.send(revoke_everything(7))
        assert first.answer() == 7
        os.kill(pid, signal.SIGSTOP)  # so that the store meets all of this at once
        first.sock.send(revoke_everything(1))
        first.sock.close()
        with Peer(store) as second:
            os.kill(pid, signal.SIGCONT)
            second.sock.send(revoke_everything(2))
            assert second.answer() == 2, "it got the answer of the one before"


@pytest.mark.parametrize("junk", [b"", b"\0", b"x" * 512, packet(9, 1, b""), packet(REVOKE, 1, b"\7" * 18),
                                  packet(REVOKE, 1, bytes(19)), packet(LOST, 1, b"\xff" * 8)],
                         ids=["empty", "nul", "long", "unknown-kind", "bad-scope", "tail", "negative"])
def test_what_is_no_request_ends_that_connection_and_no_other(store, junk):
    with Peer(store) as good, Peer(store) as bad:
        bad.sock.send(junk)
        assert bad.answer() is None
        good.sock.send(revoke_everything(3))
        assert good.answer() == 3
    if junk:
        assert store.wait_event("store.refused")["reason"] == "not a request"


def test_a_loss_dated_in_the_future_counts_from_now(store):
    with Peer(store) as peer:
        peer.sock.send(packet(LOST, 0, struct.pack("<q", 1 << 62)))
        peer.sock.send(revoke_everything(4))
        assert peer.answer() == 4
    assert store.stats()["lost"] == 1
    facts = store.ctl("window", "stats").stdout
    assert "1" in facts and str(1 << 62)[:6] not in facts


def test_a_second_store_gives_way(store):
    start = time.monotonic()
    second = subprocess.run([store.program("popgate-store"), "-c", store.conf], env=store.env(),
                            capture_output=True, text=True, timeout=20)
    assert second.returncode == 75 and "store.busy" in second.stderr
    assert time.monotonic() - start < 15
    with Peer(store) as peer:  # and the first still has its socket
        peer.sock.send(revoke_everything(5))
        assert peer.answer() == 5


@pytest.mark.release
def test_the_mark_of_an_orderly_end_is_gone_from_the_disk_before_the_store_serves(farm, directory):
    """Else a power cut later would pass for an orderly end, and a torn view for a whole one."""
    shim = journal.Shim(directory, "/view")
    shim.order()
    farm.environment.update(shim.env)
    mark = bytes.fromhex(pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().replace("-", ""))
    images = []
    for n in range(2):
        seen = len(shim.records())
        farm.write()
        farm.spawn("popgate-store")
        farm.wait_event("store.started", count=n + 1)
        images.append([r.data for r in shim.records()[seen:] if r.path.endswith("data.mdb")])
        farm.end("popgate-store")
    assert any(mark + b"\0" in image for image in images[1]), "the view was not synced at the start"
    assert shim.records()[-1].data.count(mark + b"\1"), "no mark at the end"


def test_somebody_else_s_user_may_neither_ask_nor_look(store):
    answer = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", store.program("popgate"), "-c",
         store.conf, "window", "revoke", "--everything"], capture_output=True, text=True, timeout=30,
        env={"PATH": os.environ["PATH"]}) if os.getuid() == 0 else None
    if answer:
        assert answer.returncode == 3, (answer.returncode, answer.stderr)
        assert answer.stderr.strip()
    assert store.stats()["revocations"] == 0
