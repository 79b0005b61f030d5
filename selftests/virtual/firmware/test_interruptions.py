"""What the rack can do to a unit in the middle of an upgrade besides cutting its power."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nportlab.verdicts.faults import HarnessBug
from nportlab.virtual.client import RunningRack
from selftests.virtual.firmware.bench import ACCOUNT, tool, until

OLD, NEW = "2.1", "2.3"
BLOCKED = 241  # -15
SIZE = 256 * 1024  # bytes; of several pieces


@pytest.fixture
def defects(request: pytest.FixtureRequest) -> list[str]:
    return getattr(request, "param", [])


@pytest.fixture
def rack(start: Callable[..., RunningRack], defects: list[str]) -> RunningRack:
    return start({"defects": {"np": defects}}, np=("NP6450", OLD))


@pytest.fixture
def upload(rack: RunningRack, file: Callable[..., Path]) -> Iterator[subprocess.Popen[bytes]]:
    """The tool, held in the middle of the transfer."""
    rack.hold_at("np", "receive", 0.5)
    user, password = ACCOUNT
    words = [
        "-fw",
        "-up",
        "-i",
        rack.unit("np").address,
        "-u",
        user,
        "-p",
        password,
        "-f",
        str(file(NEW, payload_size=SIZE)),
        "-t",
        "30",
    ]
    process = subprocess.Popen([sys.executable, "-m", "nportlab.virtual.mcc_tool", *words], stdout=subprocess.DEVNULL)
    until(lambda: rack.holds("np"))
    yield process
    process.kill()
    process.wait()


def test_a_held_unit_goes_on_when_it_is_released(rack: RunningRack, upload: subprocess.Popen[bytes]) -> None:
    assert rack.firmware("np").stage == "receive"
    assert upload.poll() is None
    rack.release("np")
    assert upload.wait(30) == 0
    assert not rack.holds("np")
    assert rack.firmware("np").version == NEW


def test_a_held_unit_can_lose_its_power(rack: RunningRack, upload: subprocess.Popen[bytes]) -> None:
    rack.power("np", False)
    rack.power("np", True)
    rack.wait_booted(["np"])
    assert not rack.holds("np")
    assert rack.firmware("np").version == OLD


def test_a_unit_that_is_not_held_is_released_without_harm(rack: RunningRack, file: Callable[..., Path]) -> None:
    rack.release("np")
    rack.hold_at("np", "verify", 0.5)
    rack.hold_at("np", None)
    user, password = ACCOUNT
    words = ("-fw", "-up", "-i", rack.unit("np").address, "-u", user, "-p", password, "-f", file(NEW), "-t", 30)
    assert tool(*words).returncode == 0


@pytest.mark.parametrize("defects", [[], ["aborted-transfer-wedges-upload"]], indirect=True)
def test_the_next_upload_after_a_broken_one(
    rack: RunningRack, upload: subprocess.Popen[bytes], file: Callable[..., Path], defects: list[str]
) -> None:
    upload.kill()
    upload.wait()
    rack.release("np")
    until(lambda: rack.firmware("np").stage == "receive" if defects else rack.firmware("np").stage is None)
    user, password = ACCOUNT
    words = ("-fw", "-up", "-i", rack.unit("np").address, "-u", user, "-p", password, "-f", file(NEW), "-t", 30)
    assert tool(*words).returncode == (BLOCKED if defects else 0)


def test_stages_and_times_are_checked(rack: RunningRack) -> None:
    with pytest.raises(HarnessBug, match="no stage"):
        rack.hold_at("np", "sleep")
    with pytest.raises(HarnessBug, match="a flash takes"):
        rack.set_flash_seconds("np", -1)


def test_a_link_without_cable_is_no_error(rack: RunningRack) -> None:
    rack.set_link("np", False)
    rack.set_link("np", True)
    assert rack.unit("np").booted
