"""A serial port with its far end in memory, and clients, for the selftests of the operation modes.

def test_...(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", max_connection="2") as wire:
            client = await connect(device, 4001)
            client.write(b"abc")
            await until(lambda: wire.sent == b"abc")
            wire.say(b"def")
            assert await client.read(3) == b"def"

    play(scenario())
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, TypeVar

from nportlab.protocol.line_format import line_format
from nportlab.protocol.serial_wire import (
    Frame,
    Frames,
    Hold,
    Input,
    Kind,
    LineFormat,
    Output,
    encode_errors,
)
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.modes import MODULES
from nportlab.virtual.unit.serial_port import SerialPort

SECONDS = 10.0
NOT_HELD = Hold(0)
_clients: list[Client] = []
"""Those of the scenario: asyncio closes a stream nobody holds any more."""
Result = TypeVar("Result")


class Wire:
    """The far end of serial port `number`, which is `serial`.

    What the port sends arrives at once in `sent`; with `held` it stays in the port's queue until `release`. `echo`:
    everything sent comes back, as with a loopback plug. `formats`, `lines`, `breaks`, `forced`, `urgent`: what the port
    was told, oldest first. `breaks` holds milliseconds, 0xFFFF for a start and 0 for an end.
    """

    def __init__(self, number: int = 1, *, echo: bool = False, port: Callable[..., SerialPort] = SerialPort) -> None:
        self.serial = port(number, self._from_port)
        self.sent = bytearray()
        self.held = False
        self.echo = echo
        self.formats: list[LineFormat] = []
        self.lines: list[Output] = []
        self.breaks: list[int] = []
        self.forced: list[bool] = []
        self.urgent = bytearray()
        self.dropped = 0
        self._frames = Frames()
        self._unsent = bytearray()
        self._unheard = bytearray()
        self._untaken = 0
        self._scheduled = False

    # What the far end does ----------------------------------------------------------------------------------------

    def say(self, data: bytes) -> None:
        """Send bytes to the port; what its receiver has no room for waits, as behind perfect flow control."""
        self._unheard += data
        self._soon()

    def set_inputs(self, inputs: Input, hold: Hold = NOT_HELD) -> None:
        """Drive CTS, DSR, RI and DCD of the port, and say why it is held."""
        self.serial.hear(Frame(Kind.STATUS, self.serial.number, bytes([inputs, hold])))

    def spoil(self, parity: int = 0, framing: int = 0, overrun: int = 0) -> None:
        """Let the port see that many line errors."""
        (frame,) = Frames().feed(encode_errors(self.serial.number, parity, framing, overrun))
        self.serial.hear(frame)

    def send_break(self, seconds: float) -> None:
        """A break of that length has ended."""
        self.serial.hear(Frame(Kind.BROKE, self.serial.number, int(seconds * 1e6).to_bytes(4, "little")))

    def release(self) -> None:
        """Let out what was held, and what comes."""
        self.held = False
        self._soon()

    @property
    def format(self) -> LineFormat:
        """How the port is set now."""
        return self.formats[-1]

    @property
    def outputs(self) -> Output:
        """The lines the port drives now."""
        return self.lines[-1]

    @property
    def unheard(self) -> int:
        """Bytes said that the port had no room for."""
        return len(self._unheard)

    # Cables -------------------------------------------------------------------------------------------------------

    def _from_port(self, data: bytes) -> None:
        for frame in self._frames.feed(data):
            match frame.kind:
                case Kind.DATA:
                    self._unsent += frame.payload
                case Kind.FORMAT:
                    self.formats.append(LineFormat.decode(frame.payload))
                case Kind.LINES:
                    self.lines.append(Output(frame.payload[0]))
                case Kind.BREAK:
                    self.breaks.append(frame.number)
                case Kind.FORCE:
                    self.forced.append(bool(frame.payload[0]))
                case Kind.URGENT:
                    self.urgent += frame.payload
                case Kind.TAKEN:
                    self._untaken -= frame.number
                case Kind.DROP:
                    self.dropped += len(self._unsent)
                    self._later(Kind.DROPPED, len(self._unsent))
                    self._unsent.clear()
                case _:
                    raise AssertionError(f"a port does not send {frame}")
        self._soon()

    def _soon(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _later(self, kind: Kind, number: int) -> None:
        frame = Frame(kind, self.serial.number, number.to_bytes(4, "little"))
        asyncio.get_running_loop().call_soon(self.serial.hear, frame)

    def _turn(self) -> None:
        self._scheduled = False
        if self._unsent and not self.held:
            data, self._unsent = bytes(self._unsent), bytearray()
            self.sent += data
            if self.echo:
                self._unheard += data
            self.serial.hear(Frame(Kind.SENT, self.serial.number, len(data).to_bytes(4, "little")))
        room = self.serial.format.rx_room - self._untaken
        if self._unheard and room > 0:
            data = bytes(self._unheard[:room])
            del self._unheard[:room]
            self._untaken += len(data)
            self.serial.hear(Frame(Kind.RECEIVED, self.serial.number, data))
            if self._unheard:
                self._soon()


class Client:
    """A TCP client of the unit."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.address: tuple[str, int] = writer.get_extra_info("sockname")[:2]

    def write(self, data: bytes) -> None:
        """Send."""
        self.writer.write(data)

    async def read(self, count: int) -> bytes:
        """Exactly `count` bytes, or fewer when the unit closes first."""
        try:
            return await asyncio.wait_for(self.reader.readexactly(count), SECONDS)
        except asyncio.IncompleteReadError as error:
            return error.partial

    async def piece(self) -> bytes:
        """What one read brings; empty at the end."""
        return await asyncio.wait_for(self.reader.read(65536), SECONDS)

    async def is_closed(self) -> bool:
        """Wait for the unit to close the connection; False when it sends something instead."""
        try:
            return await self.piece() == b""
        except ConnectionError:
            return True

    async def is_silent(self, seconds: float = 0.1) -> bool:
        """Whether nothing comes for a while; False also when the unit closes."""
        try:
            await asyncio.wait_for(self.reader.read(1), seconds)
        except TimeoutError:
            return True
        return False

    def close(self) -> None:
        """End it in order."""
        self.writer.close()

    def abort(self) -> None:
        """Drop it."""
        self.writer.transport.abort()


