"""The URL of an adapter of a virtual rack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, unquote, urlsplit

from serial import SerialException

from nportlab.protocol.serial_wire import INTERFACES, Interface

FORM = "wire://<percent-encoded path of cables.sock>?end=<unit>/<port>[&interface=rs-422]"


@dataclass(frozen=True)
class WireUrl:
    """path: socket of the rack's cables. end: "unit/port" the adapter is plugged into. interface: of the adapter."""

    path: Path
    end: str
    interface: Interface = "rs-232"


def parse_url(url: str) -> WireUrl:
    """Raises SerialException for anything that is not a wire URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise SerialException(f"{url!r} does not have the form {FORM}") from None
    options = parse_qs(parts.query, keep_blank_values=True)
    path = unquote(parts.netloc) + unquote(parts.path)
    end = options.pop("end", [""])[-1]
    interface = options.pop("interface", ["rs-232"])[-1]
    unit, _, port = end.rpartition("/")
    if parts.scheme.lower() != "wire" or not path.startswith("/") or "\0" in path or not unit or not port.isdigit():
        raise SerialException(f"{url!r} does not have the form {FORM}")
    if options:
        raise SerialException(f"{url!r}: unknown option {next(iter(options))!r}; the form is {FORM}")
    if interface not in INTERFACES:
        raise SerialException(f"{url!r}: interface {interface!r} is none of {', '.join(INTERFACES)}")
    return WireUrl(Path(path), end, cast(Interface, interface))
