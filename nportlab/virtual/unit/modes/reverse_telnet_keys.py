"""What the Enter key of a Telnet client means to the serial device (`port.key_mapping`)."""

from __future__ import annotations

import re

ENTER = {"cr-lf": b"\r\n", "cr": b"\r", "lf": b"\n"}
"""By the value of the setting."""

_ENTER_KEY = re.compile(rb"\r[\n\0]?")


class KeyMapping:
    """CR LF, CR NUL (RFC 854) and a CR alone, each the Enter key, become `enter`; a line feed alone stays.

    after_return: the last byte before was a CR. It counts at once, so an LF or NUL that comes later is its rest.
    """

    def __init__(self, enter: bytes, *, after_return: bool = False) -> None:
        self._enter = enter
        self._after_return = after_return

    def __call__(self, data: bytes) -> bytes:
        """What the line gets for the next bytes of the client."""
        if not data:
            return data
        if self._after_return and data[:1] in (b"\n", b"\0"):
            data = data[1:]
        self._after_return = data[-1:] == b"\r"
        return _ENTER_KEY.sub(self._enter, data)
