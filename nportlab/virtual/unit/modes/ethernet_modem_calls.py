"""How a call of the Ethernet modem begins: dialled until somebody is there, or ringing until it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from nportlab.virtual.unit.modes.at_commands import Result

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.port_sockets import PortConnection

Failed = Callable[[Result], None]

ANSWER_SECONDS = 2.5
"""A call that only rings must be answered by then (manual)."""

RING_SECONDS = 2.0
"""From one RING to the next (invented)."""


class Dialling:
    """One attempt to get through to `place`, at most `seconds` long (0: as long as the network tries).

    Success is that `connection` opens, which its side says by `through`; otherwise `failed` hears why, which of the
    result codes stands for which reason being invented.
    """

    def __init__(
        self, device: Device, connection: PortConnection, place: tuple[str, int], seconds: int, failed: Failed
    ) -> None:
        self.connection = connection
        self.through = False
        self._failed = failed
        own = device.surroundings.addressing.source
        source = (own, 0) if own is not None and ":" not in place[0] else None
        self._task = asyncio.create_task(self._get_through(device.peer(*place), source, seconds))

    def cancel(self) -> None:
        """Give up: `failed` hears of no carrier."""
        self._task.cancel()

    async def _get_through(self, place: tuple[str, int], source: tuple[str, int] | None, seconds: int) -> None:
        loop = asyncio.get_running_loop()
        result = Result.NO_CARRIER
        try:
            async with asyncio.timeout(seconds or None):
                await loop.create_connection(lambda: self.connection, *place, local_addr=source)
        except asyncio.CancelledError:
            pass  # a key was pressed, DTR dropped, or the mode ends
        except TimeoutError:
            result = Result.NO_ANSWER
        except ConnectionRefusedError:
            result = Result.BUSY
        except OSError:
            pass
        if not self.through:
            self.connection.abort()
            self._failed(result)


class Ringing:
    """A call that came in. `ring` says RING, with how many there were; `answer` is called after `rings` of them, or
    `give_up` after ANSWER_SECONDS when there is no such number (0)."""

    def __init__(
        self,
        call: PortConnection,
        rings: int,
        ring: Callable[[int], None],
        answer: Callable[[], object],
        give_up: Callable[[], None],
    ) -> None:
        self.call = call
        self._rings = rings
        self._ring = ring
        self._answer = answer
        self._rung = 0
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.TimerHandle | None = None
        self._end = None if rings else self._loop.call_later(ANSWER_SECONDS, give_up)

    def begin(self) -> None:
        """The first RING, and those that follow."""
        self._rung += 1
        self._ring(self._rung)
        if self._rung == self._rings:
            self._answer()
        else:
            self._next = self._loop.call_later(RING_SECONDS, self.begin)

    def stop(self) -> None:
        """No more of them."""
        for timer in (self._next, self._end):
            if timer is not None:
                timer.cancel()
