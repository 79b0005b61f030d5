"""The configuration file of a unit: exported, decrypted, edited, encrypted, imported (nport-facts 10)."""

from __future__ import annotations

from collections.abc import Callable

from nportlab.protocol import configuration_container as container
from nportlab.protocol import configuration_text
from nportlab.protocol.configuration_text import ConfigurationText
from nportlab.unit.console import WebConsole
from nportlab.unit.errors import ConfigurationUnreadable


class UnitConfiguration:
    """Export and import over the web console. Firmware 1.x exchanges plain text, 2.x an encrypted container."""

    def __init__(self, console: WebConsole, pre_shared_key: Callable[[], str]) -> None:
        """pre_shared_key: asked only when a file is opened or made."""
        self._console = console
        self._key = pre_shared_key
        self._layout: tuple[bytes, int] | None = None  # magic and version of the unit's own exports

    def export_file(self) -> bytes:
        """The file as the unit sends it."""
        return self._console.export_configuration(self._key())

    def export(self) -> ConfigurationText:
        """The unit's stored configuration. Raises ConfigurationUnreadable."""
        return self.open(self.export_file())

    def open(self, file: bytes) -> ConfigurationText:
        """Decrypt where needed, and parse. Raises ConfigurationUnreadable, which says what does not fit."""
        try:
            if not container.is_container(file):
                return configuration_text.parse(file)
            opened = container.decrypt(file, self._key())
            self._layout = (opened.magic, opened.version)
            return configuration_text.parse(opened.text)
        except container.WrongKeyOrDamaged as error:
            message = f"the configuration file can not be decrypted: {error}"
            remedy = "Check pre_shared_key of the unit in lab.yaml (factory value: moxa)."
        except container.Truncated as error:
            message, remedy = f"the configuration file is cut off: {error}", "Export it again."
        except ValueError as error:
            message, remedy = f"not a configuration file: {error}", "Look at the bytes in the evidence."
        raise ConfigurationUnreadable(message, remedy=remedy, resource="configuration file")

    def make_file(self, text: ConfigurationText) -> bytes:
        """The file to import for a configuration: encrypted the way the unit's own exports are."""
        if self._console.session.flavour.name == "1.x":
            return text.dump()
        magic, version = self._layout or (container.MAGIC_6000, container.VERSION_2)
        return container.encrypt(text.dump(), self._key(), version, magic)

    def import_(self, text: ConfigurationText) -> str:
        """Import a configuration; active after a restart. Raises ConfigurationRefused."""
        return self.import_file(self.make_file(text))

    def import_file(self, file: bytes) -> str:
        """Import a file as it is, whatever is in it. Raises ConfigurationRefused with the unit's message."""
        return self._console.import_configuration(file, self._key())
