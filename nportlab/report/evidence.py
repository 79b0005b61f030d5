"""Evidence of one test: a transcript of what was sent and received, and files; no secrets, bounded in size."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from nportlab.verdicts.redaction import Redactor
from nportlab.verdicts.verdict import TestResult

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_LENGTH = 96
_RESULT = "result.json"


@dataclass(frozen=True)
class Limits:
    """Most bytes kept: of one side of an exchange, of a transcript, of a file, of everything one process writes."""

    exchange: int = 32 * 1024
    transcript: int = 4 * 1024 * 1024
    file: int = 16 * 1024 * 1024
    process: int = 1024 * 1024 * 1024


class Budget:
    """What is left of the bytes one process may write, and the first failure to write. Shared by its recorders."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.left = limits.process
        self.failure: str = ""

    def failed(self, error: OSError, path: Path) -> None:
        """Remember the first failure; later ones are its consequences."""
        self.failure = self.failure or f"{path}: {error.strerror or error}"


def safe_name(text: str) -> str:
    """A file name made of letters, digits, dot, dash and underscore; long ones are cut and end in a hash."""
    name = _UNSAFE.sub("-", text).strip("-.") or "unnamed"
    if len(name) <= _NAME_LENGTH:
        return name
    return f"{name[: _NAME_LENGTH - 9]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def test_folder(test: str) -> str:
    """Folder name of a test: `tests/hardening/test_tls.py::test_a[np6150-x]` -> `tls.test_a-np6150-x`."""
    path, _, rest = test.partition("::")
    module = Path(path).stem.removeprefix("test_")
    return safe_name(".".join(part for part in (module, *rest.split("::")) if part))


test_folder.__test__ = False  # type: ignore[attr-defined]  # pytest must not collect it


class EvidenceRecorder:
    """The evidence of one test on one unit. Implements `verdicts.Recorder`; nothing here ever raises on a full disk.

    Files are written at once, so that what was seen survives the death of the process.
    """

    def __init__(self, run_folder: Path, folder: Path, redactor: Redactor, budget: Budget) -> None:
        self._run_folder = run_folder
        self.folder = folder
        self._redactor = redactor
        self._budget = budget
        self._transcript = 0
        self._paths: dict[str, None] = {}
        self.positive: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """What was written, relative to the run folder, transcript first."""
        return tuple(sorted(self._paths, key=lambda path: not path.endswith("transcript.txt")))

    @property
    def result_path(self) -> str:
        """Where `close` writes the verdict, relative to the run folder."""
        return self._relative(self.folder / _RESULT)

    def note(self, text: str) -> None:
        """One line for the reader."""
        self._append(f"{_now()}  {self._redactor.clean(text)}\n")

    def exchange(
        self,
        channel: str,
        summary: str,
        sent: bytes | str | None = None,
        received: bytes | str | None = None,
    ) -> None:
        """One request and its answer, as on the wire."""
        head = f"{_now()}  {channel}  {self._redactor.clean(summary)}\n"
        self._append(head + self._side("sent", sent) + self._side("received", received))

    def positive_control(self, text: str) -> None:
        """Say where the same probe was seen to succeed, so that the absence this test asserts counts."""
        self.positive = f"{self._redactor.clean(text)}, {_now()[:8]}"
        self.note(f"control: {text}")

    def write(self, name: str, data: bytes | str | Mapping[str, Any] | list[Any]) -> str:
        """Keep a file; mappings and lists become JSON. Returns its path relative to the run folder.

        A file larger than the limit is cut, and the transcript says so.
        """
        if isinstance(data, Mapping | list):
            data = json.dumps(self._redactor.clean_all(data), indent=2, ensure_ascii=False, default=str) + "\n"
        raw = _encoded(self._redactor.clean(data))
        limit = self._budget.limits.file
        if len(raw) > limit:
            self.note(f"{name}: {len(raw)} bytes, the first {limit} are kept (sha256 of all: {_sha256(raw)})")
            raw = raw[:limit]
        path = self._free(safe_name(name))
        self._put(path, raw, "xb")
        return self._relative(path)

    def close(self, result: TestResult, facts: Mapping[str, Any] | None = None) -> None:
        """Write result.json: the verdict, and the unit it was reached on."""
        content = {key: value for key, value in asdict(result).items() if value not in ("", (), {})}
        content.update(facts or {})
        text = json.dumps(self._redactor.clean_all(content), indent=2, ensure_ascii=False, default=str) + "\n"
        self._put(self.folder / _RESULT, _encoded(text), "wb")

    def __enter__(self) -> EvidenceRecorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def _side(self, which: str, data: bytes | str | None) -> str:
        if data is None:
            return ""
        data = self._redactor.clean(data)
        raw = _encoded(data)
        limit = self._budget.limits.exchange
        kept = raw[:limit]
        text = _readable(kept)
        body = text if text is not None else hex_dump(kept)
        left_out = f"    ... {len(raw) - limit} more bytes, sha256 of all {_sha256(raw)}\n" if len(raw) > limit else ""
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        return f"  {which} {len(raw)} bytes{'' if text is not None else ' (hex)'}\n{lines}{left_out}"

    def _append(self, text: str) -> None:
        raw = _encoded(text)
        limit = self._budget.limits.transcript
        if self._transcript >= limit:
            return
        if self._transcript + len(raw) > limit:
            raw = f"{_now()}  the transcript is full ({limit} bytes); what follows is not kept\n".encode()
            self._transcript = limit
        self._transcript += len(raw)
        self._put(self.folder / "transcript.txt", raw, "ab")

    def _put(self, path: Path, raw: bytes, mode: str) -> None:
        if len(raw) > self._budget.left:
            self._budget.failure = self._budget.failure or "the evidence of this process has reached its size limit"
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open(mode) as file:
                file.write(raw)
        except OSError as error:
            self._budget.failed(error, path)
            return
        self._budget.left -= len(raw)
        self._paths[self._relative(path)] = None

    def _free(self, name: str) -> Path:
        path = self.folder / name
        stem, suffix = path.stem, path.suffix
        for number in range(2, 1000):
            if not path.exists():
                break
            path = self.folder / f"{stem}-{number}{suffix}"
        return path

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._run_folder).as_posix()


def hex_dump(data: bytes) -> str:
    """Offset, sixteen bytes in hex, and what of them is printable ASCII; one line per sixteen bytes."""
    lines = []
    for offset in range(0, len(data), 16):
        row = data[offset : offset + 16]
        printable = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{offset:06x}  {row.hex(' '):<47}  {printable}")
    return "\n".join(lines)


def _readable(data: bytes) -> str | None:
    """The bytes as text when they are text, otherwise None. A character cut in two at the end does not matter."""
    for end in range(len(data), max(len(data) - 4, -1), -1):
        try:
            text = data[:end].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return text if all(char.isprintable() or char in "\r\n\t" for char in text) else None
    return None


def _encoded(data: str | bytes) -> bytes:
    return data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _now() -> str:
    return datetime.now(UTC).strftime("%H:%M:%S.%f")[:-3]
