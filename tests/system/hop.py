"""A next hop that records exactly what it is sent and misbehaves at any step on request.

    hop.at["rcpt"] = "451 4.2.0 later"       that reply (a str gets its CRLF; bytes go as they are)
    hop.at["dot"] = CLOSE                     hang up there without a word
    hop.at["data"] = STALL                    say nothing, keep the connection, read on
    hop.at["mail"] = lambda session: ...      called; gives one of the above
    hop.at["body"] = early("552 too big", 1000)   said once so many octets of the body are there

Steps: greeting ehlo helo lhlo starttls xclient auth mail rcpt data body dot rset noop quit.

Hop(host="127.0.0.42", port=...) or Hop(path="/a/socket"); hop.tls = an ssl.SSLContext lets it answer
STARTTLS; hop.proxied = True makes it read a PROXY header first (session.header); hop.ehlo is the list of
what it offers."""

import enum
import socket
import threading

from ports import free_port



class Fault(enum.Enum):
    CLOSE = enum.auto()
    RESET = enum.auto()
    STALL = enum.auto()
    DEAF = enum.auto()  # a stall that does not even read


CLOSE, RESET, STALL, DEAF = Fault

USUAL = {"greeting": "220 hop.test ESMTP", "mail": "250 2.1.0 fine", "rcpt": "250 2.1.5 fine",
         "data": "354 go on", "dot": "250 2.0.0 taken", "rset": "250 2.0.0 fine",
         "xclient": "220 hop.test ESMTP", "starttls": "220 2.0.0 go on", "auth": "235 2.7.0 in",
         "noop": "250 2.0.0 fine", "quit": "221 2.0.0 bye", "helo": "250 hop.test"}
EHLO = ["PIPELINING", "SIZE 1000000000", "8BITMIME", "ENHANCEDSTATUSCODES",
        "XCLIENT ADDR PORT NAME HELO PROTO LOGIN"]


def early(what, octets=1):
    return ("early", what, octets)


class Message:
    """One transaction: what was said, and the body as it came over the wire, dots and all."""

    def __init__(self):
        self.mail, self.recipients, self.body, self.whole, self.taken = None, [], b"", False, False
        self.swallowed = 0


