"""A client of the cables, and the cables as a process of their own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nportlab.protocol.serial_wire import Frame, Frames, Hold, Input, Kind, LineFormat, encode, encode_number
from nportlab.virtual.cables.control import ask_cables
from nportlab.virtual.socket_path import listen, short_path

DEADLINE = 20.0
PROGRAM = """
import socket, sys
from nportlab.virtual.cables.plan import CablePlan, LineSpec
from nportlab.virtual.cables.process import serve_cables
serve_cables(eval(sys.argv[2]), socket.socket(fileno=int(sys.argv[1])))
"""


class Cables:
    """A running process."""

    def __init__(self, path: Path, process: subprocess.Popen[bytes]) -> None:
        self.path = path
        self.process = process
        self.plugs: list[Plug] = []

    def connect(self) -> Plug:
        """Connect and say nothing."""
        self.plugs.append(Plug(self.path))
        return self.plugs[-1]

    def unplug_all(self) -> None:
        """Close every connection."""
        while self.plugs:
            self.plugs.pop().close()

    def plug(self, **what: Any) -> Plug:
        """Connect and say what one is."""
        plug = self.connect()
        plug.send(Kind.PLUG, 0, json.dumps(what).encode())
        return plug

    def unit(self, name: str, *formats: LineFormat) -> Plug:
        """A unit that booted, its lines set and up."""
        plug = self.plug(unit=name)
        assert plug.plugged()["ok"]
        for port, line_format in enumerate(formats, 1):
            plug.setup(port, line_format)
        return plug

    def adapter(self, name: str, line_format: LineFormat) -> Plug:
        """An open adapter, its lines up."""
        plug = self.plug(adapter=name)
        assert plug.plugged()["ok"]
        plug.setup(0, line_format)
        return plug

    def ask(self, **command: Any) -> dict[str, Any]:
        """Give a command."""
        return ask_cables(self.path, command)

    def end(self, name: str) -> dict[str, Any]:
        """What is said about one end."""
        return next(end for end in self.ask(do="describe")["ends"] if end["end"] == name)

    def wait_for(self, name: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until what is said about an end is as wanted."""
        over = time.monotonic() + DEADLINE
        while not condition(end := self.end(name)):
            assert time.monotonic() < over, end
        return end


class Plug:
    """One connection, and all it has heard."""

    def __init__(self, path: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE)
        with short_path(path) as address:
            self.sock.connect(address)
        self.frames: list[Frame] = []
        self.taking = True
        self._cut = Frames()

    def send(self, kind: Kind, port: int, payload: bytes = b"") -> None:
        self.sock.sendall(encode(kind, port, payload))

    def setup(self, port: int, line_format: LineFormat, lines: int = 3) -> None:
        self.send(Kind.FORMAT, port, line_format.encode())
        self.send(Kind.LINES, port, bytes([lines]))

    def hear(self) -> bool:
        """Wait for more; False at the end."""
        try:
            data = self.sock.recv(1 << 16)
        except ConnectionResetError:
            return False
        for frame in self._cut.feed(data):
            self.frames.append(frame)
            if frame.kind is Kind.RECEIVED and self.taking:
                self.sock.sendall(encode_number(Kind.TAKEN, frame.port, len(frame.payload)))
        return bool(data)

    def until(self, condition: Callable[[], bool]) -> None:
        """Hear until something is so."""
        over = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < over, self.frames[-5:]
            assert self.hear(), "closed"

    def plugged(self) -> dict[str, Any]:
        self.until(lambda: any(frame.kind is Kind.PLUGGED for frame in self.frames))
        return json.loads(next(frame for frame in self.frames if frame.kind is Kind.PLUGGED).payload)

    def hears_the_end(self) -> bool:
        while self.hear():
            pass
        return True

    def data(self, port: int) -> bytes:
        return b"".join(f.payload for f in self.frames if f.kind is Kind.RECEIVED and f.port == port)

    def total(self, kind: Kind, port: int) -> int:
        return sum(f.number for f in self.frames if f.kind is kind and f.port == port)

    def status(self, port: int) -> tuple[Input, Hold] | None:
        last = [f.payload for f in self.frames if f.kind is Kind.STATUS and f.port == port]
        return (Input(last[-1][0]), Hold(last[-1][1])) if last else None

    def close(self) -> None:
        self.sock.close()


@contextmanager
def running(directory: Path, plan: str) -> Iterator[Cables]:
    """The cables as a process. plan: the expression that makes it."""
    path = directory / "cables.sock"
    with listen(path) as listener:
        descriptor = listener.fileno()
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(descriptor), plan],
            pass_fds=[descriptor],
            env=os.environ | {"PYTHONPATH": "."},
        )
    try:
        yield Cables(path, process)
        assert process.poll() is None, "the process of the cables ended"
    finally:
        process.kill()
        process.wait()
