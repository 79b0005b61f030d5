"""Bringing settings into force: the difference, the cheapest route, one restart, healthy again, read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from nportlab.guide.configuration_map import encoded
from nportlab.guide.settings import Setting, settings_table
from nportlab.protocol.configuration_text import ConfigurationText
from nportlab.unit.errors import DidNotStick, Difference
from nportlab.unit.health import Health, Progress
from nportlab.unit.management import Management, WebManagement
from nportlab.verdicts.faults import ConfigFault

if TYPE_CHECKING:
    from nportlab.unit.unit import Unit

CERTIFICATE: Final = "certificate"
_IMPORT_FROM: Final = 5  # pages; below that, forms cost fewer requests than an export and an import
_CONSOLES: Final = ("console.https", "console.ssh", "console.telnet")

_CENTRAL: Final = {"radius": "radius.server", "tacacs": "tacacs.server"}

RestartRule = Literal["if-needed", "always", "never"]


@dataclass
class Applied:
    """What was done. changed: settings that were written; routes: how many by which way; health: of the restart."""

    changed: dict[str, str] = field(default_factory=dict)
    routes: dict[str, int] = field(default_factory=dict)
    restarted: bool = False
    health: Health | None = None


def apply(
    unit: Unit, values: Mapping[str, str], restart: RestartRule = "if-needed", progress: Progress | None = None
) -> Applied:
    """Make `values` (concrete ids, and the pseudo-setting "certificate") the settings in force.

    Writes only what differs, restarts at most once (twice when a certificate is wanted while HTTPS is off), waits until
    the unit is healthy and reads back what was written. Raises ConfigFault for values that make no sense before
    anything is touched, ValueRefused when the unit does not take one, DidNotStick (at the end, the rest is in force)
    when one reads back differently, and what `wait_until_healthy` raises.
    """
    wanted = dict(values)
    certificate = wanted.pop(CERTIFICATE, None)
    settings = _settings(wanted)
    applied = Applied()
    management = unit.management()
    certificate = _certificate_change(unit, certificate)
    if certificate is not None and not isinstance(management, WebManagement):
        apply(unit, {"console.https": "enable"}, "if-needed", progress)
        management = unit.management()
    pending = unit.restart_pending
    text = _export_if_cheaper(unit, management, settings)
    different = _difference(unit, management, wanted, settings, text)
    _check_reachable(unit, management, different)
    _write(unit, management, different, settings, text, applied)
    if certificate is not None:
        _set_certificate(unit, certificate)
        applied.changed[CERTIFICATE] = certificate
    waiting = certificate is not None or any(settings[key].active == "restart" for key in different)
    unit.restart_pending = pending or waiting
    if restart == "always" or (restart == "if-needed" and unit.restart_pending):
        applied.health = unit.restart(progress=progress, state={**unit.state, **wanted})
        applied.restarted = True
        if certificate is not None:
            unit.note_certificate(certificate)
    unit.remember_state(wanted if applied.restarted else _immediate(wanted, settings))
    if not applied.restarted:
        unit.waiting_for_restart |= wanted
    _read_back(unit, {key: value for key, value in wanted.items() if key in different}, settings)
    return applied


def _settings(wanted: Mapping[str, str]) -> dict[str, Setting]:
    table = settings_table()
    problems = table.check(wanted)
    if problems:
        raise ConfigFault("; ".join(problems), remedy="Correct the needs of the test or the baseline.", resource=None)
    return {key: table[key] for key in wanted}


def _export_if_cheaper(unit: Unit, management: Management, settings: Mapping[str, Setting]) -> ConfigurationText | None:
    pages = {setting.page for setting in settings.values()}
    if len(pages) < _IMPORT_FROM or not isinstance(management, WebManagement):
        return None
    return unit.configuration.export()


def _difference(
    unit: Unit,
    management: Management,
    wanted: Mapping[str, str],
    settings: Mapping[str, Setting],
    text: ConfigurationText | None,
) -> dict[str, str]:
    """What has to be written. A secret can not be read, so it is written unless this run wrote the same one before."""
    readable = [key for key, setting in settings.items() if setting.kind != "secret" and not setting.volatile]
    in_file = [key for key in readable if text is not None and _by_file(text, settings[key])]
    stored = management.get_settings([key for key in readable if key not in in_file])
    if text is not None:
        stored |= {key: _from_file(text, settings[key]) for key in in_file}
    different = {key: wanted[key] for key in readable if stored.get(key, "").strip() != wanted[key].strip()}
    secrets = [key for key, setting in settings.items() if setting.kind == "secret"]
    different |= {key: wanted[key] for key in secrets if unit.written_secrets.get(key) != wanted[key]}
    return different | {key: wanted[key] for key, setting in settings.items() if setting.volatile and wanted[key]}


def _write(
    unit: Unit,
    management: Management,
    different: Mapping[str, str],
    settings: Mapping[str, Setting],
    text: ConfigurationText | None,
    applied: Applied,
) -> None:
    in_file = {} if text is None else {k: v for k, v in different.items() if _by_file(text, settings[k])}
    if text is not None and len({settings[key].page for key in in_file}) >= _IMPORT_FROM:
        for key, value in in_file.items():
            _to_file(text, settings[key], value)
        unit.configuration.import_(text)
        applied.routes["configuration import"] = len(in_file)
    else:
        in_file = {}
    rest = {key: value for key, value in different.items() if key not in in_file}
    if rest:
        management.submit(rest)
        applied.routes[management.name] = len(rest)
    unit.written_secrets |= {key: value for key, value in rest.items() if settings[key].kind == "secret"}
    applied.changed |= {key: _shown(settings[key], value) for key, value in different.items()}


def _read_back(unit: Unit, written: Mapping[str, str], settings: Mapping[str, Setting]) -> None:
    readable = [key for key in written if settings[key].kind != "secret" and not settings[key].volatile]
    if not readable:
        return
    seen = unit.management().get_settings(readable)
    wrong = {
        key: Difference(written[key], seen[key])
        for key in readable
        if key in seen and seen[key].strip() != written[key].strip()
    }
    if wrong:
        unit.remember_state({key: diff.seen for key, diff in wrong.items()})
        listed = ", ".join(f"{key} is {diff.seen!r}, was set to {diff.wanted!r}" for key, diff in wrong.items())
        error = DidNotStick(
            f"settings did not stick: {listed}", remedy="See the pages in the evidence.", resource=f"unit {unit.name}"
        )
        error.settings = wrong
        raise error


def _check_reachable(unit: Unit, management: Management, different: Mapping[str, str]) -> None:
    """Never lock ourselves out: only the reset button would let us in again."""
    if any(different.get(key) == "disable" for key in _CONSOLES):
        unknown = [key for key in _CONSOLES if key not in different]
        after = {**management.get_settings(unknown), **different}
        if all(after[key] == "disable" for key in _CONSOLES):
            raise ConfigFault(
                "with these settings no console of the unit would be left",
                remedy="Leave at least one of HTTPS, SSH and Telnet console enabled.",
                resource=f"unit {unit.name}",
            )
    central = _CENTRAL.get(different.get("console.authentication_type", ""))
    if central is not None:
        server = different[central] if central in different else management.get_settings([central])[central]
        if not server:
            raise ConfigFault(
                f"console.authentication_type asks a server, but {central} is empty: nobody could log in",
                remedy=f"Set {central} in the same state.",
                resource=f"unit {unit.name}",
            )


def _certificate_change(unit: Unit, wanted: str | None) -> str | None:
    """The certificate to bring about, None when the one in force is it already."""
    if wanted is None:
        return None
    if wanted not in ("self-signed", "regenerated") and not wanted.startswith("lab:"):
        raise ConfigFault(
            f"unknown certificate {wanted!r}", remedy="Use self-signed, regenerated or lab:<key>.", resource=None
        )
    return None if unit.certificate_is(wanted) else wanted


def _set_certificate(unit: Unit, wanted: str) -> None:
    if wanted.startswith("lab:"):
        unit.certificate.import_pem(unit.issue_certificate(wanted.removeprefix("lab:")).pem)
    else:
        unit.deleted_certificate = unit.certificate.served()
        unit.certificate.delete()


def _by_file(text: ConfigurationText, setting: Setting) -> bool:
    """Whether the configuration file may carry this setting: its key must be verified, and in the unit's own export."""
    place = setting.configuration
    if place is None or place.confidence != "verified" or place.encoding not in ("text", "codes"):
        return False
    if setting.kind == "secret" or (place.section, place.key) not in text:
        return False
    return place.encoding != "codes" or _from_file(text, setting) in setting.choices


def _from_file(text: ConfigurationText, setting: Setting) -> str:
    place = setting.configuration
    assert place is not None
    stored = text.get(place.section, place.key)
    if place.encoding == "codes":
        return next((value for value, code in place.codes.items() if code == stored), stored)
    return stored


def _to_file(text: ConfigurationText, setting: Setting, value: str) -> None:
    place = setting.configuration
    assert place is not None
    text.set(place.section, place.key, encoded(setting, value, text.get(place.section, place.key)))
    if place.companion and (place.section, place.companion.key) in text:
        text.set(place.section, place.companion.key, place.companion.codes[value])


def _shown(setting: Setting, value: str) -> str:
    return "[secret]" if setting.kind == "secret" and value else value


def _immediate(wanted: Mapping[str, str], settings: Mapping[str, Setting]) -> dict[str, str]:
    return {key: value for key, value in wanted.items() if settings[key].active == "immediate"}
