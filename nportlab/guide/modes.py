"""The operation modes a serial port can run, and the network ports each of them listens on."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from nportlab.guide.rows import Row, SourcedRow, read_yaml, unique


def data_port(n: int) -> int:
    """TCP data port of Real COM on serial port n: 950+(n-1), for n above 16 982+(n-17)."""
    return 949 + n if n <= 16 else 965 + n


def command_port(n: int) -> int:
    """TCP command port of serial port n (Real COM and TCP server): 966+(n-1), for n above 16 998+(n-17)."""
    return 965 + n if n <= 16 else 981 + n


def default_port(n: int) -> int:
    """The number modes with a user-defined port start with: 4000+n."""
    return 4000 + n


def raw_printer_port(group: int) -> int:
    """TCP port of raw printing for a printer group counted from 1: 2048+(group-1)."""
    return 2047 + group


LPD_PORT = 515
PRINTER_GROUPS = 32


class Listener(Row):
    """One listening socket of a mode.

    port: a fixed number, a formula (`data_port(n)`, `command_port(n)`, `raw_printer_port(group)`), or the table id of
    the setting that holds the number. role: what arrives there.
    """

    transport: str
    port: str
    role: str


class OperationMode(SourcedRow):
    """One operation mode.

    label: as the guide's table prints it; choice: text in the unit's list; application, mode: codes in the exported
    configuration and the MIB; secure: TLS can be switched on; listeners: what the unit opens; dials: it connects out.
    """

    id: str
    label: str
    choice: str
    application: int
    mode: int
    secure: bool = False
    dials: bool = False
    listeners: tuple[Listener, ...] = ()
    controls: tuple[str, ...] = ()


class Listening(NamedTuple):
    """Ports a serial port's mode holds open: (port, role) by transport."""

    tcp: dict[int, str]
    udp: dict[int, str]


@cache
def modes() -> dict[str, OperationMode]:
    """All modes by id, e.g. `modes()["real_com"]`."""
    return unique([OperationMode(**row) for row in read_yaml("modes.yaml")["modes"]], "modes.yaml")


def listening(n: int, values: Mapping[str, str]) -> Listening:
    """What serial port n listens on.

    values: the state, with concrete ids (`port.3.operation_mode`). A mode the state does not name counts as disabled.
    """
    mode = modes()[values.get(f"port.{n}.operation_mode", "disable")]
    tcp: dict[int, str] = {}
    udp: dict[int, str] = {}
    for listener in mode.listeners:
        target = tcp if listener.transport == "tcp" else udp
        target[_number(listener.port, n, values)] = listener.role
    return Listening(tcp, udp)


def _number(port: str, n: int, values: Mapping[str, str]) -> int:
    if port == "data_port(n)":
        return data_port(n)
    if port == "command_port(n)":
        return command_port(n)
    if port == "raw_printer_port(group)":
        return raw_printer_port(int(values.get(f"port.{n}.raw_group", "1")))
    if port.startswith("port."):
        default = command_port(n) if port == "port.command_port" else default_port(n)
        return int(values.get(port.replace("port.", f"port.{n}.", 1), default))
    return int(port)
