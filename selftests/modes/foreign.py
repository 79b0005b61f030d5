"""Programs nobody here wrote, as peers of the mode clients; a test is skipped where one is missing."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from nportlab.unit.endpoint import Endpoint

LOCAL = "127.0.0.1"


def program(name: str) -> str:
    """Its path; skips the test when it is not installed."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((LOCAL, 0))
        return sock.getsockname()[1]


@contextmanager
def running(command: list[str], port: int | None = None, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """The program until the end of the block; with `port` only once something listens there."""
    process: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]
        [program(command[0]), *command[1:]],
        start_new_session=True,
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **options},
    )
    try:
        if port is not None:
            wait_listening(process, port)
        yield process
    finally:
        # What it forked holds the pipe, too; and unshare ignores the other signals.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=10)


def wait_listening(process: subprocess.Popen[bytes], port: int) -> None:
    """By the kernel's table, without a connection that a server for one client would count."""
    end = time.monotonic() + 10
    wanted = f":{port:04X} "
    while not any(wanted in line and " 0A " in line for line in Path("/proc/net/tcp").read_text().splitlines()):
        if process.poll() is not None:
            raise AssertionError((process.stderr.read() if process.stderr else b"").decode())
        assert time.monotonic() < end, f"nothing listens on {port}"
        time.sleep(0.01)


@contextmanager
def socat(left: str, right: str, port: int | None = None, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    with running(["socat", left, right], port, **options) as process:
        yield process


@contextmanager
def echo_server() -> Iterator[Endpoint]:
    port = free_port()
    with socat(f"TCP-LISTEN:{port},bind={LOCAL},reuseaddr,fork", "EXEC:cat", port):
        yield Endpoint(LOCAL, port)


@dataclass(frozen=True)
class Line:
    """The far end of a serial line: a raw pty. `path` is for the server, `descriptor` for the test."""

    descriptor: int
    path: str

    def read(self, count: int, timeout: float = 10.0) -> bytes:
        """Exactly so many bytes, or what came in time."""
        end = time.monotonic() + timeout
        got = b""
        while len(got) < count and (left := end - time.monotonic()) > 0:
            if select.select([self.descriptor], [], [], left)[0]:
                with contextlib.suppress(OSError):
                    got += os.read(self.descriptor, count - len(got))
        return got

    def write(self, data: bytes) -> None:
        while data:
            select.select([], [self.descriptor], [], 10)
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self.descriptor, data) :]


@contextmanager
def line() -> Iterator[Line]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    try:
        yield Line(master, os.ttyname(slave))
    finally:
        os.close(master)
        os.close(slave)


@contextmanager
def ser2net(folder: Path, accepter: str) -> Iterator[tuple[Endpoint, Line]]:
    """ser2net serves a pty; accepter: with `PORT` where the port number goes, as `tcp,127.0.0.1,PORT`."""
    program("ser2net")
    port = free_port()
    with line() as far:
        configuration = folder / "ser2net.yaml"
        configuration.write_text(
            f"connection: &one\n  accepter: {accepter.replace('PORT', str(port))}\n"
            f"  connector: serialdev,{far.path},9600n81,local\n  options:\n    chardelay: false\n"
        )
        with running(["ser2net", "-n", "-d", "-c", str(configuration)], port):
            yield Endpoint(LOCAL, port), far


def wait_until(done: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    end = time.monotonic() + 10
    while not done():
        assert process is None or process.poll() is None, "it ended"
        assert time.monotonic() < end
        time.sleep(0.01)
