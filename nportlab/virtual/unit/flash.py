"""The flash of a virtual unit: a directory in which every change is either wholly there or not there at all.

Power can be cut at any instruction (SIGKILL). Each file is replaced by write, fsync and rename; what must change
together lives in one file; a factory reset, which touches several files, is first noted in a marker and carried out at
boot.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class FlashDamaged(Exception):
    """A file of the flash is not what the unit wrote. Remedy: delete the unit's flash directory; it starts as new."""


class Flash:
    """Files of one unit under `directory`, created when missing."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for leftover in directory.glob("*.new"):
            leftover.unlink(missing_ok=True)

    def read(self, name: str, default: Any = None) -> Any:
        """The JSON value last committed under `name`, or `default` when there is none."""
        try:
            text = (self.directory / f"{name}.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            return default
        try:
            return json.loads(text)
        except ValueError as error:
            raise FlashDamaged(f"{self.directory / name}.json: {error}") from None

    def commit(self, name: str, value: Any) -> None:
        """Make `value` (JSON) the content of `name`; after return it survives a power cut."""
        path = self.directory / f"{name}.json"
        new = path.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
        self._sync_directory()

    def remove(self, name: str) -> None:
        """Forget `name`; no error when there is none."""
        (self.directory / f"{name}.json").unlink(missing_ok=True)
        self._sync_directory()

    def append(self, name: str, line: str) -> None:
        """Add one line to the text file `name`. A power cut may tear the last line, never an earlier one."""
        with self._text(name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def lines(self, name: str) -> Iterator[str]:
        """The whole lines of the text file `name`; a torn last line is left out."""
        try:
            text = self._text(name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        yield from text.split("\n")[:-1]

    def replace_lines(self, name: str, lines: list[str]) -> None:
        """Make `lines` the whole content of the text file `name`, atomically."""
        path = self._text(name)
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
        self._sync_directory()

    def _text(self, name: str) -> Path:
        return self.directory / f"{name}.txt"

    def _sync_directory(self) -> None:
        descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def peek(directory: Path, name: str, default: Any = None) -> Any:
    """What a unit last committed under `name`, read by somebody else while it may be writing. Leftovers stay."""
    try:
        return json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default
    except ValueError as error:
        raise FlashDamaged(f"{directory / name}.json: {error}") from None
