"""Guide 3.2: the unit's own certificate, importing a trusted one, deleting it, and what the certificate page shows."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from fixtures.marks import PEER, alone, control, needs
from fixtures.web import signed_by_itself
from nportlab.guide.pages import pages
from nportlab.probes.handshake import PUBLIC_ROOTS
from nportlab.unit.errors import CertificateRefused

pytestmark = [pytest.mark.tls, pytest.mark.cert]

FACTORY = needs(event="factory-reset")
OWN = needs({"certificate": "self-signed"})
TRUSTED = needs({"certificate": "lab:p256"})
TWO_YEARS = datetime.timedelta(days=730)
TWO_DAYS = datetime.timedelta(days=2)


def lifetime(certificate):
    """From the first to the last valid moment."""
    return certificate.not_valid_after_utc - certificate.not_valid_before_utc


@control("CRT-01")
@FACTORY
def test_the_unit_makes_its_own_certificate(web):
    certificate = web.certificate()
    assert certificate.issuer == certificate.subject
    assert signed_by_itself(certificate)


@control("CRT-02")
@OWN
def test_its_key_has_256_bits(web):
    key = web.certificate().public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey), f"the key is a {type(key).__name__}"
    assert key.key_size == 256


@control("CRT-03")
@OWN
def test_the_page_names_the_certificate_that_is_served(unit, web):
    served, panel = web.certificate(), unit.certificate.panel()
    assert (panel.issued_to, panel.issued_by) == (web.common_name(served.subject), web.common_name(served.issuer))


@control("CRT-04")
@OWN
def test_it_is_valid_for_two_years_and_now(web):
    certificate = web.certificate()
    assert abs(lifetime(certificate) - TWO_YEARS) <= TWO_DAYS
    assert certificate.not_valid_before_utc <= datetime.datetime.now(datetime.UTC) <= certificate.not_valid_after_utc


@control("CRT-05")
@FACTORY
def test_a_self_signed_certificate_is_not_trusted(web, ca):
    for trust in (PUBLIC_ROOTS, ca.root_file):
        assert "self-signed" in (web.handshake(trust=trust).verify_error or "verified")


@control("CRT-06")
@TRUSTED
def test_an_imported_certificate_is_trusted(web, ca):
    assert web.handshake(trust=ca.root_file).verify_error is None
    assert web.handshake(trust=ca.other_root_file).verify_error is not None, "any authority is believed"


@control("CRT-07")
@pytest.mark.parametrize("wrong", ["der", "pkcs12", "der-named-pem", "no-key", "empty", "text", "too-large"])
def test_only_pem_files_are_taken(wrong, unit, web, ca):
    before = web.certificate(), unit.certificate.panel()
    with pytest.raises(CertificateRefused):
        unit.certificate.import_pem(*ca.wrong_file(wrong))
    assert (web.certificate(), unit.certificate.panel()) == before


@control("CRT-07")
@TRUSTED
def test_a_pem_file_with_certificate_and_key_is_taken(unit, web, ca):
    assert web.certificate().public_key() == unit.issue_certificate("p256").certificate.public_key()


@control("CRT-08")
@pytest.mark.parametrize(
    "key",
    [
        pytest.param(key, marks=needs({"certificate": f"lab:{key}"}))
        for key in ("p256", "p384", "rsa2048", "rsa3072", "rsa4096")
    ],
)
def test_keys_up_to_4096_bits_are_served(key, unit, web):
    assert web.certificate().public_key() == unit.issue_certificate(key).certificate.public_key()


@control("CRT-08")
def test_a_key_of_8192_bits_is_refused(unit, web, ca):
    before = web.certificate()
    with pytest.raises(CertificateRefused):
        unit.certificate.import_pem(*ca.wrong_file("rsa8192"))
    assert web.certificate() == before


@control("CRT-09")
@alone(restarts=1)
@OWN
def test_an_import_takes_effect_after_the_restart(unit, web):
    leaf, before = unit.issue_certificate("p256"), web.certificate()
    unit.certificate.import_pem(leaf.pem)
    assert web.certificate() == before, "the import took effect before the restart"
    unit.restart()
    assert web.certificate() == leaf.certificate


@control("CRT-10")
@alone(restarts=1)
def test_a_certificate_with_another_key_is_refused(unit, web, ca):
    before = web.certificate()
    with pytest.raises(CertificateRefused):
        unit.certificate.import_pem(*ca.wrong_file("other-key"))
    assert web.certificate() == before
    unit.restart()
    assert web.certificate() == before, "another certificate is served after the restart"


@control("CRT-11")
@pytest.mark.parametrize(
    "key", [pytest.param(key, marks=needs({"certificate": f"lab:{key}"})) for key in ("p256", "rsa2048", "rsa4096")]
)
def test_a_longer_key_still_connects_in_time(key, web, profile, evidence):
    seconds = web.median_handshake_seconds(count=10)
    evidence.note(f"{key}: median handshake {seconds * 1000:.1f} ms")
    assert seconds <= profile.longest_handshake_seconds


@control("CRT-12")
@needs({"certificate": "regenerated", "basic.time_server": PEER})
def test_a_deleted_certificate_comes_back_with_new_dates(unit, web):
    certificate = web.certificate()
    assert certificate != unit.deleted_certificate, "the same certificate is served again"
    assert abs(certificate.not_valid_before_utc - datetime.datetime.now(datetime.UTC)) <= TWO_DAYS
    assert abs(lifetime(certificate) - TWO_YEARS) <= TWO_DAYS


@control("CRT-13")
@alone(restarts=1)
@needs({"certificate": "self-signed", "basic.time_server": ""})
def test_without_the_time_the_new_certificate_has_wrong_dates(unit, web, clock):
    with clock.set_to(datetime.datetime(2011, 3, 5, 12, 0, 0)):
        unit.certificate.delete()
        unit.restart()
        assert web.certificate().not_valid_before_utc.year == 2011


@control("CRT-14")
@alone(restarts=1)
@TRUSTED
def test_the_page_stands_on_keep_and_keep_keeps(unit, web):
    before = web.certificate()
    assert unit.certificate.delete_choice() == "Keep"
    unit.certificate.keep()
    unit.restart()
    assert web.certificate() == before


@control("CRT-15")
@alone(restarts=1)
@TRUSTED
def test_a_deleted_certificate_is_gone_after_the_restart(unit, web):
    imported = web.certificate()
    unit.certificate.delete()
    unit.restart()
    certificate = web.certificate()
    assert certificate.public_key() != imported.public_key(), "the imported key is still used"
    assert signed_by_itself(certificate)


@control("CRT-16")
def test_the_export_is_the_served_certificate_without_its_key(unit, web):
    exported = unit.certificate.export()
    assert b"PRIVATE KEY" not in exported
    assert x509.load_pem_x509_certificate(exported) == web.certificate()


@control("CRT-16")
def test_the_export_needs_a_session(unit):
    assert b"BEGIN CERTIFICATE" in unit.certificate.export(), "there is no export even with a session"
    assert b"BEGIN CERTIFICATE" not in unit.certificate.export_without_session(unit.new_session().client)


@control("CRT-17")
@TRUSTED
def test_the_page_shows_issuer_subject_and_dates_of_an_imported_certificate(unit, web):
    served, panel = web.certificate(), unit.certificate.panel()
    assert (panel.issued_to, panel.issued_by) == (web.common_name(served.subject), web.common_name(served.issuer))
    shown = tuple(tuple(int(part) for part in date.split("/")) for date in (panel.valid_from, panel.valid_to))
    moments = (served.not_valid_before_utc, served.not_valid_after_utc)
    assert shown == tuple((moment.year, moment.month, moment.day) for moment in moments)


@control("CRT-19")
@pytest.mark.log
@alone(restarts=1)
@needs({"certificate": "self-signed", "log.local_config": "enable"})
def test_an_import_is_logged(unit, console):
    before = console.system_log()
    unit.certificate.import_pem(unit.issue_certificate("p256").pem)
    new = [line for line in console.system_log() if line not in before]
    unit.certificate.delete()
    unit.restart()
    assert any("[Config]" in line and "Certificate Import" in line for line in new), f"new log lines: {new}"


@control("CRT-20")
@pytest.mark.needs_power
@needs({"certificate": "lab:p256"}, event="power-cycle")
def test_an_imported_certificate_survives_a_power_cycle(unit, web):
    assert web.certificate().public_key() == unit.issue_certificate("p256").certificate.public_key()


@control("CRT-21")
def test_the_certificate_page_is_found_by_a_path_of_the_guide(console):
    assert set(pages()["certificate"].paths) & {entry.text for entry in console.menu()}


@control("CRT-22")
def test_the_lab_authority_signs_a_request(ca):
    leaf = ca.sign_a_request()
    assert ca.authority.issued(leaf)
