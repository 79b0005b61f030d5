"""The layout of an exported configuration file: its sections and keys, in order, with their values."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Literal

from nportlab.guide.family import Model, model
from nportlab.guide.rows import Row, SourcedRow, read_yaml
from nportlab.guide.values import resolve

Sections = list[tuple[str, list[tuple[str, str]]]]
"""A configuration file in order: (section, [(key, value), ...]), ...; section names without brackets."""

_REPEATED = re.compile(r"(?P<before>.*#)\{1\.\.(?P<last>\d+)\}(?P<after>.*)")


class TemplateSection(Row):
    """One section. keys: lines `Key=Value` in the notation explained in configuration_template.yaml."""

    name: str
    repeat: Literal["ports", "lan"] | None = None
    keys: str


class Template(SourcedRow):
    """All sections in order."""

    sections: tuple[TemplateSection, ...]


@cache
def template() -> Template:
    """The template, loaded once."""
    return Template(**read_yaml("configuration_template.yaml"))


@cache
def layout(name: str) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Sections and keys for one model; identity marks such as `{serial}` are still in the values."""
    unit = model(name)
    found: list[tuple[str, tuple[tuple[str, str], ...]]] = []
    for section in template().sections:
        numbers = {"ports": unit.ports, "lan": range(1, 4), None: [0]}[section.repeat]
        for n in numbers:
            found.append((section.name.replace("Port #n", f"Port #{n}"), tuple(_keys(section.keys, n))))
    return tuple(found)


def blank(name: str | Model, identity: dict[str, str] | None = None) -> Sections:
    """A configuration of that model in which nothing is set.

    identity: model, serial, firmware, address, mac as the unit shows them; what is missing stays empty.
    """
    unit = model(name)
    known = {"model": unit.name, "serial": "", "firmware": "", "address": "", "mac": "", **(identity or {})}
    return [(section, [(key, _identified(value, known)) for key, value in keys]) for section, keys in layout(unit.name)]


def _keys(lines: str, n: int) -> Iterator[tuple[str, str]]:
    for line in lines.splitlines():
        key, _, value = line.partition("=")
        repeated = _REPEATED.fullmatch(key)
        if repeated is None:
            yield key, _computed(value, n, 0)
            continue
        for k in range(1, int(repeated["last"]) + 1):
            yield f"{repeated['before']}{k}{repeated['after']}", _computed(value, n, k)


def _computed(value: str, n: int, k: int) -> str:
    if not (value.startswith("<") and value.endswith(">")):
        return value
    formula = value[1:-1]
    if formula.endswith("+k"):
        formula = f"{formula.removesuffix('k')}{k}"
    return resolve(f"={formula}", n)


def _identified(value: str, known: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda mark: known[mark[1]], value) if "{" in value else value
