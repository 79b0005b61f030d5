"""SNTP packets (RFC 4330): 48 octets, times as seconds since 1900 in 32.32 fixed point."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta

EPOCH = datetime(1900, 1, 1)
ERA = timedelta(seconds=2**32)
_PACKET = struct.Struct(">BBbb11I")
VERSION, CLIENT, SERVER = 4, 3, 4
UNSYNCHRONIZED = 3


def request(transmit: int) -> bytes:
    """A client's question. transmit: 64 bit, any number the client will know again in the answer."""
    return _PACKET.pack(VERSION << 3 | CLIENT, 0, 0, 0, *[0] * 9, transmit >> 32, transmit & 0xFFFFFFFF)


def read_answer(data: bytes, transmit: int) -> datetime | None:
    """The server's UTC time when it answered; None for anything that is no proper answer to this question.

    Refused: another mode, a clock that says it is not synchronized, a kiss of death (stratum 0), and an answer that
    does not give the question's transmit time back. Times before 1970 are of the era that began in 2036.
    """
    if len(data) < _PACKET.size:
        return None
    fields = _PACKET.unpack_from(data)
    flags, stratum = fields[0], fields[1]
    seconds, fraction = fields[13], fields[14]
    if flags & 7 != SERVER or flags >> 6 == UNSYNCHRONIZED or not 1 <= stratum <= 15:
        return None
    if fields[9] << 32 | fields[10] != transmit or not seconds:
        return None
    moment = EPOCH + timedelta(seconds=seconds, microseconds=fraction * 1_000_000 >> 32)
    return moment if moment.year >= 1970 else moment + ERA
