"""MS-CHAPv2 responses (RFC 2759). MD4 is written out here because today's OpenSSL no longer offers it."""

from __future__ import annotations

import hashlib
import struct

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

_MASK = 0xFFFFFFFF


def response(challenge: bytes, peer_challenge: bytes, user: str, password: str) -> bytes:
    """NT-Response, 24 bytes. Both challenges have 16 bytes; `user` is without a domain."""
    hashed = hashlib.sha1(peer_challenge + challenge + user.encode()).digest()[:8]
    key = md4(password.encode("utf-16-le")).ljust(21, b"\0")
    return b"".join(_des(key[at : at + 7], hashed) for at in (0, 7, 14))


def _des(key: bytes, block: bytes) -> bytes:
    """One block of single DES under 56 bits of key."""
    bits = int.from_bytes(key, "big")
    # Seven key bits and a parity bit, which nobody checks, in every byte.
    spread = bytes((bits >> shift & 0x7F) << 1 for shift in range(49, -1, -7))
    encryptor = Cipher(TripleDES(spread * 3), modes.ECB()).encryptor()
    return encryptor.update(block) + encryptor.finalize()


def md4(data: bytes) -> bytes:
    """MD4 digest (RFC 1320)."""
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + struct.pack("<Q", len(data) * 8)
    for at in range(0, len(padded), 64):
        words = struct.unpack_from("<16I", padded, at)
        a, b, c, d = state
        for order, shifts, constant, mix in _ROUNDS:
            for step, index in enumerate(order):
                total = a + mix(b, c, d) + words[index] + constant & _MASK
                shift = shifts[step % 4]
                a, b, c, d = d, (total << shift | total >> 32 - shift) & _MASK, b, c
        state = [old + new & _MASK for old, new in zip(state, (a, b, c, d), strict=True)]
    return struct.pack("<4I", *state)


_ROUNDS = (
    (tuple(range(16)), (3, 7, 11, 19), 0, lambda x, y, z: x & y | ~x & z),
    (
        (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
        (3, 5, 9, 13),
        0x5A827999,
        lambda x, y, z: x & y | x & z | y & z,
    ),
    (
        (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15),
        (3, 9, 11, 15),
        0x6ED9EBA1,
        lambda x, y, z: x ^ y ^ z,
    ),
)
