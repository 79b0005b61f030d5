"""Seeded defects: mistakes the virtual unit can be given, and the controls each of them breaks."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from pydantic import Field, model_validator

from nportlab.guide.rows import Row, read_yaml, unique

Need = Literal["capture", "broadcast", "power", "reset-button", "second-port", "radius", "adapter"]


class Defect(Row):
    """One seeded defect.

    controls: all controls whose check may fail because of it; proves: those whose check must fail (all when not given);
    description: what the unit does wrong; needs: what the bench must have for it to be seen; firmware: the version to
    sow it into, where another is known to behave like that; images: the oldest and the newest firmware image the lab
    has, for those that show when a unit is given other firmware; shows_in: parts of the names of the tests that are run
    to see it (all of `proves` when not given). The other fields are effects the virtual unit reads
    (see defects.yaml); a defect without any is asked for by name where the behaviour is.
    """

    id: str
    controls: tuple[str, ...]
    proves: tuple[str, ...] = ()
    description: str
    needs: tuple[Need, ...] = ()
    firmware: str | None = None
    images: tuple[str, str] | None = None
    shows_in: tuple[str, ...] = ()
    factory: dict[str, str] = Field(default_factory=dict)
    hides: tuple[str, ...] = ()
    lacks_choices: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    unchecked: tuple[str, ...] = ()
    moves: dict[str, str] = Field(default_factory=dict)
    runs_though_off: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    extra_tcp: tuple[int, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _proves_all_by_default(cls, data: dict[str, object]) -> dict[str, object]:
        return {"proves": data.get("controls", ()), **data}


@dataclass(frozen=True)
class Effects:
    """The effects of several defects put together; fields as in defects.yaml."""

    factory: dict[str, str] = field(default_factory=dict)
    hides: frozenset[str] = frozenset()
    lacks_choices: dict[str, frozenset[str]] = field(default_factory=dict)
    unchecked: frozenset[str] = frozenset()
    moves: dict[str, str] = field(default_factory=dict)
    runs_though_off: frozenset[str] = frozenset()
    dead: frozenset[str] = frozenset()
    extra_tcp: frozenset[int] = frozenset()


@cache
def defects() -> dict[str, Defect]:
    """All defects by id."""
    return unique([Defect(**row) for row in read_yaml("defects.yaml")["defects"]], "defects.yaml")


def defects_of(control: str) -> list[Defect]:
    """The defects that prove the check of a control can fail."""
    return [defect for defect in defects().values() if control in defect.proves]


def effects(ids: Iterable[str]) -> Effects:
    """What the defects with these ids change; KeyError for an unknown id."""
    found = [defects()[name] for name in ids]
    factory: dict[str, str] = {}
    moves: dict[str, str] = {}
    lacks: dict[str, frozenset[str]] = {}
    for defect in found:
        factory |= defect.factory
        moves |= defect.moves
        for setting, choices in defect.lacks_choices.items():
            lacks[setting] = lacks.get(setting, frozenset()) | frozenset(choices)
    return Effects(
        factory=factory,
        hides=frozenset(name for defect in found for name in defect.hides),
        lacks_choices=lacks,
        unchecked=frozenset(name for defect in found for name in defect.unchecked),
        moves=moves,
        runs_though_off=frozenset(name for defect in found for name in defect.runs_though_off),
        dead=frozenset(name for defect in found for name in defect.dead),
        extra_tcp=frozenset(port for defect in found for port in defect.extra_tcp),
    )


def overridden(factory: dict[str, str], changes: dict[str, str]) -> dict[str, str]:
    """A factory state with a defect's `factory` changes in it; a table id (`port.operation_mode`) means every port."""
    result = dict(factory)
    for name, value in changes.items():
        if name in result:
            result[name] = value
        elif name.startswith("port."):
            ending = name.removeprefix("port")
            result |= {key: value for key in result if key.startswith("port.") and key.endswith(ending)}
    return result
