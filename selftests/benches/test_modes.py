"""What each mode is set to is what a unit can be set to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benches import peers
from benches.modes import BAUDS, VARIANTS, Variant, lines_of, settings
from benches.place import own_lab
from nportlab.guide.modes import modes
from nportlab.guide.settings import settings_table
from nportlab.verdicts.faults import NotApplicable


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_settings_are_possible(variant: Variant) -> None:
    values = settings(variant, dict(zip(range(1, 33), BAUDS * 3, strict=False)), "192.168.127.1")
    assert settings_table().check(values) == []
    possible = {key for key, _ in settings_table().for_model("NP6650-32", "2.3")}
    assert set(values) <= possible
    assert values["port.1.operation_mode"] == variant.mode


def test_every_mode_of_the_guide_is_measured() -> None:
    """Pair master is the partner of the slave; a disabled port moves nothing."""
    assert {variant.mode for variant in VARIANTS} == set(modes()) - {"disable", "pair_master"}
    secure = {name for name, mode in modes().items() if mode.secure} - {"pair_master"}
    assert {variant.mode for variant in VARIANTS if variant.secure} == secure


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (None, list(range(1, 33))),
        ({1: "loopback", 3: "adapter", 4: "adapter"}, [3, 4]),
        ({1: "loopback", 2: "none"}, [1]),
    ],
)
def test_ports_with_an_adapter_come_first(tmp_path: Path, lines: Any, expected: list[int]) -> None:
    assert lines_of(own_lab(tmp_path, lines).units["np6650"], 32) == expected


def test_a_unit_without_lines_cannot_be_measured(tmp_path: Path) -> None:
    with pytest.raises(NotApplicable, match="no port of np6650 has an adapter or a loopback plug"):
        lines_of(own_lab(tmp_path, {1: "none"}).units["np6650"], 32)


def test_why_linux_serial_test_is_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(peers.LINUX_SERIAL_TEST, raising=False)
    with pytest.raises(peers.NotHere, match="LINUX_SERIAL_TEST does not name it"):
        peers.linux_serial_test()
    monkeypatch.setenv(peers.LINUX_SERIAL_TEST, str(tmp_path))
    with pytest.raises(peers.NotHere, match="which is no program"):
        peers.linux_serial_test()


def test_why_ser2net_is_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers.shutil, "which", lambda *_, **__: None)
    with pytest.raises(peers.NotHere, match="not installed"), peers.ser2net("/dev/null", tmp_path):
        pass
