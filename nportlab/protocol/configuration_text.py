"""The text of an exported configuration: `[Section]` blocks of `Key=Value` lines.

Everything a file holds survives a round trip byte for byte, also keys nobody knows, lines that fit no pattern, mixed
line ends and bytes that are not UTF-8 (kept as surrogate escapes). Keys are matched exactly; they contain blanks and
are only unique within their section. A key given twice in a section is tolerated: reading gives the last one, as a
reader going through the lines ends up with it, and writing changes all of them. Real exports use CRLF.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self

FIRST_SECTION: Final = "NPort Configuration File"
CRLF: Final = "\r\n"
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class NotAConfiguration(ValueError):
    """The bytes are no exported configuration: the section every export begins with is missing."""


class UnknownKey(KeyError):
    """The configuration has no such section or key."""

    def __init__(self, section: str, key: str) -> None:
        super().__init__(f"no key {key!r} in section [{section}]")
        self.section = section
        self.key = key

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class Change:
    """One difference between two configurations; None where the key does not exist."""

    section: str
    key: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class _Line:
    section: str
    key: str | None  # None for everything that is not Key=Value
    text: str  # the line without its end; for Key=Value only the value
    end: str

    def raw(self) -> str:
        return (f"{self.key}={self.text}" if self.key is not None else self.text) + self.end


class ConfigurationText:
    """An exported configuration, editable in place."""

    def __init__(self, lines: list[_Line]) -> None:
        self._lines = lines
        self._index = _index(lines)

    @classmethod
    def build(cls, sections: Iterable[tuple[str, Iterable[tuple[str, str]]]], line_end: str = CRLF) -> Self:
        """Make a configuration in the layout of a real export: an empty line before each section, none at the end."""
        lines: list[_Line] = []
        for section, entries in sections:
            lines.append(_Line(section, None, "", line_end))
            lines.append(_Line(section, None, f"[{section}]", line_end))
            lines += [_Line(section, _checked_key(key), _checked_value(value), line_end) for key, value in entries]
        return cls(lines)

    @property
    def line_end(self) -> str:
        """The line end most lines have: CRLF, LF or CR."""
        ends = [line.end for line in self._lines if line.end]
        return max(sorted(set(ends)), key=ends.count) if ends else CRLF

    def sections(self) -> list[str]:
        """Names of the sections in the order of the file."""
        return list(dict.fromkeys(line.section for line in self._lines if line.section))

    def keys(self, section: str) -> list[str]:
        """Keys of a section in the order of the file; empty when there is no such section."""
        return [key for name, key in self._index if name == section]

    def items(self) -> Iterator[tuple[str, str, str]]:
        """Every (section, key, value) in the order of the file, each key once."""
        for section, key in self._index:
            yield section, key, self.get(section, key)

    def as_sections(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """All sections with their (key, value) pairs: the shape `build` takes."""
        return [(name, [(key, self.get(name, key)) for key in self.keys(name)]) for name in self.sections()]

    def __contains__(self, place: tuple[str, str]) -> bool:
        return place in self._index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConfigurationText) and self.dump() == other.dump()

    __hash__ = None  # type: ignore[assignment]

    def get(self, section: str, key: str) -> str:
        """The value of a key. Raises UnknownKey."""
        try:
            return self._lines[self._index[section, key][-1]].text
        except KeyError:
            raise UnknownKey(section, key) from None

    def set(self, section: str, key: str, value: str) -> None:
        """Change the value of an existing key. Raises UnknownKey; ValueError for a value with a line end in it."""
        _checked_value(value)
        if (section, key) not in self._index:
            raise UnknownKey(section, key)
        for number in self._index[section, key]:
            line = self._lines[number]
            self._lines[number] = _Line(line.section, line.key, value, line.end)

    def update(self, values: Mapping[tuple[str, str], str]) -> None:
        """Change several keys, all or none: UnknownKey is raised before the first change."""
        for section, key in values:
            if (section, key) not in self._index:
                raise UnknownKey(section, key)
        for value in values.values():
            _checked_value(value)
        for (section, key), value in values.items():
            self.set(section, key, value)

    def add(self, section: str, key: str, value: str) -> None:
        """Set a key, appending it to its section, or the section to the file, where it does not exist yet."""
        if (section, key) in self._index:
            self.set(section, key, value)
            return
        end = self.line_end
        entry = _Line(section, _checked_key(key), _checked_value(value), end)
        places = [
            number
            for number, line in enumerate(self._lines)
            if line.section == section and (line.key is not None or line.text)
        ]
        lines = list(self._lines)
        if places:
            place = places[-1] + 1
            lines[place - 1] = _ended(lines[place - 1], end)
            lines.insert(place, entry)
        else:
            lines = [*lines[:-1], *(_ended(line, end) for line in lines[-1:])]
            lines += [_Line(section, None, "", end), _Line(section, None, f"[{section}]", end), entry]
        self._lines = lines
        self._index = _index(lines)

    def changes(self, other: ConfigurationText) -> list[Change]:
        """What differs when `other` is put in place of this one, in the order of this file, then of the other."""
        places = dict.fromkeys([*self._index, *other._index])
        differences = (
            Change(
                section,
                key,
                self.get(section, key) if (section, key) in self else None,
                other.get(section, key) if (section, key) in other else None,
            )
            for section, key in places
        )
        return [change for change in differences if change.before != change.after]

    def copy(self) -> ConfigurationText:
        """An independent copy."""
        return ConfigurationText(list(self._lines))

    def dump(self) -> bytes:
        """The bytes of the file."""
        return "".join(line.raw() for line in self._lines).encode("utf-8", "surrogateescape")


def parse(data: bytes) -> ConfigurationText:
    """Read a configuration text. Raises NotAConfiguration when the first section of an export is missing."""
    lines: list[_Line] = []
    section = ""
    for match in _LINES.finditer(data.decode("utf-8", "surrogateescape")):
        raw = match.group()
        text = raw.rstrip("\r\n")
        end = raw[len(text) :]
        if text.startswith("[") and text.rstrip().endswith("]"):
            section = text.rstrip()[1:-1]
            lines.append(_Line(section, None, text, end))
        elif section and "=" in text:
            key, _, value = text.partition("=")
            lines.append(_Line(section, key, value, end))
        else:
            lines.append(_Line(section, None, text, end))
    if not any(line.section == FIRST_SECTION for line in lines):
        raise NotAConfiguration(f"no section [{FIRST_SECTION}]: this is not an exported configuration")
    return ConfigurationText(lines)


def _index(lines: list[_Line]) -> dict[tuple[str, str], list[int]]:
    index: dict[tuple[str, str], list[int]] = {}
    for number, line in enumerate(lines):
        if line.key is not None:
            index.setdefault((line.section, line.key), []).append(number)
    return index


def _ended(line: _Line, end: str) -> _Line:
    return line if line.end else _Line(line.section, line.key, line.text, end)


def _checked_key(key: str) -> str:
    if "=" in key or "\r" in key or "\n" in key or key.startswith("["):
        raise ValueError(f"{key!r} cannot be a key of a configuration file")
    return key


def _checked_value(value: str) -> str:
    if "\r" in value or "\n" in value:
        raise ValueError("a value of a configuration file cannot contain a line end")
    return value
