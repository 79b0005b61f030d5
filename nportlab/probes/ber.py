"""Just enough BER to build and recognise SNMP messages by hand (X.690, short and long lengths, definite only)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

INTEGER, OCTET_STRING, NULL, OBJECT_ID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30


class BerError(ValueError):
    """The bytes are no BER element of definite length."""


@dataclass(frozen=True)
class Element:
    """One element. tag: the identifier byte; content: the bytes inside."""

    tag: int
    content: bytes

    def children(self) -> list[Element]:
        """The elements inside a constructed one. Raises BerError."""
        return list(_elements(self.content))

    def integer(self) -> int:
        """The value of an INTEGER."""
        return int.from_bytes(self.content, "big", signed=True)


def encode(tag: int, *contents: bytes) -> bytes:
    """One element."""
    content = b"".join(contents)
    if len(content) < 0x80:
        return bytes((tag, len(content))) + content
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + content


def integer(value: int) -> bytes:
    """An INTEGER."""
    return encode(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(value: bytes) -> bytes:
    """An OCTET STRING."""
    return encode(OCTET_STRING, value)


def object_id(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER from "1.3.6.1.2.1.1.1.0"."""
    first, second, *rest = (int(part) for part in dotted.split("."))
    return encode(OBJECT_ID, b"".join(_base128(number) for number in (40 * first + second, *rest)))


def decode(data: bytes) -> Element:
    """The first element of the bytes. Raises BerError."""
    for element in _elements(data):
        return element
    raise BerError("no element")


def _base128(number: int) -> bytes:
    parts = [number & 0x7F]
    while number := number >> 7:
        parts.append(0x80 | (number & 0x7F))
    return bytes(reversed(parts))


def _elements(data: bytes) -> Iterable[Element]:
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise BerError("an element ends after its identifier")
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            if not 1 <= count <= 4 or at + count > len(data):
                raise BerError("a length that is not definite, or cut")
            size, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + size > len(data):
            raise BerError("an element is cut")
        yield Element(tag, data[at : at + size])
        at += size
