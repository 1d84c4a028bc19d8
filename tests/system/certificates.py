"""Certificates that a test makes for itself."""

import ssl

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
