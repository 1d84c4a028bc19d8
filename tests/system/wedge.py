"""What a process that may read the window can do to the file its readers share. Run as one:

    wedge.py LOCK_FILE WHAT

says "done" and stays until its standard input ends. The places are those of LMDB 0.9 on x86-64."""

import ctypes
import fcntl
import mmap
import os
import random
import struct
import sys

READERS_LOCK_AT, NUMBER_AT, SLOTS_USED_AT, WRITERS_LOCK_AT, SLOTS_AT, SLOT = 8, 48, 56, 64, 128, 64


def hold(memory, at):
    first = ctypes.c_char.from_buffer(memory)
    libc = ctypes.CDLL(None)
    libc.pthread_mutex_lock.argtypes = [ctypes.c_void_p]
    assert libc.pthread_mutex_lock(ctypes.addressof(first) + at) == 0


def take_all_slots(fd, memory):
    fcntl.lockf(fd, fcntl.LOCK_EX, 1, os.getpid())  # by this LMDB sees that we live
    for at in range(SLOTS_AT, len(memory) - SLOT + 1, SLOT):
        memory[at:at + 12] = struct.pack("<QI", 2 ** 64 - 1, os.getpid())
    struct.pack_into("<I", memory, SLOTS_USED_AT, (len(memory) - SLOTS_AT) // SLOT)


def main(path, what):
    fd = os.open(path, os.O_RDWR)
    memory = mmap.mmap(fd, 0)
    if what == "writers-lock":
        hold(memory, WRITERS_LOCK_AT)
    elif what == "readers-lock":
        hold(memory, READERS_LOCK_AT)
    elif what == "cut":
        os.ftruncate(fd, 0)
    elif what == "noise":
        memory[:] = random.Random(1).randbytes(len(memory))
    elif what == "ones":
        memory[:] = b"\xff" * len(memory)
    elif what == "number":
        struct.pack_into("<Q", memory, NUMBER_AT, 12345679)
    elif what == "slots":
        take_all_slots(fd, memory)
    else:
        sys.exit(f"{what}?")
    print("done", flush=True)
    sys.stdin.read()
    os._exit(0)  # the memory is not unmapped in order where it was cut


main(*sys.argv[1:])
