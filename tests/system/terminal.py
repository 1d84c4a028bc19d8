"""A terminal of some width with a program in it, and what the program wrote there."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from ports import until


class Terminal:
    """with Terminal(farm, "window", "list", width=40) as t: t.wait(); t.text"""

    def __init__(self, farm, *words, width=80, height=24, **environment):
        self.text, self.status = "", None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
                env = {**farm.env(), "LC_ALL": "C.UTF-8", "TERM": "xterm", **environment}
                os.execve(farm.program("popgate"), ["popgate", "-c", str(farm.conf), *words], env)
            finally:
                os._exit(126)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def read(self, seconds=0.05):
        """What has come meanwhile; False at the end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            got = os.read(self.fd, 65536)
        except OSError:  # the other end is closed
            return False
        self.text += got.decode(errors="replace")
        return got != b""

    def says(self, pattern, seconds=15):
        """Waits until what was written matches."""
        return until(lambda: self.read() is not None and re.search(pattern, self.text), seconds,
                     lambda: f"{pattern!r} on the terminal: {self.text!r}")

    def types(self, text):
        os.write(self.fd, text.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def wait(self, seconds=30):
        """Its exit status; everything it wrote is in text."""
        end = time.monotonic() + seconds
        while self.read(0.2):
            assert time.monotonic() < end, f"not at its end: {self.text!r}"
        _, status = os.waitpid(self.pid, 0)
        self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def lines(self):
        return self.text.replace("\r\n", "\n").splitlines()
