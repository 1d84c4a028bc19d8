"""What was acknowledged is on the disk: shown with a preloaded shim that delays, fails and journals
syncs (tests/shim), and by killing everything."""

import shutil
import threading
import time

import pytest

import journal
import mail
from farm import Farm
from ports import until
from test_story import address

pytestmark = pytest.mark.release
LOG = "/log/data.mdb"


@pytest.fixture
def shim(farm, directory):
    made = journal.Shim(directory, LOG)
    made.order()
    farm.environment.update(made.env)
    return made


def timed_login(farm, source, user="anna"):
    """How long +OK takes after PASS, in seconds, and when it came."""
    with farm.pop(source) as pop:
        pop.says(f"USER {user}")
        start = time.monotonic()
        assert pop.says("PASS secret").startswith("+OK")
        heard = time.monotonic()
        pop.says("QUIT")
    return heard - start, heard


def test_no_ok_comes_before_the_log_is_synced(farm, shim):
    farm.start("pop3d")
    timed_login(farm, address(0))
    shim.order("delay=300")
    for n in range(1, 6):
        took, heard = timed_login(farm, address(n))
        assert took >= 0.3
        synced = [r for r in shim.records() if r.path.endswith(LOG)]
        assert synced and heard - took < synced[-1].time <= heard
    shim.order()
    assert all(address(n) in farm.ctl("window", "list").stdout for n in range(6))


def test_a_disk_that_is_too_slow_costs_a_second_and_the_grant_is_counted_as_lost(farm, shim):
    farm.start()
    shim.order("delay=6000")
    took, _ = timed_login(farm, address(1))
    assert 0.8 < took < 5, "it waited for the disk, not for a second"
    shim.order()
    farm.wait_event("store.failed", level="error")
    until(lambda: farm.ctl("window", "stats").returncode == 0, 15, "the store answering again")
    assert not farm.relay_reply(address(1)).startswith("550 5.7.1")


@pytest.mark.parametrize("error", ["sync=5", "write=28"], ids=["EIO-of-syncs", "ENOSPC-of-writes"])
def test_with_a_failing_disk_logins_succeed_and_the_loss_is_counted(farm, hop, shim, error):
    farm.relay_to = hop.uri
    farm.start()
    farm.login(address(0))
    before = farm.stats()["lost"]
    shim.order(error)
    for n in range(1, 4):
        timed_login(farm, address(n))
    farm.wait_event("store.failed", level="error")
    # Not yes (nothing is recorded), and not a final no either.
    for n in range(1, 4):
        assert farm.relay_reply(address(n)).startswith("451 4.3.0")
    assert farm.relay_reply(address(0)).startswith("250")
    with farm.smtp(address(1)) as smtp:
        assert smtp.mail("", "anna@example.net")[-1].startswith("250"), "local mail needs no window"
    shim.order()
    until(lambda: farm.login(address(9)) and farm.relay_reply(address(9)).startswith("250"), 20,
          "grants again once the disk works")
    until(lambda: farm.stats()["lost"] >= before + 3, 10, "the losses in window stats")


