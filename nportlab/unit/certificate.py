"""The certificate of a unit: what it serves, what its page says, and importing, deleting, exporting it (guide 3.2)."""

from __future__ import annotations

import datetime
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from nportlab.unit import places
from nportlab.unit.certificate_provider import CertificateProvider
from nportlab.unit.console import WebConsole
from nportlab.unit.document import Field, Form, plain
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import CertificateRefused, NotReachable, TlsFailed, UnexpectedAnswer, ValueRefused
from nportlab.unit.https import HttpsClient
from nportlab.unit.maintenance import upload
from nportlab.unit.page import Page, fill, submission
from nportlab.unit.pinning import lenient_context

_DATES = re.compile(r"(\d{4}/\d{1,2}/\d{1,2})\D+(\d{4}/\d{1,2}/\d{1,2})")


@dataclass(frozen=True)
class Panel:
    """What the certificate page shows. valid_from, valid_to: as printed, `2024/10/6`."""

    issued_to: str
    issued_by: str
    valid_from: str
    valid_to: str


class UnitCertificate:
    """The certificate slot of a unit; imported certificates are served after the next restart."""

    def __init__(self, console: WebConsole, https: Endpoint, *, timeout: float = 10.0) -> None:
        """timeout: seconds for reading the served certificate."""
        self._console = console
        self._https = https
        self._timeout = timeout

    def served(self) -> x509.Certificate:
        """The certificate the web console serves right now. Raises NotReachable, TlsFailed."""
        return served(self._https, self._timeout)

    def panel(self) -> Panel:
        """What the unit says about its installed certificate."""
        document = self._page().document
        dates = _DATES.search(document.value_of("Valid") or "")
        to, by = document.value_of("Issued to"), document.value_of("Issued by")
        if to is None or by is None or dates is None:
            raise UnexpectedAnswer(
                "the certificate page does not show issued to, issued by and valid", resource="web console"
            )
        return Panel(to, by, dates[1], dates[2])

    def import_pem(self, data: bytes, name: str = "certificate.pem") -> str:
        """Send a certificate file, whatever is in it; returns what the unit says. Raises CertificateRefused."""

        def send(page: Page) -> str:
            form = _form(page, "import", lambda form: any(control.kind == "file" for control in form.fields))
            return upload(self._console, page, form, name, data)

        return self._act(send)

    def delete(self) -> str:
        """Choose Delete and submit: after a restart the unit makes itself a new certificate."""
        return self._choose("Delete")

    def keep(self) -> str:
        """Submit the delete form as it stands when the page is opened (on Keep)."""
        return self._choose(None)

    def export(self) -> bytes:
        """The file the unit gives out as its certificate."""

        def fetch(page: Page) -> bytes:
            form = _form(page, "export", _exports)
            session = self._console.session
            return session.post(page.target(form), submission(form)).body

        return self._console.session.retrying(lambda: fetch(self._page()))

    def export_without_session(self, stranger: HttpsClient) -> bytes:
        """What the unit answers when somebody who is not logged in asks for the export. stranger: has no cookies."""
        page = self._page()
        form = _form(page, "export", _exports)
        return stranger.post(page.target(form), submission(form)).body

    def delete_choice(self) -> str:
        """What the Delete/Keep control stands on when the page is opened."""
        _, control = self._page().find("SSL/TLS certificate")
        return next((option.text for option in control.options if option.selected), "")

    def state(self, provider: CertificateProvider | None) -> str:
        """The pseudo-setting "certificate" as served: `self-signed`, `lab:<key>`, or `imported` for a foreign one."""
        certificate = self.served()
        if provider is not None and provider.issued(certificate):
            return f"lab:{_kind(certificate)}"
        return "self-signed" if certificate.issuer == certificate.subject else "imported"

    def _choose(self, choice: str | None) -> str:
        def send(page: Page) -> str:
            form = _form(page, "delete", lambda form: any(_offers(control, "Delete") for control in form.fields))
            if choice is not None:
                fill(next(control for control in form.fields if _offers(control, choice)), choice)
            return self._console.submit_form(page, form).said

        return self._act(send)

    def _act(self, action: Callable[[Page], str]) -> str:
        try:
            return self._console.session.retrying(lambda: action(self._page()))
        except ValueRefused as error:
            refused = CertificateRefused(f"the unit refused the certificate: {error.said}", resource="web console")
            refused.said = error.said
            raise refused from None

    def _page(self) -> Page:
        return self._console.page(*places.paths("certificate"))


def served(endpoint: Endpoint, timeout: float) -> x509.Certificate:
    """The certificate served at a TLS port. timeout: seconds. Raises NotReachable, TlsFailed."""
    try:
        with (
            socket.create_connection(endpoint, timeout) as raw,
            lenient_context().wrap_socket(raw) as wrapped,
        ):
            data = wrapped.getpeercert(binary_form=True)
    except ssl.SSLError as error:
        raise TlsFailed(f"no TLS connection to {endpoint}: {error.reason or error}", resource="web console") from None
    except OSError as error:
        raise NotReachable(f"no connection to {endpoint}: {error.strerror or error}", resource="web console") from None
    if not data:
        raise TlsFailed(f"{endpoint} served no certificate", resource="web console")
    return x509.load_der_x509_certificate(data)


def _form(page: Page, what: str, fits: Callable[[Form], bool]) -> Form:
    for form in page.document.forms:
        if fits(form):
            return form
    raise UnexpectedAnswer(f"the certificate page has no form to {what} one", resource="web console")


def _exports(form: Form) -> bool:
    return "export" in form.action.casefold() or not form.fields


def _offers(control: Field, choice: str) -> bool:
    return any(plain(option.text) == plain(choice) for option in control.options)


def _kind(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        over = certificate.not_valid_after_utc < datetime.datetime.now(datetime.UTC)
        return "expired" if over else f"p{key.curve.key_size}"
    return f"rsa{key.key_size}" if isinstance(key, rsa.RSAPublicKey) else "other"
