"""The power fails at every stage of an upgrade: the unit comes back on a whole image, with its configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nportlab.virtual.client import RunningRack, start_rack
from nportlab.virtual.unit.firmware import STAGES
from nportlab.virtual.unit.flash import peek
from selftests.virtual.firmware.bench import ACCOUNT, log_everything, tool, until, write_lab

OLD, NEW = "2.1", "2.3"


def begin(rack: RunningRack, path: Path) -> int:
    user, password = ACCOUNT
    address = rack.unit("np").address
    return tool("-fw", "-up", "-i", address, "-u", user, "-p", password, "-f", path, "-t", 3).returncode


def settings(rack: RunningRack) -> dict[str, str]:
    return peek(rack.directory / "flash" / "np", "configuration")["settings"]


def log(rack: RunningRack) -> list[str]:
    return (rack.directory / "flash" / "np" / "log.txt").read_text().splitlines()


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRack]:
    rack = start_rack(write_lab(tmp_path_factory.mktemp("cuts"), np=("NP6450", OLD)), "desk")
    yield rack
    rack.stop()


@pytest.mark.parametrize("fraction", [0.0, 0.6])
@pytest.mark.parametrize("stage", STAGES)
def test_a_unit_comes_back_on_a_whole_image(
    rack: RunningRack, file: Callable[..., Path], stage: str, fraction: float
) -> None:
    rack.reimage("np")
    log_everything(rack, "np")
    before = settings(rack)
    rack.cut_power_at("np", stage, fraction)
    assert begin(rack, file(NEW)) != 0, "the tool noticed nothing"
    until(lambda: not rack.unit("np").powered)
    rack.power("np", True)
    rack.wait_booted(["np"])
    switched = (STAGES.index(stage), fraction) > (STAGES.index("switch-over"), 0.5)
    now = rack.firmware("np")
    assert (now.version, now.previous) == ((NEW, OLD) if switched else (OLD, None))
    assert now.stage is None
    assert settings(rack) == before
    assert peek(rack.directory / "flash" / "np", "accounts")
    assert len([line for line in log(rack) if line.endswith("Firmware Upgrade")]) == switched
    banks = list((rack.directory / "flash" / "np").glob("bank-*"))
    assert len(banks) == switched, "an image that was not switched to is dropped"


def test_the_power_fails_once(start: Callable[..., RunningRack], file: Callable[..., Path]) -> None:
    rack = start(np=("NP6450", OLD))
    rack.cut_power_at("np", "write", 0.5)
    assert begin(rack, file(NEW)) != 0
    until(lambda: not rack.unit("np").powered)
    rack.power("np", True)
    rack.wait_booted()
    assert begin(rack, file(NEW)) == 0
    assert rack.firmware("np").version == NEW


def test_a_cut_can_be_taken_back(start: Callable[..., RunningRack], file: Callable[..., Path]) -> None:
    rack = start(np=("NP6450", OLD))
    rack.cut_power_at("np", "verify")
    rack.cut_power_at("np", None)
    assert begin(rack, file(NEW)) == 0


def test_half_an_image_boots_with_the_defect(start: Callable[..., RunningRack], file: Callable[..., Path]) -> None:
    rack = start({"defects": {"np": ["half-written-image-boots"]}}, np=("NP6450", OLD))
    rack.cut_power_at("np", "write", 0.5)
    begin(rack, file(NEW))
    until(lambda: not rack.unit("np").powered)
    rack.power("np", True)
    rack.wait_booted()
    assert rack.firmware("np").version == NEW
    assert peek(rack.directory / "flash" / "np", "firmware")["code"] == OLD