def test_every_acknowledged_grant_is_rebuilt_from_only_what_was_synced(farm, shim, directory):
    for thread in range(4):  # one session a maildrop, so each has its own
        farm.users[f"user{thread}@example.net"] = "{PLAIN}secret"
    farm.start("pop3d")
    acknowledged = {}

    def subscriber(first):
        for n in range(first, first + 30):
            acknowledged[address(n)] = timed_login(farm, address(n), f"user{first // 100}")[1]

    threads = [threading.Thread(target=subscriber, args=(100 * t,)) for t in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(acknowledged) == 120
    records = [r for r in shim.records() if r.path.endswith(LOG)]
    farm.stop()

    points = sorted({round(i * (len(records) - 1) / 49) for i in range(50)})
    assert len(points) == 50, f"only {len(records)} syncs"
    checked = 0
    for point in points:
        before_next = records[point + 1].time if point + 1 < len(records) else float("inf")
        due = {a for a, heard in acknowledged.items() if heard < before_next}
        checked += bool(due)
        image = journal.durable(records[:point + 1], LOG)
        missing = due - recovered(directory / f"cut{point}", farm.build, image)
        assert not missing, f"lost at cut {point} of {len(records)}: {missing}"
    assert checked > 40


def recovered(directory, build, image):
    """The addresses that a store finds in that log."""
    after = Farm(directory, build)
    (after.dir / "state/log").mkdir(mode=0o700)
    (after.dir / "state/log/data.mdb").write_bytes(image)
    after.write()
    after.spawn("popgate-store")
    until(lambda: after.ctl("window", "stats").returncode == 0, 15,
          lambda: f"a store on the image: {after.said('popgate-store')}")
    rows = after.table("window", "list", "--all")
    after.running.pop("popgate-store").terminate()
    after.stop()
    shutil.rmtree(after.dir)
    return {row["addr"] for row in rows}


def test_maildir_answers_no_250_before_file_and_directory_are_synced(farm, directory):
    shim = journal.Shim(directory, "/farm/mail/")
    shim.order()
    farm.environment.update(shim.env)
    farm.start("smtpgate")
    letter = mail.tricky()
    for delay in ("", "delay=300"):
        shim.order(delay)
        seen = len(shim.records())
        with farm.smtp() as smtp:
            smtp.mail("x@else.test", "anna@example.net")
            assert smtp.says("DATA").startswith("354")
            smtp.send(mail.stuffed(letter) + b".\r\n")
            start = time.monotonic()
            assert smtp.reply().startswith("250")
            heard = time.monotonic()
        records = [r for r in shim.records()[seen:] if r.time <= heard]
        order = [(r.kind, r.path.split("/")[-1 if r.kind == "D" else -2]) for r in records]
        file_at = order.index(("S", "tmp"))
        move_at = order.index(("R", "tmp"))
        assert file_at < move_at, order
        assert ("D", "new") in order[move_at:], order
        assert mail.same(records[file_at].data, letter), "synced before it was whole"
        assert not delay or heard - start >= 0.6


def test_maildir_with_a_failing_disk_is_451_and_leaves_nothing(farm, directory):
    shim = journal.Shim(directory, "/farm/mail/")
    shim.order()
    farm.environment.update(shim.env)
    farm.start("smtpgate")
    for error in ("sync=5", "write=28"):
        shim.order(error)
        with farm.smtp() as smtp:
            answer = smtp.deliver("x@else.test", ["anna@example.net"], mail.stuffed(mail.tricky()))
            assert answer.startswith("4"), answer
        assert mail.files(farm.maildir()) == []
    shim.order()
    with farm.smtp() as smtp:
        assert smtp.deliver("x@else.test", ["anna@example.net"], mail.stuffed(mail.tricky())).startswith("250")
    assert len(mail.files(farm.maildir())) == 1
    assert not list(farm.maildir().glob("tmp/*"))


def kill_rounds(farm, rounds):
    farm.start()
    granted = []
    for n in range(rounds):
        assert farm.login(address(n)).startswith("+OK")
        granted.append(address(n))
        farm.kill_all()
        farm.start()
        rows = {row["addr"] for row in farm.table("window", "list")}
        assert rows >= set(granted), f"round {n}: lost {set(granted) - rows}"
        assert not farm.relay_reply(granted[-1]).startswith(("550 5.7.1", "451"))
    assert farm.stats()["entries"] == rounds


def test_a_grant_survives_kill_9_of_every_process(farm):
    kill_rounds(farm, 20)


@pytest.mark.soak
def test_grants_survive_200_kills(farm):
    kill_rounds(farm, 200)


@pytest.mark.soak
def test_kills_at_any_moment_lose_no_acknowledged_grant(farm):
    """As above, but the kill comes while others are logging in."""
    granted, n = [], [0]
    farm.start("pop3d")
    for _ in range(60):
        stop = threading.Event()

        def subscriber(own):
            while not stop.is_set():
                n[0] += 1
                source = address(n[0] * 4 + own)
                try:
                    with farm.pop(source, timeout=5) as pop:
                        pop.says("USER anna" if own % 2 else "USER bert")
                        if (pop.says("PASS secret") or "").startswith("+OK"):
                            granted.append(source)
                except OSError:
                    return

        threads = [threading.Thread(target=subscriber, args=(own,)) for own in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.15)
        farm.kill_all()
        stop.set()
        for thread in threads:
            thread.join()
        farm.start("pop3d")
        rows = {row["addr"] for row in farm.table("window", "list")}
        assert rows >= set(granted), set(granted) - rows
    assert len(granted) > 200
