"""What is to be said about the firmware found: published flaws, ages of it and of our list, and the tools in use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from nportlab.guide.advisories import Advisory, advisories_for, advisory_list
from nportlab.guide.family import models
from nportlab.guide.firmware import Firmware, known_version, product_lines, tools, version_key, versions
from nportlab.inventory import Lab
from nportlab.inventory.lab import Profile

Severity = Literal["fail", "warning", "note"]


@dataclass(frozen=True)
class Advice:
    """One thing to say. control: the row of the catalogue it belongs to."""

    control: str
    severity: Severity
    text: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.text} ({self.control})"


def today() -> date:
    """The day by which ages are judged, in UTC."""
    return datetime.now(UTC).date()


def flaws(firmware: str, profile: Profile) -> list[Advice]:
    """PSI-01: the published flaws of a firmware; whether one fails is the profile's choice (`profile.advisories`)."""
    severity: Severity = "fail" if profile.advisories == "fail" else "note"
    return [Advice("PSI-01", severity, _flaw(advisory)) for advisory in advisories_for(firmware)]


def flaws_told(told: Mapping[str, str], profile: Profile) -> list[Advice]:
    """PSI-01: the flaws of every version a unit tells, each once. told: version by channel."""
    return list(dict.fromkeys(advice for version in told.values() for advice in flaws(version, profile)))


def what_to_do(unit: str, told: Iterable[str]) -> str:
    """How a unit gets rid of the flaws of the versions it tells; empty when it has none."""
    fixed = [advisory.fixed for version in told for advisory in advisories_for(version)]
    if not fixed:
        return ""
    target = max(fixed, key=version_key)
    return (
        f"Bring {_named(target)} or newer into it (the way: nportlab firmware paths --unit={unit} --to={target}); "
        f"until then do what the notice advises: {advisory_list().page}"
    )


def list_age(profile: Profile, on: date | None = None) -> list[Advice]:
    """PSI-01: whether the list of flaws is too old to be trusted (`profile.advisory_list_days`), or of the future."""
    checked = advisory_list().checked
    days = ((on or today()) - checked).days
    if days < -1:  # one day for time zones
        return [Advice("PSI-01", "warning", f"the list of advisories is of {checked}; is this host's clock right?")]
    if days > profile.advisory_list_days:
        return [
            Advice(
                "PSI-01",
                "warning",
                f"the list of advisories is of {checked}, {days} days old; lab.yaml takes up to "
                f"{profile.advisory_list_days}. Update nportlab/guide/advisories.yaml",
            )
        ]
    return []


@dataclass(frozen=True)
class Age:
    """days since a firmware was released; since: the version whose day that is, a newer one for a lower bound."""

    days: int
    since: Firmware
    exact: bool

    def __str__(self) -> str:
        if self.exact:
            return f"is of {self.since.released}, {self.days} days old"
        return f"is older than {self.since.version} of {self.since.released}, so at least {self.days} days old"


def age_of(version: str, on: date | None = None) -> Age | None:
    """The age of a version. Where its day is not public: at least that of the next version that was not made as a
    patch; None when there is none of a known day, or the version is not in the table."""
    known = known_version(version)
    if known is None:
        return None
    for row in versions().values():
        exact = row.version == known
        later = version_key(row.version) > version_key(known) and row.patch_of is None
        if row.released is not None and (exact or later):
            return Age(((on or today()) - row.released).days, row, exact)
    return None


def firmware_age(model: str, firmware: str, profile: Profile, on: date | None = None) -> list[Advice]:
    """FWU-01: how old a firmware is, what is newer, and where its notes are. Raises KeyError for an unknown model."""
    page = product_lines()[models()[model].line].page
    version = known_version(firmware)
    if version is None:
        return [Advice("FWU-01", "warning", f"{firmware} is not in nportlab/guide/firmware.yaml; notes: {page}")]
    row, age = versions()[version], age_of(version, on)
    newer = [_named(other) for other in versions() if version_key(other) > version_key(version)]
    old = age is not None and age.days > profile.firmware_days
    parts = [
        f"{version} {age or 'is of a day that is not public, its age unknown'}",
        f"lab.yaml takes up to {profile.firmware_days}" if old else "",
        f"newer: {', '.join(newer)}" if newer else "none newer is known",
        f"known of it: {row.notes}" if row.notes else "",
        f"notes: {page}",
    ]
    return [Advice("FWU-01", "warning" if old else "note", "; ".join(part for part in parts if part))]


def tool_versions(in_use: Mapping[str, str]) -> list[Advice]:
    """FWU-12: the vendor's tools in use (by id of the guide's table), none older than the guide shows."""
    found = []
    for tool in tools().values():
        used = in_use.get(tool.id)
        shown = f"the guide shows {tool.version} of {tool.released}"
        if used is None:
            found.append(Advice("FWU-12", "note", f"{tool.name}: not in use here, or lab.yaml does not say; {shown}"))
            continue
        try:
            older = version_key(used) < version_key(tool.version)
        except ValueError:
            found.append(Advice("FWU-12", "warning", f"{tool.name}: {used!r} is not a version; {shown}"))
            continue
        text = f"{tool.name} {used}" + (
            f" is older than the guide's, {tool.version} of {tool.released}" if older else f"; {shown}"
        )
        found.append(Advice("FWU-12", "warning" if older else "note", text))
    return found


def advise(
    lab: Lab, unit: str, firmware: str | None = None, *, mcc_tool: str | None = None, on: date | None = None
) -> list[Advice]:
    """Everything there is to say about one unit, what matters most first.

    firmware: as the unit shows it, the one of lab.yaml by default. mcc_tool: version the tool itself says.
    """
    entry = lab.units[unit]
    running = firmware or entry.firmware
    in_use = dict(lab.firmware.settings.tools) if lab.firmware else {}
    if mcc_tool is not None:
        in_use["mcc"] = mcc_tool
    found = [
        *flaws(running, lab.profile),
        *list_age(lab.profile, on),
        *firmware_age(entry.model, running, lab.profile, on),
        *tool_versions(in_use),
    ]
    return sorted(found, key=lambda advice: _WORST_FIRST.index(advice.severity))


def worst(advice: Sequence[Advice]) -> Severity | None:
    """The severity that speaks for all; None when there is nothing to say."""
    return next((severity for severity in _WORST_FIRST if any(one.severity == severity for one in advice)), None)


_WORST_FIRST: tuple[Severity, ...] = ("fail", "warning", "note")


def _flaw(advisory: Advisory) -> str:
    return f"{advisory.id} ({advisory.notice}): {advisory.what}; fixed in {_named(advisory.fixed)}"


def _named(version: str) -> str:
    row = versions().get(version)
    return f"{version} (patch of {row.patch_of})" if row and row.patch_of else version
