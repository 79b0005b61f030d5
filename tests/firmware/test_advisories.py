"""Guide 4.1 and 5: the vendor's security advisories, and how old the firmware is; read from the unit, nothing is
flashed."""

import pytest

from fixtures.marks import control
from nportlab.firmware.advice import age_of, firmware_age, flaws_told, list_age, what_to_do
from nportlab.verdicts.faults import Inconclusive, Informational, NotApplicable

pytestmark = pytest.mark.firmware


@pytest.fixture
def found(unit, evidence):
    """The firmware, as every channel that is on tells it."""
    firmware = unit.firmware.read()
    if not firmware.versions:
        raise Inconclusive(f"no channel tells the firmware of {unit.name}: {firmware.silent}")
    evidence.note(f"firmware found: {firmware}")
    return firmware


@control("PSI-01")
def test_no_security_advisory_concerns_the_firmware_found(unit, found, profile, evidence):
    published_flaws = [advice.text for advice in flaws_told(found.versions, profile)]
    doubts = [advice.text for advice in list_age(profile)]
    remedy = what_to_do(unit.name, found.versions.values())
    evidence.write("advisories.txt", "\n".join([f"found: {found}", *published_flaws, remedy, *doubts]) + "\n")
    firmware, ids = found.version or found, ", ".join(flaw.split()[0] for flaw in published_flaws)
    if profile.advisories == "fail":
        assert not published_flaws, f"{firmware} has published flaws: {ids}. {remedy}"
    if published_flaws:
        said = [f"{firmware} has published flaws:", *(f"{flaw}." for flaw in published_flaws), remedy, *doubts]
        raise Informational("\n".join(said))
    if doubts:
        raise Informational(f"no advisory concerns {firmware}, but {'; '.join(doubts)}")


@control("FWU-01")
def test_the_firmware_found_is_not_old(unit, found, profile, evidence):
    if found.version is None:
        raise Inconclusive(f"the channels tell different firmware: {found}")
    (said,) = firmware_age(unit.model, found.version, profile)
    evidence.note(said.text)
    if said.severity == "warning":
        raise Informational(said.text)
    age = age_of(found.version)
    if age is None or not age.exact:
        raise NotApplicable(said.text)
