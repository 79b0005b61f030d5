"""Certificate files as people upload them, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

_KEYS = {
    "p256": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "rsa2048": ("-newkey", "rsa:2048"),
}


def issue(directory: Path, kind: str = "p256", name: str = "unit.lab") -> tuple[bytes, bytes]:
    """A self-signed certificate and its key, both PEM."""
    directory.mkdir(parents=True, exist_ok=True)
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    command = ["openssl", "req", "-x509", *_KEYS[kind], "-nodes", "-days", "30", "-subj", f"/CN={name}"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=30)
    return certificate.read_bytes(), key.read_bytes()


def der(certificate: bytes) -> bytes:
    """The certificate as DER."""
    command = ["openssl", "x509", "-outform", "der"]
    return subprocess.run(command, input=certificate, check=True, capture_output=True, timeout=30).stdout


def served(host: str, port: int) -> bytes:
    """The certificate a server shows, PEM, as openssl sees it."""
    command = ["openssl", "s_client", "-connect", f"{host}:{port}", "-showcerts"]
    seen = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30).stdout
    return subprocess.run(["openssl", "x509"], input=seen, check=True, capture_output=True, timeout=30).stdout
