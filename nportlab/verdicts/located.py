"""YAML read so that every value knows its line.

Plain scalars follow YAML 1.2: `on`, `off`, `yes` and `no` are text, not truth values. A number keeps the text it was
written with (`firmware: 2.10` must not become 2.1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from nportlab.verdicts.problems import Place, Problem, dotted

_MOST_VALUES = 100_000  # aliases can make a small file enormous


class WrittenFloat(float):
    """A number that remembers how it was written."""

    text: str


class _Loader(yaml.SafeLoader):
    """SafeLoader with the plain scalars of YAML 1.2."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag in {"tag:yaml.org,2002:null", "tag:yaml.org,2002:float", "tag:yaml.org,2002:merge"}
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _implicit(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


_implicit("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_implicit("int", r"^[-+]?(?:0|[1-9][0-9]*|0x[0-9a-fA-F]+)$", "-+0123456789")


@dataclass
class Located:
    """The content of a file, the line of every place in it, and what was wrong with its form."""

    file: str
    data: Any = None
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, place: Place) -> int:
        """Line of a place, or of the nearest thing above it that is in the file."""
        steps = tuple(str(step) for step in place)
        while steps and steps not in self.lines:
            steps = steps[:-1]
        return self.lines.get(steps, 1)

    def stands(self, place: Place, line: int) -> None:
        """Note that a place is on a line."""
        self.lines[tuple(str(step) for step in place)] = line

    def problem(self, place: Place, message: str, *, show_path: bool = True) -> None:
        """Add a problem at a place."""
        self.problems.append(Problem(self.file, self.line(place), dotted(place) if show_path else "", message))


def read_located(path: Path, *, shown_as: str | None = None) -> Located:
    """Read a YAML file. What is wrong with it ends in `.problems`; nothing is raised.

    shown_as: name of the file in messages; the path by default.
    """
    located = Located(shown_as or str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        located.problems.append(Problem(located.file, 0, "", "there is no such file"))
        return located
    except UnicodeDecodeError as error:
        located.problems.append(Problem(located.file, 0, "", f"is not UTF-8 text (byte {error.start})"))
        return located
    except OSError as error:
        located.problems.append(Problem(located.file, 0, "", f"cannot be read: {error.strerror}"))
        return located
    return read_located_text(text, located)


def read_located_text(text: str, located: Located) -> Located:
    """Read YAML text into `located`."""
    loader: _Loader | None = None
    try:
        loader = _Loader(text)  # the constructor already refuses control characters
        node = loader.get_single_node()
        if node is not None:
            located.data = _Builder(loader, located).build(node, (), ())
    except yaml.YAMLError as error:
        located.data = None
        located.problems.append(Problem(located.file, *_syntax(error, text)))
    except (ValueError, RecursionError) as error:  # a forced tag on text that does not fit it; absurd nesting
        located.data = None
        located.problems.append(Problem(located.file, 0, "", f"is not valid YAML: {error}"))
    finally:
        if loader is not None:
            loader.dispose()
    return located


def _syntax(error: yaml.YAMLError, text: str) -> tuple[int, str, str]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or "not valid YAML"
    if mark is None:
        position = getattr(error, "position", 0)
        return text.count("\n", 0, position) + 1, "", f"is not valid YAML: {said}"
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or "'\\t'" in said:
        return mark.line + 1, "", "a tab indents this line; YAML is indented with spaces"
    return mark.line + 1, "", f"is not valid YAML: {said} (column {mark.column + 1})"


class _Builder:
    """Turns composed nodes into plain values and notes where each stands."""

    def __init__(self, loader: _Loader, located: Located) -> None:
        self.loader = loader
        self.located = located
        self.count = 0

    def build(self, node: yaml.Node, place: Place, above: tuple[int, ...]) -> Any:
        self.count += 1
        if not place or isinstance(place[-1], int):
            self.located.stands(place, node.start_mark.line + 1)
        if id(node) in above or self.count > _MOST_VALUES:
            raise yaml.MarkedYAMLError(problem="an alias contains itself", problem_mark=node.start_mark)
        inside = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place, inside)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*place, index), inside) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, place: Place, inside: tuple[int, ...]) -> dict[Any, Any]:
        self._duplicates(node, place)
        self.loader.flatten_mapping(node)
        values: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self._scalar(key_node)
            if isinstance(key, WrittenFloat):
                key = key.text
            if not isinstance(key, str | int):
                self.located.problems.append(
                    Problem(self.located.file, key_node.start_mark.line + 1, dotted(place), "a key must be a name")
                )
                continue
            here = (*place, key)
            self.located.stands(here, key_node.start_mark.line + 1)
            values[key] = self.build(value_node, here, inside)
        return values

    def _duplicates(self, node: yaml.MappingNode, place: Place) -> None:
        first: dict[str, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag.endswith(":merge"):
                continue
            line = key_node.start_mark.line + 1
            if key_node.value in first:
                self.located.problems.append(
                    Problem(
                        self.located.file,
                        line,
                        dotted((*place, key_node.value)),
                        f"is here a second time; the first is on line {first[key_node.value]}",
                    )
                )
            first.setdefault(key_node.value, line)

    def _scalar(self, node: yaml.Node) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            return None
        value = self.loader.construct_object(node, deep=True)
        if isinstance(value, float):
            written = WrittenFloat(value)
            written.text = node.value
            return written
        return value
