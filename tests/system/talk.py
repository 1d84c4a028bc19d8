"""Protocol clients that say exactly what a test tells them, from the loopback address it names.
For what real programs do with the same servers see clients.py."""

import poplib
import smtplib
import socket

PATIENCE = 20  # seconds: a reply that takes longer is a hang


def dial(port, source=None, host="127.0.0.1", timeout=PATIENCE):
    sock = socket.create_connection((host, port), timeout, (source, 0) if source else None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Talk:
    """One connection, in octets. Iterating ends where the server closes."""

    def __init__(self, port, source=None, host="127.0.0.1", timeout=PATIENCE):
        self.sock = dial(port, source, host, timeout)
        self.port = self.sock.getsockname()[1]
        self.file = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.sock.close()

    def send(self, octets):
        self.sock.sendall(octets if isinstance(octets, bytes) else octets.encode() + b"\r\n")

    def line(self):
        """One line without its CRLF; None at the end of input."""
        line = self.file.readline(1 << 20)
        if not line:
            return None
        assert line.endswith(b"\r\n"), f"a reply line that does not end in CRLF: {line!r}"
        return line[:-2].decode("latin-1")

    def ended(self):
        """Whether the server closes now; what it still says before is read and dropped."""
        try:
            while self.file.read(65536):
                pass
        except ConnectionResetError:
            pass
        return True


class Pop(Talk):
    def __init__(self, port, source=None, **more):
        super().__init__(port, source, **more)
        self.greeting = self.line()

    def says(self, command):
        """Sends a command and gives the first line of the answer."""
        self.send(command)
        return self.line()

    def many(self, command):
        """The answer of a multi-line command: its first line, and the octets as they came."""
        self.send(command)
        first, body = self.line(), b""
        while first is not None and first.startswith("+OK"):
            line = self.file.readline()
            if line in (b".\r\n", b""):
                break
            body += line[1:] if line.startswith(b".") else line
        return first, body

    def login(self, user="anna", password="secret"):
        self.says(f"USER {user}")
        return self.says(f"PASS {password}")


class Smtp(Talk):
    def __init__(self, port, source=None, hello="client.example.test", **more):
        super().__init__(port, source, **more)
        self.greeting = self.reply()
        if hello:
            self.ehlo = self.says(f"EHLO {hello}")

    def reply(self):
        """One whole reply, its lines joined by LF; None at the end of input."""
        lines = []
        while (line := self.line()) is not None:
            assert len(line) >= 3 and line[:3].isdigit(), f"not a reply: {line!r}"
            assert not lines or line[:3] == lines[0][:3], "one reply with two codes"
            lines.append(line)
            if line[3:4] != "-":
                return "\n".join(lines)
        return None

    def says(self, command):
        self.send(command)
        return self.reply()

    def mail(self, sender, *recipients):
        """MAIL and a RCPT for each; their replies."""
        return [self.says(f"MAIL FROM:<{sender}>")] + [self.says(f"RCPT TO:<{r}>")
                                                       for r in recipients]

    def data(self, octets, before_dot=lambda: None):
        """DATA, then octets as they are to go over the wire, before_dot(), and the final dot; the answer
        to the dot, or to DATA if it is not 354."""
        went = self.says("DATA")
        if went is None or not went.startswith("354"):
            return went
        self.send(octets)
        before_dot()
        self.send(b".\r\n")
        return self.reply()

    def deliver(self, sender, recipients, octets, before_dot=lambda: None):
        self.mail(sender, *recipients)
        return self.data(octets, before_dot)


class PopFrom(poplib.POP3):
    """poplib, from a source address."""

    def __init__(self, port, source, host="127.0.0.1"):
        self._source = source
        super().__init__(host, port, PATIENCE)

    def _create_socket(self, timeout):
        return dial(self.port, self._source, self.host)


def smtp_from(port, source, host="127.0.0.1"):
    """smtplib, from a source address."""
    return smtplib.SMTP(host, port, "client.example.test", PATIENCE, (source, 0))
