"""What a service manager does for a daemon, as sd_listen_fds(3) and sd_notify(3) have it: sockets that it has opened
and keeps, and a socket on which it is told how the daemon is.

    manager.pass_sockets(farm, {"name": socket})      to the daemons that the farm starts from now on
    manager.heard("READY=1")                          the times at which that was said

As a program it is the last step before the daemon: descriptors to where they are looked for, then exec."""

import os
import socket
import sys
import threading
import time

FIRST = 3


def listening(port, host="127.0.0.1"):
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.listen(128)
    return sock


def pass_sockets(farm, sockets):
    fds = [sock.fileno() for sock in sockets.values()]
    farm.launcher = (sys.executable, __file__, ",".join(map(str, fds)), ":".join(sockets))
    farm.pass_fds = fds


class Ear:
    """NOTIFY_SOCKET of all daemons that the farm starts from now on."""

    def __init__(self, farm):
        self.path, self.said = farm.dir / "notify", []
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(self.path))
        self.sock.settimeout(0.1)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()
        farm.environment["NOTIFY_SOCKET"] = str(self.path)

    def _listen(self):
        while not self.over.is_set():
            try:
                words = self.sock.recv(4096).decode().split("\n")
            except TimeoutError:
                continue
            self.said += [(time.time(), word) for word in words]

    def heard(self, word):
        return [at for at, said in list(self.said) if said == word]

    def order(self):
        """What was said of its state, without the rest."""
        return [said for _, said in list(self.said) if said.endswith("=1") and said != "WATCHDOG=1"]

    def close(self):
        self.over.set()
        self.thread.join()
        self.sock.close()


if __name__ == "__main__":
    given, names, *command = sys.argv[1:]
    fds = [int(fd) for fd in given.split(",")]
    high = [os.dup2(fd, 200 + i) for i, fd in enumerate(fds)]  # out of each other's way
    for i, fd in enumerate(high):
        os.dup2(fd, FIRST + i, inheritable=True)
        os.close(fd)
    os.environ.update(LISTEN_FDS=str(len(fds)), LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES=names)
    os.execv(command[0], command)
