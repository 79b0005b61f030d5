"""How the login page hides the credentials it posts. Both ways only hide; neither protects against a listener.

Firmware 1.x: `MD5Password`, the password in hex digits, each XORed with the digit at the same place of
md5hex(FakeChallenge). Firmware 2.x: `EncUser` and `EncPasswd`, SHA-256(FakeChallenge) with the secret XORed into its
first bytes, as 64 hex digits. The challenge is hashed as the text found in the page.
"""

from __future__ import annotations

import hashlib
from typing import Final

LONGEST_1X: Final = 16
LONGEST_2X: Final = 32


class LoginEncodingError(ValueError):
    """A secret that cannot be hidden this way, or hidden text that no login page produces. Never quotes the secret."""


def encode_1x(password: str, challenge: str) -> str:
    """The `MD5Password` field. password: at most 16 Latin-1 characters; the result has two hex digits for each."""
    secret = _bytes(password, "latin-1", LONGEST_1X)
    return _xor_digits(secret.hex(), _md5(challenge))


def decode_1x(field: str, challenge: str) -> str:
    """The password behind a `MD5Password` field. Raises LoginEncodingError when it is not such a field."""
    if len(field) > 2 * LONGEST_1X or len(field) % 2 or not _is_hex(field):
        raise LoginEncodingError(f"MD5Password has {len(field)} characters that are not an even number of hex digits")
    return bytes.fromhex(_xor_digits(field, _md5(challenge))).decode("latin-1")


def encode_2x(secret: str, challenge: str) -> str:
    """The `EncUser` or `EncPasswd` field: 64 hex digits. secret: at most 32 ASCII characters."""
    plain = _bytes(secret, "ascii", LONGEST_2X)
    mask = hashlib.sha256(challenge.encode()).digest()
    return bytes(left ^ right for left, right in zip(mask, plain.ljust(len(mask), b"\0"), strict=True)).hex()


def decode_2x(field: str, challenge: str) -> str:
    """The secret behind an `EncUser` or `EncPasswd` field. Raises LoginEncodingError when it is not such a field."""
    if len(field) != 64 or not _is_hex(field):
        raise LoginEncodingError(f"the field has {len(field)} characters, not 64 hex digits")
    mask = hashlib.sha256(challenge.encode()).digest()
    plain = bytes(left ^ right for left, right in zip(mask, bytes.fromhex(field), strict=True)).rstrip(b"\0")
    if not plain.isascii() or b"\0" in plain:
        raise LoginEncodingError("the field does not belong to this challenge")
    return plain.decode("ascii")


def _bytes(secret: str, encoding: str, longest: int) -> bytes:
    try:
        encoded = secret.encode(encoding)
    except UnicodeEncodeError:
        raise LoginEncodingError(f"the secret has characters outside {encoding}") from None
    if len(encoded) > longest:
        raise LoginEncodingError(f"the secret has {len(encoded)} characters, the login page hides at most {longest}")
    if b"\0" in encoded:
        raise LoginEncodingError("the secret contains a NUL character")
    return encoded


def _md5(challenge: str) -> str:
    return hashlib.md5(challenge.encode(), usedforsecurity=False).hexdigest()


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdefABCDEF" for character in text)


def _xor_digits(digits: str, mask: str) -> str:
    return "".join(f"{int(left, 16) ^ int(right, 16):x}" for left, right in zip(digits, mask, strict=False))
