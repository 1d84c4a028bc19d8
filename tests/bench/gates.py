"""What stands before a mail server elsewhere: nginx's mail proxy, Postfix with a filter before the queue, HAProxy.
All hand on to the sink, know the client's address by XCLIENT or XFORWARD where they can, and log to files. Unpacked
only (tests/peers/unpack)."""

import os
import pathlib

import server
from ports import free_port, until

ROOT = server.PEERS / "root"

NGINX = """
daemon off;
worker_processes {workers};
worker_rlimit_nofile {files};
{load}
pid {dir}/{role}.pid;
error_log {dir}/{role}.log info;
events {{ worker_connections 20000; }}
"""

# The service that nginx asks about each client. It is a process of its own and is not counted.
ASKED = """
http {{
    access_log off;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{asked} backlog=4096;
        location /smtp {{ add_header Auth-Status OK; add_header Auth-Server 127.0.0.1; add_header Auth-Port {sink};
                         return 204; }}
        location /pop {{ add_header Auth-Status OK; add_header Auth-Server 127.0.0.1; add_header Auth-Port {pop_sink};
                        return 204; }}
        location /no {{ add_header Auth-Status "550 5.7.1 Relay is not for you"; return 204; }}
    }}
}}
"""

# proxy_buffer: a page is the default; of messages 16 kB cost 6 to 10 % less than that, and 64 kB no less again.
MAIL = """
mail {{
    server_name mail.bench.example;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    smtp_capabilities PIPELINING "SIZE 50000000" 8BITMIME ENHANCEDSTATUSCODES;
    server {{ listen 127.0.0.1:{smtp} backlog=4096; protocol smtp; smtp_auth none; proxy_buffer 16k;
             auth_http 127.0.0.1:{asked}/smtp; }}
    server {{ listen 127.0.0.1:{refuse} backlog=4096; protocol smtp; smtp_auth none; auth_http 127.0.0.1:{asked}/no; }}
    server {{ listen 127.0.0.1:{submission} backlog=4096; protocol smtp; smtp_auth plain login; proxy_buffer 16k;
             auth_http 127.0.0.1:{asked}/smtp; }}
    server {{ listen 127.0.0.1:{pop} backlog=4096; protocol pop3; pop3_auth plain; auth_http 127.0.0.1:{asked}/pop; }}
    server {{ listen 127.0.0.1:{pops} ssl backlog=4096; protocol pop3; pop3_auth plain;
             auth_http 127.0.0.1:{asked}/pop; }}
}}
"""


class _Nginx(server.Server):
    name = "nginx"
    grants = False

    def run(self, role, text, workers, **values):
        modules = ROOT / "usr/lib/nginx/modules/ngx_mail_module.so"
        load = f"load_module {modules};" if role == "mail" else ""
        conf = self.dir / f"{role}.conf"
        conf.write_text((NGINX + text).format(dir=self.dir, role=role, workers=workers, load=load,
                                              files=server.files_limit(), **values))
        self.spawn(ROOT / "usr/sbin/nginx", "-p", self.dir, "-c", conf, "-e", self.dir / f"{role}.log",
                   env={"LD_LIBRARY_PATH": str(ROOT / "usr/lib/x86_64-linux-gnu")}, log="out.log")


class Asked(_Nginx):
    """The HTTP service."""

    def start(self, sink, pop_sink):
        self.port = free_port()
        self.run("asked", ASKED, 1, asked=self.port, sink=sink, pop_sink=pop_sink)
        self.wait(self.port)
        return self


class Nginx(_Nginx):
    def __init__(self, directory, sink, pop_sink, certificate):
        super().__init__(directory)
        self.sink, self.pop_sink, self.pair = sink, pop_sink, certificate
        self.smtp, self.refuse, self.submission, self.pop, self.pops = (free_port() for _ in range(5))
        self.asked = None

    def start(self):
        self.asked = Asked(self.dir / "asked").start(self.sink.port, self.pop_sink.port)
        self.run("mail", MAIL, os.cpu_count(), asked=self.asked.port, certificate=self.pair[0], key=self.pair[1],
                 smtp=self.smtp, refuse=self.refuse, submission=self.submission, pop=self.pop, pops=self.pops)
        self.wait(self.smtp, self.refuse, self.submission, self.pop, self.pops)
        return self

    def stop(self):
        super().stop()
        if self.asked:
            self.asked.stop()


