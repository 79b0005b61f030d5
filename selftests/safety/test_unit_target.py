from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, call

import pytest

from nportlab.guide.configuration_map import to_configuration
from nportlab.guide.settings import settings_table
from nportlab.inventory import Lab
from nportlab.protocol.configuration_text import ConfigurationText
from nportlab.safety import unit_target
from nportlab.safety.unit_target import UnitTarget
from nportlab.unit.errors import FirstBootPending, LockedOut, LoginRefused, NotReachable
from nportlab.unit.identity import Identity
from nportlab.verdicts.faults import ConfigFault, LabFault


@pytest.fixture
def unit(lab: Lab) -> Any:
    unit = MagicMock()
    unit.entry = lab.units["np6150"]
    unit.name = "np6150"
    unit.state = {}
    unit.management.return_value = SimpleNamespace(name="web console")
    unit.power.is_on.return_value = True
    return unit


def exported() -> ConfigurationText:
    return ConfigurationText.build(to_configuration(settings_table().factory("NP6150"), "NP6150"))


def changes(unit: Any) -> list[Any]:
    names = {"apply", "restart", "power_cycle", "factory_reset", "ensure_account", "power.on", "configuration.import_"}
    names |= {"certificate.delete", "certificate.import_pem"}
    return [made for made in unit.mock_calls if made[0] in names]


def test_a_unit_that_answers_is_left_alone(unit: Any) -> None:
    UnitTarget(unit).ready(saved=False)
    unit.console.login.assert_called_once()
    assert changes(unit) == []


@pytest.mark.parametrize("refused", [LoginRefused("no"), LockedOut("locked")])
def test_a_wrong_password_is_a_configuration_fault_and_tried_once(unit: Any, refused: LoginRefused) -> None:
    unit.console.login.side_effect = refused
    with pytest.raises(ConfigFault) as fault:
        UnitTarget(unit).ready(saved=False)
    assert fault.value.resource == "unit np6150"
    assert unit.console.login.call_count == 1


def test_a_silent_unit_is_a_lab_fault(unit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_target, "_PATIENCE", 0.0)
    unit.management.side_effect = NotReachable("no console answers")
    with pytest.raises(LabFault, match="no console answers"):
        UnitTarget(unit).ready(saved=False)
    unit.check_bench.assert_called_once()


def test_power_comes_before_blame(unit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_target, "_PATIENCE", 0.0)
    unit.management.side_effect = NotReachable("no console answers")
    unit.check_bench.side_effect = LabFault("off", resource="outlet pdu/1")
    with pytest.raises(LabFault) as fault:
        UnitTarget(unit).ready(saved=False)
    assert fault.value.resource == "outlet pdu/1"


def test_a_unit_that_is_just_starting_is_waited_for(unit: Any) -> None:
    unit.management.side_effect = [NotReachable("not yet"), *[SimpleNamespace(name="web console")] * 3]
    UnitTarget(unit).ready(saved=False)


def test_nothing_is_switched_on_before_the_baseline_is_saved(unit: Any) -> None:
    unit.management.return_value = SimpleNamespace(name="SSH console")
    with pytest.raises(ConfigFault, match="the HTTPS console of np6150 is off"):
        UnitTarget(unit).ready(saved=False)
    assert changes(unit) == []
    UnitTarget(unit).ready(saved=True)
    assert changes(unit) == [call.apply({"console.https": "enable"}, "always", None)]


def test_a_run_that_was_killed_without_power_is_helped(unit: Any) -> None:
    unit.power.is_on.return_value = False
    UnitTarget(unit).ready(saved=False)
    assert changes(unit) == []
    UnitTarget(unit).ready(saved=True)
    assert changes(unit) == [call.power.on()]


def test_the_first_account_needs_permission(lab: Lab, unit: Any) -> None:
    unit.console.login.side_effect = FirstBootPending("no account")
    UnitTarget(unit).ready(saved=False)
    assert changes(unit) == [call.ensure_account()]
    unit.reset_mock()
    unit.entry = lab.units["np6450"]
    with pytest.raises(ConfigFault, match="has no account yet"):
        UnitTarget(unit).ready(saved=False)
    assert changes(unit) == []


def test_settings_wait_for_the_power_to_come_back(unit: Any) -> None:
    UnitTarget(unit).apply({"console.telnet": "enable", "certificate": "lab:p256"}, "power-cycle")
    wanted = {"console.telnet": "enable", "certificate": "lab:p256"}
    assert changes(unit) == [call.apply(wanted, "never", None), call.power_cycle(progress=None)]
    unit.remember_state.assert_called_once_with({"console.telnet": "enable"})


def test_a_restart_is_one_transaction(unit: Any) -> None:
    UnitTarget(unit).apply({"console.telnet": "enable"}, "restart")
    assert changes(unit) == [call.apply({"console.telnet": "enable"}, "always", None)]


def test_a_self_signed_certificate_is_made_anew(unit: Any) -> None:
    UnitTarget(unit).load(exported(), {"radius.key": "x"}, "self-signed")
    assert [made[0] for made in changes(unit)] == ["configuration.import_", "apply", "certificate.delete", "restart"]


def test_the_units_own_certificate_comes_from_its_file(unit: Any, tmp_path: Path) -> None:
    with pytest.raises(LabFault, match="does not name its file"):
        UnitTarget(unit).load(exported(), {}, "imported")
    kept = tmp_path / "own.pem"
    unit.entry = replace(unit.entry, certificate=kept)
    with pytest.raises(ConfigFault, match="cannot be read"):
        UnitTarget(unit).load(exported(), {}, "imported")
    kept.write_bytes(b"pem")
    UnitTarget(unit).load(exported(), {}, "imported")
    unit.certificate.import_pem.assert_called_once_with(b"pem")


def test_what_is_known_of_a_unit_goes_into_the_journal(unit: Any) -> None:
    unit.check_identity.return_value = Identity("x", "NP6150", "2.3 Build 1", "00:90:E8:00:00:01", "17")
    identity = UnitTarget(unit).identity()
    assert (identity.model, identity.serial, identity.firmware) == ("NP6150", "17", "2.3 Build 1")


def test_a_unit_that_is_gone_at_the_end_is_no_error(unit: Any) -> None:
    unit.console.logout.side_effect = NotReachable("gone")
    UnitTarget(unit).close()
    unit.recorder.note.assert_called_once()
