"""Outside vectors: the published Rijndael 256/256 answer, another implementation, and the vendor's own answers."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from py3rijndael import Rijndael

from nportlab.protocol import rijndael


def row_order(data: bytes) -> bytes:
    """Blocks in the column order of the Rijndael paper -> the vendor's row order."""
    blocks = [data[start : start + 32] for start in range(0, len(data), 32)]
    return b"".join(bytes(block[column * 4 + row] for row in range(4) for column in range(8)) for block in blocks)


# B. Gladman's published known answer for 256-bit block and key.
PUBLISHED = (
    "2b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfe",
    "3243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c8",
    "a49406115dfb30a40418aafa4869b7c6a886ff31602a7dd19c889dc64f7e4e7a",
)
# Key, ciphertext, plaintext as the vendor's own library answers (published by users of its command line tool). The
# second and third settle the row order: in column order they come out differently.
VENDOR = [
    ("00" * 32, "00" * 32, "46a50bd93fa2c9753c7457a9893f885a07e0e9108b6c64d471f9704095573b82"),
    (
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "3d6542ea88c81502474e2f98c0b764e8265f6ce430ade50265b2058fdd3d5415",
    ),
    ("80" + "00" * 31, "00" * 32, "5ad584c7f53c4c76ef516f5b0165303ce0bc001a838dfa655b80f2411659c048"),
]
blocks = st.integers(0, 5).flatmap(lambda count: st.binary(min_size=32 * count, max_size=32 * count))
keys = st.binary(min_size=32, max_size=32)


def test_the_published_answer_in_row_order() -> None:
    key, plain, cipher = (row_order(bytes.fromhex(text)) for text in PUBLISHED)
    assert rijndael.encrypt(plain, key) == cipher
    assert rijndael.decrypt(cipher, key) == plain


@pytest.mark.parametrize(("key", "cipher", "plain"), VENDOR)
def test_the_vendors_answers(key: str, cipher: str, plain: str) -> None:
    assert rijndael.decrypt(bytes.fromhex(cipher), bytes.fromhex(key)).hex() == plain
    assert rijndael.encrypt(bytes.fromhex(plain), bytes.fromhex(key)).hex() == cipher


@given(plain=st.binary(min_size=32, max_size=32), key=keys)
def test_another_implementation_agrees(plain: bytes, key: bytes) -> None:
    theirs = Rijndael(key, block_size=32).encrypt(plain)
    assert rijndael.encrypt(row_order(plain), row_order(key)) == row_order(theirs)


@given(data=blocks, key=keys)
def test_decrypt_undoes_encrypt(data: bytes, key: bytes) -> None:
    assert rijndael.decrypt(rijndael.encrypt(data, key), key) == data


@given(data=blocks, key=keys)
def test_blocks_are_independent(data: bytes, key: bytes) -> None:
    singly = b"".join(rijndael.encrypt(data[at : at + 32], key) for at in range(0, len(data), 32))
    assert rijndael.encrypt(data, key) == singly


@pytest.mark.parametrize("size", [1, 31, 33])
def test_parts_of_blocks_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="not whole blocks"):
        rijndael.encrypt(bytes(size), bytes(32))


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="31 bytes"):
        rijndael.decrypt(bytes(32), bytes(31))


def test_a_sixteen_port_export_takes_no_time() -> None:
    data = bytes(100 * 1024)
    started = time.process_time()
    rijndael.decrypt(data, bytes(32))
    assert time.process_time() - started < 0.05
