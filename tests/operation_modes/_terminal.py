"""A person at a reverse terminal: the login in front of the line."""

from __future__ import annotations

from fixtures.serial_lines import PortUnderTest
from nportlab.modes.errors import ConnectionLost, NotInTime
from nportlab.modes.reverse_telnet import ReverseTelnet
from nportlab.protocol.telnet_options import Option
from tests.operation_modes._ends import SOON, hear, hear_all, say

USER_PROMPT, PASSWORD_PROMPT = b"ogin:", b"assword:"
"""How prompts end (nport-facts 6, for terminals; the texts of reverse Telnet are not known)."""


def terminal(port: PortUnderTest, **options: object) -> ReverseTelnet:
    """A Telnet client of the port."""
    client = port.connect(**options)
    assert isinstance(client, ReverseTelnet)
    return client


def prompted(client: ReverseTelnet, prompt: bytes, timeout: float = SOON) -> bool:
    """Whether the unit asks with that prompt, or has hung up instead."""
    try:
        client.receive_until(prompt, timeout)
    except (NotInTime, ConnectionLost):
        return False
    return True


def log_in(client: ReverseTelnet, user: str, password: str) -> None:
    """Answer both prompts. Asserts that they come."""
    assert prompted(client, USER_PROMPT), "the unit does not ask for a user name"
    say(client, user.encode() + b"\r\n")
    assert prompted(client, PASSWORD_PROMPT), "the unit does not ask for a password"
    say(client, password.encode() + b"\r\n")


def performs(client: ReverseTelnet, option: Option) -> bool:
    """Whether the unit has said that it performs that option, given time to say so."""
    try:
        client.wait_until(lambda: client.options.is_performed(option), SOON, f"option {option.name}")
    except NotInTime:
        return False
    return True


def agrees_to_binary(client: ReverseTelnet) -> bool:
    """Whether the unit agrees to eight clean bits, both ways."""
    try:
        return client.ask_for_binary(SOON)
    except NotInTime:
        return False


def enter(port: PortUnderTest) -> ReverseTelnet:
    """A client that is logged in with the harness's own account: what it types reaches the line."""
    client = terminal(port)
    log_in(client, port.unit.account.username, port.unit.account.password)
    say(client, b"in")
    heard = hear(port.adapter, 2)
    assert heard == b"in", f"after a right login b'in' came out of the port as {heard!r}"
    hear_all(client)
    return client
