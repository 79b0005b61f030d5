"""pyserial's own RFC 2217 client, as the second opinion."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import serial

from fixtures.mode_clients import network_port
from fixtures.serial_lines import PortUnderTest


@contextmanager
def pyserial(port: PortUnderTest, timeout: float, **settings: Any) -> Iterator[Any]:
    """The port, open. What pyserial gives up on, when it opens it or later, is a failed check."""
    endpoint = port.endpoint(network_port(port))
    url = f"rfc2217://{endpoint.host}:{endpoint.port}?timeout={timeout:g}"
    try:
        with serial.serial_for_url(url, timeout=timeout, **settings) as client:
            yield client
    except (serial.SerialException, ValueError) as error:
        pytest.fail(f"pyserial's client gives up: {error}")
