"""What the virtual unit and its `mcc_tool` speak on TCP 4900. The real layout of that port is not public: an invention.

A message is a head of 12 bytes and fields; numbers are big-endian:

    magic        2 bytes "DT"
    version      1
    operation    of the request; a reply has 0x80 added, a progress report 0xC0
    result       signed: 0, or the code of the vendor's command line tool (nport-facts 10.3)
    zero
    transaction  16 bit, echoed
    size         32 bit: bytes of the fields
    fields       tag (1 byte), length (24 bit), value; each tag once

Requests by operation, with their fields, and those of the reply:

    IDENTIFY                                       MODEL, NAME, ADDRESS, MAC, FIRMWARE, ACCOUNTS (1 byte: any exists)
    LOGIN           USER, PASSWORD
    FIRMWARE_BEGIN  SIZE (32 bit)
    FIRMWARE_DATA   DATA
    FIRMWARE_END                                   progress reports with STAGE and PERCENT (1 byte) before the reply
    EXPORT          KEY                            DATA (the encrypted container; plain text from firmware 1.x)
    IMPORT          KEY, DATA, KEEP_NETWORK (1 byte)
    PASSWORD        USER, PASSWORD, NEW_PASSWORD

A refusal may have a MESSAGE. Everything but IDENTIFY and PASSWORD needs a LOGIN on the same connection.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

PORT: Final = 4900
CHUNK: Final = 32 * 1024
"""Bytes of firmware the tool sends in one message."""

MOST_BYTES: Final = 1 << 20
"""Fields of one message; more ends the conversation."""

_HEAD = struct.Struct(">2sBBbxHI")
_MAGIC = b"DT"
_VERSION = 1
_REPLY, _PROGRESS = 0x80, 0xC0
_KIND = 0xC0


class DsciError(ValueError):
    """The bytes are no message of this conversation."""


class Operation(IntEnum):
    """What is asked."""

    IDENTIFY = 0x01
    LOGIN = 0x02
    FIRMWARE_BEGIN = 0x10
    FIRMWARE_DATA = 0x11
    FIRMWARE_END = 0x12
    EXPORT = 0x20
    IMPORT = 0x21
    PASSWORD = 0x30


class Kind(IntEnum):
    """Whose turn a message is."""

    REQUEST = 0
    REPLY = _REPLY
    PROGRESS = _PROGRESS


class Code(IntEnum):
    """Results of the vendor's command line tool (nport-facts 10.3)."""

    OK = 0
    NOT_FOUND = -1
    BAD_LOGIN = -2
    PASSWORD_TOO_LONG = -3
    FILE_OPEN = -4
    TIMEOUT = -5
    IMPORT_FAILED = -6
    UPGRADE_FAILED = -7
    NEW_PASSWORD_TOO_LONG = -8
    PORT_INDEX = -9
    KEY_MISMATCH = -10
    BAD_PARAMETER = -11
    UNSUPPORTED_COMMAND = -12
    LIST_INCOMPLETE = -13
    LIST_INCOMPLETE_TOO = -14
    BLOCKED = -15
    FIRMWARE_UNSUPPORTED = -16
    PASSWORD_FIRST = -17


class Tag(IntEnum):
    """Names of fields."""

    USER = 1
    PASSWORD = 2
    NEW_PASSWORD = 3
    KEY = 4
    DATA = 5
    SIZE = 6
    STAGE = 7
    PERCENT = 8
    MODEL = 9
    NAME = 10
    ADDRESS = 11
    MAC = 12
    FIRMWARE = 13
    ACCOUNTS = 14
    KEEP_NETWORK = 15
    MESSAGE = 16


@dataclass(frozen=True)
class Message:
    """One message. result: a `Code`; replies only. fields: raw values; see `text` and `number`."""

    operation: Operation
    fields: Mapping[Tag, bytes] = field(default_factory=dict)
    kind: Kind = Kind.REQUEST
    result: Code = Code.OK
    transaction: int = 0

    def text(self, tag: Tag) -> str:
        """A text field, "" when it is missing. Raises DsciError unless it is UTF-8."""
        try:
            return self.fields.get(tag, b"").decode()
        except UnicodeDecodeError:
            raise DsciError(f"{tag.name} is no text") from None

    def number(self, tag: Tag) -> int:
        """An unsigned number, 0 when it is missing."""
        return int.from_bytes(self.fields.get(tag, b""), "big")

    def reply(self, fields: Mapping[Tag, bytes] | None = None, result: Code = Code.OK) -> Message:
        """The answer to this request."""
        return Message(self.operation, fields or {}, Kind.REPLY, result, self.transaction)

    def progress(self, stage: str, percent: int) -> Message:
        """A report while this request is carried out. percent: of the stage, 0 to 100."""
        fields = {Tag.STAGE: stage.encode(), Tag.PERCENT: bytes([percent])}
        return Message(self.operation, fields, Kind.PROGRESS, Code.OK, self.transaction)

    def encode(self) -> bytes:
        """The bytes. Raises DsciError when it would be too large."""
        fields = b"".join(_field(tag, value) for tag, value in self.fields.items())
        if len(fields) > MOST_BYTES:
            raise DsciError(f"{len(fields)} bytes are too many for a message")
        operation = self.operation | self.kind
        return _HEAD.pack(_MAGIC, _VERSION, operation, self.result, self.transaction, len(fields)) + fields


class Decoder:
    """Messages out of a stream, whatever pieces it comes in."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are whole now. Raises DsciError when the stream is something else; it is lost then."""
        self._data += data
        while len(self._data) >= _HEAD.size:
            magic, version, operation, result, transaction, size = _HEAD.unpack_from(self._data)
            if magic != _MAGIC or version != _VERSION or size > MOST_BYTES:
                raise DsciError("not this conversation")
            end = _HEAD.size + size
            if len(self._data) < end:
                return
            body = bytes(self._data[_HEAD.size : end])
            del self._data[:end]
            yield _message(operation, result, transaction, body)
        if not _MAGIC.startswith(self._data[:2]):
            raise DsciError("not this conversation")


def texts(**values: str) -> dict[Tag, bytes]:
    """Text fields by the lower-case name of their tag: `texts(user="admin")`."""
    return {Tag[name.upper()]: value.encode() for name, value in values.items()}


def _message(operation: int, result: int, transaction: int, body: bytes) -> Message:
    try:
        kind = Kind(operation & _KIND)
        asked, code = Operation(operation & ~_KIND), Code(result)
    except ValueError:
        raise DsciError(f"unknown operation 0x{operation:02X} or result {result}") from None
    fields: dict[Tag, bytes] = {}
    while body:
        length = int.from_bytes(body[1:4], "big")
        if len(body) < 4 + length:
            raise DsciError("a field is cut short")
        try:
            tag = Tag(body[0])
        except ValueError:
            raise DsciError(f"unknown field {body[0]}") from None
        if tag in fields:
            raise DsciError(f"{tag.name} twice")
        fields[tag] = body[4 : 4 + length]
        body = body[4 + length :]
    return Message(asked, fields, kind, code, transaction)


def _field(tag: Tag, value: bytes) -> bytes:
    if len(value) >= 1 << 24:
        raise DsciError(f"{tag.name} is too long")
    return bytes([tag]) + len(value).to_bytes(3, "big") + value
