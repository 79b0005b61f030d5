"""What happens to a TLS connection before the TLS library sees it: nothing, unless a seeded defect is planted."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa

from nportlab.virtual.unit.client_hello import (
    PROTOCOL_VERSION_ALERT,
    SSL_2,
    SSL_3,
    TLS_1_1,
    ClientHello,
    read_client_hello,
    ssl2_server_hello,
    ssl3_server_hello,
)

if TYPE_CHECKING:
    from nportlab.virtual.unit.certificate import Installed
    from nportlab.virtual.unit.device import Device

LOOKS_AT_HELLO = frozenset({"ssl3-accepted", "ssl2-accepted", "tls10-stays-on"})
CRAWL_SECONDS = 1.0
LONG_KEY = 3072
SCAN_FAILURES, SCAN_SECONDS = 20, 60.0


@dataclass(frozen=True)
class Decision:
    """answer: send this and close, without TLS. delay: seconds before the handshake goes on."""

    answer: bytes | None = None
    delay: float = 0.0


class Gate:
    """Judges the connections of one listener.

    serving: the certificate of the listener.
    """

    def __init__(self, device: Device, serving: Callable[[], Installed]) -> None:
        self._device = device
        self._serving = serving
        self._failures: deque[float] = deque(maxlen=SCAN_FAILURES)

    def judge(self, data: bytes) -> Decision | None:
        """What to do with a connection that began with `data`; None asks for more bytes."""
        planted = self._device.surroundings.defects
        if not planted.isdisjoint(LOOKS_AT_HELLO):
            try:
                hello = read_client_hello(data)
            except ValueError:
                return Decision()
            if hello is None:
                return None
            answer = self._answer(hello)
            if answer is not None:
                return Decision(answer)
        return Decision(delay=CRAWL_SECONDS if "long-keys-crawl" in planted and self._long_key() else 0.0)

    def failed(self) -> None:
        """A handshake did not come to its end."""
        now = time.monotonic()
        self._failures.append(now)
        many = len(self._failures) == SCAN_FAILURES and now - self._failures[0] < SCAN_SECONDS
        if many and self._device.has_defect("tls-scan-reboots-unit"):
            self._device.request_restart()

    def _answer(self, hello: ClientHello) -> bytes | None:
        device = self._device
        if hello.version == SSL_2 and device.has_defect("ssl2-accepted"):
            return ssl2_server_hello(hello)
        if hello.version == SSL_3 and device.has_defect("ssl3-accepted"):
            return ssl3_server_hello(hello)
        # The library has no way to speak 1.0 and 1.2 but not 1.1: it would answer 1.1 with 1.0.
        switched_off = not device.running.on("console.tls_1_0_1_1")
        if hello.version == TLS_1_1 and switched_off and device.has_defect("tls10-stays-on"):
            return PROTOCOL_VERSION_ALERT
        return None

    def _long_key(self) -> bool:
        key = self._serving().leaf().public_key()
        return isinstance(key, rsa.RSAPublicKey) and key.key_size > LONG_KEY
