"""Programs the bench compares with, each started for one measurement and ended with it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nportlab.verdicts.faults import LabFault

Endpoint = tuple[str, int]

LINUX_SERIAL_TEST = "LINUX_SERIAL_TEST"
"""Environment variable with the path of the C tool, built from source (https://github.com/cbrake/linux-serial-test)."""

_START_SECONDS = 10.0
_SER2NET = """\
connection: &bench
  accepter: {accepter},127.0.0.1,{port}
  connector: serialdev,{device},921600n81,local
  options:
    kickolduser: true
    chardelay: false
    net-to-dev-bufsize: 65536
    dev-to-net-bufsize: 65536
"""
_COUNTED = re.compile(r"count for this session: rx=(\d+), tx=(\d+), rx err=(\d+)")


class NotHere(Exception):
    """A program to compare with cannot be had; the message says which and why."""


@contextmanager
def ser2net(device: str, folder: Path, *, rfc2217: bool = False) -> Iterator[Endpoint]:
    """ser2net on a device, tuned: no Nagle, no character delay, 64 KiB buffers both ways. Raises NotHere."""
    program = shutil.which("ser2net", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise NotHere("ser2net is not installed")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    accepter = "telnet(rfc2217=true),tcp(nodelay=true)" if rfc2217 else "tcp(nodelay=true)"
    configuration = folder / f"ser2net-{port}.yaml"
    configuration.write_text(_SER2NET.format(accepter=accepter, port=port, device=device))
    command = [program, "-n", "-d", "-u", "-c", str(configuration)]
    with _running(command) as process:
        _wait_listening(("127.0.0.1", port), process, "ser2net")
        yield ("127.0.0.1", port)


@contextmanager
def pyserial_server(device: str) -> Iterator[Endpoint]:
    """pyserial's RFC 2217 server on a device."""
    command = [sys.executable, "-m", "benches.pyserial_server", device]
    with _running(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise NotHere("pyserial's RFC 2217 server did not start")
        yield ("127.0.0.1", int(line))


def linux_serial_test() -> Path:
    """The C tool. Raises NotHere, saying why, when there is none."""
    given = os.environ.get(LINUX_SERIAL_TEST)
    if not given:
        raise NotHere(
            f"linux-serial-test was not compared: {LINUX_SERIAL_TEST} does not name it (build it from source: "
            "https://github.com/cbrake/linux-serial-test, gcc -O2 -o linux-serial-test linux-serial-test.c)"
        )
    path = Path(given).expanduser()
    if not path.is_file() or not os.access(path, os.X_OK):
        raise NotHere(f"linux-serial-test was not compared: {LINUX_SERIAL_TEST} names {path}, which is no program")
    return path


def linux_serial_test_loop(program: Path, device: str, seconds: float) -> float:
    """MB/s the C tool sends, receives and verifies over a line that is looped back. Raises NotHere, saying why."""
    # A high rate makes its naps short; -n, -m: no line statistics, no modem lines (a pty has neither). It receives a
    # second longer than it sends.
    options = ["-b", "4000000", "-n", "-m", "-o", str(round(seconds)), "-i", str(round(seconds) + 1)]
    with _running([str(program), "-p", device, *options], stdout=subprocess.PIPE) as process:
        out, _ = process.communicate(timeout=seconds + 30)
    found = _COUNTED.findall(out.decode(errors="replace"))
    if not found:
        raise NotHere("linux-serial-test was not compared: it printed no count")
    read, _, errors = map(int, found[-1])
    if errors:
        raise NotHere(f"linux-serial-test was not compared: it saw {errors} errors")
    return read / round(seconds) / 1e6


@contextmanager
def _running(command: list[str], stdout: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[1],
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _wait_listening(endpoint: Endpoint, process: subprocess.Popen[bytes], name: str) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise NotHere(f"{name} ended at once with exit code {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(endpoint, timeout=1):
            return
        time.sleep(0.02)
    raise LabFault(f"{name} does not listen on {endpoint[0]}:{endpoint[1]}", "See whether something else uses it.")
