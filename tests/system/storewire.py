"""Packets to the store's socket, as common/window/wire.h has them."""

import re
import struct

import house

GRANT, REVOKE, LOST = 1, 2, 3
VERSION = int(re.search(r"WIRE_VERSION (\d+)", (house.SOURCE / "common/window/wire.c").read_text())[1])


def packet(kind, ticket, rest):
    """Version, kind, ticket, and what the kind wants."""
    return struct.pack("<BBQ", VERSION, kind, ticket) + rest


def _short(octets):
    return bytes([len(octets)]) + octets


def grant(ticket, address, port, sid, user):
    """A login by POP3 with USER and PASS, without TLS, now, for the usual time, of an account that nothing is known of."""
    return packet(GRANT, ticket, address + struct.pack("<HBQQ", port, 1, 0, 0) + _short(b"pop3") + _short(b"plain")
                  + _short(sid) + _short(user) + bytes(12))


def revoke_everything(ticket):
    return packet(REVOKE, ticket, bytes(1 + 16 + 1))
