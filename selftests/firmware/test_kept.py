"""What counts as lost in an upgrade, and signals that wait until a unit is written."""

from __future__ import annotations

import os
import signal

import pytest

from nportlab.firmware.fleet import Line, exit_code_of, upgrade_fleet
from nportlab.firmware.kept import lost
from nportlab.firmware.uninterrupted import uninterrupted
from nportlab.guide.configuration_map import to_configuration
from nportlab.guide.settings import settings_table
from nportlab.protocol.configuration_text import ConfigurationText
from nportlab.verdicts.faults import ConfigFault
from nportlab.verdicts.verdict import ExitCode


def export(firmware: str = "2.3", **changes: str) -> ConfigurationText:
    values = settings_table().factory("NP6150", firmware) | changes
    return ConfigurationText.build(to_configuration(values, "NP6150", firmware))


def test_what_is_kept_is_not_lost() -> None:
    assert lost(export("2.1"), export("2.3"), "NP6150", "2.1", "2.3") == ()
    assert lost(export("1.21"), export("2.0"), "NP6150", "1.21", "2.0") == ()


def test_a_setting_that_fell_back_is_named() -> None:
    before = export(**{"console.auto_logout": "17", "snmp.read_community": "mine"})
    (setting, secret) = lost(before, export(**{"snmp.read_community": ""}), "NP6150", "2.1", "2.3")
    assert (setting.setting, setting.before, setting.after) == ("console.auto_logout", "17", "5")
    assert "was '17'" in str(setting)
    assert secret.setting == "snmp.read_community" and secret.after is None


def test_what_a_unit_changes_by_itself_and_accounts_across_2_0_do_not_count() -> None:
    before, after = export(), export()
    before.add("Overview", "Firmware Version", "1.21")
    after.add("Overview", "Firmware Version", "2.0")
    places = [(section, key) for section, key, _ in after.items() if section == "User Settings"]
    after.set(*places[0], "somebody")
    assert lost(before, after, "NP6150", "1.21", "2.0") == ()
    assert [each.setting for each in lost(before, after, "NP6150", "2.1", "2.3")] == [None]


def test_signals_wait_until_the_unit_is_written() -> None:
    told: list[str] = []
    done = False
    with pytest.raises(KeyboardInterrupt), uninterrupted(told.append):
        os.kill(os.getpid(), signal.SIGINT)
        done = True
    assert done and told == ["SIGINT: stops when the unit is written; its power must stay on"]


def test_one_that_fails_keeps_none_back_and_the_order_stays() -> None:
    def one(name: str) -> list[object]:
        if name == "b":
            raise ConfigFault("no image", "Get one.")
        if name == "c":
            raise ZeroDivisionError
        return []

    told: list[str] = []
    lines = upgrade_fleet(["a", "b", "c", "d", "a"], one, 2, lambda line: told.append(line.unit))  # type: ignore[arg-type]
    assert [line.unit for line in lines] == ["a", "b", "c", "d"]
    assert [str(line).split()[1] for line in lines] == ["ok", "FAILED", "FAILED", "ok"]
    assert sorted(told) == ["a", "b", "c", "d"]
    assert exit_code_of(lines) == ExitCode.CONFIG_FAULT
    assert exit_code_of([Line("a", 0.0, begun=False)]) == ExitCode.INTERRUPTED
