"""One question for each UDP service, and how its answer is recognised: bytes only.

Each query is written so that a server which speaks the protocol has to answer it, whatever it is configured for; where
a protocol has no such question (syslog), there is none here. `respond` is a minimal server of the protocol: the control
responder uses it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from nportlab.probes import ber
from nportlab.protocol import moxa_service

_SYS_DESCR = "1.3.6.1.2.1.1.1.0"
_UNKNOWN_ENGINES = "1.3.6.1.6.3.15.1.1.4.0"
_GET, _RESPONSE, _REPORT = 0xA0, 0xA2, 0xA8
_SNMP_REQUEST_ID = 0x4E504C
_TRANSACTION = 0x4E50
_NTP_STAMP = bytes.fromhex("e4f1c2d3 4e504c41")


@dataclass(frozen=True)
class UdpQuery:
    """A datagram that provokes an answer.

    id: "snmp-v3"; title: for people; port: where the service usually listens; payload: the question;
    recognises: whether a datagram is an answer to it; respond: the right answer to a datagram, None when it is not a
    question of this kind.
    """

    id: str
    title: str
    port: int
    payload: bytes = field(repr=False)
    recognises: Callable[[bytes], bool] = field(repr=False, compare=False)
    respond: Callable[[bytes], bytes | None] = field(repr=False, compare=False)


@cache
def queries() -> dict[str, UdpQuery]:
    """All queries by id."""
    found = (
        snmp("snmp-v1"),
        snmp("snmp-v2c"),
        _snmp_v3(),
        _dns(),
        _netbios(),
        _ntp(),
        _rip("rip-1", "RIP version 1 request of the whole table", 1),
        _rip("rip-2", "RIP version 2 request of the whole table", 2),
        _ripng(),
        _moxa(),
        _tftp(),
        _moxa_old(),
        generic(7),
    )
    return {query.id: query for query in found}


def query(name: str) -> UdpQuery:
    """The query of an id. Raises KeyError naming the known ones."""
    try:
        return queries()[name]
    except KeyError:
        raise KeyError(f"no UDP query {name!r}; known: {', '.join(queries())}") from None


COMMON_PORTS: Final = frozenset(
    (
        7,
        9,
        13,
        17,
        19,
        37,
        67,
        69,
        111,
        123,
        138,
        162,
        177,
        500,
        514,
        623,
        1029,
        1194,
        1900,
        2049,
        3702,
        4500,
        5353,
        5683,
    )
)
"""Where small devices have services that no manual mentions: echo, time, DHCP, TFTP, RPC, SNMP traps, IKE, IPMI, SSDP,
NFS, discovery, mDNS, CoAP."""


def queries_for(port: int) -> list[UdpQuery]:
    """The questions worth asking a port: those of its usual services, else eight bytes any service may answer."""
    return [known for known in queries().values() if known.port == port and known.id != "generic"] or [generic(port)]


def generic(port: int) -> UdpQuery:
    """Eight bytes of no protocol; anything that comes back is an answer."""
    return UdpQuery("generic", "bytes of no protocol", port, b"\r\n\r\nnprt", lambda data: True, lambda data: data)


def snmp(name: str, community: str = "public") -> UdpQuery:
    """The query "snmp-v1" or "snmp-v2c": a GetRequest of sysDescr. An agent only answers a community it knows."""
    version = {"snmp-v1": 0, "snmp-v2c": 1}[name]

    def message(known: bytes, pdu: bytes) -> bytes:
        return ber.encode(ber.SEQUENCE, ber.integer(version), ber.octets(known), pdu)

    def asked(data: bytes, kind: int) -> bytes | None:
        """The community of a message of this version and kind."""
        try:
            number, known, pdu = ber.decode(data).children()[:3]
        except (ber.BerError, ValueError):
            return None
        return known.content if (number.integer(), pdu.tag) == (version, kind) else None

    def respond(data: bytes) -> bytes | None:
        known = asked(data, _GET)
        text = ber.octets(b"control responder")
        return None if known is None else message(known, _pdu(_RESPONSE, _SYS_DESCR, text))

    payload = message(community.encode(), _pdu(_GET, _SYS_DESCR, ber.encode(ber.NULL)))
    title = f"SNMP {name.removeprefix('snmp-')} get of sysDescr"
    return UdpQuery(name, title, 161, payload, lambda data: asked(data, _RESPONSE) is not None, respond)


def _exactly(question: bytes, answer: bytes) -> Callable[[bytes], bytes | None]:
    """A server that knows one question."""
    return lambda data: answer if data == question else None


def _pdu(kind: int, oid: str, value: bytes, request_id: int = _SNMP_REQUEST_ID) -> bytes:
    binding = ber.encode(ber.SEQUENCE, ber.object_id(oid), value)
    zero = ber.integer(0)
    return ber.encode(kind, ber.integer(request_id), zero, zero, ber.encode(ber.SEQUENCE, binding))


def _snmp_v3() -> UdpQuery:
    """Engine discovery (RFC 3414 section 4): no user, no engine; every v3 agent answers it with a report."""

    def message(flags: int, engine: bytes, pdu: bytes) -> bytes:
        header = ber.encode(
            ber.SEQUENCE,
            ber.integer(_SNMP_REQUEST_ID),
            ber.integer(65507),
            ber.octets(bytes((flags,))),
            ber.integer(3),
        )
        nobody = ber.octets(b"")
        security = ber.encode(ber.SEQUENCE, ber.octets(engine), ber.integer(0), ber.integer(0), nobody, nobody, nobody)
        scoped = ber.encode(ber.SEQUENCE, ber.octets(engine), ber.octets(b""), pdu)
        return ber.encode(ber.SEQUENCE, ber.integer(3), header, ber.octets(security), scoped)

    def recognises(data: bytes) -> bool:
        try:
            number, header, _, scoped = ber.decode(data).children()[:4]
            kind = scoped.children()[2].tag
            return number.integer() == 3 and header.children()[0].integer() == _SNMP_REQUEST_ID and kind != _GET
        except (ber.BerError, ValueError, IndexError):
            return False

    zero = ber.integer(0)
    discovery = ber.encode(_GET, ber.integer(_SNMP_REQUEST_ID), zero, zero, ber.encode(ber.SEQUENCE))
    counter = ber.encode(0x41, b"\x01")
    report = message(0, bytes.fromhex("80001f8804") + b"responder", _pdu(_REPORT, _UNKNOWN_ENGINES, counter))
    question = message(4, b"", discovery)
    return UdpQuery("snmp-v3", "SNMP v3 engine discovery", 161, question, recognises, _exactly(question, report))


def _dns() -> UdpQuery:
    question = b"\x08nportlab\x07invalid\x00" + struct.pack(">HH", 1, 1)

    def message(flags: int) -> bytes:
        return struct.pack(">HHHHHH", _TRANSACTION, flags, 1, 0, 0, 0) + question

    respond = _exactly(message(0x0100), message(0x8183))
    return UdpQuery("dns", "DNS query of nportlab.invalid", 53, message(0x0100), _same_transaction, respond)


def _netbios() -> UdpQuery:
    """Node status of "*" (RFC 1002 section 4.2.17), answered by every NetBIOS (WINS) node."""
    name = b"\x20CK" + b"A" * 30 + b"\x00"
    payload = struct.pack(">HHHHHH", _TRANSACTION, 0, 1, 0, 0, 0) + name + struct.pack(">HH", 0x21, 1)
    answer = struct.pack(">HHHHHH", _TRANSACTION, 0x8400, 0, 1, 0, 0) + name
    answer += struct.pack(">HHIHB", 0x21, 1, 0, 47, 0) + bytes(46)
    return UdpQuery("netbios-ns", "NetBIOS node status", 137, payload, _same_transaction, _exactly(payload, answer))


def _same_transaction(data: bytes) -> bool:
    """A response of DNS or NetBIOS to our transaction."""
    return len(data) >= 12 and data[:2] == _TRANSACTION.to_bytes(2, "big") and bool(data[2] & 0x80)


def _ntp() -> UdpQuery:
    def recognises(data: bytes) -> bool:
        return len(data) >= 48 and data[0] & 7 == 4 and data[24:32] == _NTP_STAMP

    payload = b"\x23" + bytes(39) + _NTP_STAMP
    answer = b"\x24\x02\x06\xe9" + bytes(20) + _NTP_STAMP + _NTP_STAMP + _NTP_STAMP
    return UdpQuery("ntp", "NTP client request", 123, payload, recognises, _exactly(payload, answer))


def _rip(name: str, title: str, version: int) -> UdpQuery:
    def recognises(data: bytes) -> bool:
        return len(data) >= 4 and data[0] == 2 and data[1] in (1, 2)

    payload = bytes((1, version, 0, 0)) + bytes(16) + struct.pack(">I", 16)
    answer = bytes((2, version, 0, 0)) + struct.pack(">HHIIII", 2, 0, 0xC0A87F00, 0, 0, 1)
    return UdpQuery(name, title, 520, payload, recognises, _exactly(payload, answer))


def _ripng() -> UdpQuery:
    payload = bytes((1, 1, 0, 0)) + bytes(19) + b"\x10"
    answer = bytes((2, 1, 0, 0)) + bytes(19) + b"\x01"

    def recognises(data: bytes) -> bool:
        return data[:2] == b"\x02\x01"

    return UdpQuery("ripng", "RIPng request of the whole table", 521, payload, recognises, _exactly(payload, answer))


def _moxa() -> UdpQuery:
    def recognises(data: bytes) -> bool:
        try:
            return isinstance(moxa_service.decode_reply(data), moxa_service.SearchReply)
        except moxa_service.MoxaServiceError:
            return False

    def respond(data: bytes) -> bytes | None:
        try:
            question = moxa_service.decode_request(data)
        except moxa_service.MoxaServiceError:
            return None
        if not isinstance(question, moxa_service.SearchRequest):
            return None
        device = moxa_service.DeviceId(moxa_service.AP_ID_6000, 0x6000, "02:00:00:00:00:01")
        return moxa_service.SearchReply(device, "127.0.0.1", question.transaction).encode()

    payload = moxa_service.SearchRequest().encode()
    return UdpQuery("moxa", "Moxa service search", moxa_service.PORT, payload, recognises, respond)


def _moxa_old() -> UdpQuery:
    """The search of the vendor's older asynchronous servers; this family should not answer it."""
    payload = bytes.fromhex("010000060000")
    respond = _exactly(payload, bytes(86))
    return UdpQuery("moxa-old", "search of old Moxa servers", 1029, payload, lambda data: len(data) > 6, respond)


def _tftp() -> UdpQuery:
    """A file nobody has: the answer is an error, and comes from another port."""

    def recognises(data: bytes) -> bool:
        return len(data) >= 4 and data[0] == 0 and data[1] in (3, 5, 6)

    payload = b"\x00\x01nportlab-probe\x00octet\x00"
    answer = b"\x00\x05\x00\x01not found\x00"
    return UdpQuery("tftp", "TFTP read of a missing file", 69, payload, recognises, _exactly(payload, answer))
