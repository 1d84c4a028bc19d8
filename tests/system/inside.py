"""What a test does inside a network namespace, as a program of its own: nets.py runs it there.

connect HOST:PORT...: for each "open", or why not. listen PORT...: greets everybody. login HOST and relay HOST: POP3 and
SMTP as a subscriber; the answers."""

import asyncio
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from talk import Pop, Smtp  # noqa: E402


def connect_each(*places):
    return "\n".join(connect(*place.rsplit(":", 1)) for place in places)


def connect(host, port):
    try:
        with socket.create_connection((host, int(port)), 5) as s:
            s.settimeout(5)
            return "open" if s.recv(1) else "silent"
    except OSError as error:
        return type(error).__name__ if isinstance(error, (TimeoutError, ConnectionError)) else error.strerror


async def serve(ports):
    async def greet(_reader, writer):
        writer.write(b"220 hello\r\n")
        await writer.drain()
        writer.close()

    servers = [await asyncio.start_server(greet, host, port) for port in ports for host in ("0.0.0.0", "::")]
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


def login(host):
    with Pop(110, host=host) as pop:
        return pop.login("anna", "secret")


def relay(host, to):
    with Smtp(25, host=host) as smtp:
        answers = smtp.mail("anna@example.net", to)
        if not answers[-1].startswith("250"):
            return answers[-1]
        return smtp.data(b"From: anna@example.net\r\nSubject: the whole story\r\n\r\nHello\r\n")


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "listen":
        asyncio.run(serve([int(port) for port in rest]))
    else:
        print({"connect": connect_each, "login": login, "relay": relay}[command](*rest))
