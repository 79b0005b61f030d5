"""Ways of an image into a unit that are not the harness's usual ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nportlab.firmware.routes import WebRoute
from nportlab.firmware.routes.mcc_tool import Done, ToolRoute, user_of
from nportlab.firmware.routes.route import Handed
from nportlab.firmware.routes.tool_errors import ToolError, ToolLoginRefused, error_of
from nportlab.firmware.routes.tool_log import Line
from nportlab.guide.firmware import Route as RouteName
from nportlab.unit.answers import judge
from nportlab.unit.console import WebConsole
from nportlab.unit.document import Form
from nportlab.unit.endpoint import Account
from nportlab.unit.errors import PageNotFound, UnexpectedAnswer, ValueRefused
from nportlab.unit.firmware import FirmwareRefused, upgrade_form
from nportlab.unit.page import Page, submission
from nportlab.unit.sending import Sent
from nportlab.unit.unit import Unit
from nportlab.verdicts.faults import Inconclusive

_SERVICE = 4900
_NOT_TRIED = -15
"""What the tool says when the unit lets it in and no further."""


@dataclass
class ByWebAs:
    """The upload in the browser of another account."""

    account: Account
    pages: tuple[str, ...] = ()
    """Menu paths the account sees: it does get in."""
    name: RouteName = "web"
    watched: bool = False

    def ready(self, unit: Unit) -> str:
        """As for the harness's own account."""
        return WebRoute().ready(unit)

    def send(self, unit: Unit, image: Handed, deadline: float, lock: int, progress: Sent | None = None) -> str:
        """Upload on its own page; without one, send what the administrator's browser would. Raises FirmwareRefused."""
        try:
            known = upgrade_form(unit.console)
        except UnexpectedAnswer as error:
            raise Inconclusive(f"for the administrator, too: {error.message}") from error
        unit.console.logout()  # 1.x knows one session only
        console = unit.new_console(self.account)
        console.login()
        try:
            self.pages = tuple(" > ".join(entry.path) for entry in console.menu())
            try:
                return unit.firmware.upload(image.name, image.data, progress, console)
            except (PageNotFound, UnexpectedAnswer):
                return _post(console, known, image)
        finally:
            console.logout()


def _post(console: WebConsole, known: tuple[Page, Form], image: Handed) -> str:
    page, form = known
    chosen = next(control for control in form.fields if control.kind == "file")
    answer = console.session.post(page.target(form), submission(form), {chosen.name: (image.name, image.data)})
    try:
        return judge(answer, page.document, form, ())
    except ValueRefused as error:
        raise _refused(error.said or f"status {answer.status}") from None


@dataclass
class ByToolAs:
    """The tool with another account."""

    inner: ToolRoute
    account: Account
    name: RouteName = "tool"
    watched: bool = True

    def ready(self, unit: Unit) -> str:
        """As for the harness's own account."""
        return self.inner.ready(unit)

    def send(self, unit: Unit, image: Handed, deadline: float, lock: int, progress: Sent | None = None) -> str:
        """Run the tool. Raises FirmwareRefused when the account is what the unit does not take."""
        account, host = self.account, unit.tcp(_SERVICE).host
        try:
            done = self.inner.tool.upgrade(
                host, account.username, account.password, image, unit.name, deadline=deadline, lock=lock,
                progress=progress,
            )  # fmt: skip
        except ToolError as error:
            if isinstance(error, ToolLoginRefused) or error.code == _NOT_TRIED:
                raise _refused(error.printed.strip() or error.message) from None
            raise
        return done.printed


@dataclass
class ByToolWithList:
    """The tool with a list of units; the others are addresses nobody has. lines: what it says of each."""

    inner: ToolRoute
    nobody: tuple[str, ...]
    lines: tuple[Line, ...] = field(default=())
    name: RouteName = "tool"
    watched: bool = True

    def ready(self, unit: Unit) -> str:
        """As for a single unit."""
        return self.inner.ready(unit)

    def send(self, unit: Unit, image: Handed, deadline: float, lock: int, progress: Sent | None = None) -> str:
        """Run the tool, the addresses nobody has first. Raises the ToolError the unit's own line stands for."""
        account, host = unit.account, unit.tcp(_SERVICE).host
        account.check()
        rows: list[Mapping[str, str]] = [{"IP": address, "User": "nobody", "PWD": "nobody"} for address in self.nobody]
        rows.append({"IP": host, "User": user_of(unit), "PWD": account.password})
        done: Done = self.inner.tool.upgrade_list(
            rows, image, unit.name, deadline=deadline, lock=lock, progress=progress
        )
        self.lines = done.lines
        code = next((line.code for line in done.lines if line.address == host), None)
        if code:
            raise error_of(code, done.printed, unit.name)
        return done.printed


def _refused(said: str) -> FirmwareRefused:
    error = FirmwareRefused(f"the unit refused the account: {said}")
    error.said = said
    return error
