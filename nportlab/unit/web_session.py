"""A login at a unit's web console: in, out, kept alive, and what the unit's answers mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeVar

from nportlab.protocol.web_login import LoginEncodingError
from nportlab.unit.answers import message
from nportlab.unit.document import Document
from nportlab.unit.endpoint import Account, Endpoint
from nportlab.unit.errors import (
    FirstBootPending,
    LockedOut,
    LoginRefused,
    NotReachable,
    SessionLimit,
    SessionLost,
    TlsFailed,
    UnexpectedAnswer,
)
from nportlab.unit.flavour import Flavour, is_first_boot_page, is_login_page
from nportlab.unit.flavour_1x import Flavour1x
from nportlab.unit.flavour_2x import Flavour2x
from nportlab.unit.https import Answer, HttpsClient
from nportlab.unit.menu import MenuEntry
from nportlab.unit.page import Submission
from nportlab.unit.pinning import Pin
from nportlab.unit.sending import Sent
from nportlab.verdicts.faults import ConfigFault
from nportlab.verdicts.recorder import NullRecorder, Recorder

_LOCKED = re.compile(r"\block(ed|out)?\b", re.IGNORECASE)
_LIMIT = re.compile(r"already log|maximum|too many|limit", re.IGNORECASE)

_Result = TypeVar("_Result")
Files = Mapping[str, tuple[str, bytes]]


class WebSession:
    """One browser at the web console. Logs in when first needed and once more when the unit dropped the session."""

    def __init__(
        self,
        endpoint: Endpoint,
        account: Account,
        recorder: Recorder | None = None,
        *,
        pin: Pin | None = None,
        connect_timeout: float = 5.0,
        read_timeout: float = 20.0,
        source_address: str | None = None,
    ) -> None:
        """pin: where to record the served certificate. source_address: local address to dial from."""
        self.account = account
        self.recorder: Recorder = recorder or NullRecorder()
        self.client = HttpsClient(
            endpoint,
            self.recorder,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            pin=pin,
            source_address=source_address,
        )
        self._flavour: Flavour | None = None
        self._inside = False
        self._menu: list[MenuEntry] | None = None

    @property
    def flavour(self) -> Flavour:
        """The firmware family, read off the login page."""
        if self._flavour is None:
            self._flavour = _flavour_of(self.client.get("/").document)
        return self._flavour

    # ---- in and out

    def login(self) -> None:
        """Log in. A session that is open is left first: firmware 1.x takes no second one.

        Raises LoginRefused (remembered: the next try raises at once, without asking the unit), LockedOut, SessionLimit,
        FirstBootPending, NotReachable, TlsFailed.
        """
        self.account.check()
        self.logout()
        self.forget()
        answer = self.client.get("/")
        page = answer.document
        if is_first_boot_page(page):
            raise FirstBootPending("the unit has no account yet and shows its first boot page", resource="web console")
        if not is_login_page(page):
            self._raise_limit(page)
            raise UnexpectedAnswer(f"no login page at / (status {answer.status})", resource="web console")
        self._flavour = _flavour_of(page)
        try:
            fields = self._flavour.login(page, self.account)
        except LoginEncodingError as error:
            remedy = "Units take 4 to 16 characters; correct the credentials in lab.yaml."
            raise ConfigFault(f"user {self.account.username!r}: {error}", remedy) from None
        answer = self.client.post("/", fields)
        if not self._flavour.logged_in(self.client, answer):
            self._refused(page, answer.document)
        self._raise_limit(answer.document)
        self._flavour.pass_notices(self.client, answer)
        self.account.accepted()
        self._inside = True

    def logout(self) -> None:
        """Log out, so that the session no longer counts against the unit's limit; a unit that is gone is no error."""
        if not self._inside:
            return
        with suppress(NotReachable, TlsFailed, UnexpectedAnswer):
            self.menu()
        self._end()
        self.forget()

    def _end(self) -> None:
        """End the session at the unit, by the menu as far as it has been read."""
        known = [entry.url for entry in self._menu or () if re.fullmatch(r"log ?out", entry.path[-1], re.IGNORECASE)]
        with suppress(NotReachable, TlsFailed, UnexpectedAnswer):
            self.client.get(known[0] if known else "/LogoutAct.htm", follow=False)

    def forget(self) -> None:
        """Drop the session without telling the unit, as a closed browser does."""
        self._inside = False
        self._menu = None
        self.client.forget()

    def forget_firmware(self) -> None:
        """Drop the session and what is known of the firmware: the unit runs another one now."""
        self.forget()
        self._flavour = None

    @property
    def inside(self) -> bool:
        """Whether a login succeeded and nothing ended it since, as far as we know."""
        return self._inside

    def alive(self) -> bool:
        """Whether the unit still knows the session. Counts as activity for the unit; never logs in again."""
        if not self._inside:
            return False
        shown = self.client.get("/").document
        return not is_login_page(shown) and not is_first_boot_page(shown)  # the latter after a reset nobody saw

    # ---- pages

    def get(self, path: str) -> Answer:
        """Open a page, logged in. Raises SessionLost when a second login does not help either."""
        return self.retrying(lambda: self.checked(self.client.get(path)))

    def post(self, path: str, fields: Submission, files: Files | None = None, sent: Sent | None = None) -> Answer:
        """Post a form. A lost session raises SessionLost at once: the form's token belonged to it."""
        return self.checked(self.client.post(path, fields, files, sent=sent))

    def retrying(self, action: Callable[[], _Result]) -> _Result:
        """Run an action that needs a login; once more from its start when the session got lost in it."""
        if not self._inside:
            self.login()
        try:
            return action()
        except SessionLost:
            self.recorder.note("the web session was lost; logging in once more")
            self.login()
            return action()

    def menu(self) -> list[MenuEntry]:
        """Every page of the menu; read once per login."""
        if self._menu is None:
            self.get("/")
            documents = self.flavour.menu_documents(self.client)
            self._menu = [MenuEntry(path, url) for document in documents for path, url in document.menu]
        return self._menu

    def checked(self, answer: Answer) -> Answer:
        """The answer itself; SessionLost when it is the login page."""
        if is_login_page(answer.document):
            self._inside = False
            raise SessionLost("the unit asks for a login again", resource="web console")
        return answer

    # ---- meaning

    def _refused(self, asked: Document, answered: Document) -> None:
        said = message(answered, asked)
        if _LOCKED.search(said):
            raise LockedOut(
                f"the unit says user {self.account.username!r} is locked: {said}",
                remedy="Wait for the unit's lockout time; find out who used a wrong password.",
                resource="web console",
            )
        if _LIMIT.search(said):
            raise SessionLimit(f"the unit takes no further session: {said}", resource="web console")
        self.account.refuse(said)
        raise LoginRefused(
            f"the unit refused user {self.account.username!r}: {said or 'it shows the login page again'}",
            remedy="Correct the credentials of the unit in lab.yaml. It is not tried again in this run.",
            resource="web console",
        )

    def _raise_limit(self, page: Document) -> None:
        if not page.menu and not page.frames and _LIMIT.search(page.text):
            raise SessionLimit(f"the unit takes no further session: {page.text}", resource="web console")


def _flavour_of(page: Document) -> Flavour:
    names = {name for form in page.forms for name in form.hidden} | {f.name for form in page.forms for f in form.fields}
    return Flavour1x() if "MD5Password" in names else Flavour2x()
