"""The part of BER that SNMP needs (RFC 3416, X.690): values, sequences, object identifiers; definite lengths only.

A value is kept as its tag and content octets, so that whatever a manager sends can be carried unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

INTEGER, OCTET_STRING, NULL, OBJECT_IDENTIFIER, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
IP_ADDRESS, COUNTER32, GAUGE32, TIME_TICKS = 0x40, 0x41, 0x42, 0x43
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW = 0x80, 0x81, 0x82

Oid = tuple[int, ...]
MAX_MESSAGE = 65507


class Malformed(ValueError):
    """The octets are not a BER encoding this agent accepts; SNMP answers such messages with silence."""


@dataclass(frozen=True)
class Value:
    """One BER value: tag octet and content octets."""

    tag: int
    content: bytes = b""

    def encode(self) -> bytes:
        """Tag, length, content."""
        return bytes([self.tag]) + _length(len(self.content)) + self.content

    def as_integer(self) -> int:
        """Signed value of an INTEGER. Raises Malformed for another tag or an empty or oversized content."""
        if self.tag != INTEGER or not 1 <= len(self.content) <= 8:
            raise Malformed(f"not an integer: tag {self.tag:#04x}")
        return int.from_bytes(self.content, "big", signed=True)

    def as_octets(self) -> bytes:
        """Content of an OCTET STRING. Raises Malformed for another tag."""
        if self.tag != OCTET_STRING:
            raise Malformed(f"not an octet string: tag {self.tag:#04x}")
        return self.content

    def as_oid(self) -> Oid:
        """Arcs of an OBJECT IDENTIFIER. Raises Malformed for another tag or a cut arc."""
        if self.tag != OBJECT_IDENTIFIER or not self.content:
            raise Malformed(f"not an object identifier: tag {self.tag:#04x}")
        arcs: list[int] = []
        arc = 0
        for octet in self.content:
            arc = arc << 7 | octet & 0x7F
            if arc > 0xFFFFFFFF:
                raise Malformed("arc does not fit 32 bit")
            if not octet & 0x80:
                arcs.append(arc)
                arc = 0
        if self.content[-1] & 0x80:
            raise Malformed("object identifier ends inside an arc")
        first = min(arcs[0] // 40, 2)
        return (first, arcs[0] - 40 * first, *arcs[1:])

    def parts(self, tag: int = SEQUENCE) -> list[Value]:
        """Values inside a constructed value with this tag. Raises Malformed."""
        if self.tag != tag:
            raise Malformed(f"tag {self.tag:#04x} where {tag:#04x} was due")
        return list(_values(self.content))


def decode(data: bytes) -> Value:
    """The one value `data` holds; octets after it are an error. Raises Malformed."""
    value, end = _value_at(data, 0)
    if end != len(data):
        raise Malformed("octets after the message")
    return value


def decode_padded(data: bytes) -> Value:
    """The value `data` begins with; a block cipher leaves padding behind it. Raises Malformed."""
    return _value_at(data, 0)[0]


def integer(number: int, tag: int = INTEGER) -> Value:
    """INTEGER, or with `tag` one of the unsigned application types (which keep a leading zero octet if needed)."""
    return Value(tag, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def octets(content: bytes | str) -> Value:
    """OCTET STRING; text goes out as UTF-8."""
    return Value(OCTET_STRING, content.encode() if isinstance(content, str) else content)


def oid(arcs: Oid) -> Value:
    """OBJECT IDENTIFIER of at least two arcs."""
    content = bytearray()
    for arc in (arcs[0] * 40 + arcs[1], *arcs[2:]):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        content.extend(reversed(groups))
    return Value(OBJECT_IDENTIFIER, bytes(content))


def ip_address(text: str) -> Value:
    """IpAddress of a dotted address; an empty text is 0.0.0.0, as the MIB has no other way to say unset."""
    return Value(IP_ADDRESS, IPv4Address(text or "0.0.0.0").packed)


def sequence(*parts: Value, tag: int = SEQUENCE) -> Value:
    """Constructed value holding `parts` in order."""
    return Value(tag, b"".join(part.encode() for part in parts))


def parse_oid(text: str) -> Oid:
    """Arcs of dotted text. Raises ValueError."""
    return tuple(int(arc) for arc in text.strip(".").split("."))


def _length(length: int) -> bytes:
    if length < 0x80:
        return bytes([length])
    size = (length.bit_length() + 7) // 8
    return bytes([0x80 | size]) + length.to_bytes(size, "big")


def _values(data: bytes) -> Iterator[Value]:
    position = 0
    while position < len(data):
        value, position = _value_at(data, position)
        yield value


def _value_at(data: bytes, start: int) -> tuple[Value, int]:
    if start + 2 > len(data):
        raise Malformed("cut inside a header")
    tag, length, position = data[start], data[start + 1], start + 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4 or position + size > len(data):
            raise Malformed("length of a form SNMP does not use")
        length = int.from_bytes(data[position : position + size], "big")
        position += size
    if position + length > len(data):
        raise Malformed("cut inside a value")
    return Value(tag, data[position : position + length]), position + length
