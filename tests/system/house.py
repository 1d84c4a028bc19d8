"""Where things are: the tree, its builds, the unpacked peers; and how to act as root."""

import os
import pathlib
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PEERS = pathlib.Path(os.environ.get("POPGATE_PEERS", SOURCE / "build/peers"))
SANITISED = pathlib.Path(os.environ.get("POPGATE_BUILD", SOURCE / "build/sanitised"))
RELEASE = pathlib.Path(os.environ.get("POPGATE_RELEASE", SOURCE / "build/release"))
PROGRAMS = {"pop3d": "pop3d/pop3d", "smtpgate": "smtpgate/smtpgate",
            "popgate-store": "common/store/popgate-store", "popgate": "ctl/popgate"}
SHIM = RELEASE / "tests/shim/libsyncshim.so"


class _Sudo:
    """sudo("chown", ...) runs a command as root, through sudo(8) where we are not."""

    def words(self, *args):
        return [*([] if os.getuid() == 0 else ["sudo", "-n"]), *(str(a) for a in args)]

    def __call__(self, *args):
        subprocess.run(self.words(*args), check=True, stdin=subprocess.DEVNULL)

    def output(self, *args):
        return subprocess.run(self.words(*args), check=True, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True).stdout


sudo = _Sudo()
