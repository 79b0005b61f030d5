"""System Configuration > Firmware Upgrade: Choose File, Submit (guide 4.2). Field names and words are invented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import BodyPartReader, web

from nportlab.guide.pages import pages
from nportlab.virtual.unit.firmware_rules import FirmwareRefused
from nportlab.virtual.unit.firmware_upgrade import BUSY, Upload
from nportlab.virtual.unit.web.markup import button, form, panel, row, tag, text
from nportlab.virtual.unit.web.texts import texts
from nportlab.virtual.unit.web.visit import BadToken, Handler, Page, Visit
from nportlab.virtual.waiting import within

_FILE: Final = "FirmwareFile"
_PIECE: Final = 16 * 1024
_LONGEST_TOKEN: Final = 64


class FirmwarePage(Page):
    """The upload of firmware, the same in both flavours. with_token: its form carries a csrf token (firmware 2.x)."""

    def __init__(self, with_token: bool = True) -> None:
        super().__init__(pages()["firmware_upgrade"])
        self._with_token = with_token

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """The page and its form."""
        return {("GET", self.url): self._show, ("POST", self.url): self._submit}

    async def _show(self, visit: Visit, problem: str | None = None) -> web.Response:
        upgrade = visit.device.upgrade
        rows = [("Firmware version", visit.device.build)]
        if upgrade.stage is not None and not visit.device.has_defect("second-upload-accepted-meanwhile"):
            rows.append(("Upgrade", f"{upgrade.stage} {upgrade.percent} %"))
            return visit.page(self.title, panel(rows) + f"<P>{text(BUSY)}\n", problem=problem)
        chosen = row("Firmware file", tag("INPUT", type="file", name=_FILE))
        body = f"<TABLE>\n{chosen}</table>\n{button('Submit')}\n"
        if self._with_token:
            opened = form(self.url, visit.token(self.url), body, multipart=True)
        else:
            opened = tag("FORM", method="post", action=self.url, enctype="multipart/form-data") + body + "</FORM>\n"
        return visit.page(self.title, panel(rows) + opened, problem=problem)

    async def _submit(self, visit: Visit) -> web.Response:
        device = visit.device
        try:
            upload = device.upgrade.begin(f"{visit.session.user} via web", "web")
        except FirmwareRefused as refused:
            return await self._show(visit, str(refused))
        try:
            token = await self._receive(visit.request, upload)
            if self._with_token and not visit.session.tokens.good(token, self.url):
                raise BadToken
            await upload.verify()
            upload.install_alone()
        except FirmwareRefused as refused:
            upload.abandon()
            return await self._show(visit, str(refused))
        except TimeoutError:
            upload.abandon()
            answer = await self._show(visit, texts()["file_truncated"])
            answer.force_close()
            return answer
        except ValueError:  # not a form with a file in it
            upload.abandon()
            return await self._show(visit, texts()["file_missing"])
        finally:
            upload.abandon()
        return visit.page(self.title, f"<P>{text(BUSY)}\n<P>{text(texts()['upgrading'])}\n")

    async def _receive(self, request: web.Request, upload: Upload) -> str:
        """Read the form piece by piece; returns its token. Raises ValueError for what is no such form, ConnectionError
        or TimeoutError when the sender goes away or falls silent."""
        upload.announce(request.content_length or 0)
        reader = await request.multipart()
        token = ""
        while (part := await within(upload.idle_seconds, reader.next())) is not None:
            if not isinstance(part, BodyPartReader):
                raise ValueError("parts within parts")
            if part.name == "csrf_token":
                token = (await part.read_chunk(_LONGEST_TOKEN)).decode("latin-1")
            elif part.name == _FILE:
                while piece := await within(upload.idle_seconds, part.read_chunk(_PIECE)):
                    upload.feed(piece)
            else:
                await part.release()
        return token
