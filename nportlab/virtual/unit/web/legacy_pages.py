"""The menu of firmware 1.x: restart is a link, the export is plain text (nport-facts 3.1)."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from aiohttp import web

from nportlab.guide.pages import pages
from nportlab.protocol.web_login import LONGEST_1X
from nportlab.virtual.unit.accounts import AccountRefused
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.web.configuration_file import ConfigurationRefused, export_text, import_text
from nportlab.virtual.unit.web.legacy_settings import LegacySettingsPage
from nportlab.virtual.unit.web.markup import button, form, heading, hidden, row, tag, text
from nportlab.virtual.unit.web.pages import settings_by_path
from nportlab.virtual.unit.web.pages.certificate_page import CertificatePage
from nportlab.virtual.unit.web.pages.firmware_page import FirmwarePage
from nportlab.virtual.unit.web.pages.maintenance import FactoryDefaultPage
from nportlab.virtual.unit.web.pages.overview import OverviewPage
from nportlab.virtual.unit.web.pages.saved import saved
from nportlab.virtual.unit.web.pages.system_log import SystemLogPage
from nportlab.virtual.unit.web.texts import texts
from nportlab.virtual.unit.web.visit import Handler, Page, Visit, field_file, field_text

_EXPORT: Final = "/Config.txt"
_IMPORT: Final = "/ConfImp.htm"


@functools.cache
def script() -> str:
    """The JavaScript of the login and password pages."""
    return Path(__file__).with_name("legacy.js").read_text("utf-8")


def legacy_pages(device: Device) -> list[Page]:
    """The menu of firmware 1.x, in the order of the guide's pages."""
    special: dict[str, Page] = {
        "overview": OverviewPage(),
        "certificate": CertificatePage(),
        "user_account": _ChangePassword(),
        "firmware_upgrade": FirmwarePage(with_token=False),
        "backup_restore": _Backup(),
        "load_factory_default": FactoryDefaultPage(),
        "system_log": SystemLogPage(),
        "restart": _SaveRestart(),
    }
    settings = settings_by_path(device)
    by_function: dict[str, LegacySettingsPage] = {}
    found: list[Page] = []
    for place in pages().values():
        if place.id in special:
            found.append(special[place.id])
        for concrete in [place.for_port(n) for n in device.model.ports] if "Port #" in place.path else [place]:
            if place.settings and concrete.path in settings:
                page = LegacySettingsPage(concrete, settings[concrete.path], by_function)
                by_function[page.function] = page
                found.append(page)
    return found


class _SaveRestart(Page):
    """Restarts when opened."""

    def __init__(self) -> None:
        super().__init__(pages()["restart"])

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """GET as the link does, POST as the form of the page after an import does."""
        return {("GET", self.url): self._restart, ("POST", self.url): self._restart}

    async def _restart(self, visit: Visit) -> web.Response:
        return visit.restarting(self.title)


class _Backup(Page):
    """ConfExp.htm: the export as plain text, and the import."""

    def __init__(self) -> None:
        super().__init__(pages()["backup_restore"].model_copy(update={"url": "/ConfExp.htm"}))

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """The page, the export, the import."""
        return {("GET", self.url): self._show, ("POST", _EXPORT): self._export, ("POST", _IMPORT): self._import}

    async def _show(self, visit: Visit, problem: str | None = None) -> web.Response:
        chosen = row("Configuration file", tag("INPUT", type="file", name="ConfFile"))
        body = (
            heading("Configuration Export")
            + form(_EXPORT.lstrip("/"), visit.token(_EXPORT), button("Submit") + "\n")
            + heading("Configuration Import")
            + form(_IMPORT, visit.token(_IMPORT), f"<TABLE>\n{chosen}</table>\n{button('Submit')}\n", multipart=True)
        )
        return visit.page(self.title, body, problem=problem)

    async def _export(self, visit: Visit) -> web.Response:
        await visit.posted(_EXPORT)
        visit.device.log.add("Config", "Config Export", visit.session.user)
        headers = {"Content-Disposition": "attachment; filename=Config.txt"}
        return web.Response(body=export_text(visit.device), content_type="text/plain", headers=headers)

    async def _import(self, visit: Visit) -> web.Response:
        data = field_file(await visit.posted(_IMPORT), "ConfFile")
        try:
            import_text(visit.device, data, visit.session.user)
        except ConfigurationRefused as refused:
            return await self._show(visit, str(refused))
        return saved(visit, self.title, texts()["imported"])


class _ChangePassword(Page):
    """ChPassword.htm: the old password's MD5 proves knowledge of it and hides the new one."""

    def __init__(self) -> None:
        super().__init__(pages()["user_account"])

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """The form and its answer."""
        return {("GET", self.url): self._show, ("POST", self.url): self._submit}

    async def _show(self, visit: Visit, problem: str | None = None) -> web.Response:
        rows = "".join(
            row(label, tag("INPUT", type="password", name=name, maxlength=16))
            for label, name in (
                ("Old password", "old_passwd"),
                ("New password", "passwd"),
                ("Confirm password", "conf_passwd"),
            )
        )
        body = (
            f"<SCRIPT>\n{script()}</script>\n"
            + tag("FORM", method="post", action=self.url, onsubmit="return encodeChange(this)")
            + hidden("pwd", "")
            + hidden("newpwd", "")
            + f"\n<TABLE>\n{rows}</table>\n{button('Submit')}\n</FORM>\n"
        )
        return visit.page(self.title, body, problem=problem)

    async def _submit(self, visit: Visit) -> web.Response:
        posted = await visit.request.post()
        old, changed = field_text(posted, "pwd") or "", field_text(posted, "newpwd") or ""
        if old.lower() != visit.session.password_md5:
            return await self._show(visit, texts()["password_refused"])
        try:
            password = revealed(changed, old)
            visit.device.accounts.put(visit.session.user, password, changed=visit.device.clock.utc().isoformat())
        except ValueError as refused:
            said = str(refused) if isinstance(refused, AccountRefused) else texts()["password_refused"]
            return await self._show(visit, said)
        visit.session.password_md5 = hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
        visit.device.log.add("Config", "Password Changed", visit.session.user)
        return visit.page(self.title, f"<P>{text(texts()['password_changed'])}\n")


def revealed(hidden_digits: str, mask: str) -> str:
    """The password behind hex digits that were XORed with the digits of a mask. Raises ValueError for anything else.

    That the digits are XORed one by one, as at the login, is invented.
    """
    if len(hidden_digits) > 2 * LONGEST_1X:
        raise ValueError("too many digits")
    digits = (f"{int(left, 16) ^ int(right, 16):x}" for left, right in zip(hidden_digits, mask, strict=False))
    return bytes.fromhex("".join(digits)).decode("latin-1")
