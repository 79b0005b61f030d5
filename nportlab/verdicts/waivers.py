"""waivers.yaml: fails that somebody accepts until a date. A waived fail is still shown; it never becomes a pass."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nportlab.verdicts.located import Located, read_located
from nportlab.verdicts.problems import Problem, Problems, did_you_mean
from nportlab.verdicts.verdict import TestResult, Verdict

EXPIRES_SOON = timedelta(days=14)


@dataclass(frozen=True)
class UnitFacts:
    """What the scope of a waiver is compared with."""

    name: str
    model: str
    firmware: str


class _Scope(BaseModel):
    model_config = ConfigDict(extra="forbid")
    unit: str = "*"
    model: str = "*"
    firmware: str = "*"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    control: str
    scope: _Scope = _Scope()
    reason: Annotated[str, Field(min_length=1, pattern=r"\S")]
    owner: Annotated[str, Field(min_length=1, pattern=r"\S")]
    expires: date
    ticket: str | None = None


@dataclass(frozen=True)
class Waiver:
    """One accepted fail. Scope values are globs (`NP66*`); `expires` is the last valid day, in UTC."""

    control: str
    unit: str
    model: str
    firmware: str
    reason: str
    owner: str
    expires: date
    ticket: str | None = None
    line: int = 0

    def covers(self, unit: UnitFacts) -> bool:
        """Whether the unit is in scope."""
        pairs = ((unit.name, self.unit), (unit.model, self.model), (unit.firmware, self.firmware))
        return all(fnmatchcase(value, glob) for value, glob in pairs)

    def __str__(self) -> str:
        scope = [
            f"{key} {value}"
            for key, value in (("unit", self.unit), ("model", self.model), ("firmware", self.firmware))
            if value != "*"
        ]
        ticket = f" ({self.ticket})" if self.ticket else ""
        return (
            f"{self.control} on {', '.join(scope) or 'every unit'}, until {self.expires}, "
            f"by {self.owner}: {self.reason}{ticket}"
        )


def today_utc() -> date:
    """The day by which waivers are judged."""
    return datetime.now(UTC).date()


def load_waivers(
    path: Path,
    controls: Collection[str],
    units: Iterable[UnitFacts],
    *,
    today: date | None = None,
    required: bool = False,
) -> list[Waiver]:
    """The waivers of a file; no file means none, unless `required`.

    controls: the ids of the catalogue. units: every unit of the lab, so that a scope that matches none is noticed.
    Raises Problems, naming every one: unknown control, no reason, no owner, a date that has passed, a scope that
    matches no unit, one control waived twice for the same scope.
    """
    if not required and not path.exists():
        return []
    located = read_located(path)
    waivers = _read(located, controls, list(units), today or today_utc())
    if located.problems:
        raise Problems(located.problems)
    return waivers


def _read(located: Located, controls: Collection[str], units: list[UnitFacts], today: date) -> list[Waiver]:
    content = located.data
    if content is None:
        return []
    if not isinstance(content, dict) or set(content) - {"waivers"} or not isinstance(content.get("waivers", []), list):
        if content != {"waivers": None}:
            located.problem((), "the file must be a mapping with one key, `waivers`, that holds a list")
        return []
    found: list[Waiver] = []
    for index, raw in enumerate(content.get("waivers", [])):
        place = ("waivers", index)
        entry = _entry(located, place, raw)
        if entry is None:
            continue
        waiver = Waiver(
            control=entry.control,
            unit=entry.scope.unit,
            model=entry.scope.model,
            firmware=entry.scope.firmware,
            reason=entry.reason.strip(),
            owner=entry.owner.strip(),
            expires=entry.expires,
            ticket=entry.ticket,
            line=located.line(place),
        )
        if waiver.control not in controls:
            near = did_you_mean(waiver.control, controls)
            located.problem((*place, "control"), f"unknown control '{waiver.control}'{near}")
        if waiver.expires < today:
            located.problem((*place, "expires"), f"expired on {waiver.expires}; today is {today} (UTC)")
        if not any(waiver.covers(unit) for unit in units):
            located.problem((*place, "scope"), "matches no unit of the lab")
        for earlier in found:
            if _same(earlier, waiver):
                located.problem(place, f"{waiver.control} is waived for the same scope on line {earlier.line} already")
                break
        found.append(waiver)
    return found


def _entry(located: Located, place: tuple[str | int, ...], raw: Any) -> _Entry | None:
    scope = raw.get("scope") if isinstance(raw, dict) else None
    if isinstance(scope, dict):  # `firmware: 2.3` without quotes
        raw = {**raw, "scope": {key: getattr(value, "text", value) for key, value in scope.items()}}
    try:
        return _Entry.model_validate(raw)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            where = (*place, *detail["loc"])
            match detail["type"]:
                case "missing":
                    located.problem(where[:-1], f"key '{where[-1]}' is missing")
                case "extra_forbidden":
                    known = _Scope.model_fields if "scope" in where[:-1] else _Entry.model_fields
                    near = did_you_mean(where[-1], known)
                    line, path = located.line(where), ".".join(map(str, where[:-1]))
                    located.problems.append(Problem(located.file, line, path, f"unknown key '{where[-1]}'{near}"))
                case "string_too_short" | "string_pattern_mismatch":
                    located.problem(where, "must not be empty")
                case kind if kind.startswith("date"):
                    located.problem(where, f"'{detail['input']}' is not a date such as 2027-01-31")
                case "model_type":
                    located.problem(where, "must be a mapping (indented `key: value` lines)")
                case _:
                    located.problem(where, detail["msg"].removeprefix("Input "))
        return None


def _same(one: Waiver, two: Waiver) -> bool:
    return all(getattr(one, key) == getattr(two, key) for key in ("control", "unit", "model", "firmware"))


def apply_waivers(result: TestResult, waivers: Sequence[Waiver]) -> TestResult:
    """The result with its waived controls noted; a fail becomes `waived` when every control it judges is waived."""
    if result.verdict is not Verdict.FAIL or not result.controls:
        return result
    unit = UnitFacts(result.unit, result.model, result.firmware)
    used = {w.control: w for w in waivers if w.control in result.controls and w.covers(unit)}
    if not used:
        return result
    said = "; ".join(str(waiver) for waiver in used.values())
    verdict = Verdict.WAIVED if len(used) == len(set(result.controls)) else Verdict.FAIL
    return replace(result, verdict=verdict, waived=tuple(sorted(used)), waiver=said)


def unneeded(waivers: Iterable[Waiver], results: Sequence[TestResult]) -> list[Waiver]:
    """Waivers whose control was judged on every unit they cover that was looked at, and passed there each time."""
    found = []
    for waiver in waivers:
        judged = {
            result.verdict
            for result in results
            if waiver.control in result.controls
            and waiver.covers(UnitFacts(result.unit, result.model, result.firmware))
        }
        if Verdict.PASS in judged and judged <= {Verdict.PASS, Verdict.NOT_APPLICABLE, Verdict.INFORMATIONAL}:
            found.append(waiver)
    return found


def expiring(waivers: Iterable[Waiver], today: date | None = None) -> list[Waiver]:
    """Waivers that end within 14 days."""
    return [waiver for waiver in waivers if waiver.expires - (today or today_utc()) < EXPIRES_SOON]
