"""Schemes pyserial's `serial_for_url` learns from this project: `wire://`, an adapter of a virtual rack."""

from __future__ import annotations

import serial


def register() -> None:
    """Let `serial.serial_for_url` find the modules of this package. Calling it again changes nothing."""
    if __name__ not in serial.protocol_handler_packages:
        serial.protocol_handler_packages.append(__name__)
