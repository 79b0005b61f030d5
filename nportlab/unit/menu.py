"""The menu of a unit's web console, and finding a page in it by the paths the guide uses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nportlab.unit.document import plain
from nportlab.unit.errors import PageNotFound, not_found

SEPARATOR = " > "


class MenuEntry(NamedTuple):
    """One page of the menu: its path from the outermost group, and where it is on the unit."""

    path: tuple[str, ...]
    url: str

    @property
    def text(self) -> str:
        """`Administration > Console Settings`."""
        return SEPARATOR.join(self.path)


def steps(path: str) -> tuple[str, ...]:
    """`Administration > Console Settings` as its two steps."""
    return tuple(step.strip() for step in path.split(">") if step.strip())


def find(menu: Sequence[MenuEntry], paths: Iterable[str]) -> MenuEntry:
    """The first entry that fits one of the paths; the guide calls some pages by several.

    Tried in order: the whole path; the path as the end of a longer one; a page whose own name is the path's last step,
    if the menu has exactly one such page. Raises PageNotFound with the nearest paths.
    """
    wanted = [tuple(plain(step) for step in steps(path)) for path in paths]
    folded = [(tuple(plain(step) for step in entry.path), entry) for entry in menu]
    for path in wanted:
        for own, entry in folded:
            if own == path:
                return entry
    for path in wanted:
        for own, entry in folded:
            if path and own[-len(path) :] == path:
                return entry
    for path in wanted:
        same_name = [entry for own, entry in folded if path and own and own[-1] == path[-1]]
        if len(same_name) == 1:
            return same_name[0]
    first = SEPARATOR.join(steps(next(iter(paths), "")))
    raise not_found(PageNotFound, "page", first, [entry.text for entry in menu])
