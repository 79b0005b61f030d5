"""Backup/Restore: the configuration file out and in, encrypted with a pre-shared key (nport-facts 3.2, 10.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from nportlab.guide.pages import pages
from nportlab.protocol import configuration_container as container
from nportlab.virtual.unit.web.configuration_file import ConfigurationRefused, export_text, import_text
from nportlab.virtual.unit.web.markup import button, form, heading, row, tag
from nportlab.virtual.unit.web.pages.saved import saved
from nportlab.virtual.unit.web.texts import texts
from nportlab.virtual.unit.web.visit import Handler, Page, Visit, field_file, field_text

EXPORT: Final = "/Config.txt"
_IMPORT: Final = "/ConfImp.htm"
_KEY: Final = "PreSharedKey"
_KEEP: Final = "KeepNetwork"


class BackupPage(Page):
    """Two forms; the export's action is relative, as a client that resolves links must cope with."""

    def __init__(self) -> None:
        super().__init__(pages()["backup_restore"])

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """The page, the export, the import."""
        return {("GET", self.url): self._show, ("POST", EXPORT): self._export, ("POST", _IMPORT): self._import}

    async def _show(self, visit: Visit, problem: str | None = None) -> web.Response:
        key = row("Pre-shared key", tag("INPUT", type="password", name=_KEY, maxlength=32, value=container.DEFAULT_PSK))
        chosen = row("Configuration file", tag("INPUT", type="file", name="ConfFile"))
        keep = row("Keep network settings", tag("INPUT", type="checkbox", name=_KEEP, value=1))
        body = (
            heading("Configuration Export")
            + form(EXPORT.lstrip("/"), visit.token(EXPORT), f"<TABLE>\n{key}</table>\n{button('Submit')}\n")
            + heading("Configuration Import")
            + form(
                _IMPORT,
                visit.token(_IMPORT),
                f"<TABLE>\n{chosen}{key}{keep}</table>\n{button('Submit')}\n",
                multipart=True,
            )
        )
        return visit.page(self.title, body, problem=problem)

    async def _export(self, visit: Visit) -> web.Response:
        psk = field_text(await visit.posted(EXPORT), _KEY) or container.DEFAULT_PSK
        try:
            data = container.encrypt(export_text(visit.device), psk)
        except ValueError:
            return await self._show(visit, texts()["psk_refused"])
        visit.device.log.add("Config", "Config Export", visit.session.user)
        return web.Response(
            body=data,
            content_type="application/octet-stream",
            headers={"Content-Disposition": "attachment; filename=Config.txt", "Cache-Control": "no-store"},
        )

    async def _import(self, visit: Visit) -> web.Response:
        posted = await visit.posted(_IMPORT)
        data = field_file(posted, "ConfFile")
        psk = field_text(posted, _KEY) or container.DEFAULT_PSK
        try:
            opened = _opened(data, psk)
            import_text(visit.device, opened, visit.session.user, keep_network=_KEEP in posted)
        except ConfigurationRefused as refused:
            return await self._show(visit, str(refused))
        return saved(visit, self.title, texts()["imported"])


def _opened(data: bytes, psk: str) -> bytes:
    """The text of an uploaded container. Raises ConfigurationRefused with the unit's words."""
    words = texts()
    if not data:
        raise ConfigurationRefused(words["file_missing"])
    try:
        opened = container.decrypt(data, psk)
    except container.Truncated:
        raise ConfigurationRefused(words["file_truncated"]) from None
    except container.WrongKeyOrDamaged:
        raise ConfigurationRefused(words["file_damaged"]) from None
    except container.NotAContainer:
        raise ConfigurationRefused(words["file_foreign"]) from None
    except ValueError:
        raise ConfigurationRefused(words["psk_refused"]) from None
    if opened.magic != container.MAGIC_6000:
        raise ConfigurationRefused(words["file_foreign"])
    return opened.text
