"""TACACS+ packets (RFC 8907): ASCII login and accounting, as a client sends and reads them.

Header, 12 bytes, big-endian: version, type, sequence number, flags, session id, length. The body is hidden by XOR with
a chain of MD5 digests over session id, secret, version and sequence number.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

PORT: Final = 49
VERSION: Final = 0xC0
UNENCRYPTED: Final = 0x01
LONGEST_BODY: Final = 0x10000
_HEADER = struct.Struct(">BBBBII")


class TacacsError(ValueError):
    """The bytes are no packet of this protocol, or were hidden with another secret."""


class Kind(IntEnum):
    """Packet type."""

    AUTHENTICATION = 1
    AUTHORIZATION = 2
    ACCOUNTING = 3


class Status(IntEnum):
    """Status of an authentication reply."""

    PASS = 1
    FAIL = 2
    GET_DATA = 3
    GET_USER = 4
    GET_PASSWORD = 5
    RESTART = 6
    ERROR = 7
    FOLLOW = 0x21


class AccountingFlag(IntEnum):
    """What an accounting record says."""

    START = 2
    STOP = 4


ACCOUNTING_SUCCESS: Final = 1
LOGIN_ACTION, ASCII_TYPE, LOGIN_SERVICE, TACACS_METHOD = 1, 1, 1, 6
HEADER_SIZE: Final = _HEADER.size


@dataclass(frozen=True)
class Header:
    """What stands before a body. length: bytes of the body."""

    kind: int
    sequence: int
    flags: int
    session: int
    length: int
    version: int = VERSION

    @classmethod
    def decode(cls, data: bytes) -> Header:
        """Read 12 bytes. Raises TacacsError."""
        if len(data) != HEADER_SIZE:
            raise TacacsError(f"{len(data)} bytes are not a header")
        version, kind, sequence, flags, session, length = _HEADER.unpack(data)
        if version & 0xF0 != VERSION:
            raise TacacsError(f"version 0x{version:02X} is not TACACS+")
        if length > LONGEST_BODY:
            raise TacacsError(f"a body of {length} bytes is too long")
        return cls(kind, sequence, flags, session, length, version)


@dataclass(frozen=True)
class Reply:
    """An authentication or accounting reply: its status and what the server wants shown."""

    status: int
    message: str


def packet(kind: Kind, sequence: int, session: int, body: bytes, secret: str) -> bytes:
    """A whole packet; the body stays readable when there is no secret."""
    flags = 0 if secret else UNENCRYPTED
    header = _HEADER.pack(VERSION, kind, sequence, flags, session, len(body))
    return header + hide(Header(kind, sequence, flags, session, len(body)), body, secret)


def hide(header: Header, body: bytes, secret: str) -> bytes:
    """Hide a readable body or make a hidden one readable (RFC 8907 4.5)."""
    if header.flags & UNENCRYPTED:
        return body
    seed = struct.pack(">I", header.session) + secret.encode() + bytes([header.version, header.sequence])
    pad, digest = b"", b""
    while len(pad) < len(body):
        digest = hashlib.md5(seed + digest).digest()
        pad += digest
    return bytes(a ^ b for a, b in zip(body, pad, strict=False))


def login_start(user: str, port: str, source: str) -> bytes:
    """Body of an authentication START for an ASCII login. port: such as `ssh`; source: the client's address."""
    texts = [text.encode()[:255] for text in (user, port, source)]
    head = bytes([LOGIN_ACTION, 1, ASCII_TYPE, LOGIN_SERVICE, *map(len, texts), 0])
    return head + b"".join(texts)


def login_continue(text: str) -> bytes:
    """Body of a CONTINUE that answers GET_USER or GET_PASSWORD."""
    answer = text.encode()
    return struct.pack(">HHB", len(answer), 0, 0) + answer


def read_login_reply(body: bytes) -> Reply:
    """Body of an authentication REPLY. Raises TacacsError, which is also how a wrong secret shows."""
    if len(body) < 6:
        raise TacacsError("cut authentication reply")
    status, _, message, data = struct.unpack_from(">BBHH", body)
    if status not in set(Status) or len(body) != 6 + message + data:
        raise TacacsError("authentication reply cannot be read; the secrets differ?")
    return Reply(status, body[6 : 6 + message].decode("utf-8", "replace"))


def accounting_request(flag: AccountingFlag, user: str, port: str, source: str, arguments: list[str]) -> bytes:
    """Body of an accounting REQUEST. arguments: `task_id=...`, `service=shell` and the like."""
    texts = [text.encode()[:255] for text in (user, port, source)]
    values = [argument.encode()[:255] for argument in arguments[:255]]
    head = bytes([flag, TACACS_METHOD, 1, ASCII_TYPE, LOGIN_SERVICE, *map(len, texts), len(values), *map(len, values)])
    return head + b"".join(texts) + b"".join(values)


def read_accounting_reply(body: bytes) -> Reply:
    """Body of an accounting REPLY. Raises TacacsError."""
    if len(body) < 5:
        raise TacacsError("cut accounting reply")
    message, data, status = struct.unpack_from(">HHB", body)
    if len(body) != 5 + message + data:
        raise TacacsError("accounting reply cannot be read; the secrets differ?")
    return Reply(status, body[5 : 5 + message].decode("utf-8", "replace"))
