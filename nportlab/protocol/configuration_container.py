"""The encrypted container around a configuration exported by firmware 2.x (the vendor's command line tool uses it too).

    magic       4 bytes   "6000" for this family
    version     LE32      0x01010000: 16-byte header with the payload length; 0x00000001: 12-byte header without it
    checksum    LE32      sum modulo 2^32 of the LE32 words of the decrypted payload, padding included
    [length]    LE32      bytes of payload
    payload               Rijndael 256/256 in ECB (see `rijndael`), zero padded to 32 bytes

The key is a vendor constant whose first bytes are overwritten by the pre-shared key. There is no authentication: a
wrong key and a damaged file look alike, and only the checksum tells.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from types import ModuleType
from typing import Final

DEFAULT_PSK: Final = "moxa"
MAGIC_6000: Final = b"6000"
MAGICS: Final = frozenset((b"6000", b"5000", b"500A", b"8000", b"NEE1", b"NEE2", b"NEE3"))
VERSION_1: Final = 0x00000001
VERSION_2: Final = 0x01010000
BLOCK_SIZE: Final = 32
LONGEST_PSK: Final = 32
HEADER_SIZES: Final = {VERSION_1: 12, VERSION_2: 16}
_VENDOR_KEY: Final = bytes.fromhex("2d375841a85cc77525a18747f0a7052b4c8b9e70dab30dcb51d0d3125ac43c97")


class ContainerError(ValueError):
    """The bytes cannot be read as an exported configuration."""


class NotAContainer(ContainerError):
    """No known magic or header version: something else, or a plain text export of firmware 1.x."""


class Truncated(ContainerError):
    """The file ends inside the header, or the payload is not what the header announces."""


class WrongKeyOrDamaged(ContainerError):
    """The checksum does not fit: the pre-shared key differs from the unit's, or the file was changed."""


@dataclass(frozen=True)
class Container:
    """A decrypted export. text: the configuration text without padding; magic: 4 bytes; version: header version."""

    magic: bytes
    version: int
    text: bytes


def is_container(data: bytes) -> bool:
    """Whether the bytes begin like a container (a plain text export does not)."""
    return data[:4] in MAGICS


def decrypt(blob: bytes, psk: str = DEFAULT_PSK) -> Container:
    """Open a container.

    psk: the unit's pre-shared key, 1 to 32 ASCII characters.
    Raises NotAContainer, Truncated, WrongKeyOrDamaged; ValueError for a key that no unit accepts.
    """
    key = _key(psk)
    if len(blob) < 4 and any(magic.startswith(blob) for magic in MAGICS):
        raise Truncated(f"the file ends after {len(blob)} bytes, inside the header")
    if not is_container(blob):
        raise NotAContainer(f"no known magic at the start: {blob[:4].hex(' ')}")
    if len(blob) < 12:
        raise Truncated(f"the file ends after {len(blob)} bytes, inside the header")
    version, checksum = struct.unpack_from("<II", blob, 4)
    if version not in HEADER_SIZES:
        raise NotAContainer(f"unknown header version 0x{version:08X}")
    payload = blob[HEADER_SIZES[version] :]
    if version == VERSION_2:
        if len(blob) < HEADER_SIZES[version]:
            raise Truncated(f"the file ends after {len(blob)} bytes, inside the header")
        (announced,) = struct.unpack_from("<I", blob, 12)
        if announced != len(payload):
            raise Truncated(f"the header announces {announced} bytes of payload, the file holds {len(payload)}")
    if len(payload) % BLOCK_SIZE:
        raise Truncated(f"the payload of {len(payload)} bytes does not end at a block of {BLOCK_SIZE}")
    plain = _rijndael().decrypt(payload, key)
    if _checksum(plain) != checksum:
        raise WrongKeyOrDamaged("the checksum does not fit: wrong pre-shared key, or the file was damaged")
    return Container(blob[:4], version, plain.rstrip(b"\0"))


def encrypt(text: bytes, psk: str = DEFAULT_PSK, version: int = VERSION_2, magic: bytes = MAGIC_6000) -> bytes:
    """Make a container of a configuration text.

    text: must not end in NUL bytes, which would be taken for padding. Raises ValueError for that, for an unknown
    version or magic, and for a pre-shared key that is not 1 to 32 ASCII characters.
    """
    if version not in HEADER_SIZES:
        raise ValueError(f"unknown header version 0x{version:08X}")
    if magic not in MAGICS:
        raise ValueError(f"unknown magic {magic!r}")
    if text.endswith(b"\0"):
        raise ValueError("a configuration text cannot end in NUL bytes")
    plain = text + bytes(-len(text) % BLOCK_SIZE)
    header = magic + struct.pack("<II", version, _checksum(plain))
    if version == VERSION_2:
        header += struct.pack("<I", len(plain))
    return header + _rijndael().encrypt(plain, _key(psk))


def _key(psk: str) -> bytes:
    if not psk.isascii() or not 1 <= len(psk) <= LONGEST_PSK:
        raise ValueError(f"a pre-shared key has 1 to {LONGEST_PSK} ASCII characters")
    secret = psk.encode("ascii")
    return secret + _VENDOR_KEY[len(secret) :]


def _checksum(plain: bytes) -> int:
    return sum(struct.unpack(f"<{len(plain) // 4}I", plain)) & 0xFFFFFFFF


def _rijndael() -> ModuleType:
    # Imported at the first use: numpy starts threads, and a process with threads cannot enter a user namespace.
    from nportlab.protocol import rijndael

    return rijndael
