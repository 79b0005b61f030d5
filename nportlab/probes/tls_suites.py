"""Every TLS cipher suite with a number, what it is made of, and whether that is strong enough.

Data: `iana_suites.csv` (the IANA registry "TLS Cipher Suites", and withdrawn drafts old servers still know, marked
`historic`) and `strong_suites.yaml` (the rules). What a suite is made of follows from its name.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml
from pydantic import BaseModel

_BITS = {"NULL": 0, "3DES_EDE_CBC": 112, "DES_CBC": 56, "IDEA_CBC": 128, "SEED_CBC": 128, "FORTEZZA_CBC": 80}


@dataclass(frozen=True, order=True)
class Suite:
    """One cipher suite.

    key_exchange: rsa, dh, dhe, ecdh, ecdhe, psk, srp ... or tls13 (negotiated apart, always ephemeral);
    authentication: rsa, ecdsa, dss, anon, psk ... ; cipher: as in the name, "AES_128_GCM"; bits: strength of the
    cipher; mac: AEAD, SHA256, SHA1, MD5 ...
    """

    code: int
    name: str
    registry: str
    key_exchange: str
    authentication: str
    cipher: str
    bits: int
    mac: str

    @property
    def aead(self) -> bool:
        """Authenticated encryption: the cipher itself protects integrity."""
        return self.mac == "AEAD"

    @property
    def forward_secret(self) -> bool:
        """A later theft of the private key does not open recorded sessions."""
        return self.key_exchange in ("dhe", "ecdhe", "tls13", "dhe_psk", "ecdhe_psk")

    @property
    def properties(self) -> frozenset[str]:
        """The words the rules use: null, anonymous, export, rc4, rc2, des, 3des, idea, cbc, sha1, md5."""
        facts = {
            "null": self.bits == 0,
            "anonymous": self.authentication == "anon",
            "export": "EXPORT" in self.name,
            "rc4": self.cipher.startswith("RC4"),
            "rc2": self.cipher.startswith("RC2"),
            "des": self.cipher.startswith("DES"),
            "3des": self.cipher.startswith("3DES"),
            "idea": self.cipher.startswith("IDEA"),
            "cbc": "CBC" in self.cipher,
            "sha1": self.mac == "SHA1",
            "md5": self.mac == "MD5",
        }
        return frozenset(word for word, holds in facts.items() if holds)

    def __str__(self) -> str:
        return self.name


class SuiteRule(BaseModel, frozen=True, extra="forbid"):
    """What a list of suites has to fulfil; see strong_suites.yaml."""

    id: str
    title: str
    source: str
    forbidden: tuple[str, ...]
    key_exchanges: tuple[str, ...] | None
    aead_only: bool
    least_cipher_bits: int
    least_dh_bits: int
    least_curve_bits: int

    def violations(self, suite: Suite, dh_bits: int | None = None, curve_bits: int | None = None) -> list[str]:
        """Why the suite breaks the rule; empty when it does not.

        dh_bits, curve_bits: size of the group the server chose, where it was seen.
        """
        found = [word for word in self.forbidden if word in suite.properties]
        if self.key_exchanges is not None and suite.key_exchange not in self.key_exchanges:
            found.append(f"key exchange {suite.key_exchange} without forward secrecy")
        if self.aead_only and not suite.aead:
            found.append(f"no AEAD ({suite.cipher} with {suite.mac})")
        if suite.bits < self.least_cipher_bits:
            found.append(f"{suite.bits}-bit cipher")
        if dh_bits is not None and dh_bits < self.least_dh_bits:
            found.append(f"{dh_bits}-bit Diffie-Hellman group")
        if curve_bits is not None and curve_bits < self.least_curve_bits:
            found.append(f"{curve_bits}-bit curve")
        return found


@cache
def suites() -> dict[int, Suite]:
    """All suites by number."""
    text = resources.files("nportlab.probes").joinpath("iana_suites.csv").read_text("ascii")
    rows = csv.DictReader(text.splitlines())
    return {int(row["value"], 16): _suite(int(row["value"], 16), row["name"], row["registry"]) for row in rows}


def suite(code: int) -> Suite:
    """The suite of a number; one that nobody registered is named by its number."""
    return suites().get(code) or Suite(code, f"0x{code:04X}", "unknown", "unknown", "unknown", "unknown", 0, "unknown")


@cache
def suite_rule(name: str) -> SuiteRule:
    """The rule "default" (TLS-06) or "strong" (TLS-07). Raises KeyError for any other."""
    text = resources.files("nportlab.probes").joinpath("strong_suites.yaml").read_text("utf-8")
    rules = {rule.id: rule for rule in (SuiteRule.model_validate(row) for row in yaml.safe_load(text))}
    return rules[name]


def is_tls13(code: int) -> bool:
    """Whether the suite can only be used with TLS 1.3 (and no other can be used with it)."""
    name = suite(code).name
    return suite(code).key_exchange == "tls13" or name in ("TLS_SHA256_SHA256", "TLS_SHA384_SHA384")


def _suite(code: int, name: str, registry: str) -> Suite:
    body = re.sub(r"^(TLS|SSL)_", "", name).removesuffix("_DRAFT")
    if "_WITH_" in body:
        exchange_part, cipher_part = body.split("_WITH_", 1)
        exchange, authentication = _exchange(exchange_part)
    else:
        exchange, authentication, cipher_part = "tls13", "any", body
    if re.fullmatch(r"GOSTR341112_256_WITH_.*_MGM_[LS]", body):
        exchange, authentication = "tls13", "any"
    cipher, mac = _cipher(cipher_part)
    return Suite(code, name, registry, exchange, authentication, cipher, _cipher_bits(cipher), mac)


def _exchange(part: str) -> tuple[str, str]:
    """(key exchange, authentication) of the words before WITH."""
    words = [word for word in part.split("_") if not word.startswith("EXPORT") and word != "FIPS"]
    head = words[0].lower()
    if part == "NULL":
        return "null", "anon"
    if "PSK" in words:
        other = [word.lower() for word in words if word != "PSK"]
        return "_".join([*other, "psk"]), "rsa" if other == ["rsa"] else "psk"
    if head == "rsa":
        return "rsa", "rsa"
    if head.startswith("gost"):
        return "gost", "gost"
    if head == "srp":
        return "srp", words[2].lower() if len(words) > 2 else "srp"
    return head, words[1].lower() if len(words) > 1 else head


def _cipher(part: str) -> tuple[str, str]:
    """(cipher, mac) of the words behind WITH."""
    if re.search(r"GCM|CCM|POLY1305|MGM|AEGIS|OCB", part):
        return re.sub(r"_(SHA\d+|SM3|[LS])$", "", part), "AEAD"
    if part in ("SHA256_SHA256", "SHA384_SHA384"):
        return "NULL", part[:6]
    cipher, _, mac = part.rpartition("_")
    # Two export suites carry the key length between cipher and MAC, and GOST names its MAC first.
    return cipher or part, {"SHA": "SHA1", "RMD": "RIPEMD160"}.get(mac, mac)


def _cipher_bits(cipher: str) -> int:
    if cipher in _BITS:
        return _BITS[cipher]
    if re.search(r"DES40|(RC4|RC2_CBC|DES_CBC)_40$", cipher):
        return 40
    if re.search(r"(RC4|RC2_CBC)_56$", cipher):
        return 56
    if re.search(r"CHACHA20|KUZNYECHIK|MAGMA|28147", cipher):
        return 256
    if cipher.startswith("SM4"):
        return 128
    match = re.search(r"(?:AES|CAMELLIA|ARIA|AEGIS|RC4|SEED)_(\d+)", cipher)
    return int(match.group(1)) if match else 0
