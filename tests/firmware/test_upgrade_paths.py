"""Guide 4: every step from one firmware to another that the rules allow, and what a unit is like after it.

The first test of a step takes it; the others look at the same unit.
"""

import pytest

from fixtures.held_firmware import fingerprint
from fixtures.marks import control, flashing
from nportlab.guide.firmware import changes_between, version_key
from nportlab.guide.services import expected_ports
from nportlab.unit.firmware import same_version
from tests.firmware._behaviour import SEEN
from tests.firmware._state import CARRYING, CONFIGURED, carries

pytestmark = [pytest.mark.firmware, CONFIGURED, CARRYING]


def by_web(step):
    return step.route == "web"


def by_tool_over_2_0(step):
    return step.route == "tool" and version_key(step.source) < (2, 0) <= version_key(step.target)


def whole(flashed):
    """The new firmware runs, and the whole unit says so."""
    assert flashed.error is None, f"{type(flashed.error).__name__}: {flashed.error}"
    assert same_version(flashed.result.target, flashed.version)


@control("FWU-13")
@flashing()
def test_the_unit_takes_the_image_and_comes_back_on_it(flash_step, flashed):
    whole(flashed)


@control("FWU-04")
@flashing(where=by_web)
def test_the_web_console_upgrades_the_unit(flash_step, flashed, port, carry):
    whole(flashed)
    carries(port, carry)


@control("FWU-09")
@flashing(where=by_tool_over_2_0)
def test_the_tool_brings_a_6450_over_2_0(flash_step, flashed, port, carry):
    whole(flashed)
    carries(port, carry)


@control("FWU-13")
@flashing()
def test_three_channels_tell_the_new_version(unit, flash_step, upgraded):
    told = unit.firmware.read()
    assert len(told.versions) >= 3, f"silent: {told.silent}"
    wrong = {
        channel: version for channel, version in told.versions.items() if not same_version(version, flash_step.target)
    }
    assert wrong == {}


@control("FWU-13")
@flashing(where=lambda step: any(change.id in SEEN for change, _ in changes_between(step.source, step.target)))
def test_the_unit_behaves_as_its_new_version_does(unit, flash_step, upgraded, port):
    newer = version_key(flash_step.target) > version_key(flash_step.source)
    for change, expected in changes_between(flash_step.source, flash_step.target):
        if change.id in SEEN:
            assert SEEN[change.id](unit, port) is newer, f"not so: {expected} ({change.id})"


@control("FWU-07")
@flashing()
def test_the_configuration_is_kept(flash_step, upgraded):
    assert [str(lost) for lost in upgraded.lost] == []


@control("FWU-07")
@flashing()
def test_the_account_is_kept(unit, flash_step, flashed):
    """AccountLost is what the upgrade itself ends with when the unit does not know the account any more."""
    whole(flashed)
    known = any(change.kind == "accounts" for change, _ in changes_between(flash_step.source, flash_step.target))
    assert known or not flashed.result.first_account, "the unit had an account and asked for its first one"
    unit.console.logout()
    unit.console.login()


@control("FWU-07", "CRT-20")
@pytest.mark.cert
@flashing()
def test_the_imported_certificate_is_kept(unit, flash_step, flashed, upgraded):
    assert fingerprint(unit.certificate.served()) == flashed.before.certificate


@control("FWU-07")
@flashing()
def test_no_service_is_open_that_was_closed(unit, flash_step, flashed, upgraded, open_ports):
    assert open_ports.tcp - expected_ports(flashed.before.settings, unit.model).tcp == set()


@control("FWU-13")
@pytest.mark.opmode
@flashing()
def test_serial_data_is_carried_both_ways(flash_step, upgraded, port, carry):
    carries(port, carry)


@control("LOG-12")
@pytest.mark.log
@flashing()
def test_the_log_tells_of_the_upgrade_and_the_cold_start(flash_step, upgraded):
    assert any("Cold Start" in line for line in upgraded.log), f"new log lines: {upgraded.log}"
    assert any("Firmware Upgrade" in line for line in upgraded.log), f"new log lines: {upgraded.log}"
