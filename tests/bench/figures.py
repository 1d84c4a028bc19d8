"""The figures, in the order in which they are printed. Each is a function that measures one contender once.

    @figure("pop3-login", "POP3 login ...", limit=0.072, target=0.145, peers=["dovecot"])
    def pop3_login(b, s): ...        b: the Bench (bench.py), s: the contender; gives the value, or (value, extra)

limit is what a minimal C server needs that does only the work named, target what ours may need at most; both
were taken on a machine of 2 cores. The unit is CPU milliseconds of the server unless said."""

import dataclasses
import typing

FIGURES = {}
WINDOW = 8_000_000  # numbers of addresses (hammer's first=) that hold the window; logins count from 0
STRANGERS = 12_000_000  # and of those that never do


@dataclasses.dataclass
class Figure:
    name: str
    title: str
    measure: typing.Callable
    limit: float | None
    target: float
    peers: list
    unit: str = "CPU ms"
    more: bool = False  # the more the better
    ours: str = "popgate"  # which of ours
    fresh: bool = False  # every measurement wants a server that was just started


def figure(name, title, limit=None, target=None, peers=(), **more):
    def keep(measure):
        FIGURES[name] = Figure(name, title, measure, limit, target, list(peers), **more)
        return measure
    return keep


def each(result, n=1):
    """CPU ms of the server for each of n things a session did; the generator's own are said beside it."""
    return (result["server_ms"] / (result["done"] * n),
            f"{result['per_second'] * n:,.0f}/s, generator {result['cpu_ms'] / n:.3f}")


# --- POP3

@figure("pop3-login", "POP3 login, plain password, a new grant each", 0.072, 0.145, ["dovecot"])
def pop3_login(b, s):
    return each(b.load(s, "pop3", s.pop, 8000, fresh=True))


@figure("pop3-paced", "POP3 login, new ones at 100/s: p99 of the session", 7.6, 10, ["dovecot"], unit="ms")
def pop3_paced(b, s):
    b.warm(s)
    result = b.load(s, "pop3", s.pop, b.paced(), same=True, fresh=True, rate=100, at=200)
    return result["p99_ms"], f"p50 {result['p50_ms']:.2f} ms"


@figure("pop3-again", "login, SHA512-CRYPT, the same subscriber again", 0.08, 0.16, ["dovecot"])
def pop3_again(b, s):
    if b.first_time(s, "hashes seen"):
        b.load(s, "pop3", s.pop, 32, same=True, user="hash", users=32, fresh=True)
    return each(b.load(s, "pop3", s.pop, 8000, user="hash", users=32, at=16, fresh=True))


@figure("pop3-first", "login, SHA512-CRYPT, the first time", 2.77, 2.95, ["dovecot"])
def pop3_first(b, s):
    b.warm(s)
    n = b.count(s, 500)
    return each(b.load(s, "pop3", s.pop, n, same=True, user="hash", users=0x7fffffff, at=16,
                       first=b.unseen(s, n), sources=0))


@figure("fetch-1", "RETR a message, mean 11.8 kB, 1 connection", 0.024, 0.033, ["dovecot"])
def fetch_1(b, s):
    return fetch(b, s, 24, at=1, user="box", users=0)


@figure("fetch-50", "RETR a message, 50 connections", 0.016, 0.032, ["dovecot"])
def fetch_50(b, s):
    return fetch(b, s, 100, at=50, user="box", users=50)


def fetch(b, s, sessions, **options):
    messages = b.messages()
    s.mail.boxes(messages)
    if b.first_time(s, f"boxes {options['users']}"):
        b.load(s, "fetch", s.pop, max(options["users"], 1), same=True, each=messages, fresh=True, **options)
    result = b.load(s, "fetch", s.pop, sessions, each=messages, fresh=True, least=options["at"], **options)
    return each(result, messages)[0], f"{result['octets'] / result['seconds'] / 1e6:,.0f} MB/s"


@figure("stat-known", "STAT of 20,000 messages, sizes known", 11, 16, ["dovecot"])
def stat_known(b, s):
    s.mail.heap("heap", b.heap(), True)
    if b.first_time(s, "heap"):
        b.load(s, "pop3", s.pop, 1, same=True, user="heap", users=0, fresh=True)
    return each(b.load(s, "pop3", s.pop, 10, same=True, user="heap", users=0, at=1, fresh=True))[0]


@figure("stat-first", "STAT of 20,000 messages, first sight, no W=", 166, 230, ["dovecot"])
def stat_first(b, s):
    s.mail.heap("pile", b.heap(), False)
    s.mail.forget("pile", "popgate-sizes", "dovecot*")
    return each(b.load(s, "pop3", s.pop, 1, same=True, user="pile", users=0, at=1, fresh=True))[0]


# --- TLS

