"""How each operation mode is set on a unit for a bench, and how both ends of its ports are opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from benches.lpd_job import LpdJob
from benches.measure import SerialPath
from benches.place import PARTNER
from benches.worker import Inside
from nportlab.guide.modes import listening, modes
from nportlab.inventory.lab import UnitEntry
from nportlab.modes.dialled import DialListener
from nportlab.modes.real_com import RealCom
from nportlab.modes.real_com_port import PortSettings
from nportlab.modes.reverse_ssh import ReverseSsh
from nportlab.modes.reverse_telnet import ReverseTelnet
from nportlab.modes.rfc2217 import Rfc2217
from nportlab.modes.tcp import TcpClient
from nportlab.modes.udp import UdpEnd
from nportlab.protocol.real_com_format import Format
from nportlab.protocol.serial_wire import LineFormat
from nportlab.serial.adapter import Adapter, open_adapter
from nportlab.serial.channel import Channel
from nportlab.serial.traffic.pattern import TELNET
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.unit import Unit
from nportlab.verdicts.faults import LabFault, NotApplicable

BAUDS: tuple[int, ...] = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)

_DIALLED = 20_000
_UDP = 21_000
"""Ports of this host for what the unit dials or sends to: this plus the number of the serial port."""

_UDP_PIECE = 256
_DIAL_SECONDS = 30.0


@dataclass(frozen=True)
class Variant:
    """A mode as the bench measures it, plain or with TLS."""

    mode: str
    secure: bool = False

    @property
    def name(self) -> str:
        """For people."""
        return modes()[self.mode].choice + (" over TLS" if self.secure else "")

    @property
    def id(self) -> str:
        """For the command line (`-k`)."""
        return self.mode.replace("_", "-") + ("-tls" if self.secure else "")


VARIANTS = (
    Variant("real_com"),
    Variant("real_com", secure=True),
    Variant("rfc2217"),
    Variant("tcp_server"),
    Variant("tcp_server", secure=True),
    Variant("tcp_client"),
    Variant("tcp_client", secure=True),
    Variant("udp"),
    Variant("pair_slave"),
    Variant("pair_slave", secure=True),
    Variant("ethernet_modem"),
    Variant("reverse_telnet"),
    Variant("reverse_ssh"),
    Variant("printer_raw"),
    Variant("printer_lpd"),
)


def settings(variant: Variant, bauds: Mapping[int, int], harness: str) -> dict[str, str]:
    """What ports need for a variant: baud rate of each port by its number; 8N1 without flow control."""
    values: dict[str, str] = {}
    for number, baud in bauds.items():
        mine = {
            "operation_mode": variant.mode,
            "baud_rate": str(baud),
            "data_bits": "8",
            "stop_bits": "1",
            "parity": "none",
            "flow_control": "none",
            **_EXTRA.get(variant.mode, lambda number, harness: {})(number, harness),
        }
        if modes()[variant.mode].secure:
            mine["secure"] = "enable" if variant.secure else "disable"
        values |= {f"port.{number}.{key}": value for key, value in mine.items()}
    return values


def master_settings(variant: Variant, bauds: Mapping[int, int], slave: Unit) -> dict[str, str]:
    """What the ports of the partner need, whose pair masters dial the slaves of the unit."""
    values = settings(replace(variant, mode="pair_master"), bauds, "")
    for number in bauds:
        endpoint = slave.tcp(4000 + number)
        values[f"port.{number}.destination_address"] = endpoint.host
        values[f"port.{number}.destination_port"] = str(endpoint.port)
    return values


def _tcp_client(number: int, harness: str) -> dict[str, str]:
    return {
        "connection_control": "startup-none",
        "destination_address": harness,
        "destination_port": str(_DIALLED + number),
    }


def _udp(number: int, harness: str) -> dict[str, str]:
    return {
        "udp_begin_1": harness,
        "udp_end_1": harness,
        "udp_port_1": str(_UDP + number),
        "udp_local_port": str(4000 + number),
    }


_EXTRA: dict[str, Callable[[int, str], dict[str, str]]] = {
    "tcp_server": lambda number, harness: {"tcp_port": str(4000 + number)},
    "pair_slave": lambda number, harness: {"tcp_port": str(4000 + number)},
    "tcp_client": _tcp_client,
    "udp": _udp,
    "printer_raw": lambda number, harness: {"raw_group": str(number), "append_form_feed": "disable"},
    "printer_lpd": lambda number, harness: {"queue_name_raw": f"raw{number}", "append_form_feed": "disable"},
    "reverse_ssh": lambda number, harness: {"reverse_authentication": "local"},
    "reverse_telnet": lambda number, harness: {"reverse_authentication": "none"},
}


def lines_of(entry: UnitEntry, most: int) -> list[int]:
    """Ports of a unit that can be measured: those with an adapter, else with a loopback plug. Raises NotApplicable."""
    for kind in ("adapter", "loopback"):
        numbers = [number for number, port in entry.ports.items() if port.line.kind == kind]
        if numbers:
            return numbers[:most]
    raise NotApplicable(f"no port of {entry.name} has an adapter or a loopback plug")


@contextmanager
def open_paths(inside: Inside, variant: Variant, bauds: Mapping[int, int]) -> Iterator[list[SerialPath]]:
    """Both ends of ports that are set as `settings` says. Raises LabFault, UnitBehaviour."""
    with ExitStack() as stack:
        values = settings(variant, bauds, inside.harness_address)
        unit = inside.unit()
        formats = {number: LineFormat(baud=baud) for number, baud in bauds.items()}
        wires = {number: _adapter(inside, stack, unit.entry, number, formats[number]) for number in bauds}
        ends = _network_ends(inside, stack, variant, formats, wires, values)
        yield [
            SerialPath(
                name=f"{unit.name} port {number} {variant.name}",
                network=ends[number],
                wire=wires[number],
                line=formats[number],
                avoid=TELNET if variant.mode == "reverse_telnet" else b"",
                piece=_UDP_PIECE if variant.mode == "udp" else None,
                one_way=variant.mode.startswith("printer"),
            )
            for number in bauds
        ]


def _adapter(
    inside: Inside, stack: ExitStack, entry: UnitEntry, number: int, line_format: LineFormat
) -> Adapter | None:
    line = entry.ports[number].line
    if line.kind != "adapter":
        return None
    running = inside.place.running
    url = line.device or (running.adapter_url(entry.name, number) if running else None)
    if url is None:
        raise LabFault(f"lab.yaml names no device for the adapter of {entry.name}/{number}", "Name it.", entry.name)
    return stack.enter_context(open_adapter(url, line_format, name=f"adapter of {entry.name}/{number}"))


def _network_ends(
    inside: Inside,
    stack: ExitStack,
    variant: Variant,
    formats: Mapping[int, LineFormat],
    wires: Mapping[int, Adapter | None],
    values: Mapping[str, str],
) -> dict[int, Channel]:
    unit = inside.unit()
    if variant.mode == "pair_slave":
        return _partners(inside, stack, formats)
    if variant.mode == "tcp_client":
        return _dialled(inside, stack, variant, list(formats))
    return {
        number: stack.enter_context(connect(unit, variant, number, values, inside.harness_address, wires[number]))
        for number in formats
    }


def connect(
    unit: Unit,
    variant: Variant,
    number: int,
    values: Mapping[str, str],
    harness: str = "",
    wire: Adapter | None = None,
) -> RealCom | Rfc2217 | TcpClient | UdpEnd | ReverseTelnet | ReverseSsh | LpdJob:
    """A client of a port in a mode that listens. Raises UnitBehaviour."""
    label, heard = f"{unit.name} port {number}", listening(number, values)
    by_role = {role: port for port, role in (heard.tcp | heard.udp).items()}
    endpoint = unit.tcp(by_role["data"])
    match variant.mode:
        case "real_com":
            line = PortSettings(Format(baud=int(values[f"port.{number}.baud_rate"])))
            command = unit.tcp(by_role["command"])
            return RealCom(endpoint, command, label=label, settings=line, secure=variant.secure).open()
        case "rfc2217":
            client = Rfc2217.connect(endpoint, label=label)
            client.baud(int(values[f"port.{number}.baud_rate"]))
            return client
        case "udp":
            return UdpEnd(harness, _UDP + number, peer=unit.udp(by_role["data"]), label=label, piece=_UDP_PIECE)
        case "reverse_telnet":
            return ReverseTelnet.connect(endpoint, label=label)
        case "reverse_ssh":
            return ReverseSsh.connect(endpoint, unit.account.username, unit.account.password, label=label)
        case "printer_lpd":
            return LpdJob.begin(endpoint, f"raw{number}", label=label)
        case "ethernet_modem":
            if wire is None:
                raise NotApplicable("a modem is answered from the serial side; a loopback plug cannot")
            return _answered(endpoint, label, wire)
    return TcpClient.connect(endpoint, label=label, mode=variant.name, secure=variant.secure)


def _answered(endpoint: Endpoint, label: str, wire: Adapter) -> TcpClient:
    """A call to the unit, answered by ATA on its serial side."""
    client = TcpClient.connect(endpoint, label=label, mode="Ethernet modem")
    wire.receive_until(b"RING\r\n", _DIAL_SECONDS)
    wire.send_all(b"ATA\r", _DIAL_SECONDS)
    wire.receive_until(f"CONNECT {wire.line.baud}\r\n".encode(), _DIAL_SECONDS)
    return client


def _dialled(inside: Inside, stack: ExitStack, variant: Variant, numbers: Sequence[int]) -> dict[int, Channel]:
    """The calls of a unit's TCP clients; it dials again and again, so nobody has to listen before."""
    listeners = {
        number: stack.enter_context(
            DialListener(
                inside.harness_address,
                _DIALLED + number,
                label=f"{inside.unit().name} port {number}",
                mode=variant.name,
                secure=variant.secure,
            )
        )
        for number in numbers
    }
    return {number: stack.enter_context(one.accept(_DIAL_SECONDS)) for number, one in listeners.items()}


def _partners(inside: Inside, stack: ExitStack, formats: Mapping[int, LineFormat]) -> dict[int, Channel]:
    """Adapters of the partner's ports, whose pair masters have dialled."""
    entry = inside.bench.rack.units[PARTNER]
    ends: dict[int, Channel] = {}
    for number, line_format in formats.items():
        wire = _adapter(inside, stack, entry, number, line_format)
        if wire is None:
            raise NotApplicable(f"{entry.name}/{number} has no adapter")
        ends[number] = wire
    return ends