class Session(threading.Thread):
    def __init__(self, hop, sock):
        super().__init__(daemon=True)
        self.hop, self.sock, self.data = hop, sock, b""
        self.commands, self.message, self.surplus = [], Message(), b""
        self.header, self.ended = b"", False

    def verbs(self):
        return [line.split()[0].decode("latin-1").upper() for line in self.commands if line.strip()]

    def xclient(self):
        """What it was told of the client, as a dict; the last word counts."""
        return dict(pair.split("=", 1) for line in self.commands if line.startswith(b"XCLIENT ")
                    for pair in line.decode("latin-1").split()[1:])

    def read_header(self):
        """The PROXY header, version 2: whole, and nothing of what follows."""
        while len(self.data) < 16 or len(self.data) < 16 + int.from_bytes(self.data[14:16], "big"):
            if not self.more():
                return False
        size = 16 + int.from_bytes(self.data[14:16], "big")
        self.header, self.data = self.data[:size], self.data[size:]
        return True

    def run(self):
        try:
            if (not self.hop.proxied or self.read_header()) and self.answer("greeting"):
                while self.obey():
                    pass
        except OSError:
            pass
        finally:
            with self.hop.lock:
                self.hop.open -= 1
            self.ended = True
            self.sock.close()

    def more(self):
        got = self.sock.recv(65536)
        self.data += got
        return bool(got)

    def line(self):
        while b"\n" not in self.data:
            if not self.more():
                return None
        line, _, self.data = self.data.partition(b"\n")
        return line + b"\n"

    def plan(self, step, usual=None):
        what = self.hop.at.get(step, usual if usual is not None else USUAL.get(step))
        return what(self) if callable(what) else what

    def answer(self, step, usual=None):
        """Whether the conversation goes on."""
        return self.act(self.plan(step, usual))

    def act(self, what):
        if what is RESET:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            return False
        if what is STALL:
            while self.more():
                pass
            return False
        if what is DEAF:
            self.hop.ended.wait()
            return False
        if what is CLOSE:
            return False
        self.sock.sendall(what if isinstance(what, bytes) else what.encode() + b"\r\n")
        return True

    def obey(self):
        line = self.line()
        if line is None:
            return False
        self.commands.append(line)
        verb = line.split(b":")[0].split()[0].lower().decode("latin-1") if line.strip() else ""
        if verb == "mail":
            self.message = Message()
            self.message.mail = line
        elif verb == "rcpt":
            self.message.recipients.append(line)
        elif verb == "data":
            return self.take_data()
        elif verb in ("ehlo", "lhlo"):
            return self.answer(verb, self.offers())
        elif verb == "starttls":
            return self.start_tls()
        elif verb == "quit":
            self.answer("quit")
            return False
        return self.answer(verb if verb in USUAL else "unknown", USUAL.get(verb, "500 5.5.2 what?"))

    def offers(self):
        lines = ["hop.test", *self.hop.ehlo]
        return "\r\n".join(f"250-{line}" for line in lines[:-1]) + f"\r\n250 {lines[-1]}"

    def start_tls(self):
        what = self.plan("starttls")
        goes_on = self.act(what)
        if goes_on and what == USUAL["starttls"] and self.hop.tls:
            self.sock = self.hop.tls.wrap_socket(self.sock, server_side=True)
        return goes_on

    def take_data(self):
        what = self.plan("data")
        if not isinstance(what, str) or not what.startswith("354"):
            return self.act(what)
        with self.hop.lock:
            self.hop.messages.append(self.message)
        self.act(what)
        if not (self.swallow() if self.hop.swallow else self.body()):
            return False
        self.message.whole = True
        what = self.plan("dot")
        self.message.taken = isinstance(what, str) and what.startswith("250")
        return self.act(what)

    def swallow(self):
        """As body(), but only counts the octets; for messages too long to keep."""
        tail = b"\r\n"
        while (tail + self.data)[-5:] != b"\r\n.\r\n":
            self.message.swallowed += len(self.data)
            tail, self.data = (tail + self.data)[-4:], b""
            if not self.more():
                return False
        self.message.swallowed += len(self.data)
        self.data = b""
        return True

    def body(self):
        """Reads up to CRLF.CRLF; the conversation ends with the body where the client went away."""
        plan = self.hop.at.get("body")
        while True:
            end = self.data.find(b"\r\n.\r\n") if not self.data.startswith(b".\r\n") else -2
            self.message.body = self.data if end == -1 else self.data[:end + 2]
            if end != -1:
                self.data = self.data[end + 5:]
                return True
            if plan is DEAF or plan is CLOSE or plan is RESET:
                return self.act(plan)
            if plan and len(self.data) >= plan[2]:
                goes_on = self.act(plan[1])
                self.hop.early_said.set()
                if not goes_on:
                    return False
                plan = None
            if not self.more():
                return False


class Hop:
    def __init__(self, host="127.0.0.1", port=None, path=None):
        self.host, self.path, self.tls, self.proxied, self.ehlo = host, path, None, False, list(EHLO)
        self.at, self.messages, self.sessions, self.swallow = {}, [], [], False
        self.lock, self.open, self.ended = threading.Lock(), 0, threading.Event()
        self.early_said = threading.Event()
        self.port, self.server = port or free_port(), None

    @property
    def uri(self):
        return f"smtp:{self.host}:{self.port}"

    def used(self):
        """The sessions in which mail was tried, not those in which the gate only looked."""
        return [session for session in self.sessions if "MAIL" in
                [verb.partition(":")[0] for verb in session.verbs()]]

    def start(self):
        self.ended.clear()
        if self.path:
            self.server = socket.socket(socket.AF_UNIX)
            self.server.bind(str(self.path))
            self.server.listen(128)
        else:
            self.server = socket.create_server((self.host, self.port), backlog=128)
        threading.Thread(target=self._accept, args=(self.server,), daemon=True).start()
        return self

    def _accept(self, server):
        while True:
            try:
                sock, _ = server.accept()
            except OSError:
                return
            if not self.path:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(self, sock)
            with self.lock:
                self.sessions.append(session)
                self.open += 1
            session.start()

    def spoke_early(self):
        """Waits, where early() is planned, until that is said: a dot sent before it would race it."""
        if isinstance(self.at.get("body"), tuple):
            assert self.early_said.wait(5), "the hop said nothing early"

    def taken(self):
        """The messages that this hop said 250 to."""
        return [message for message in self.messages if message.taken]

    def stop(self):
        """Refuses connections from now on and drops those there are."""
        self.ended.set()
        if self.server:
            self.server.shutdown(socket.SHUT_RDWR)
            self.server.close()
            self.server = None
        self.hang_up()

    def hang_up(self):
        """Drops the connections there are; new ones are taken."""
        for session in self.sessions:
            try:
                session.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def untouched(hop):
    """No transaction was begun there; that the gate asks it what it offers is another matter."""
    return not any(b"MAIL" in command for session in hop.sessions for command in session.commands)
