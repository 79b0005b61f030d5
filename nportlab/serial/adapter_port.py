"""The ways bytes get in and out of pyserial's ports without waiting; they differ by kind of port."""

from __future__ import annotations

import os
import stat
from typing import Any, Protocol

import serial
from serial.urlhandler import protocol_loop

_SIZE = 65_536
_PTY_MAJORS = range(136, 144)
"""Linux, admin-guide/devices.txt: UNIX98 pseudo terminals, slave ends."""


class Mover(Protocol):
    """How a kind of port moves bytes. Raises OSError (SerialException is one) when the port is gone."""

    def read(self) -> bytes:
        """What is there now."""
        ...

    def write(self, data: bytes | memoryview) -> int:
        """How many bytes were taken."""
        ...


class Device:
    """A serial device of this host: its descriptor is used directly, which is ten times as fast as pyserial."""

    def __init__(self, port: serial.SerialBase) -> None:
        self._descriptor = port.fileno()

    def read(self) -> bytes:
        """Raises OSError when the device is gone."""
        try:
            data = os.read(self._descriptor, _SIZE)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError("the device was hung up")
        return data

    def write(self, data: bytes | memoryview) -> int:
        """Raises OSError when the device is gone."""
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0


class Loop:
    """pyserial's `loop://`, whose queue must not be filled: it would wait for a reader."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def read(self) -> bytes:
        """What was written."""
        return self._port.read(self._port.in_waiting)

    def write(self, data: bytes | memoryview) -> int:
        """As much as there is room for."""
        return self._port.write(bytes(data[: self._port.buffer_size - self._port.in_waiting]))


class Other:
    """Any other port; with timeouts of 0 pyserial does not wait (a handler that does is slow, not wrong)."""

    def __init__(self, port: serial.SerialBase) -> None:
        self._port = port

    def read(self) -> bytes:
        """Raises SerialException when the port is gone."""
        return self._port.read(_SIZE)

    def write(self, data: bytes | memoryview) -> int:
        """Raises SerialException when the port is gone."""
        try:
            return self._port.write(bytes(data)) or 0
        except serial.SerialTimeoutException:
            return 0


def is_device(port: serial.SerialBase) -> bool:
    """Whether it is a serial device of this host, and not something pyserial makes look like one."""
    return type(port) is serial.Serial


def is_pty(port: serial.SerialBase) -> bool:
    """Whether it is a pseudo terminal, which takes every request and has no line."""
    if not is_device(port):
        return False
    about = os.fstat(port.fileno())
    return stat.S_ISCHR(about.st_mode) and os.major(about.st_rdev) in _PTY_MAJORS


def mover(port: serial.SerialBase) -> Mover:
    """The way for an open port."""
    if is_device(port):
        return Device(port)
    return Loop(port) if isinstance(port, protocol_loop.Serial) else Other(port)
