"""SNMPv3 user based security (RFC 3414, RFC 3826): keys, authentication, privacy, engine time.

Authentication HMAC-MD5-96 and HMAC-SHA-96, privacy CBC-DES and CFB128-AES-128.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Literal

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Authentication = Literal["disable", "md5", "sha"]
Privacy = Literal["disable", "des", "aes"]

DIGEST_LENGTH = 12
TIME_WINDOW = 150
"""Seconds a message may be off the engine's time (RFC 3414 3.2 7)."""


class DecryptionFailed(ValueError):
    """The scoped PDU cannot have been encrypted with this user's key."""


@dataclass(frozen=True)
class User:
    """One SNMPv3 user with its localized keys.

    An empty `authentication_key` or `privacy_key` means that the user does not use that protection.
    """

    name: bytes
    writer: bool
    authentication: Authentication
    authentication_key: bytes
    privacy: Privacy
    privacy_key: bytes

    @property
    def level(self) -> int:
        """Message flags this user's messages must carry: bit 0 authentication, bit 1 privacy."""
        return (self.authentication != "disable") | (self.privacy != "disable") << 1

    def digest(self, message: bytes) -> bytes:
        """12 octets of HMAC over the whole message whose digest field is zero."""
        return hmac.digest(self.authentication_key, message, _hash(self.authentication))[:DIGEST_LENGTH]

    def encrypt(self, plain: bytes, boots: int, time: int) -> tuple[bytes, bytes]:
        """Encrypted scoped PDU and the 8 octets of privacy parameters that go with it."""
        salt = secrets.token_bytes(8)
        if self.privacy == "des":
            plain += bytes(-len(plain) % 8)
        encryptor = self._cipher(salt, boots, time).encryptor()
        return encryptor.update(plain) + encryptor.finalize(), salt

    def decrypt(self, data: bytes, salt: bytes, boots: int, time: int) -> bytes:
        """Plain scoped PDU, with the padding CBC-DES left behind it. Raises DecryptionFailed."""
        if len(salt) != 8 or (self.privacy == "des" and len(data) % 8):
            raise DecryptionFailed("privacy parameters or length do not fit the cipher")
        decryptor = self._cipher(salt, boots, time).decryptor()
        return decryptor.update(data) + decryptor.finalize()

    def _cipher(self, salt: bytes, boots: int, time: int) -> Cipher[CFB] | Cipher[modes.CBC]:
        if self.privacy == "aes":
            vector = boots.to_bytes(4, "big") + time.to_bytes(4, "big") + salt
            return Cipher(algorithms.AES128(self.privacy_key[:16]), CFB(vector))
        key, mask = self.privacy_key[:8], self.privacy_key[8:16]
        vector = bytes(a ^ b for a, b in zip(mask, salt, strict=True))
        # The one key three times makes triple DES the single DES of RFC 3414.
        return Cipher(TripleDES(key * 3), modes.CBC(vector))


def make_user(
    name: str,
    writer: bool,
    authentication: Authentication,
    authentication_password: str,
    privacy: Privacy,
    privacy_password: str,
    engine_id: bytes,
) -> User:
    """A user with keys localized to this engine. Privacy without authentication is not a level of SNMPv3: it is off."""
    if authentication == "disable":
        privacy = "disable"
    authentication_key = b""
    privacy_key = b""
    if authentication != "disable":
        authentication_key = localized_key(authentication, authentication_password.encode(), engine_id)
    if privacy != "disable":
        privacy_key = localized_key(authentication, privacy_password.encode(), engine_id)
    return User(name.encode(), writer, authentication, authentication_key, privacy, privacy_key)


def localized_key(authentication: Authentication, password: bytes, engine_id: bytes) -> bytes:
    """Password to key, localized (RFC 3414 A.2): a hash over one megabyte of the repeated password."""
    if not password:
        raise ValueError("a user with authentication needs a password")
    repeated = password * (1048576 // len(password) + 1)
    key = hashlib.new(_hash(authentication), repeated[:1048576]).digest()
    return hashlib.new(_hash(authentication), key + engine_id + key).digest()


def _hash(authentication: Authentication) -> str:
    return "md5" if authentication == "md5" else "sha1"
