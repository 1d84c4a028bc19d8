"""A DNS server of a test's own, over UDP on loopback.

    dns.zone["host.example", "A"] = ["127.0.0.8"]
    dns.zone[reverse("127.0.0.8"), "PTR"] = ["host.example"]
    dns.zone["slow.example", "A"] = STALL        no answer; FAIL: SERVFAIL

What is not in the zone does not exist."""

import ipaddress
import socket
import struct
import threading

from ports import free_port

TYPES = {1: "A", 12: "PTR", 28: "AAAA"}
STALL, FAIL = object(), object()


def reverse(address):
    return ipaddress.ip_address(address).reverse_pointer


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def data_of(kind, value):
    return wire_name(value) if kind == "PTR" else ipaddress.ip_address(value).packed


class Dns:
    def __init__(self):
        self.zone, self.asked = {}, []
        self.port = free_port()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def server(self):
        return f"127.0.0.1:{self.port}"

    def _serve(self):
        while True:
            try:
                query, peer = self.sock.recvfrom(4096)
            except OSError:
                return
            if answer := self._answer(query):
                self.sock.sendto(answer, peer)

    @staticmethod
    def _question(query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
            at += 1 + query[at]
        return ".".join(labels).lower(), struct.unpack(">H", query[at + 1:at + 3])[0], query[12:at + 5]

    def _answer(self, query):
        name, kind, question = self._question(query)
        kind = TYPES.get(kind, kind)
        self.asked.append((name, kind))
        values = self.zone.get((name, kind))
        if values is STALL:
            return None
        exists = any(known == name for known, _ in self.zone)
        code = 2 if values is FAIL else 0 if exists else 3
        values = [] if values is FAIL or values is None else values
        number = next((n for n, text in TYPES.items() if text == kind), 0)
        records = b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", number, 1, 60, len(data := data_of(kind, value))) + data
            for value in values)
        return query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(values), 0, 0) + question + records

    def stop(self):
        self.sock.close()
