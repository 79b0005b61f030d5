"""Firmware 1.x: MD5Password, session cookie ChallID, frames, export by ConfExp.htm (nport-facts 3.1)."""

from __future__ import annotations

import hashlib
from typing import Final

from nportlab.protocol.web_login import encode_1x
from nportlab.unit.document import Document, Form
from nportlab.unit.endpoint import Account
from nportlab.unit.https import Answer, HttpsClient
from nportlab.unit.page import Submission

DEFAULT_ACCOUNT: Final = ("admin", "moxa")
"""User and password of a unit as delivered and after a factory reset (guide line 61)."""

_FRAMES = 8


class Flavour1x:
    """Firmware 1.x."""

    name = "1.x"
    restart_path: str | None = "/SaveRestart.htm"

    def login(self, page: Document, account: Account) -> Submission:
        """Password hidden by the challenge; the readable password field stays empty. No user name field before 1.14."""
        form = next(form for form in page.forms if "FakeChallenge" in form.hidden)
        fields = dict(form.hidden)
        fields |= {control.name: "" for control in form.fields if control.kind == "password"}
        if any(control.name == "Username" for control in form.fields):
            fields["Username"] = account.username
        fields["MD5Password"] = encode_1x(account.password, form.hidden["FakeChallenge"])
        fields["Submit"] = "Login"
        return list(fields.items())

    def logged_in(self, client: HttpsClient, answer: Answer) -> bool:
        """A cookie ChallID is only set after a good login."""
        return "ChallID" in client.cookies

    def pass_notices(self, client: HttpsClient, answer: Answer) -> Answer:
        """1.x shows its reminder to change the password as a pop-up only."""
        return answer

    def menu_documents(self, client: HttpsClient) -> list[Document]:
        """The frameset at `/` and the page in each of its frames."""
        documents = [client.get("/").document]
        for source in list(documents[0].frames.values())[:_FRAMES]:
            documents.append(client.get(source).document)
        return documents

    def change_password(self, form: Form, old: str, new: str) -> Submission:
        """What the script of ChPassword.htm makes of its fields: the readable ones stay empty (nport-facts 3.1)."""
        fields = dict(form.hidden) | {control.name: "" for control in form.fields}
        fields["pwd"] = hashlib.md5(old.encode("latin-1"), usedforsecurity=False).hexdigest()
        fields["newpwd"] = encode_1x(new, old)
        return [*fields.items(), *((button.name, button.text) for button in form.buttons[:1] if button.name)]

    def export(self, client: HttpsClient, pre_shared_key: str | None) -> Answer:
        """Open ConfExp.htm, then post its hidden fields (later 1.x: a csrf_token) to Config.txt."""
        page = client.get("/ConfExp.htm").document
        hidden = next((form.hidden for form in page.forms if "config.txt" in form.action.casefold()), {})
        return client.post("/Config.txt", list(hidden.items()))
