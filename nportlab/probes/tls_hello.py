"""ClientHello out, server flight in: bytes only, no TLS library, so that nothing is refused on this side.

RFC 2246, 4346, 5246, 8446 (TLS 1.0 to 1.3), RFC 6101 (SSL 3.0) and the SSL 2.0 draft.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from nportlab.probes.tls_suites import suite


class Version(IntEnum):
    """Protocol versions by their number on the wire."""

    SSL_2 = 0x0002
    SSL_3 = 0x0300
    TLS_1_0 = 0x0301
    TLS_1_1 = 0x0302
    TLS_1_2 = 0x0303
    TLS_1_3 = 0x0304

    def __str__(self) -> str:
        return self.name.replace("_", " ", 1).replace("_", ".")


SSL_2, SSL_3 = Version.SSL_2, Version.SSL_3
TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 = Version.TLS_1_0, Version.TLS_1_1, Version.TLS_1_2, Version.TLS_1_3

ALERTS: Final = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed", 22: "record_overflow",
    30: "decompression_failure", 40: "handshake_failure", 41: "no_certificate", 42: "bad_certificate",
    43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown",
    47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error", 51: "decrypt_error",
    60: "export_restriction", 70: "protocol_version", 71: "insufficient_security", 80: "internal_error",
    86: "inappropriate_fallback", 90: "user_canceled", 100: "no_renegotiation", 109: "missing_extension",
    110: "unsupported_extension", 112: "unrecognized_name", 116: "certificate_required", 120: "no_application_protocol",
}  # fmt: skip
EXTENSIONS: Final = {
    0: "server_name", 5: "status_request", 10: "supported_groups", 11: "ec_point_formats", 13: "signature_algorithms",
    16: "application_layer_protocol_negotiation", 22: "encrypt_then_mac", 23: "extended_master_secret",
    35: "session_ticket", 41: "pre_shared_key", 43: "supported_versions", 51: "key_share", 65281: "renegotiation_info",
}  # fmt: skip
CURVE_BITS: Final = {
    15: 160, 16: 160, 17: 160, 18: 192, 19: 192, 20: 224, 21: 224, 22: 256, 23: 256, 24: 384, 25: 521, 26: 256, 27: 384,
    28: 512, 29: 255, 30: 448, 1: 163, 2: 163, 3: 163, 4: 193, 5: 193, 6: 233, 7: 233, 8: 239, 9: 283, 10: 283, 11: 409,
    12: 409, 13: 571, 14: 571,
}  # fmt: skip
_GROUPS = (
    29,
    23,
    24,
    25,
    30,
    26,
    27,
    28,
    22,
    21,
    20,
    19,
    18,
    17,
    16,
    15,
    9,
    10,
    11,
    12,
    13,
    14,
    6,
    7,
    8,
    1,
    2,
    3,
    4,
    5,
)
_SIGNATURES = (
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B, 0x0401, 0x0501, 0x0601,
    0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602, 0x0203, 0x0201, 0x0202, 0x0101,
)  # fmt: skip
# Generator of P-256, a valid public point: nobody needs the secret of a handshake that ends after the ServerHello.
_P256_POINT = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315e"
    "cecbb6406837bf51f5"
)
_HELLO_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
_SSL2_SUITES = (0x010080, 0x020080, 0x030080, 0x040080, 0x050080, 0x060040, 0x0700C0)

HANDSHAKE, ALERT = 22, 21
CLOSE_NOTIFY = 0
SERVER_HELLO, CERTIFICATE, SERVER_KEY_EXCHANGE, SERVER_HELLO_DONE = 2, 11, 12, 14
_LARGEST_FLIGHT = 1 << 17


class NotTls(ValueError):
    """The bytes are no TLS record: another protocol answers on this port."""


class Malformed(ValueError):
    """TLS records whose content does not follow the protocol."""


@dataclass(frozen=True)
class Alert:
    """An alert as sent. level: 1 warning, 2 fatal; name: "protocol_version" ..., "alert_N" for an unknown number."""

    level: int
    code: int

    @property
    def name(self) -> str:
        """The name in RFC 8446 and before."""
        return ALERTS.get(self.code, f"alert_{self.code}")


@dataclass(frozen=True)
class ServerHello:
    """What the server chose. version: after supported_versions; retry: a TLS 1.3 HelloRetryRequest."""

    version: int
    suite: int
    compression: int
    extensions: dict[int, bytes] = field(hash=False)
    retry: bool = False

    @property
    def extension_names(self) -> frozenset[str]:
        """The extensions the server answered, by name."""
        return frozenset(EXTENSIONS.get(number, f"extension_{number}") for number in self.extensions)


def client_hello(
    version: Version, suites: Sequence[int], server_name: str | None = None, deflate: bool = False
) -> bytes:
    """One ClientHello that offers exactly one version.

    suites: at most 400 numbers, in order of preference; server_name: sent as SNI; deflate: offer compression too.
    """
    if version == SSL_2:
        return _ssl2_hello()
    codes = list(suites)
    extensions = b""
    if version == SSL_3:
        codes.append(0x00FF)  # SSL 3.0 has no extensions; this number stands for renegotiation_info (RFC 5746)
    else:
        extensions = b"".join(_extension(number, body) for number, body in _extensions(version, server_name))
        extensions = _vector(extensions, 2)
    body = (
        struct.pack(">H", min(version, TLS_1_2))
        + os.urandom(32)
        + _vector(os.urandom(32) if version == TLS_1_3 else b"", 1)
        + _vector(b"".join(struct.pack(">H", code) for code in codes), 2)
        + _vector(b"\x01\x00" if deflate else b"\x00", 1)
        + extensions
    )
    message = struct.pack(">B", 1) + len(body).to_bytes(3, "big") + body
    return struct.pack(">BHH", HANDSHAKE, min(version, TLS_1_0), len(message)) + message


def close_notify(version: int) -> bytes:
    """The alert that ends a connection politely, so that the server frees it at once."""
    return struct.pack(">BHHBB", ALERT, min(max(version, SSL_3), TLS_1_2), 2, 1, 0)


class ServerFlight:
    """Collects what the server sends, across any split into records and segments.

    `feed` takes bytes as they come. Afterwards `hello`, `alert`, `certificate` (DER of the leaf), `dh_bits` and
    `curve` (a named group) tell what is known so far; `complete` is true when nothing more is worth waiting for.
    Raises NotTls, Malformed.
    """

    def __init__(self, offered: Version) -> None:
        self.hello: ServerHello | None = None
        self.alert: Alert | None = None
        self.certificate: bytes | None = None
        self.dh_bits: int | None = None
        self.curve: int | None = None
        self.complete = False
        self._offered = offered
        self._raw = b""
        self._handshake = b""
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take more bytes."""
        self._size += len(data)
        if self._size > _LARGEST_FLIGHT:
            raise Malformed(f"more than {_LARGEST_FLIGHT} bytes without an end of the server's flight")
        self._raw += data
        if self._offered == SSL_2 and self.hello is None and self._ssl2():
            return
        while not self.complete and len(self._raw) >= 5:
            kind, major, length = self._raw[0], self._raw[1], int.from_bytes(self._raw[3:5], "big")
            if kind not in (20, 21, 22, 23) or major != 3:
                raise NotTls(f"the server answers with {self._raw[:16]!r}, which is no TLS record")
            if len(self._raw) < 5 + length:
                return
            record, self._raw = self._raw[5 : 5 + length], self._raw[5 + length :]
            self._record(kind, record)
        if self._raw and self._raw[0] not in (20, 21, 22, 23):
            raise NotTls(f"the server answers with {self._raw[:16]!r}, which is no TLS record")

    def _record(self, kind: int, record: bytes) -> None:
        if kind == ALERT and len(record) >= 2:
            # A warning (an unknown server name, say) may be followed by a ServerHello: keep it and read on.
            self.alert = Alert(record[0], record[1])
            self.complete = self.alert.level == 2 or self.alert.code == CLOSE_NOTIFY
        elif kind == HANDSHAKE:
            self._handshake += record
            for number, body in self._messages():
                self._message(number, body)
        elif self.hello is None:
            raise Malformed(f"a record of type {kind} before any ServerHello")
        else:
            self.complete = True  # the rest is encrypted (TLS 1.3)

    def _messages(self) -> Iterator[tuple[int, bytes]]:
        while len(self._handshake) >= 4:
            length = int.from_bytes(self._handshake[1:4], "big")
            if len(self._handshake) < 4 + length:
                return
            number, body = self._handshake[0], self._handshake[4 : 4 + length]
            self._handshake = self._handshake[4 + length :]
            yield number, body

    def _message(self, number: int, body: bytes) -> None:
        try:
            if number == SERVER_HELLO:
                self.hello = _server_hello(body)
                self.complete = self.hello.version >= TLS_1_3
            elif number == CERTIFICATE:
                size = int.from_bytes(body[3:6], "big")
                self.certificate = body[6 : 6 + size] or None
            elif number == SERVER_KEY_EXCHANGE:
                self._key_exchange(body)
            elif number == SERVER_HELLO_DONE:
                self.complete = True
        except (IndexError, struct.error) as error:
            raise Malformed(f"handshake message {number} of {len(body)} bytes ends too early") from error

    def _key_exchange(self, body: bytes) -> None:
        exchange = suite(self.hello.suite).key_exchange if self.hello else ""
        if exchange in ("ecdhe", "ecdh") and body[0] == 3:
            self.curve = int.from_bytes(body[1:3], "big")
        elif exchange in ("dhe", "dh"):
            size = int.from_bytes(body[:2], "big")
            self.dh_bits = int.from_bytes(body[2 : 2 + size], "big").bit_length()

    def _ssl2(self) -> bool:
        """Read a SSL 2.0 SERVER-HELLO. True when the bytes are one (or the beginning of one)."""
        if not self._raw or self._raw[0] in (20, 21, 22, 23):
            return False
        if not self._raw[0] & 0x80:
            raise NotTls(f"the server answers with {self._raw[:16]!r}, neither SSL 2.0 nor TLS")
        kind = self._raw[2] if len(self._raw) > 2 else None
        if kind == 0:
            self.alert = Alert(2, 40)  # ERROR: no cipher, no certificate ...
        elif kind == 4 and len(self._raw) >= 7:
            self.hello = ServerHello(int.from_bytes(self._raw[5:7], "big"), 0, 0, {})
        elif kind in (4, None):
            return True
        else:
            raise Malformed(f"SSL 2.0 message of type {kind} instead of a SERVER-HELLO")
        self.complete = True
        return True


