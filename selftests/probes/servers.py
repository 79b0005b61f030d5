"""Servers nobody here wrote, started for one test: `openssl s_server`, and Python's ssl module."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

Endpoint = tuple[str, int]


@dataclass(frozen=True)
class KeyPair:
    """A self-signed certificate for 127.0.0.1 and its key, as PEM files."""

    certificate: Path
    key: Path


def make_key_pair(directory: Path, kind: str) -> KeyPair:
    """kind: "rsa" (2048 bit) or "ec" (P-256)."""
    pair = KeyPair(directory / f"{kind}.pem", directory / f"{kind}.key")
    new_key = ["-newkey", "rsa:2048"] if kind == "rsa" else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    subject = ["-subj", f"/CN=selftest {kind}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:unit.test"]
    files = ["-keyout", str(pair.key), "-out", str(pair.certificate)]
    command = ["openssl", "req", "-x509", "-nodes", "-days", "3", *new_key, *subject, *files]
    subprocess.run(command, check=True, capture_output=True)
    return pair


@contextmanager
def s_server(*options: str, pair: KeyPair, ec: KeyPair | None = None) -> Iterator[Endpoint]:
    """`openssl s_server` with every weakness this OpenSSL can have, unless options take it away."""
    keys = ["-cert", str(pair.certificate), "-key", str(pair.key)]
    if ec is not None:
        keys += ["-dcert", str(ec.certificate), "-dkey", str(ec.key)]
    command = ["openssl", "s_server", "-accept", "127.0.0.1:0", *keys, *options]
    if "-cipher" not in options:
        command += ["-cipher", "ALL:COMPLEMENTOFALL@SECLEVEL=0"]
    # The output goes to a file: a full pipe would stop the server in the middle of a long scan.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield ("127.0.0.1", _port(process, output.fileno()))
        finally:
            process.kill()
            process.communicate()


def _port(process: subprocess.Popen[bytes], output: int) -> int:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        if match := re.search(rb"ACCEPT 127\.0\.0\.1:(\d+)", os.pread(output, 65536, 0)):
            return int(match.group(1))
        time.sleep(0.005)
    raise AssertionError(f"openssl s_server did not start: {os.pread(output, 65536, 0).decode(errors='replace')}")


@contextmanager
def python_server(context: ssl.SSLContext) -> Iterator[Endpoint]:
    """A server of Python's ssl module that shakes hands with one client after the other."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(2)
            with connection, contextlib.suppress(OSError):
                context.wrap_socket(connection, server_side=True).close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
