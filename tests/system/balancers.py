"""HAProxy and nginx before our listeners, unpacked privately (tests/peers/unpack), and PROXY headers by hand."""

import os
import pathlib
import socket
import subprocess

from house import PEERS
from ports import free_port, reachable, until
from talk import PATIENCE, Pop, Smtp, dial

ROOT = PEERS / "root"
BALANCER, BALANCERS = "127.0.9.9", "127.0.9.0/24"  # where they connect from; who may speak PROXY
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


# -- by hand

def v1(client, port=40000, gate=None, gate_port=110):
    gate = gate or ("::1" if ":" in client else "127.0.0.1")
    return f"PROXY TCP{6 if ':' in client else 4} {client} {gate} {port} {gate_port}\r\n".encode()


def v2(client, port=40000, gate=None, gate_port=110, command=0x21, tlvs=b""):
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    gate = gate or ("::1" if ":" in client else "127.0.0.1")
    ends = b"".join(socket.inet_pton(family, a) for a in (client, gate)) \
        + port.to_bytes(2, "big") + gate_port.to_bytes(2, "big")
    return SIGNATURE + bytes([command, 0x21 if ":" in client else 0x11]) \
        + (len(ends) + len(tlvs)).to_bytes(2, "big") + ends + tlvs


LOCAL = SIGNATURE + b"\x20\0\0\0"
UNKNOWN = b"PROXY UNKNOWN\r\n"


class Headed:
    """Says a header before it listens: Pop and Smtp from a balancer's address."""

    def __init__(self, port, header, source=BALANCER, **more):
        self.header = header
        super().__init__(port, source, **more)

    def line(self):
        header, self.header = self.header, b""
        for piece in [header] if isinstance(header, bytes) else header:
            self.sock.sendall(piece)
        return super().line()


class HeadedPop(Headed, Pop):
    pass


class HeadedSmtp(Headed, Smtp):
    pass


def says_nothing(port, octets, source=BALANCER):
    """Whether the server closes on these octets without a word."""
    with dial(port, source, timeout=PATIENCE) as sock:
        try:
            sock.sendall(octets)
            return sock.recv(100) == b""
        except (ConnectionResetError, BrokenPipeError):
            return True


# -- real ones

class _Balancer:
    def _run(self, *words):
        self.process = subprocess.Popen(
            [str(word) for word in words], stdin=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, "LD_LIBRARY_PATH": str(ROOT / "usr/lib/x86_64-linux-gnu")},
            stdout=open(self.dir / "out", "wb"), stderr=subprocess.STDOUT)
        for port in self.ports:
            until(lambda p=port: reachable(p), 15, lambda: (self.dir / "out").read_text())
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


class HaProxy(_Balancer):
    """ways: for each name what stands behind "server", and what behind "bind" if anything; the port of
    each is haproxy.port[name], on 127.0.0.1 and ::1."""

    def __init__(self, directory, **ways):
        self.dir, self.ways = pathlib.Path(directory), ways
        self.port = {name: free_port() for name in ways}
        self.ports = self.port.values()

    def __enter__(self):
        self.dir.mkdir(parents=True, exist_ok=True)
        text = "global\n maxconn 200\ndefaults\n mode tcp\n timeout connect 9s\n" \
               " timeout client 60s\n timeout server 60s\n"
        for name, (server, bind) in self.ways.items():
            text += f"listen {name}\n" + "".join(f" bind {at}:{self.port[name]} {bind}\n"
                                                 for at in ("127.0.0.1", "[::1]"))
            if " check" in server:  # one that hangs up before the greeting may be gone before it is accepted
                text += " option tcp-check\n tcp-check expect string +OK\n"
            text += f" server one {server} source {BALANCER}\n"
        (self.dir / "haproxy.cfg").write_text(text)
        return self._run(ROOT / "usr/sbin/haproxy", "-db", "-f", self.dir / "haproxy.cfg")


class Nginx(_Balancer):
    """ways: for each name a port of ours, passed on to with `proxy_protocol on`."""

    def __init__(self, directory, **ways):
        self.dir, self.ways = pathlib.Path(directory), ways
        self.port = {name: free_port() for name in ways}
        self.ports = self.port.values()

    def __enter__(self):
        self.dir.mkdir(parents=True, exist_ok=True)
        servers = "".join(f"server {{ listen 127.0.0.1:{self.port[name]}; listen [::1]:{self.port[name]};"
                          f" proxy_pass 127.0.0.1:{to}; proxy_bind {BALANCER}; proxy_protocol on; }}\n"
                          for name, to in self.ways.items())
        (self.dir / "nginx.conf").write_text(
            f"load_module {ROOT}/usr/lib/nginx/modules/ngx_stream_module.so;\ndaemon off;\n"
            f"master_process off;\npid {self.dir}/pid;\nerror_log {self.dir}/log;\n"
            f"events {{}}\nstream {{\n{servers}}}\n")
        return self._run(ROOT / "usr/sbin/nginx", "-p", self.dir, "-c", self.dir / "nginx.conf")
