"""What tells one firmware from another besides the number it shows (`changes` of the guide's firmware table)."""

from __future__ import annotations

from collections.abc import Callable

from fixtures.serial_lines import PortUnderTest
from nportlab.protocol import configuration_container
from nportlab.unit.unit import Unit
from tests.operation_modes._line import breaks, breaks_until
from tests.operation_modes._sessions import driver

_SEND_BREAK = b"\x23\x02\x00\x32"
"""Real COM, 50 ms."""
_EARLY, _SOON = 0.5, 5.0


def encrypts_exports(unit: Unit, port: PortUnderTest) -> bool:
    """Whether an exported configuration is a container instead of text."""
    return configuration_container.is_container(unit.configuration.export_file())


def has_the_console_of_2x(unit: Unit, port: PortUnderTest) -> bool:
    """Whether one logs in the way of 2.x; the login looks at its page anew."""
    unit.console.logout()
    unit.console.login()
    return unit.console.session.flavour.name == "2.x"


def refuses_a_break_without_session(unit: Unit, port: PortUnderTest) -> bool:
    """Whether a break asked for on the command port reaches the line only with a data session."""
    adapter, session = port.adapter, driver(port)
    session.open_command()
    session.command.send(_SEND_BREAK)
    early = breaks(adapter, _EARLY)
    session.open_data()
    session.command.send(_SEND_BREAK)
    assert breaks_until(adapter, _SOON), "with a data session no break comes either, so nothing is shown"
    return not early


SEEN: dict[str, Callable[[Unit, PortUnderTest], bool]] = {
    "export-encrypted": encrypts_exports,
    "console-2.x": has_the_console_of_2x,
    "break-on-command-port": refuses_a_break_without_session,
}
"""How the newer behaviour shows, by the id of the change. What else changes, other checks look at."""
