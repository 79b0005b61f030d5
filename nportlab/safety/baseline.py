"""How a unit was found: its exported configuration and its certificate, and what differs from that later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nportlab.guide.configuration_map import SECRET_WORD, UndecodableValue, from_configuration
from nportlab.guide.settings import Setting, settings_table
from nportlab.plan.need import CERTIFICATE, SELF_SIGNED, Event, serves
from nportlab.protocol.configuration_text import Change, ConfigurationText
from nportlab.verdicts.faults import LabFault

_OVERVIEW = "Overview"


@dataclass(frozen=True)
class Baseline:
    """text: the exported configuration; values: the settings in it, and the pseudo-setting certificate; secrets: those
    settings whose value an export does not show and that are known all the same."""

    text: ConfigurationText
    values: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def certificate(self) -> str:
        """The pseudo-setting."""
        return self.values[CERTIFICATE]


def settings_of(text: ConfigurationText, model: str, firmware: str, unit: str) -> dict[str, str]:
    """The settings an export holds. Raises LabFault when it holds something no setting can have."""
    try:
        return from_configuration(text.as_sections(), model, firmware)
    except UndecodableValue as error:
        raise LabFault(
            f"the exported configuration is not understood: {error}",
            "The guide tables do not fit this unit; nothing is changed on it before they do.",
            f"unit {unit}",
        ) from None


def differences(baseline: ConfigurationText, now: ConfigurationText, model: str, firmware: str) -> list[Change]:
    """What is not as it was, without what the unit changes by itself (its overview, its clock)."""
    moving = {
        (setting.configuration.section, setting.configuration.key)
        for _, setting in settings_table().for_model(model, firmware)
        if setting.volatile and setting.configuration
    }
    return [
        change
        for change in baseline.changes(now)
        if change.section != _OVERVIEW and (change.section, change.key) not in moving
    ]


def same_certificate(found: str, now: str) -> bool:
    """Whether the certificate is of the kind the unit was found with; a unit may have made itself a new one."""
    return serves(CERTIFICATE, now, found) or now == found


def hidden_secrets(text: ConfigurationText, model: str, firmware: str) -> dict[str, Setting]:
    """The secrets that are set on the unit: an export shows the word `password` in their place."""
    found = {}
    for setting_id, setting in settings_table().for_model(model, firmware):
        place = setting.configuration
        if setting.kind != "secret" or place is None or (place.section, place.key) not in text:
            continue
        if text.get(place.section, place.key) == SECRET_WORD:
            found[setting_id] = setting
    return found


def cannot_restore(
    baseline: Baseline, wanted: Mapping[str, str], event: Event | None, model: str, firmware: str, *, kept: bool
) -> str:
    """Why the unit could not be put back after this change; empty when it can.

    A secret that is not known and is overwritten, or lost in a factory reset, is gone. kept: whether lab.yaml names a
    file with the unit's own certificate.
    """
    certificate = wanted.get(CERTIFICATE, baseline.certificate)
    changes_certificate = not serves(CERTIFICATE, baseline.certificate, certificate)
    if (changes_certificate or event == "factory-reset") and baseline.certificate != SELF_SIGNED and not kept:
        return "the unit has an imported certificate and lab.yaml does not name its file, so it could not be put back"
    for setting_id, setting in hidden_secrets(baseline.text, model, firmware).items():
        if setting_id in baseline.secrets:
            continue
        if setting_id in wanted:
            return f"{setting.label} is set on the unit and cannot be read, so it could not be put back"
        if event == "factory-reset" and setting.factory == "":
            return f"a factory reset would lose {setting.label}, which cannot be read back"
    return ""
