"""From a line format to what pyserial is told, and what the driver made of it."""

from __future__ import annotations

import fcntl
import struct
import sys
import termios
from typing import Any

from nportlab.protocol.serial_wire import Flow, LineFormat
from nportlab.verdicts.faults import NotApplicable

RATE_TOLERANCE = 0.02
"""Share by which the rate of an adapter may differ. Beyond that characters of ten bits are no longer read safely."""

_PARITY = {"none": "N", "odd": "O", "even": "E", "mark": "M", "space": "S"}
_SIZES = {5: termios.CS5, 6: termios.CS6, 7: termios.CS7, 8: termios.CS8}
_PAIRS = {Flow.RTS | Flow.CTS: "rtscts", Flow.XON_IN | Flow.XON_OUT: "xonxoff", Flow.DTR | Flow.DSR: "dsrdtr"}

_CMSPAR = 0o10000000000
_TCGETS2 = 0x802C542A
_TERMIOS2_SPEEDS = slice(36, 44)


def arguments(name: str, line: LineFormat, *, tty: bool) -> dict[str, Any]:
    """What pyserial calls a format. tty: the adapter is a device of this host, driven by termios.

    RTS toggle is the other end's business and no setting of an adapter's.
    Raises NotApplicable for what pyserial, or a tty, has no word for.
    """
    settings: dict[str, Any] = {
        "baudrate": line.baud,
        "bytesize": line.data_bits,
        "parity": _PARITY[line.parity],
        "stopbits": int(line.stop_bits) if line.stop_bits != 1.5 else 1.5,
    }
    for both, keyword in _PAIRS.items():
        wanted = line.flow & both
        if wanted and wanted != both:
            raise NotApplicable(f"{name} has flow control both ways or not at all, not {wanted!r}")
        settings[keyword] = bool(wanted)
    if settings["xonxoff"] and (line.xon, line.xoff) != (0x11, 0x13):
        raise NotApplicable(f"{name} knows only 0x11 and 0x13 as XON and XOFF")
    if tty and settings["dsrdtr"]:
        raise NotApplicable(f"{name}: a serial device of this host has no DTR/DSR flow control")
    if tty and line.stop_bits == 1.5 and line.data_bits != 5:
        raise NotApplicable(f"{name}: a serial device of this host has 1.5 stop bits only with 5 data bits")
    return settings


def check_in_force(name: str, descriptor: int, line: LineFormat) -> None:
    """Ask the driver what it made of a format: many round a rate, or leave out what they cannot, and say nothing.

    Raises NotApplicable.
    """
    flags = termios.tcgetattr(descriptor)[2]
    wanted = {
        "data bits": (termios.CSIZE, _SIZES[line.data_bits]),
        "stop bits": (termios.CSTOPB, termios.CSTOPB if line.stop_bits > 1 else 0),
        "parity": (
            termios.PARENB | termios.PARODD | _CMSPAR,
            {
                "none": 0,
                "even": termios.PARENB,
                "odd": termios.PARENB | termios.PARODD,
                "space": termios.PARENB | _CMSPAR,
                "mark": termios.PARENB | termios.PARODD | _CMSPAR,
            }[line.parity],
        ),
        "RTS/CTS": (termios.CRTSCTS, termios.CRTSCTS if line.flow & Flow.CTS else 0),
    }
    for what, (mask, value) in wanted.items():
        if flags & mask != value:
            raise NotApplicable(f"{name} cannot do the {what} of {describe(line)}")
    rate = rate_in_force(descriptor)
    if rate is not None and abs(rate - line.baud) > RATE_TOLERANCE * line.baud:
        raise NotApplicable(f"{name} cannot do {line.baud} baud; it does {rate} instead")


def rate_in_force(descriptor: int) -> int | None:
    """Bits per second the driver says it sends at; None where it does not say."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        answer = fcntl.ioctl(descriptor, _TCGETS2, bytes(44))
    except OSError:
        return None
    _, sending = struct.unpack("=II", answer[_TERMIOS2_SPEEDS])
    return sending or None


def describe(line: LineFormat) -> str:
    """As people write it: `115200 8N1`."""
    return f"{line.baud} {line.data_bits}{_PARITY[line.parity]}{line.stop_bits:g}"
