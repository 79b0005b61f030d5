"""The certificate for HTTPS and secure operation modes: panel, import, delete, export (guide 3.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from aiohttp import web

from nportlab.guide.pages import pages
from nportlab.virtual.unit.certificate import CertificateRefused
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.web.markup import button, form, heading, panel, row, tag, text
from nportlab.virtual.unit.web.pages.saved import saved
from nportlab.virtual.unit.web.texts import texts
from nportlab.virtual.unit.web.visit import Handler, Page, Visit, field_file, field_text

_IMPORT: Final = "/CertImport.htm"
_DELETE: Final = "/CertDelete.htm"
EXPORT: Final = "/Certificate.pem"


class CertificatePage(Page):
    """One page, three forms."""

    def __init__(self) -> None:
        super().__init__(pages()["certificate"])

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """The page and what its three forms post to."""
        return {
            ("GET", self.url): self._show,
            ("POST", _IMPORT): self._import,
            ("POST", _DELETE): self._delete,
            ("POST", EXPORT): self._export,
        }

    async def _show(self, visit: Visit, problem: str | None = None) -> web.Response:
        stands_on = "Delete" if visit.device.has_defect("delete-preselected") else "Keep"
        choice = "".join(
            f"{tag('INPUT', type='radio', name='Certificate', value=value, checked=value == stands_on)}{value} "
            for value in ("Delete", "Keep")
        )
        chosen = row("Select SSL/TLS certificate/key file", tag("INPUT", type="file", name="CertFile"))
        deleted = row("SSL/TLS certificate", choice)
        body = (
            heading("Ethernet SSL/TLS Certificate Import")
            + f"<P>{text(texts()['certificate_use'])}\n"
            + heading("Installed Certificate")
            + panel(_panel(visit.device))
            + form(_IMPORT, visit.token(_IMPORT), f"<TABLE>\n{chosen}</table>\n{button('Submit')}\n", multipart=True)
            + heading("Delete Certificate")
            + form(_DELETE, visit.token(_DELETE), f"<TABLE>\n{deleted}</table>\n{button('Submit')}\n")
            + heading("Certificate Export")
            + form(EXPORT, visit.token(EXPORT), button("Submit") + "\n")
        )
        return visit.page(self.title, body, problem=problem)

    async def _import(self, visit: Visit) -> web.Response:
        device = visit.device
        data = field_file(await visit.posted(_IMPORT), "CertFile")
        if not data:
            return await self._show(visit, texts()["file_missing"])
        try:
            await asyncio.to_thread(device.certificate.import_pem, data)
        except CertificateRefused as refused:
            return await self._show(visit, str(refused))
        if not device.has_defect("import-not-logged"):
            device.log.add("Config", "SSL Certificate Import", visit.session.user)
        return saved(visit, self.title, texts()["certificate_ok"])

    async def _delete(self, visit: Visit) -> web.Response:
        if field_text(await visit.posted(_DELETE), "Certificate") == "Delete":
            visit.device.certificate.delete()
            visit.device.log.add("Config", "Config Changed", visit.session.user)
        return saved(visit, self.title, texts()["certificate_ok"])

    async def _export(self, visit: Visit) -> web.Response:
        await visit.posted(EXPORT)
        return exported(visit.device)


def exported(device: Device) -> web.Response:
    """The certificate in use as a file, without its key."""
    certificate, key = device.certificate.in_use()
    body = certificate + key if device.has_defect("certificate-export-holds-key") else certificate
    headers = {"Content-Disposition": "attachment; filename=certificate.pem", "Cache-Control": "no-store"}
    return web.Response(body=body.encode(), content_type="application/x-pem-file", headers=headers)


def _panel(device: Device) -> list[tuple[str, str]]:
    shown = device.certificate.panel()
    issued_to, valid = shown.issued_to, shown.valid
    if device.has_defect("panel-shows-wrong-name"):
        issued_to = device.running["basic.server_name"]
    if device.has_defect("panel-shows-wrong-dates"):
        start = device.clock.now()
        end = start + timedelta(days=365)
        valid = f"from {start.year}/{start.month}/{start.day} to {end.year}/{end.month}/{end.day}"
    return [("Issued to", issued_to), ("Issued by", shown.issued_by), ("Valid", valid)]
