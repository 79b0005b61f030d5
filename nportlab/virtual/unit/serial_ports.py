"""All serial ports of a unit, and the one connection to the rack's cables that their frames share."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from nportlab.guide.family import Model
from nportlab.protocol.line_format import line_format
from nportlab.protocol.serial_wire import Frame, Frames, Kind, WireFrameError, encode
from nportlab.virtual.socket_path import short_path
from nportlab.virtual.unit.line_defects import LinePort
from nportlab.virtual.unit.pty_port import PtyPort
from nportlab.virtual.unit.serial_port import SerialPort
from nportlab.virtual.waiting import within

READ_SIZE = 256 * 1024
PLUG_SECONDS = 5.0
"""Longest wait for the cables' answer."""
AGAIN_SECONDS = 0.05
"""Between attempts to reach cables that went away; the supervisor starts them again."""

_CAN_WAIT = (Kind.DATA, Kind.TAKEN)

log = logging.getLogger("unit")


class CablesUnreachable(OSError):
    """The rack's cables do not take this unit; the message says why."""


class SerialPorts:
    """The ports of one unit by number: on the cables, each on a pty of the host, or with nothing plugged in.

    Bytes written in one turn of the event loop leave in one write; how a line is set leaves at once, so that it is in
    force before a client that asked for it can be told so.
    """

    def __init__(
        self,
        model: Model,
        ptys: Mapping[int, Path] | None = None,
        has_defect: Callable[[str], bool] = lambda defect: False,
    ) -> None:
        """ptys: ports that are a pty or tty of the host, past the cables. has_defect: asked for seeded defects."""
        self._channel: socket.socket | None = None
        self._taken = False
        """The cables have answered that they take this unit."""
        self._name = ""
        self._cables: Path | None = None
        self._frames = Frames()
        self._out: list[bytes] = []
        self._flushing = False
        self._blocked = False
        """The cables take no more for now."""
        self._plugged: asyncio.Future[None] | None = None
        self._trying: asyncio.TimerHandle | None = None
        self.by_number: dict[int, SerialPort] = {
            number: PtyPort(number, ptys[number])
            if ptys and number in ptys
            else LinePort(number, self._send, has_defect)
            for number in model.ports
        }

    def configure(self, running: Mapping[str, str]) -> None:
        """Set every line as the settings in force say."""
        for number, port in self.by_number.items():
            port.configure(line_format(number, running))

    async def plug_in(self, unit: str, cables: Path | None) -> None:
        """Open the ptys, and connect to the cables' socket as unit `unit`; None: there are none.

        Should the cables go away later, they are tried again until they are back. Raises CablesUnreachable: nobody
        there, no answer in time, or they do not know the unit.
        """
        for port in self.by_number.values():
            if isinstance(port, PtyPort):
                port.open()
        if cables is None:
            return
        self._name, self._cables = unit, cables
        self._plugged = asyncio.get_running_loop().create_future()
        try:
            self._connect()
            await within(PLUG_SECONDS, self._plugged)
        except TimeoutError:
            self._unplug()
            raise CablesUnreachable(f"no answer from {cables} within {PLUG_SECONDS:g} s") from None
        except CablesUnreachable:
            self._unplug()
            raise
        except OSError as error:
            raise CablesUnreachable(f"{cables}: {error.strerror or error}") from None

    def close(self) -> None:
        """Pull all plugs."""
        self._cables = None
        if self._trying is not None:
            self._trying.cancel()
        self._unplug()
        for port in self.by_number.values():
            if isinstance(port, PtyPort):
                port.close()

    # Connection ---------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        """Raises OSError."""
        assert self._cables is not None
        channel = socket.socket(socket.AF_UNIX)
        try:
            with short_path(self._cables) as address:
                channel.connect(address)
            channel.setblocking(False)
        except OSError:
            channel.close()
            raise
        self._frames = Frames()
        self._out = [encode(Kind.PLUG, 0, json.dumps({"unit": self._name}).encode())]
        self._channel = channel
        self._flush()
        asyncio.get_running_loop().add_reader(channel, self._readable)

    def _unplug(self) -> None:
        channel, self._channel = self._channel, None
        self._taken = False
        if channel is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(channel)
            loop.remove_writer(channel)
            channel.close()
        self._out.clear()

    def _lost(self, reason: str) -> None:
        """The cables went away: what was in them is gone, every line drops, and they are tried again."""
        log.warning("%s: the cables are gone (%s)", self._name, reason)
        self._unplug()
        if self._plugged is not None and not self._plugged.done():
            self._plugged.set_exception(CablesUnreachable(reason))
            return
        for port in self._on_cables():
            port.hear(Frame(Kind.STATUS, port.number, b"\0\0"))
            port.hear(Frame(Kind.DROPPED, port.number, port.unsent.to_bytes(4, "little")))
        self._try_later()

    def _try_again(self) -> None:
        self._trying = None
        if self._cables is None:
            return
        try:
            self._connect()
        except OSError:
            self._try_later()

    def _try_later(self) -> None:
        self._trying = asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._try_again)

    # Out ----------------------------------------------------------------------------------------------------------

    def _send(self, frame: bytes) -> None:
        if not self._taken:
            self._nowhere(frame)
            return
        self._out.append(frame)
        if frame[0] not in _CAN_WAIT and not self._blocked:
            self._flush()
        elif not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = self._blocked = False
        if self._channel is None or not self._out:
            return
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        try:
            sent = self._channel.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._lost(error.strerror or str(error))
            return
        if sent < len(data):
            self._out.append(data[sent:])
            self._flushing = self._blocked = True
            asyncio.get_running_loop().add_writer(self._channel, self._writable)

    def _writable(self) -> None:
        if self._channel is not None:
            asyncio.get_running_loop().remove_writer(self._channel)
        self._flush()

    def _nowhere(self, frame: bytes) -> None:
        """Without cables a port sends into the air: at once, and nobody hears it. How it is set, it remembers."""
        for sent in Frames().feed(frame):
            if sent.kind is Kind.DATA:
                answer = Frame(Kind.SENT, sent.port, len(sent.payload).to_bytes(4, "little"))
                with suppress(RuntimeError):  # no loop, nobody who waits
                    asyncio.get_running_loop().call_soon(self.by_number[sent.port].hear, answer)

    # In -----------------------------------------------------------------------------------------------------------

    def _readable(self) -> None:
        channel = self._channel
        if channel is None:
            return
        try:
            data = channel.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(error.strerror or str(error))
            return
        if not data:
            self._lost("closed")
            return
        try:
            frames = self._frames.feed(data)
        except WireFrameError as error:
            self._lost(str(error))
            return
        for frame in frames:
            if frame.kind is Kind.PLUGGED:
                self._answered(frame)
            elif port := self.by_number.get(frame.port):
                port.hear(frame)

    def _answered(self, frame: Frame) -> None:
        """What the cables say to this unit; from then on they know how its ports are set."""
        answer = json.loads(frame.payload)
        if not answer["ok"]:
            self._lost(answer.get("error", "refused"))
            return
        self._taken = True
        for port in self._on_cables():
            port.configure(port.format)
            port.set_lines()
        if self._plugged is not None and not self._plugged.done():
            self._plugged.set_result(None)

    def _on_cables(self) -> list[SerialPort]:
        return [port for port in self.by_number.values() if not isinstance(port, PtyPort)]
