"""The console through which a unit is managed right now: the web console, or a text console while HTTPS is off."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

from nportlab.unit.console import WebConsole
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import NotReachable
from nportlab.unit.identity import Identity, from_labels
from nportlab.unit.shell import SSH_PORT, TELNET_PORT, Shell
from nportlab.unit.text_console import TextConsole

HTTPS_PORT = 443
_T = TypeVar("_T")


class Management(Protocol):
    """What the setting transaction needs of a console."""

    name: str

    def get_settings(self, ids: Iterable[str]) -> dict[str, str]:
        """Stored canonical values."""
        ...

    def submit(self, values: Mapping[str, str]) -> None:
        """Store values."""
        ...

    def restart(self) -> None:
        """Order a restart."""
        ...

    def identity(self) -> Identity:
        """Which unit this is."""
        ...


class WebManagement:
    """Over HTTPS."""

    name = "web console"

    def __init__(self, console: WebConsole) -> None:
        self._console = console

    def get_settings(self, ids: Iterable[str]) -> dict[str, str]:
        """Stored canonical values, each page opened once."""
        return self._console.get_settings(ids)

    def submit(self, values: Mapping[str, str]) -> None:
        """Store values, one form per page."""
        self._console.submit(values)

    def restart(self) -> None:
        """Order a restart."""
        self._console.restart()

    def identity(self) -> Identity:
        """From the Overview page."""
        return from_labels("web overview", self._console.overview())


class TextManagement:
    """Over SSH or Telnet, one login for each call."""

    def __init__(self, name: str, open_console: Callable[[], TextConsole]) -> None:
        self.name = name
        self._open = open_console

    def get_settings(self, ids: Iterable[str]) -> dict[str, str]:
        """Stored canonical values."""
        wanted = list(ids)
        return self._with(lambda console: console.get_settings(wanted))

    def submit(self, values: Mapping[str, str]) -> None:
        """Store values, one after the other."""
        self._with(lambda console: console.submit(values))

    def restart(self) -> None:
        """Order a restart."""
        self._with(lambda console: console.restart())

    def identity(self) -> Identity:
        """From the main menu."""
        return self._with(lambda console: from_labels(self.name, console.identity()))

    def _with(self, action: Callable[[TextConsole], _T]) -> _T:
        with self._open() as console:
            return action(console)


def choose(console: WebConsole, shell: Shell, tcp: Callable[[int], Endpoint]) -> Management:
    """The web console when its port is open, else SSH, else Telnet. Raises NotReachable when none is."""
    if is_open(tcp(HTTPS_PORT)):
        return WebManagement(console)
    if is_open(tcp(SSH_PORT)):
        return TextManagement("SSH console", shell.ssh)
    if is_open(tcp(TELNET_PORT)):
        return TextManagement("Telnet console", shell.telnet)
    ports = ", ".join(str(tcp(port)) for port in (HTTPS_PORT, SSH_PORT, TELNET_PORT))
    raise NotReachable(
        f"no console answers: {ports}", remedy="Check power, link and address of the unit.", resource="consoles"
    )


def is_open(endpoint: Endpoint, timeout: float = 2.0) -> bool:
    """Whether a TCP connection is accepted. timeout: seconds."""
    try:
        socket.create_connection(endpoint, timeout).close()
    except OSError:
        return False
    return True
