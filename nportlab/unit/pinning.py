"""TLS to a unit without verification, but with a record of which certificate was served."""

from __future__ import annotations

import hashlib
import ssl
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool


@dataclass
class Pin:
    """The SHA-256 fingerprint of the certificate a unit served last, and of every one it served before."""

    served: str | None = None
    history: list[str] = field(default_factory=list)

    def saw(self, certificate: bytes) -> bool:
        """Note a served certificate (DER); true when it is another one than last time."""
        fingerprint = hashlib.sha256(certificate).hexdigest()
        changed = self.served is not None and fingerprint != self.served
        if fingerprint != self.served:
            self.served = fingerprint
            self.history.append(fingerprint)
        return changed


def lenient_context() -> ssl.SSLContext:
    """A TLS context that talks to every unit: any version and cipher this host has, no verification."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= 0x4  # OP_LEGACY_SERVER_CONNECT, which the ssl module names from Python 3.12 on
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
    return context


class PinningAdapter(HTTPAdapter):
    """Hands every served certificate (DER) to `saw`; dials from one local address when given."""

    def __init__(self, saw: Callable[[bytes], None], source_address: str | None = None) -> None:
        """saw: called once per connection, after the handshake."""
        self._saw = saw
        self._source = source_address
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make connections that report their certificate."""
        if self._source is not None:
            kwargs["source_address"] = (self._source, 0)
        super().init_poolmanager(*args, ssl_context=lenient_context(), assert_hostname=False, **kwargs)
        pools = {**self.poolmanager.pool_classes_by_scheme, "https": _reporting_pool(self._saw)}
        self.poolmanager.pool_classes_by_scheme = pools

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing to verify against; the fingerprint is recorded instead."""
        conn.cert_reqs = "CERT_NONE"
        conn.ca_certs = None


def _reporting_pool(saw: Callable[[bytes], None]) -> type[HTTPSConnectionPool]:
    class Connection(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            certificate = self.sock.getpeercert(binary_form=True) if isinstance(self.sock, ssl.SSLSocket) else None
            if certificate:
                saw(certificate)
            # Pinned instead of verified; without this every request would warn.
            self.is_verified = True

    class Pool(HTTPSConnectionPool):
        ConnectionCls = Connection  # type: ignore[assignment]

    return Pool
