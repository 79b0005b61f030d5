"""Firmware 2.x: EncUser and EncPasswd, csrf token per form, export by BackupRestore.htm (nport-facts 3.2)."""

from __future__ import annotations

from nportlab.protocol.web_login import encode_2x
from nportlab.unit.document import Document
from nportlab.unit.endpoint import Account
from nportlab.unit.errors import SessionLost, UnexpectedAnswer
from nportlab.unit.flavour import is_first_boot_page, is_login_page
from nportlab.unit.https import Answer, HttpsClient
from nportlab.unit.page import Submission, submission


class Flavour2x:
    """Firmware 2.x."""

    name = "2.x"
    restart_path: str | None = None

    def login(self, page: Document, account: Account) -> Submission:
        """User name and password hidden by the challenge; the readable fields stay empty."""
        form = next(form for form in page.forms if "FakeChallenge" in form.hidden)
        challenge = form.hidden["FakeChallenge"]
        fields = dict(form.hidden) | {"Username": "", "Password": ""}
        fields["EncUser"] = encode_2x(account.username, challenge)
        fields["EncPasswd"] = encode_2x(account.password, challenge)
        return list(fields.items())

    def logged_in(self, client: HttpsClient, answer: Answer) -> bool:
        """A refused login shows the login page again, a good one anything else."""
        page = answer.document
        return answer.status == 200 and not is_login_page(page) and not is_first_boot_page(page)

    def pass_notices(self, client: HttpsClient, answer: Answer) -> Answer:
        """The login history page is left by WebLogClr?op=0, which keeps the history."""
        return client.get("/WebLogClr?op=0") if "WebLogClr" in answer.text else answer

    def menu_documents(self, client: HttpsClient) -> list[Document]:
        """Every page carries the whole menu."""
        return [client.get("/").document]

    def export(self, client: HttpsClient, pre_shared_key: str | None) -> Answer:
        """Post the form that leads to Config.txt; the other forms of the page have tokens of their own."""
        page = client.get("/BackupRestore.htm").document
        form = next((form for form in page.forms if form.action.casefold().strip("/") == "config.txt"), None)
        if form is None:
            if is_login_page(page):
                raise SessionLost("the unit asks for a login again", resource="web console")
            raise UnexpectedAnswer("the backup page has no form for Config.txt", resource="web console")
        for control in form.fields:
            if control.kind == "password" and pre_shared_key is not None:
                control.value = pre_shared_key
        return client.post("/Config.txt", submission(form))
