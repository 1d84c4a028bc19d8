"""Reads what tests/shim/syncshim.c wrote: what would be on the disk if the power went at any point."""

import os
import struct

import house

RECORD = struct.Struct("<Ic3xqQQQ")
MAGIC = 0x4E59534D
ORDER_MAX = 64  # octets


class Shim:
    """The environment that preloads the shim, and its orders. match: words in the paths it watches."""

    def __init__(self, directory, *match):
        self.control, self.path = directory / "shim.control", directory / "shim.journal"
        self.env = {"LD_PRELOAD": str(house.SHIM), "SYNCSHIM_MATCH": ":".join(match),
                    "SYNCSHIM_CONTROL": str(self.control), "SYNCSHIM_JOURNAL": str(self.path)}
        self.control.write_bytes(b" " * ORDER_MAX)
        assert house.SHIM.exists(), f"{house.SHIM} is not built"

    def order(self, text=""):
        """ "delay=300", "sync=5", "write=28", "": from the next call on."""
        fd = os.open(self.control, os.O_WRONLY)
        os.pwrite(fd, text.ljust(ORDER_MAX).encode(), 0)  # in one step, over what stood there
        os.close(fd)

    def records(self):
        return list(read(self.path))


class Record:
    def __init__(self, kind, time_ns, offset, path, data):
        self.kind, self.time, self.offset = kind, time_ns / 1e9, offset
        self.path, self.data = path, data


def read(path):
    octets = path.read_bytes() if path.exists() else b""
    at = 0
    while at < len(octets):
        magic, kind, time_ns, offset, path_len, data_len = RECORD.unpack_from(octets, at)
        assert magic == MAGIC, "a torn journal"
        at += RECORD.size
        name = octets[at:at + path_len].decode()
        data = octets[at + path_len:at + path_len + data_len]
        at += path_len + data_len
        yield Record(kind.decode(), time_ns, offset, name, data)


def durable(records, path_end):
    """The octets of the file whose path ends so, after these records; None if it was never synced."""
    image = None
    for record in records:
        if not record.path.endswith(path_end):
            continue
        if record.kind == "S":
            image = bytearray(record.data)
        elif record.kind == "W":
            image = image if image is not None else bytearray()
            image.extend(bytes(max(0, record.offset + len(record.data) - len(image))))
            image[record.offset:record.offset + len(record.data)] = record.data
    return image