def _server_hello(body: bytes) -> ServerHello:
    version = int.from_bytes(body[:2], "big")
    random = body[2:34]
    at = 35 + body[34]
    suite, compression = struct.unpack_from(">HB", body, at)
    extensions = dict(_read_extensions(body[at + 3 :]))
    if 43 in extensions and len(extensions[43]) == 2:
        version = int.from_bytes(extensions[43], "big")
    return ServerHello(version, suite, compression, extensions, random == _HELLO_RETRY)


def _read_extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    while at + 4 <= len(data):
        number, size = struct.unpack_from(">HH", data, at)
        yield number, data[at + 4 : at + 4 + size]
        at += 4 + size


def _extensions(version: Version, server_name: str | None) -> Iterable[tuple[int, bytes]]:
    if server_name is not None:
        name = server_name.encode("idna")
        yield 0, _vector(b"\x00" + _vector(name, 2), 2)
    yield 10, _vector(b"".join(struct.pack(">H", group) for group in _GROUPS), 2)
    yield 11, _vector(b"\x00\x01\x02", 1)
    if version >= TLS_1_2:
        yield 13, _vector(b"".join(struct.pack(">H", scheme) for scheme in _SIGNATURES), 2)
    if version == TLS_1_3:
        shares = struct.pack(">H", 29) + _vector(os.urandom(32), 2) + struct.pack(">H", 23) + _vector(_P256_POINT, 2)
        yield 43, _vector(struct.pack(">H", version), 1)
        yield 45, _vector(b"\x01", 1)
        yield 51, _vector(shares, 2)
    else:
        yield 22, b""
        yield 23, b""
        yield 35, b""
        yield 65281, b"\x00"


def _extension(number: int, body: bytes) -> bytes:
    return struct.pack(">HH", number, len(body)) + body


def _vector(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size, "big") + data


def _ssl2_hello() -> bytes:
    suites = b"".join(code.to_bytes(3, "big") for code in _SSL2_SUITES)
    body = struct.pack(">BHHHH", 1, SSL_2, len(suites), 0, 16) + suites + os.urandom(16)
    return struct.pack(">H", 0x8000 | len(body)) + body