# tune.bufsize: messages of 100 kB cost a quarter less than with the 16 kB that are the default.
HAPROXY = """
global
    tune.bufsize 65536
    maxconn {connections}
    nbthread {cores}
    log stdout format raw local0
defaults
    mode tcp
    log global
    option tcplog
    timeout connect 10s
    timeout client 5m
    timeout server 5m
frontend smtp
    bind 127.0.0.1:{smtp} backlog 4096
    default_backend sink
backend sink
    server sink 127.0.0.1:{sink}
"""


class Haproxy(server.Server):
    name = "haproxy"
    grants = False

    def __init__(self, directory, sink):
        super().__init__(directory)
        self.sink, self.smtp = sink, free_port()

    def start(self):
        conf = self.dir / "conf"
        conf.write_text(HAPROXY.format(cores=os.cpu_count(), connections=server.files_limit() // 2 - 100, smtp=self.smtp,
                                       sink=self.sink.port))
        self.spawn(ROOT / "usr/sbin/haproxy", "-db", "-f", conf,
                   env={"LD_LIBRARY_PATH": str(ROOT / "usr/lib/x86_64-linux-gnu")})
        self.wait(self.smtp)
        return self


# A port with a filter before the queue for whoever is in mynetworks, one for strangers, one with AUTH.
PORTS = """
127.0.0.1:{smtp} inet n - n - 200 smtpd
    -o mynetworks=127.0.0.0/8 -o smtpd_relay_restrictions=permit_mynetworks,reject -o smtpd_proxy_filter=127.0.0.1:{sink}
    -o smtpd_recipient_restrictions=permit_mynetworks,reject
127.0.0.1:{refuse} inet n - n - 200 smtpd
    -o mynetworks=127.0.0.1 -o smtpd_relay_restrictions=permit_mynetworks,reject_unauth_destination
    -o smtpd_recipient_restrictions=permit_mynetworks,reject_unauth_destination
127.0.0.1:{submission} inet n - n - 200 smtpd
    -o mynetworks= -o smtpd_sasl_auth_enable=yes -o smtpd_sasl_type=dovecot -o smtpd_sasl_path={sasl}
    -o smtpd_relay_restrictions=permit_sasl_authenticated,reject -o smtpd_proxy_filter=127.0.0.1:{sink}
    -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
"""
TUNED = """
virtual_mailbox_domains =
mydestination = bench.example
max_use = 10000
max_idle = 600s
smtpd_client_message_rate_limit = 0
smtpd_client_recipient_rate_limit = 0
smtpd_client_auth_rate_limit = 0
smtpd_timeout = 300s
smtpd_tls_security_level = none
smtpd_sasl_security_options = noanonymous
message_size_limit = 50000000
"""


class Postfix(server.Server):
    """sasl: the Dovecot whose auth service it asks; its CPU time counts as Postfix's own."""

    name = "postfix"
    grants = False

    def __init__(self, directory, sink, sasl):
        super().__init__(directory)
        import peers  # of tests/system: how a Postfix that is only unpacked is laid out
        self.smtp, self.refuse, self.submission = (free_port() for _ in range(3))
        self.sasl = sasl
        self.inner = peers.Postfix(self.dir / "postfix", [], TUNED, PORTS.format(
            smtp=self.smtp, refuse=self.refuse, submission=self.submission, sink=sink.port, sasl=sasl.sasl))

    def start(self):
        self.begun()
        self.inner.dir.mkdir()
        self.inner.start()
        self.roots.append(self.inner.process)
        self.wait(self.smtp, self.refuse, self.submission)
        return self

    def said(self):
        return self.inner.said()

    def pids(self):
        return sorted({*self.own(), *self.sasl.own()})

    def stop(self):
        if self.inner.process and self.inner.process not in self.roots:
            self.roots.append(self.inner.process)  # it was broken off while it started
        pids = self.own()
        super().stop()
        until(lambda: not [pid for pid in pids if pathlib.Path(f"/proc/{pid}").exists()], 10, "Postfix gone")
