"""Guide 1: the firmware it is written for, and whether the unit tells one version by every channel."""

import pytest

from fixtures.marks import control, needs
from nportlab.guide.firmware import version_key
from nportlab.unit.firmware import same_version
from nportlab.verdicts.faults import Inconclusive, Informational

pytestmark = [pytest.mark.general, pytest.mark.firmware]

GUIDE = (2, 3)
CHANNELS = {
    "console.moxa_service": "enable",
    "snmp.agent": "enable",
    "snmp.v2": "enable",
    "snmp.read_community": "lab-reads",
}


@control("GEN-02")
@needs(CHANNELS)
def test_every_channel_tells_the_firmware_the_guide_is_written_for(unit, evidence):
    found = unit.firmware.read()
    evidence.note(f"firmware: {found}; silent: {found.silent or 'none'}")
    if len(found.versions) < 2:
        raise Inconclusive(f"fewer than two channels tell the firmware: {found}; silent: {found.silent}")
    assert found.version is not None, f"the channels tell different firmware: {found}"
    expected = unit.entry.firmware
    assert same_version(found.version, expected), f"lab.yaml says firmware {expected}, the unit tells {found}"
    if version_key(found.version)[:2] != GUIDE:
        raise Informational(f"the guide is not written for firmware {found.version}, but for 2.3")
