"""The firmware of a unit: which one runs, as each channel tells it, and a new image through the web console."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from nportlab.guide.firmware import version_key
from nportlab.unit import identity, places
from nportlab.unit.answers import judge
from nportlab.unit.console import WebConsole
from nportlab.unit.document import Form
from nportlab.unit.errors import NotReachable, TlsFailed, UnexpectedAnswer, ValueRefused
from nportlab.unit.identity import Identity
from nportlab.unit.page import Page, submission
from nportlab.unit.sending import Sent
from nportlab.unit.snmp import Community, User
from nportlab.verdicts.faults import UnitBehaviour

if TYPE_CHECKING:
    from nportlab.unit.unit import Unit

_ANSWER: Final = 300.0  # seconds a unit may look at an image before it answers
_ANSWER_VIRTUAL: Final = 60.0
_SHOWN: Final = 200  # characters of a page that is not as expected


class FirmwareRefused(ValueRefused):
    """The unit (or the tool on its behalf) did not take the image; `said` is its own message."""


class TransferBroken(UnitBehaviour):
    """The connection ended before the whole image was out; sent, total: bytes of the upload."""

    sent: int = 0
    total: int = 0


@dataclass(frozen=True)
class Firmware:
    """What the channels say. silent: why a channel that was asked says nothing."""

    told: tuple[Identity, ...]
    silent: dict[str, str] = field(default_factory=dict)

    @property
    def versions(self) -> dict[str, str]:
        """The version by channel, without build: `{"web overview": "2.3", "Moxa service": "2.3"}`."""
        return {seen.channel: seen.version for seen in self.told if seen.version is not None}

    @property
    def version(self) -> str | None:
        """The one every channel tells; None when they disagree, or none tells any."""
        told = list(self.versions.values())
        return told[0] if told and all(same_version(told[0], other) for other in told) else None

    def __str__(self) -> str:
        return (
            ", ".join(f"{version} ({channel})" for channel, version in self.versions.items()) or "no channel tells it"
        )


def same_version(left: str, right: str) -> bool:
    """2.3 and 2.3.0 are the same, 2.3 and 2.3.9 are not; builds do not count."""
    one, two = list(version_key(left)), list(version_key(right))
    longest = max(len(one), len(two))
    return one + [0] * (longest - len(one)) == two + [0] * (longest - len(two))


class UnitFirmware:
    """What a person does on the page Firmware Upgrade, and where the version is shown."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._secrets: dict[str, str] = {}  # what the harness set; an upgrade must not change it

    def forget_secrets(self) -> None:
        """The unit has its factory values: what the harness had set of communities and keys is gone."""
        self._secrets.clear()

    def read(self) -> Firmware:
        """Ask every channel that is on: the Moxa service, a console, SNMP. Raises nothing when one is silent."""
        asked: dict[str, Callable[[], Identity]] = {
            "Moxa service": lambda: identity.from_service(self._unit.moxa_service.identity()),
            "console": lambda: self._unit.management().identity(),
        }
        state = self._unit.state
        self._secrets |= self._unit.written_secrets
        if state.get("console.moxa_service") == "disable":
            del asked["Moxa service"]
        if state.get("snmp.agent") == "enable":
            asked["SNMP"] = self._over_snmp
        told: list[Identity] = []
        silent: dict[str, str] = {}
        for channel, ask in asked.items():
            try:
                told.append(ask())
            except UnitBehaviour as error:
                silent[channel] = error.message
                self._unit.recorder.note(f"{self._unit.name}: no version from {channel}: {error}")
        return Firmware(tuple(told), silent)

    def upload(self, name: str, data: bytes, sent: Sent | None = None, console: WebConsole | None = None) -> str:
        """Choose the file on the page Firmware Upgrade and press its button; returns what the unit says.

        It returns when the unit has the image, not when it has written it. A connection that breaks after the last byte
        is what a unit that restarts at once looks like; the answer is then empty. name: as the unit sees the file's.
        console: another login's than the harness's own. Raises FirmwareRefused, TransferBroken, PageNotFound (no
        permission, or no such page), NotReachable before the first byte.
        """
        console = console or self._unit.console  # 1.x knows one session only
        progress = _Progress(sent)
        seconds = _ANSWER_VIRTUAL if self._unit.rack.virtual else _ANSWER
        try:
            with console.session.client.patient(seconds):
                page, form = upgrade_form(console)
                return _send(console, page, form, name, data, progress)
        except ValueRefused as error:
            refused = FirmwareRefused(
                f"the unit refused the image: {error.said or error.message}",
                remedy="The unit goes on with the firmware it has.",
                resource=f"unit {self._unit.name}",
            )
            refused.said = error.said
            raise refused from None
        finally:
            if progress.complete:
                console.session.client.close_connections()

    def _over_snmp(self) -> Identity:
        known = {**self._unit.state, **self._secrets}
        access: Community | User
        if known.get("snmp.v2") == "enable" or known.get("snmp.v1") == "enable":
            version = "2c" if known.get("snmp.v2") == "enable" else "1"
            access = Community(known.get("snmp.read_community", "public"), version)
        else:
            access = User(known.get("snmp.ro_user") or "rouser")
        return identity.from_labels("SNMP", self._unit.snmp(access).identity())


class _Progress:
    """Passes on how far the upload is, and remembers it."""

    def __init__(self, told: Sent | None) -> None:
        self.sent = 0
        self.total = 0
        self._told = told
        self._last = 0.0
        self._tenth = 0

    def __call__(self, sent: int, total: int) -> None:
        self.sent, self.total = sent, total
        now = time.monotonic()
        tenth = 10 * sent // max(total, 1)
        if self._told is not None and (now - self._last >= 0.2 or tenth != self._tenth or sent in (0, total)):
            self._last, self._tenth = now, tenth
            self._told(sent, total)

    @property
    def complete(self) -> bool:
        """Whether the whole body was handed to the connection."""
        return 0 < self.total <= self.sent


def upgrade_form(console: WebConsole) -> tuple[Page, Form]:
    """The page Firmware Upgrade of who is logged in, and its form for a file.

    Raises PageNotFound (no permission, or no such page), UnexpectedAnswer (it has no field for a file).
    """

    def find() -> tuple[Page, Form]:
        page = console.page(*places.paths("firmware_upgrade"))
        for form in page.document.forms:
            if any(control.kind == "file" for control in form.fields):
                return page, form
        said = " ".join(page.document.text.split())[-_SHOWN:]
        raise UnexpectedAnswer(
            f"the page Firmware Upgrade has no field for a file; it says: {said!r}", resource="web console"
        )

    return console.session.retrying(find)


def _send(console: WebConsole, page: Page, form: Form, name: str, data: bytes, progress: _Progress) -> str:
    chosen = next(control for control in form.fields if control.kind == "file")
    files = {chosen.name: (name, data)}
    try:
        answer = console.session.post(page.target(form), submission(form), files, progress)
    except (NotReachable, TlsFailed) as error:
        if progress.complete:
            return ""
        broken = TransferBroken(
            f"the upload ended after {progress.sent} of {progress.total or len(data)} bytes: {error.message}",
            remedy="Check link and power of the unit; it has not got the whole image.",
            resource="web console",
        )
        broken.sent, broken.total = progress.sent, progress.total or len(data)
        raise broken from None
    return judge(answer, page.document, form, ())
