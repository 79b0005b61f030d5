"""Which unit this is, as its channels tell it, and whether it is the one lab.yaml describes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from nportlab.guide.family import models
from nportlab.guide.firmware import version_key
from nportlab.protocol.configuration_text import ConfigurationText, UnknownKey
from nportlab.unit.errors import CameBackDifferent
from nportlab.unit.moxa_service import ServiceIdentity
from nportlab.verdicts.faults import ConfigFault

_WORDS = {"model": "model", "serial": "serial no", "firmware": "firmware", "mac": "mac"}


@dataclass(frozen=True)
class Identity:
    """What one channel says; None for what it does not tell.

    model: `NP6150`; firmware: as shown, `2.3 Build 24101817`; mac: upper case with colons; serial: digits.
    """

    channel: str
    model: str | None = None
    firmware: str | None = None
    mac: str | None = None
    serial: str | None = None

    @property
    def version(self) -> str | None:
        """The firmware version without its build: `2.3`."""
        found = re.match(r"\s*[vV]?(\d+(?:\.\d+)*)", self.firmware or "")
        return found[1] if found else None

    def differences(self, other: Identity) -> list[str]:
        """What two channels contradict each other in; what one of them does not tell is no contradiction."""
        found = []
        for name in ("model", "mac", "serial"):
            own, theirs = getattr(self, name), getattr(other, name)
            if own is not None and theirs is not None and own != theirs:
                found.append(f"{name}: {own} ({self.channel}), {theirs} ({other.channel})")
        if self.version and other.version and not _same_version(self.version, other.version):
            found.append(f"firmware: {self.firmware} ({self.channel}), {other.firmware} ({other.channel})")
        return found


def from_labels(channel: str, values: Mapping[str, str]) -> Identity:
    """From labelled values: the Overview page, the text console, SNMP."""
    found: dict[str, str] = {}
    for name, word in _WORDS.items():
        for label, value in values.items():
            if value and label.casefold().lstrip().startswith((word, name)):
                found.setdefault(name, value.strip())
    return _normal(Identity(channel, **found))


def from_service(said: ServiceIdentity) -> Identity:
    """From the Moxa service, which tells the model by a hardware id several models may share."""
    names = [model.name for model in models().values() if model.hw_id == said.hardware_id]
    model = names[0] if len(names) == 1 else None
    return _normal(Identity("Moxa service", model, said.firmware, said.mac, str(said.serial_number)))


def from_configuration(text: ConfigurationText) -> Identity:
    """From the Overview section of an exported configuration."""
    keys = {"model": "Model Name", "serial": "Serial No.", "firmware": "Firmware Version", "mac": "MAC Address"}
    found: dict[str, str] = {}
    for name, key in keys.items():
        try:
            found[name] = text.get("Overview", key)
        except UnknownKey:
            continue
    return _normal(Identity("configuration file", **found))


def check_expected(seen: Identity, name: str, model: str, firmware: str, mac: str | None) -> None:
    """Compare with lab.yaml. Raises ConfigFault that says what lab.yaml says and what is there."""
    wrong: list[str] = []
    if seen.model is not None and seen.model != model:
        wrong.append(f"lab.yaml says model {model}, the unit says {seen.model}")
    if seen.version is not None and not _same_version(seen.version, firmware):
        wrong.append(f"lab.yaml says firmware {firmware}, the unit says {seen.firmware}")
    if mac is not None and seen.mac is not None and seen.mac != mac.upper():
        wrong.append(f"lab.yaml says MAC {mac}, the unit says {seen.mac}")
    if wrong:
        raise ConfigFault(
            f"{'; '.join(wrong)} ({seen.channel})",
            remedy="Correct lab.yaml, or connect the unit it describes; nothing was changed on the unit.",
            resource=f"unit {name}",
        )


def check_unchanged(before: Identity, after: Identity, name: str) -> None:
    """Raises CameBackDifferent when a unit is another one than before a restart; a firmware change does not count."""
    changed = [
        f"{field.name} was {getattr(before, field.name)}, is {getattr(after, field.name)}"
        for field in fields(Identity)
        if field.name in ("model", "mac", "serial")
        and getattr(before, field.name) is not None
        and getattr(after, field.name) is not None
        and getattr(before, field.name) != getattr(after, field.name)
    ]
    if changed:
        raise CameBackDifferent(
            f"after the restart the unit is another one: {'; '.join(changed)}",
            remedy="Look for a second device at this address.",
            resource=f"unit {name}",
        )


def _normal(identity: Identity) -> Identity:
    """One spelling for what units write differently ("NPort 6150", "00-90-e8-..")."""
    model = identity.model
    if model is not None:
        model = re.sub(r"(?i)^\s*(?:moxa\s+)?nport[\s-]*(?=\d)", "NP", model).strip()
    mac = identity.mac
    if mac is not None:
        digits = re.sub(r"[^0-9A-Fa-f]", "", mac).upper()
        mac = ":".join(digits[i : i + 2] for i in range(0, 12, 2)) if len(digits) == 12 else None
    return replace(
        identity, model=model or None, mac=mac, serial=(identity.serial or "").lstrip("0") or identity.serial
    )


def _same_version(left: str, right: str) -> bool:
    """2.3 and 2.3.0 are the same, 2.3 and 2.3.9 are not."""
    one, two = list(version_key(left)), list(version_key(right))
    longest = max(len(one), len(two))
    return one + [0] * (longest - len(one)) == two + [0] * (longest - len(two))
