"""What differs between firmware 1.x and 2.x at the web console: one strategy object per family."""

from __future__ import annotations

from typing import Protocol

from nportlab.unit.document import Document
from nportlab.unit.endpoint import Account
from nportlab.unit.https import Answer, HttpsClient
from nportlab.unit.page import Submission


class Flavour(Protocol):
    """How one firmware family logs in, shows its menu, restarts and exports."""

    name: str
    """`1.x` or `2.x`."""
    restart_path: str | None
    """A page that restarts at once when opened; None when the menu's Restart page has a button for it."""

    def login(self, page: Document, account: Account) -> Submission:
        """The fields to post to `/` for the login page that was shown."""
        ...

    def logged_in(self, client: HttpsClient, answer: Answer) -> bool:
        """Whether the answer to the login means that we are in."""
        ...

    def pass_notices(self, client: HttpsClient, answer: Answer) -> Answer:
        """Confirm what the unit shows between login and first page (such as the login history)."""
        ...

    def menu_documents(self, client: HttpsClient) -> list[Document]:
        """The pages that together hold the menu."""
        ...

    def export(self, client: HttpsClient, pre_shared_key: str | None) -> Answer:
        """Ask for the configuration file. pre_shared_key: for pages that ask for the key to encrypt with."""
        ...


def is_login_page(document: Document) -> bool:
    """Whether the page asks for a login: every known firmware puts a hidden FakeChallenge into it."""
    return any("FakeChallenge" in form.hidden for form in document.forms)


def is_first_boot_page(document: Document) -> bool:
    """Whether the page asks for the first account: a form with a user name and two passwords."""
    for form in document.forms:
        passwords = [control for control in form.fields if control.kind == "password"]
        names = [control for control in form.fields if control.kind == "text"]
        if len(passwords) == 2 and len(names) == 1 and not is_login_page(document):
            return True
    return False
