"""A unit that is a file: what it stores and what is in force survives the process, like a real one's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from nportlab.guide.configuration_map import from_configuration, to_configuration
from nportlab.guide.settings import settings_table
from nportlab.inventory import UnitEntry
from nportlab.plan.need import CERTIFICATE, SELF_SIGNED, Event
from nportlab.protocol.configuration_text import ConfigurationText
from nportlab.safety.journal import Identity
from nportlab.verdicts.faults import UnitBehaviour


class FakeTarget:
    """Implements `nportlab.safety.target.Target`. actions: what was done to it, in order."""

    def __init__(self, path: Path, entry: UnitEntry, mac: str = "00:90:E8:00:00:01") -> None:
        self.path = path
        self.entry = entry
        self.mac = mac
        self.breaks: dict[str, UnitBehaviour] = {}
        if not path.exists():
            self._write(self.factory(), SELF_SIGNED, [])

    def factory(self) -> dict[str, str]:
        return settings_table().factory(self.entry.model, self.entry.firmware)

    @property
    def state(self) -> dict[str, str]:
        return json.loads(self.path.read_text())["state"]

    @property
    def actions(self) -> list[str]:
        return json.loads(self.path.read_text())["actions"]

    def _write(self, state: Mapping[str, str], certificate: str, actions: list[str]) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({"state": dict(state), "certificate": certificate, "actions": actions}))
        fresh.replace(self.path)

    def _do(self, action: str, state: Mapping[str, str], certificate: str | None = None) -> None:
        if error := self.breaks.get(action.partition(" ")[0]):
            raise error
        self._write(state, certificate or self.certificate(), [*self.actions, action])

    def ready(self, saved: bool) -> None:
        if error := self.breaks.get("ready"):
            raise error

    def identity(self) -> Identity:
        return Identity(model=self.entry.model, mac=self.mac, serial="1", firmware=self.entry.firmware)

    def export(self) -> ConfigurationText:
        return ConfigurationText.build(to_configuration(self.state, self.entry.model, self.entry.firmware))

    def certificate(self) -> str:
        return json.loads(self.path.read_text())["certificate"]

    def apply(self, values: Mapping[str, str], event: Event) -> None:
        settings = {key: value for key, value in values.items() if key != CERTIFICATE}
        certificate = values.get(CERTIFICATE, self.certificate()).replace("regenerated", SELF_SIGNED)
        self._do(f"{event} {','.join(sorted(values))}".strip(), {**self.state, **settings}, certificate)

    def factory_reset(self) -> None:
        self._do("factory-reset", self.factory())

    def load(self, text: ConfigurationText, secrets: Mapping[str, str], certificate: str | None) -> None:
        loaded = from_configuration(text.as_sections(), self.entry.model, self.entry.firmware)
        self._do("load", {**self.state, **loaded, **secrets}, certificate)

    def close(self) -> None:
        pass