@figure("tls-p256", "login session in TLS 1.3, full handshake, P-256", 0.68, 0.9, ["dovecot"])
def tls_p256(b, s):
    return each(b.load(s, "pop3", s.pops, 2000, tls=1, fresh=True))


@figure("tls-rsa", "the same, RSA 2048", 1.03, 1.25, ["dovecot-rsa"], ours="popgate-rsa")
def tls_rsa(b, s):
    return each(b.load(s, "pop3", s.pops, 2000, tls=1, fresh=True))


@figure("tls-resumed", "login session in TLS 1.3, resumed", 0.57, 0.7, ["dovecot"])
def tls_resumed(b, s):
    result = b.load(s, "pop3", s.pops, 2000, tls=1, resume=1, at=8, fresh=True)
    # The first connections begin before a ticket has come.
    return each(result)[0], f"{100 * min(result['resumed'] / max(result['done'] - 8, 1), 1):.0f} % resume"


# --- SMTP

def sending(b, s, n, script="smtp", messages=1, **options):
    if b.first_time(s, "window"):
        b.grant(s, WINDOW)
    messages_before, octets_before = b.sink.taken()
    result = b.load(s, script, options.pop("port", s.smtp), n, first=WINDOW, sources=0, each=messages, **options)
    sent = (result["done"] + result["warmed"]) * messages
    taken, octets = b.sink.taken()
    assert taken - messages_before == sent, f"{s.name} says {sent} messages, the sink has another number"
    assert octets - octets_before >= sent * options.get("size", 2000), f"{s.name} handed on less than it was given"
    return each(result, messages)


@figure("smtp-1", "message through the gate, 2 kB, 1 a connection", 0.132, 0.21, ["nginx", "postfix"])
def smtp_1(b, s):
    return sending(b, s, 6000)


@figure("smtp-10", "message through the gate, 2 kB, 10 a connection", 0.055, 0.070, ["nginx", "postfix"])
def smtp_10(b, s):
    return sending(b, s, 2000, messages=10)


@figure("smtp-100k", "message through the gate, 100 kB", 0.066, 0.10, ["haproxy", "nginx", "postfix"])
def smtp_100k(b, s):
    return sending(b, s, 200, messages=10, size=100_000)


@figure("refuse", "relay refused at RCPT, 1 a connection", 0.040, 0.060, ["nginx", "postfix"])
def refuse(b, s):
    return each(b.load(s, "refuse", s.refuse, 8000, first=STRANGERS, sources=0))


@figure("auth", "AUTH PLAIN + 2 kB message", 0.15, 0.25, ["nginx", "postfix"])
def auth(b, s):
    return sending(b, s, 6000, script="auth", port=s.submission)


# --- memory

@figure("idle", "idle POP3 connection before login, PSS", 0.56, 1.5, ["dovecot", "nginx"], unit="kB", fresh=True)
def idle(b, s):
    return b.held(s, "pop3-idle", s.pop, 4000)


@figure("idle-held", "idle POP3 connection after login, PSS", 0.56, 3, ["dovecot", "nginx"], unit="kB", fresh=True)
def idle_held(b, s):
    # A process each is what Dovecot needs: fewer say as much. Ours may be one a subscriber.
    n = 200 if s.name == "dovecot" else 1000
    if s.grants:  # what the window and the snapshots keep of a login stays when its connection is gone
        b.logged_in_before(s, n)
    return b.held(s, "pop3-held", s.pop, n)


@figure("idle-tls", "idle POP3 connection before login in TLS, PSS", 14.9, 17, ["dovecot", "nginx"], unit="kB",
        fresh=True)
def idle_tls(b, s):
    return b.held(s, "pop3-idle", s.pops, 4000, tls=1)


@figure("idle-smtp", "idle SMTP connection after EHLO, PSS", None, 1.5, ["nginx"], unit="kB", fresh=True)
def idle_smtp(b, s):
    return b.held(s, "smtp-idle", s.smtp, 4000)


# --- the store

@figure("grants", "grants made durable, at the store's socket", 218_000, 20_000, unit="a second", more=True, fresh=True)
def grants(b, s):
    sent, _ = b.grants(s, 200_000, 1000)
    return sent["per_second"], f"ack p99 {sent['p99_ms']:.1f} ms"


@figure("ack", "p99 of PASS at the highest login rate", None, 50, ["dovecot"], unit="ms")
def ack(b, s):
    result = b.load(s, "pop3", s.pop, 8000, at=64, fresh=True)
    return result["step_p99_ms"], f"{result['per_second']:,.0f}/s"


@figure("lookup", "window lookup at 1 million entries", 0.57, 2, unit="us", fresh=True)
def lookup(b, s):
    _, looked = b.grants(s, 1_000_000, 1_000_000)
    return looked["us_each"], f"{looked['entries']:,.0f} entries"
