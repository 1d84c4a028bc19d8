"""Certificates that a test makes for itself: one that signs itself, or an authority and what it signed.

    authority = Authority(directory)
    mail = authority.issue("mail.example.net", "127.0.0.1")       mail.certificate, mail.key: paths
    authority.context(maximum=ssl.TLSVersion.TLSv1_2)"""

import pathlib
import ssl
import subprocess
import typing
import warnings

import clients


def make(directory, name="mail.example.net"):
    """A self-signed certificate for that name and for 127.0.0.1; the paths of it and of its key."""
    certificate, key = directory / "cert.pem", directory / "key.pem"
    clients.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", key, "-out", certificate, "-days", "30", "-subj", f"/CN={name}",
                "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1")
    key.chmod(0o600)
    return certificate, key


def trusting(certificate, version=None):
    """A client's context that knows this certificate and, if wanted, one version of TLS only."""
    context = ssl.create_default_context(cafile=str(certificate))
    if version:
        context.minimum_version = context.maximum_version = version
    return context


class Pair(typing.NamedTuple):
    certificate: pathlib.Path  # with its issuer's behind it
    key: pathlib.Path


class Authority:
    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.made = 0
        (self.dir / "openssl.cnf").write_text("[req]\ndistinguished_name = name\n[name]\n")
        self.ca = self._sign(self.dir / "ca.pem", self.dir / "ca.key", "ec", "/CN=Test CA",
                             "basicConstraints=critical,CA:TRUE")

    def _openssl(self, *words):
        subprocess.run(["openssl", *(str(w) for w in words)], check=True, stdin=subprocess.DEVNULL,
                       capture_output=True)

    def _sign(self, certificate, key, kind, subject, extension, by=()):
        algorithm = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256") if kind == "ec" else (kind,)
        self._openssl("req", "-config", self.dir / "openssl.cnf", "-x509", "-newkey", *algorithm, "-nodes", "-days", 2, "-subj", subject,
                      "-addext", extension, "-keyout", key, "-out", certificate, *by)
        return certificate

    def issue(self, *names, kind="ec"):
        """A certificate for those names or addresses; kind "ec" or "rsa:2048"."""
        self.made += 1
        certificate, key = self.dir / f"{self.made}.pem", self.dir / f"{self.made}.key"
        self._sign(certificate, key, kind, f"/CN={names[0]}",
                   "subjectAltName=" + ",".join(("IP:" if n[0].isdigit() else "DNS:") + n for n in names),
                   ("-CA", self.ca, "-CAkey", self.dir / "ca.key"))
        with certificate.open("a") as chain:
            chain.write(self.ca.read_text())
        key.chmod(0o600)
        return Pair(certificate, key)

    def context(self, minimum=ssl.TLSVersion.TLSv1_2, maximum=ssl.TLSVersion.TLSv1_3, alpn=()):
        made = ssl.create_default_context(cafile=self.ca)
        made.set_ciphers("DEFAULT:@SECLEVEL=0")  # what is refused is refused by the server
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that old versions are old is why they are asked for
            made.minimum_version, made.maximum_version = minimum, maximum
        if alpn:
            made.set_alpn_protocols(alpn)
        return made


def section(default, **named):
    """The tls section of popgate.conf; names with dots are given as **{"other.test": pair}."""
    names = "".join(f' sni "{name}" {{ certificate = "{pair.certificate}" key = "{pair.key}" }}'
                    for name, pair in named.items())
    return f'tls {{ certificate = "{default.certificate}" key = "{default.key}"{names} }}'
