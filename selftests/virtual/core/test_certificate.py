from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from nportlab.virtual.unit.certificate import CertificateRefused
from nportlab.virtual.unit.certificate_reading import LARGEST_FILE
from nportlab.virtual.unit.device import Device
from selftests.virtual.core.bench import boot_device
from selftests.virtual.core.pki import bundle, certificate, certificate_pem, key_pem


def test_a_new_unit_makes_its_own(device: Device) -> None:
    leaf = device.certificate.serving().leaf()
    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.key_size == 256
    assert leaf.issuer == leaf.subject
    leaf.verify_directly_issued_by(leaf)
    assert abs(leaf.not_valid_before_utc.replace(tzinfo=None) - device.clock.utc()) < timedelta(minutes=1)
    assert abs((leaf.not_valid_after_utc - leaf.not_valid_before_utc).days - 730) <= 1
    panel = device.certificate.panel()
    assert panel.issued_to == panel.issued_by == "HTTPS Certificate for ECC"
    assert panel.valid.startswith(f"from {leaf.not_valid_before_utc.year}/")


def test_it_is_kept_until_it_is_deleted(device: Device, flash_directory: Path) -> None:
    first = device.certificate.in_use()
    again = boot_device(flash_directory)
    assert again.certificate.in_use() == first
    again.certificate.delete()
    assert again.certificate.in_use() == first
    assert boot_device(flash_directory, reason="warm").certificate.in_use() != first


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa2048", "rsa4096"])
def test_an_import_is_served_after_the_restart(device: Device, flash_directory: Path, kind: str) -> None:
    own = device.certificate.in_use()
    device.certificate.import_pem(bundle(kind))
    assert device.certificate.in_use() == own
    served = boot_device(flash_directory, reason="warm").certificate.serving()
    assert served.certificate.encode() == certificate_pem(kind)
    assert served.origin == "imported"


def test_key_first_is_as_good(device: Device) -> None:
    device.certificate.import_pem(key_pem("p256") + b"\n" + certificate_pem("p256"))
    assert device.certificate.installed is not None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not in PEM"),
        (b"just text", "not in PEM"),
        (certificate("p256").public_bytes(serialization.Encoding.DER), "not in PEM"),
        (certificate_pem("p256"), "private key"),
        (key_pem("p256"), "certificate"),
        (certificate_pem("p256") + key_pem("p384"), "does not belong"),
        (certificate_pem("p256") + key_pem("p256", b"secret"), "private key"),
        (bundle("p256").replace(b"M", b"N", 3), "certificate"),
        (bundle("ed25519"), "certificate"),
        (bundle("p256") + b"\n" * LARGEST_FILE, "too large"),
    ],
    ids=["empty", "text", "der", "no-key", "no-certificate", "mismatch", "locked", "damaged", "ed25519", "large"],
)
def test_what_is_no_certificate_with_its_key_is_refused(device: Device, data: bytes, words: str) -> None:
    before = device.certificate.installed
    with pytest.raises(CertificateRefused, match=words):
        device.certificate.import_pem(data)
    assert device.certificate.installed == before


def test_a_key_over_4096_bits_is_refused(device: Device) -> None:
    with pytest.raises(CertificateRefused, match="4096"):
        device.certificate.import_pem(bundle("rsa4484"))


@pytest.mark.parametrize(
    ("defect", "data"),
    [
        ("import-accepts-der", certificate("p256").public_bytes(serialization.Encoding.DER)),
        ("import-accepts-pem-without-key", certificate_pem("p256")),
        ("mismatched-key-accepted", certificate_pem("p256") + key_pem("p384")),
    ],
)
def test_lenient_units_take_what_they_cannot_serve(flash_directory: Path, defect: str, data: bytes) -> None:
    device = boot_device(flash_directory, defects=(defect,))
    device.certificate.import_pem(data)
    boot_device(flash_directory, defects=(defect,)).certificate.serving().leaf()


def test_defects_of_the_own_certificate(tmp_path: Path) -> None:
    def leaf(defect: str):  # type: ignore[no-untyped-def]
        return boot_device(tmp_path / defect, defects=(defect,)).certificate.serving().leaf()

    first = leaf("own-certificate-not-self-signed")
    assert first.issuer == first.subject
    again = boot_device(tmp_path / "own-certificate-not-self-signed", defects=("own-certificate-not-self-signed",))
    again.certificate.delete()
    foreign = leaf("own-certificate-not-self-signed")
    assert foreign.issuer != foreign.subject
    assert isinstance(leaf("own-key-is-rsa").public_key(), rsa.RSAPublicKey)
    ten = leaf("own-certificate-valid-ten-years")
    assert (ten.not_valid_after_utc - ten.not_valid_before_utc).days > 3650
    assert leaf("own-certificate-ignores-the-clock").not_valid_before_utc.year == 2014


def test_defects_of_import_and_delete(tmp_path: Path) -> None:
    def imported(defect: str):  # type: ignore[no-untyped-def]
        boot_device(tmp_path / defect)
        device = boot_device(tmp_path / defect, defects=(defect,))
        device.certificate.import_pem(bundle("p256"))
        return device, lambda reason="warm": boot_device(tmp_path / defect, reason=reason, defects=(defect,))

    device, boot = imported("import-active-at-once")
    assert device.certificate.serving().origin == "imported"

    device, boot = imported("imported-certificate-not-served")
    own = device.certificate.in_use()
    assert boot().certificate.in_use() == own
    assert boot().certificate.panel().issued_to == "unit.example"

    device, boot = imported("deleted-key-lives-on")
    device.certificate.delete()
    again = boot().certificate.serving()
    assert again.origin == "self-signed"
    assert again.key.encode() == key_pem("p256")

    _, boot = imported("certificate-lost-at-power-cycle")
    assert boot("warm").certificate.serving().origin == "imported"
    assert boot("cold").certificate.serving().origin == "self-signed"

    device = boot_device(tmp_path / "back", defects=("deleted-certificate-comes-back",))
    first = device.certificate.in_use()
    device.certificate.delete()
    assert boot_device(tmp_path / "back", defects=("deleted-certificate-comes-back",)).certificate.in_use() == first