async def connect(device: Device, port: int, tls: ssl.SSLContext | None = None) -> Client:
    """Connect to device port `port`; the client stays until it is closed, or the scenario ends."""
    host, number = device.tcp(port)
    client = Client(*await asyncio.wait_for(asyncio.open_connection(host, number, ssl=tls), SECONDS))
    _clients.append(client)
    return client


def set_mode(device: Device, number: int, mode: str, **settings: str) -> None:
    """Put settings of serial port `number` in force; `max_connection="2"` is port.<number>.max_connection."""
    changes = {f"port.{number}.{name}": value for name, value in settings.items()}
    device.running.update({f"port.{number}.operation_mode": mode, **changes})


@asynccontextmanager
async def serving(
    device: Device, number: int, mode: str, wire: Wire | None = None, /, **settings: str
) -> AsyncIterator[Wire]:
    """Serial port `number` in that mode, with its far end."""
    set_mode(device, number, mode, **settings)
    wire = wire or Wire(number)
    wire.serial.configure(line_format(number, device.running))
    running = await import_module(MODULES[mode]).serve(device, number, wire.serial)
    try:
        yield wire
    finally:
        running.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def serving_all(
    device: Device, mode: str, numbers: Mapping[int, Mapping[str, str]]
) -> AsyncIterator[dict[int, Wire]]:
    """Several serial ports in a mode that is served per unit (printers); settings by port number."""
    wires = {number: Wire(number) for number in numbers}
    for number, settings in numbers.items():
        set_mode(device, number, mode, **settings)
        wires[number].serial.configure(line_format(number, device.running))
    module = import_module(MODULES[mode])
    running = await module.serve_all(device, {number: wire.serial for number, wire in wires.items()})
    try:
        yield wires
    finally:
        running.close()
        await asyncio.sleep(0)


async def until(condition: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """The first true value of `condition`; AssertionError when there is none in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not (value := condition()):
        assert loop.time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.002)
    return value


def play(scenario: Coroutine[Any, Any, Result], seconds: float = 30.0) -> Result:
    """Run a scenario to its end, at most that long."""
    try:
        return asyncio.run(asyncio.wait_for(scenario, seconds))
    finally:
        _clients.clear()
