"""System calls made by a process of ours that is in somebody else's hands: what a client could do that made a
worker run code of its own. By ptrace(2), from root, on x86-64."""

import ctypes
import errno
import os
import signal
import struct

ATTACH, DETACH, CONT, SINGLESTEP, GETREGS, SETREGS = 16, 17, 7, 9, 12, 13
SYSCALL = b"\x0f\x05"
NUMBERS = {"read": 0, "write": 1, "open": 2, "mprotect": 10, "socket": 41, "connect": 42, "sendto": 44, "fork": 57,
           "execve": 59, "kill": 62, "truncate": 76, "rename": 82, "mkdir": 83, "unlink": 87, "ptrace": 101,
           "setpriority": 141, "sched_setattr": 314}
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in (
        "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base "
        "ds es fs gs").split()]


class Refused(Exception):
    """The filter did not let the call be made; the process has a SIGSYS to come."""


def _ptrace(request, pid, data=None):
    if _libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request} of {pid}")


class Puppet:
    """with Puppet(pid) as puppet: fd = puppet.call("open", b"/path", 0). The process goes on afterwards."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        _ptrace(ATTACH, self.pid)
        self._wait()
        self.before = Registers()
        _ptrace(GETREGS, self.pid, ctypes.addressof(self.before))
        self.memory = open(f"/proc/{self.pid}/mem", "r+b", buffering=0)
        self.at = self._find_instruction()
        return self

    def __exit__(self, *_):
        self.memory.close()
        try:
            _ptrace(SETREGS, self.pid, ctypes.addressof(self.before))
            _ptrace(DETACH, self.pid)
        except OSError:
            pass  # it is dead

    def _wait(self):
        _, status = os.waitpid(self.pid, 0x40000000)  # __WALL
        if not os.WIFSTOPPED(status):
            raise ProcessLookupError(f"{self.pid} ended: {status}")
        return os.WSTOPSIG(status)

    def _find_instruction(self):
        """It waits in the kernel, or would do so again: the instruction is just behind it in its C library."""
        for line in open(f"/proc/{self.pid}/maps"):
            if "r-xp" in line and "libc.so" in line:
                start, end = (int(edge, 16) for edge in line.split()[0].split("-"))
                self.memory.seek(start)
                return start + self.memory.read(end - start).index(SYSCALL)
        raise AssertionError("no C library")

    def call(self, name, *arguments, pass_on=False):
        """What it returned; OSError for an error. Octets are passed as a pointer to them. Refused: it was not
        made; with pass_on its signal is delivered, as it would be, and the process goes on from there."""
        registers = Registers.from_buffer_copy(self.before)
        room = (self.before.rsp - 16384) & ~15
        values = []
        for argument in arguments:
            if isinstance(argument, bytes):
                self.memory.seek(room)
                self.memory.write(argument + b"\0")
                values.append(room)
                room += len(argument) + 16 & ~15
            else:
                values.append(argument & 0xffffffffffffffff)
        registers.rip, registers.rax, registers.orig_rax = self.at, NUMBERS[name], 0xffffffffffffffff
        for register, value in zip(("rdi", "rsi", "rdx", "r10", "r8", "r9"), values + [0] * 6):
            setattr(registers, register, value)
        registers.rsp = self.before.rsp - 32768 & ~15
        _ptrace(SETREGS, self.pid, ctypes.addressof(registers))
        _ptrace(SINGLESTEP, self.pid)
        stopped = self._wait()
        if stopped == signal.SIGSYS:
            if pass_on:
                _ptrace(SINGLESTEP, self.pid, signal.SIGSYS)
                self._run_handler()
            raise Refused(name)
        assert stopped == signal.SIGTRAP, stopped
        _ptrace(GETREGS, self.pid, ctypes.addressof(registers))
        if registers.rip == self.at:  # that was the step before, which a refusal had cut off
            return self.call(name, *arguments, pass_on=pass_on)
        value = struct.unpack("<q", struct.pack("<Q", registers.rax))[0]
        if -4096 < value < 0:
            raise OSError(-value, errno.errorcode.get(-value, "?"))
        return value

    def _run_handler(self):
        """Until the handler is back where the call was."""
        registers = Registers()
        for _ in range(1000000):
            if self._wait() == signal.SIGSYS:  # its own word to end
                _ptrace(DETACH, self.pid, signal.SIGSYS)
                raise ProcessLookupError(f"{self.pid} ends itself")
            _ptrace(GETREGS, self.pid, ctypes.addressof(registers))
            if registers.rip == self.at + len(SYSCALL):
                self.returned = struct.unpack("<q", struct.pack("<Q", registers.rax))[0]
                return
            _ptrace(SINGLESTEP, self.pid)
        raise AssertionError("the handler did not come back")
