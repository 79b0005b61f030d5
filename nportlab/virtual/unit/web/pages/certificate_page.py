"""The certificate for HTTPS and secure operation modes: panel, import, delete, export (guide 3.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from nportlab.guide.pages import pages
from nportlab.virtual.unit.certificate import CertificateRefused
from nportlab.virtual.unit.web.markup import button, form, heading, panel, row, tag, text
from nportlab.virtual.unit.web.pages.saved import saved
from nportlab.virtual.unit.web.texts import texts
from nportlab.virtual.unit.web.visit import Handler, Page, Visit, field_file, field_text

_IMPORT: Final = "/CertImport.htm"
_DELETE: Final = "/CertDelete.htm"
_EXPORT: Final = "/Certificate.pem"


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
            ("POST", _EXPORT): self._export,
        }

    async def _show(self, visit: Visit, problem: str | None = None) -> web.Response:
        shown = visit.device.certificate.panel()
        rows = [("Issued to", shown.issued_to), ("Issued by", shown.issued_by), ("Valid", shown.valid)]
        choice = "".join(
            f"{tag('INPUT', type='radio', name='Certificate', value=value, checked=value == 'Keep')}{value} "
            for value in ("Delete", "Keep")
        )
        chosen = row("Select SSL/TLS certificate/key file", tag("INPUT", type="file", name="CertFile"))
        body = (
            heading("Ethernet SSL/TLS Certificate Import")
            + f"<P>{text(texts()['certificate_use'])}\n"
            + heading("Installed Certificate")
            + panel(rows)
            + form(_IMPORT, visit.token(_IMPORT), f"<TABLE>\n{chosen}</table>\n{button('Submit')}\n", multipart=True)
            + heading("Delete Certificate")
            + form(
                _DELETE,
                visit.token(_DELETE),
                f"<TABLE>\n{row('SSL/TLS certificate', choice)}</table>\n{button('Submit')}\n",
            )
            + heading("Certificate Export")
            + form(_EXPORT, visit.token(_EXPORT), button("Submit") + "\n")
        )
        return visit.page(self.title, body, problem=problem)

    async def _import(self, visit: Visit) -> web.Response:
        data = field_file(await visit.posted(_IMPORT), "CertFile")
        if not data:
            return await self._show(visit, texts()["file_missing"])
        try:
            await asyncio.to_thread(visit.device.certificate.import_pem, data)
        except CertificateRefused as refused:
            return await self._show(visit, str(refused))
        visit.device.log.add("Config", "SSL Certificate Import", visit.session.user)
        return saved(visit, self.title, texts()["certificate_ok"])

    async def _delete(self, visit: Visit) -> web.Response:
        if field_text(await visit.posted(_DELETE), "Certificate") != "Delete":
            return await self._show(visit)
        visit.device.certificate.delete()
        visit.device.log.add("Config", "Config Changed", visit.session.user)
        return saved(visit, self.title, texts()["certificate_ok"])

    async def _export(self, visit: Visit) -> web.Response:
        await visit.posted(_EXPORT)
        certificate, key = visit.device.certificate.in_use()
        body = certificate + key if visit.device.has_defect("certificate-export-holds-key") else certificate
        return web.Response(
            body=body.encode(),
            content_type="application/x-pem-file",
            headers={"Content-Disposition": "attachment; filename=certificate.pem"},
        )
