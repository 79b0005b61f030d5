"""Print jobs in pieces, as a client sends them that takes its time, or is gone in the middle of one."""

from __future__ import annotations

from typing import Any

from fixtures.mode_clients import network_port
from fixtures.serial_lines import PortUnderTest
from nportlab.modes.errors import NotInTime
from nportlab.modes.printer import LpdClient
from nportlab.modes.stream import StreamChannel
from nportlab.modes.tcp import TcpClient
from nportlab.protocol.lpd import ACCEPTED, Command, FileBegins, Request, Subcommand
from tests.operation_modes._ends import hear, say

_CONTROL = b"Hnportlab\nPnportlab\nldfA001nportlab\nUdfA001nportlab\n"


def lpd(port: PortUnderTest) -> LpdClient:
    """A client of the unit's print server."""
    return LpdClient(port.endpoint(network_port(port)), label=port.label)


def print_lpd(port: PortUnderTest, queue: str, data: bytes, **options: Any) -> None:
    """A whole job for a queue. Asserts that the unit accepts every step of it."""
    try:
        last = lpd(port).print_job(queue, data, **options)[-1]
    except NotInTime as late:
        raise AssertionError(f"a job for queue {queue}: {late.message}") from late
    assert last.accepted, f"a job for queue {queue} was not accepted: {last}"


def raw_job(port: PortUnderTest) -> StreamChannel:
    """The beginning of a raw job: what is sent is printed, until our side is closed (`stop_sending`)."""
    return port.stack.enter_context(_connected(port, "printer RAW"))


def lpd_job(port: PortUnderTest, queue: str, size: int) -> StreamChannel:
    """The beginning of a job for a queue: what is sent is printed, until `size` bytes and ACCEPTED were."""
    job = port.stack.enter_context(_connected(port, "printer LPD"))
    for what, octets in (
        ("the job", Request(Command.RECEIVE_JOB, queue).encode()),
        ("the control file", FileBegins(Subcommand.CONTROL_FILE, len(_CONTROL), "cfA001nportlab").encode()),
        ("the end of the control file", _CONTROL + ACCEPTED),
    ):
        say(job, octets)
        answer = hear(job, 1)
        assert answer == ACCEPTED, f"{what} was answered with {answer!r}"
    # Whether this is answered while another job is printed is the unit's affair: it is not waited for.
    say(job, FileBegins(Subcommand.DATA_FILE, size, "dfA001nportlab").encode())
    return job


def _connected(port: PortUnderTest, mode: str) -> StreamChannel:
    return TcpClient.connect(port.endpoint(network_port(port)), label=port.label, mode=mode)
