"""Free TCP ports on loopback, below the range the kernel takes for outgoing connections."""

import os
import random
import socket
import time

_random = random.Random(os.getpid() ^ time.time_ns())
_given = set()
# Of several processes that share a test run ("gw0", "gw1", ...) each has ports of its own.
_share = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 8


def free_port():
    """A port nobody listens on now; never the same one twice in a test run."""
    while True:
        port = 20000 + 8 * _random.randrange(1375) + _share
        if port in _given:
            continue
        try:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        _given.add(port)
        return port


def until(condition, seconds=10, what="the condition"):
    """Asks again until it holds, and gives what it said; fails the test when the time is over."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            what = what() if callable(what) else what
            raise AssertionError(f"{what} did not hold within {seconds} s")
        time.sleep(0.02)


def reachable(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True
