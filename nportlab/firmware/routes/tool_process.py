"""Running a foreign program: with a deadline, in a session of its own, its output kept, its secrets left out."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nportlab.verdicts.faults import LabFault
from nportlab.verdicts.redaction import MARK, Redactor

_MOST_OUTPUT: Final = 256 * 1024  # bytes that are kept
_MOST_ON_DISK: Final = 16 * 1024 * 1024
_LAST: Final = 4096
_ENDING: Final = 5.0  # seconds to end after SIGTERM
_POLL: Final = 0.02


@dataclass(frozen=True)
class Ended:
    """How a program ended. status: exit status, negative for a signal, None when it hung and was ended; printed: its
    output, both streams, without secrets; problem: why it could not even be started."""

    status: int | None
    printed: str
    seconds: float
    problem: OSError | None = None


def run(
    command: Sequence[str],
    secrets: Iterable[str],
    *,
    folder: Path,
    deadline: float,
    keep_open: Iterable[int] = (),
    told: Callable[[float, str], None] | None = None,
) -> Ended:
    """Run and wait. deadline: seconds. keep_open: descriptors it inherits. told: seconds so far and the last line it
    printed, about once a second.

    It gets a session of its own, so that Ctrl-C in the terminal does not reach it: a unit may be in the middle of a
    flash. When it hangs, everything in its session is ended. Raises LabFault when its output cannot be kept.
    """
    redactor = Redactor()
    for secret in secrets:
        redactor.add(secret)
    start = time.monotonic()
    output = _Output(redactor)
    with output as printed:
        try:
            process = subprocess.Popen(
                list(command),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                pass_fds=tuple(keep_open),
                start_new_session=True,
            )
        except OSError as error:
            return Ended(None, "", 0.0, error)
        try:
            status = _wait(process, start + deadline, start, output, told)
        except BaseException:
            if not keep_open:  # what holds a lock of ours must not be ended in the middle of its work
                _end(process)
            raise
        return Ended(status, output.text, time.monotonic() - start)


def masked(command: Sequence[str], secret_options: Iterable[str]) -> str:
    """The command line for records: what follows an option that takes a secret is not shown."""
    hidden, shown, options = False, [], set(secret_options)
    for word in command:
        shown.append(MARK if hidden else word)
        hidden = not hidden and word in options
    return " ".join(shown)


def _wait(
    process: subprocess.Popen[bytes],
    end: float,
    start: float,
    output: _Output,
    told: Callable[[float, str], None] | None,
) -> int | None:
    last = start
    while process.poll() is None:
        now = time.monotonic()
        if now > end:
            _end(process)
            return None
        output.bound()
        if told is not None and now - last >= 1.0:
            last = now
            told(now - start, output.last_line)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLL)
    return process.returncode


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and what it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_ENDING)
            if number is signal.SIGTERM:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # what it started may not have listened
            return


class _Output:
    """What the program prints, in a nameless file: a pipe would break, and end the program in the middle of its work,
    when this process is killed."""

    def __init__(self, redactor: Redactor) -> None:
        """Raises LabFault when there can be no such file."""
        self._redactor = redactor
        try:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - it lives as long as the program
        except OSError as error:
            raise LabFault(
                f"what the tool prints cannot be kept: {error.strerror or error}",
                "Make room in the folder for temporary files; nothing was sent.",
                "this host",
            ) from None
        fcntl.fcntl(self._file.fileno(), fcntl.F_SETFL, os.O_APPEND)
        self._first = b""

    def __enter__(self) -> int:
        return self._file.fileno()

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def bound(self) -> None:
        """A program that prints without end does not fill the disk; its first and its last words are kept."""
        if self._size > _MOST_ON_DISK:
            self._first = self._first or os.pread(self._file.fileno(), _MOST_OUTPUT, 0)
            os.ftruncate(self._file.fileno(), 0)

    @property
    def text(self) -> str:
        """Everything so far, without secrets; the middle of very much is left out."""
        first = self._first or os.pread(self._file.fileno(), _MOST_OUTPUT, 0)
        if not self._first and self._size <= _MOST_OUTPUT:
            return self._clean(first)
        # Whole lines only: half a secret would not be recognised.
        whole = first[: first.rfind(b"\n") + 1]
        return f"{self._clean(whole)}[...]\n{self._end}"

    @property
    def last_line(self) -> str:
        """The last line so far."""
        lines = [line.strip() for line in self._end.replace("\r", "\n").splitlines() if line.strip()]
        return lines[-1][:120] if lines else ""

    @property
    def _end(self) -> str:
        """The last lines; what one of them began with may be missing, and it is then left out whole."""
        start = max(0, self._size - _LAST)
        end = os.pread(self._file.fileno(), _LAST, start).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return self._clean(end.partition(b"\n")[2] if start or self._first else end)

    def _clean(self, printed: bytes) -> str:
        return self._redactor.clean(printed.decode("utf-8", "replace"))
