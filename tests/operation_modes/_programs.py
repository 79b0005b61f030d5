"""Programs of other people as clients of the unit."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Any

from fixtures.serial_lines import PortUnderTest
from nportlab.modes.channel_base import READ_SIZE, ChannelBase
from nportlab.modes.errors import lost
from nportlab.verdicts.faults import NotApplicable


def found(name: str) -> str:
    """Where the program is. Raises NotApplicable when it is not installed."""
    path = shutil.which(name)
    if path is None:
        raise NotApplicable(f"the program {name} is not installed on this host")
    return path


def program(port: PortUnderTest, name: str, *arguments: str, **environment: str) -> Program:
    """A program at work, its standard input and output as a channel; it is killed when the test ends."""
    started = Program(f"{port.label} {name}", [found(name), *arguments], {**os.environ, **environment})
    return port.stack.enter_context(started)


def run(name: str, *arguments: str, timeout: float) -> subprocess.CompletedProcess[str]:
    """A program run to its end. Raises NotApplicable when it is not installed, subprocess.TimeoutExpired."""
    return subprocess.run([found(name), *arguments], capture_output=True, text=True, timeout=timeout, check=False)


class Program(ChannelBase):
    """A running program: what is written goes to its standard input, what it prints is read."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        super().__init__(name)
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, env=environment, bufsize=0, **pipes)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._input, False)
        os.set_blocking(self._output, False)

    def fileno(self) -> int:
        """Descriptor of what it prints."""
        return self._output

    def _take(self) -> bytes:
        try:
            data = os.read(self._output, READ_SIZE)
        except BlockingIOError:
            return b""
        if not data:
            raise lost(self.name, "closed", "the program ended")
        return data

    def write(self, data: bytes | memoryview) -> int:
        """How many bytes its input took. Raises ConnectionLost."""
        try:
            return os.write(self._input, data)
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            raise lost(self.name, "closed", "the program ended") from None

    def close(self) -> None:
        """End the program."""
        self._process.kill()
        self._process.communicate()
