from __future__ import annotations

import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.protocol import configuration_container as container
from nportlab.protocol import rijndael
from nportlab.protocol.configuration_container import (
    VERSION_1,
    VERSION_2,
    NotAContainer,
    Truncated,
    WrongKeyOrDamaged,
    decrypt,
    encrypt,
)

TEXT = b"\r\n[NPort Configuration File]\r\nCheck Code=cfg1\r\n"
texts = st.binary(max_size=300).map(lambda text: text.rstrip(b"\0"))
psks = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=32)


@given(
    text=texts,
    psk=psks,
    version=st.sampled_from([VERSION_1, VERSION_2]),
    magic=st.sampled_from(sorted(container.MAGICS)),
)
def test_round_trip(text: bytes, psk: str, version: int, magic: bytes) -> None:
    assert decrypt(encrypt(text, psk, version, magic), psk) == container.Container(magic, version, text)


def test_the_bytes_of_the_header() -> None:
    blob = encrypt(TEXT)
    plain = TEXT.ljust(64, b"\0")
    checksum = sum(struct.unpack("<16I", plain)) & 0xFFFFFFFF
    assert blob[:16] == b"6000" + b"\x00\x00\x01\x01" + struct.pack("<I", checksum) + b"\x40\x00\x00\x00"
    key = b"moxa" + bytes.fromhex("a85cc77525a18747f0a7052b4c8b9e70dab30dcb51d0d3125ac43c97")
    assert rijndael.decrypt(blob[16:], key) == plain


def test_the_older_header_has_no_length() -> None:
    blob = encrypt(TEXT, version=VERSION_1)
    assert blob[:8] == b"6000\x01\x00\x00\x00"
    assert blob[12:] == encrypt(TEXT)[16:]


def test_a_text_of_whole_blocks_gets_no_padding() -> None:
    assert len(encrypt(b"x" * 64)) == 16 + 64


def test_a_wrong_key_is_told_by_the_checksum() -> None:
    with pytest.raises(WrongKeyOrDamaged, match="wrong pre-shared key"):
        decrypt(encrypt(TEXT, "moxa"), "Moxa")


@given(at=st.integers(8, 16 + 64 - 1), flip=st.integers(1, 255))
def test_a_changed_byte_is_noticed(at: int, flip: int) -> None:
    blob = bytearray(encrypt(TEXT))
    blob[at] ^= flip
    with pytest.raises((WrongKeyOrDamaged, Truncated)):
        decrypt(bytes(blob))


@given(size=st.integers(0, 16 + 64 - 1))
def test_a_cut_file_is_noticed(size: int) -> None:
    with pytest.raises(Truncated):
        decrypt(encrypt(TEXT)[:size])


def test_bytes_behind_the_payload_are_noticed() -> None:
    with pytest.raises(Truncated, match="announces 64 bytes"):
        decrypt(encrypt(TEXT) + bytes(32))


@pytest.mark.parametrize("blob", [TEXT, b"<html>", b"7000" + bytes(60), b"6000\x63\x00\x00\x00" + bytes(40)])
def test_something_else_is_not_a_container(blob: bytes) -> None:
    with pytest.raises(NotAContainer):
        decrypt(blob)


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(blob: bytes) -> None:
    with pytest.raises(container.ContainerError):
        decrypt(blob)


@pytest.mark.parametrize("psk", ["", "x" * 33, "möxa"])
def test_keys_no_unit_accepts(psk: str) -> None:
    with pytest.raises(ValueError, match="1 to 32 ASCII"):
        encrypt(TEXT, psk)


def test_a_text_that_would_lose_its_end_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        encrypt(b"abc\0")


def test_plain_text_exports_are_told_apart() -> None:
    assert container.is_container(encrypt(TEXT))
    assert not container.is_container(TEXT)


def test_importing_the_codec_starts_no_threads() -> None:
    """numpy does, and a process with threads cannot enter the user namespace of a virtual rack."""
    code = "import sys, nportlab.protocol.configuration_container; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
