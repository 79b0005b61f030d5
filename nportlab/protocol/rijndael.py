"""Rijndael with 256-bit block and 256-bit key, ECB, in the byte order the NPort configuration file uses.

AES is Rijndael with a 128-bit block; this is its 256-bit block sibling (14 rounds, row shifts 0, 1, 3, 4), which no
crypto library in common use offers. The vendor fills the 4 x 8 matrix of state and key *row by row*, while the Rijndael
paper fills it column by column: published vectors have to be transposed before they can be compared.

All blocks of a file are processed at once with numpy: a round is four 32-bit table look-ups per column.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK_SIZE = 32
KEY_SIZE = 32
_ROUNDS = 14
_COLUMNS = 8
_SHIFTS = (0, 1, 3, 4)

Words = NDArray[np.uint32]


class _Tables(NamedTuple):
    sbox: NDArray[np.uint8]
    inverse_sbox: NDArray[np.uint8]
    forward: Words  # (4, 256): SubBytes and MixColumns of one byte of row r, as a column
    backward: Words  # (4, 256): InvSubBytes and InvMixColumns likewise
    unmix: Words  # (4, 256): InvMixColumns alone, for the round keys of the inverse cipher


def encrypt(data: bytes, key: bytes) -> bytes:
    """Encrypt whole blocks. data: a multiple of 32 bytes; key: 32 bytes. Raises ValueError on any other length."""
    tables = _tables()
    keys = _round_keys(key)
    state = _load(data) ^ keys[0]
    for number in range(1, _ROUNDS):
        state = _round(state, tables.forward, keys[number], 1)
    return _store(_last_round(state, tables.sbox, keys[_ROUNDS], 1))


def decrypt(data: bytes, key: bytes) -> bytes:
    """Decrypt whole blocks. data: a multiple of 32 bytes; key: 32 bytes. Raises ValueError on any other length."""
    tables = _tables()
    keys = _round_keys(key)
    state = _load(data) ^ keys[_ROUNDS]
    for number in range(_ROUNDS - 1, 0, -1):
        # Equivalent inverse cipher: unmixing is linear, so the round key is unmixed instead of the state.
        unmixed = np.bitwise_xor.reduce([tables.unmix[row][_row(keys[number], row)] for row in range(4)])
        state = _round(state, tables.backward, unmixed, -1)
    return _store(_last_round(state, tables.inverse_sbox, keys[0], -1))


def _load(data: bytes) -> Words:
    """Bytes in row order to columns: shape (blocks, 8), row r in byte r of each word."""
    if len(data) % BLOCK_SIZE:
        raise ValueError(f"{len(data)} bytes are not whole blocks of {BLOCK_SIZE}")
    rows = np.frombuffer(data, np.uint8).reshape(-1, 4, _COLUMNS)
    return np.ascontiguousarray(rows.transpose(0, 2, 1)).view("<u4").reshape(-1, _COLUMNS)


def _store(state: Words) -> bytes:
    rows = np.ascontiguousarray(state.astype("<u4")).view(np.uint8).reshape(-1, _COLUMNS, 4)
    return rows.transpose(0, 2, 1).tobytes()


def _row(state: Words, row: int) -> Words:
    return (state >> np.uint32(8 * row)) & np.uint32(0xFF)


def _shifted(state: Words, row: int, direction: int) -> Words:
    return np.roll(_row(state, row), -direction * _SHIFTS[row], axis=1)


def _round(state: Words, table: Words, key: Words, direction: int) -> Words:
    result = table[0][_shifted(state, 0, direction)]
    for row in range(1, 4):
        result = result ^ table[row][_shifted(state, row, direction)]
    return result ^ key


def _last_round(state: Words, box: NDArray[np.uint8], key: Words, direction: int) -> Words:
    result = np.zeros_like(state)
    for row in range(4):
        result |= box[_shifted(state, row, direction)].astype(np.uint32) << np.uint32(8 * row)
    return result ^ key


def _round_keys(key: bytes) -> Words:
    """Key schedule for Nk = Nb = 8: 15 round keys of 8 columns."""
    if len(key) != KEY_SIZE:
        raise ValueError(f"the key has {len(key)} bytes, not {KEY_SIZE}")
    sbox = _tables().sbox.tolist()

    def substituted(word: int) -> int:
        return sum(sbox[(word >> shift) & 0xFF] << shift for shift in (0, 8, 16, 24))

    words: list[int] = _load(key)[0].tolist()
    constant = 1
    for position in range(_COLUMNS, _COLUMNS * (_ROUNDS + 1)):
        word = words[-1]
        if position % _COLUMNS == 0:
            # Rotation of the column by one row; the first row is the lowest byte.
            word = substituted((word >> 8) | ((word & 0xFF) << 24)) ^ constant
            constant = _double(constant)
        elif position % _COLUMNS == 4:
            word = substituted(word)
        words.append(words[-_COLUMNS] ^ word)
    return np.array(words, np.uint32).reshape(_ROUNDS + 1, _COLUMNS)


def _double(value: int) -> int:
    return (value << 1) ^ (0x11B if value & 0x80 else 0)


def _times(value: int, factor: int) -> int:
    """Product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1."""
    result = 0
    while factor:
        if factor & 1:
            result ^= value
        value, factor = _double(value), factor >> 1
    return result


@cache
def _tables() -> _Tables:
    sbox = np.zeros(256, np.uint8)
    p = q = 1
    while True:  # p runs through all powers of 3, q through the powers of its inverse
        p ^= _double(p)
        for shift in (1, 2, 4):
            q ^= (q << shift) & 0xFF
        q ^= 0x09 if q & 0x80 else 0
        rotated = q
        for shift in (1, 2, 3, 4):
            rotated ^= ((q << shift) | (q >> (8 - shift))) & 0xFF
        sbox[p] = rotated ^ 0x63
        if p == 1:
            break
    sbox[0] = 0x63
    inverse = np.zeros(256, np.uint8)
    inverse[sbox] = np.arange(256, dtype=np.uint8)
    plain = np.arange(256, dtype=np.uint8)
    unmix = _column_tables(plain, (14, 9, 13, 11))
    return _Tables(sbox, inverse, _column_tables(sbox, (2, 1, 1, 3)), unmix[:, inverse], unmix)


def _column_tables(box: NDArray[np.uint8], factors: tuple[int, int, int, int]) -> Words:
    """For each row, what one (substituted) byte adds to the mixed column; factors: the column for row 0."""
    products = [np.array([_times(int(byte), factor) for byte in box], np.uint32) for factor in factors]
    tables = np.zeros((4, 256), np.uint32)
    for row in range(4):
        for position, product in enumerate(products):
            tables[row] |= product << np.uint32(8 * ((position + row) % 4))
    return tables
