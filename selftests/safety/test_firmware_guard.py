"""Before the first byte: everything that speaks against a flash is said at once, and nothing is changed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from hashlib import sha512
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from nportlab.firmware.graph import Graph
from nportlab.firmware.images import Image
from nportlab.firmware.routes import WebRoute
from nportlab.inventory import Lab
from nportlab.safety.firmware_guard import (
    Cleared,
    FlashRefused,
    GuardedButton,
    GuardedPower,
    clear,
    flash_lock,
    look_again,
)
from nportlab.safety.flash_lock import FlashLock
from nportlab.safety.journal import Identity
from nportlab.unit.firmware import Firmware
from nportlab.unit.identity import Identity as Seen
from nportlab.verdicts.faults import ConfigFault, LabFault

CONTENT = b"an image"
SEEN = Seen("web overview", "NP6150", "2.1", "00:90:E8:00:00:01", "17")
AT_HAND = ("1.21", "2.0", "2.1", "2.3")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    path = tmp_path / "NP6150_2.3.rom"
    path.write_bytes(CONTENT)
    return Image(path, "6100/6200", "2.3", sha512(CONTENT).hexdigest(), "here", ("NP6150",), len(CONTENT), "m:1")


@pytest.fixture
def unit(lab: Lab) -> Any:
    unit = MagicMock()
    unit.name = "np6150"
    unit.entry = replace(lab.units["np6150"], firmware="2.1", allow=frozenset({"flash", "downgrade"}))
    unit.address = unit.entry.address
    unit.power.is_on.return_value = True
    unit.firmware.read.return_value = Firmware((SEEN,))
    return unit


@pytest.fixture
def route() -> Any:
    route = MagicMock(spec=WebRoute)
    route.name = "web"
    route.ready.return_value = "web console"
    return route


def graph(unit: Any) -> Graph:
    return Graph.build(unit.entry.model, unit.entry.firmware, AT_HAND)


def cleared(unit: Any, image: Image, route: Any, allow_flash: bool = True, **more: Any) -> Cleared:
    return clear(unit, image, route, graph(unit), allow_flash=allow_flash, **more)


def changed(unit: Any) -> list[str]:
    looks = {"check_identity", "firmware.read", "power.is_on"}
    return [call[0] for call in unit.mock_calls if call[0] not in looks]


def test_what_was_checked_is_what_is_sent(unit: Any, image: Image, route: Any) -> None:
    found = cleared(unit, image, route)
    image.path.write_bytes(b"another")
    assert found.handed.data == CONTENT and found.handed.sha512 == image.sha512
    assert found.used == "web console" and found.identity == (SEEN,)
    assert changed(unit) == []


def test_everything_is_said_at_once(unit: Any, image: Image, route: Any) -> None:
    unit.entry = replace(unit.entry, model="NP6450", firmware="1.17", allow=frozenset({"restart"}), outlet=None)
    unit.power = None
    with pytest.raises(FlashRefused) as refused:
        cleared(unit, image, route, allow_flash=False)
    said = " ".join(reason for reason, _ in refused.value.reasons)
    for words in (
        "nobody said that units may be flashed",
        "may not get other firmware",
        "for the line 6100/6200, a NP6450 is of 6400/6600",
        "1.21 is a mandatory step",
        "has no outlet",
    ):
        assert words in said
    assert "--allow-flash" in refused.value.remedy and "Go to 1.21 first" in refused.value.remedy
    assert unit.mock_calls == [] and route.ready.mock_calls == []


@pytest.mark.parametrize(
    ("present", "target", "allow", "words"),
    [
        ("2.1", "2.3", {"restart"}, "may not get other firmware"),
        ("2.3", "2.1", {"flash"}, "may not get older firmware"),
        ("1.21", "2.3", {"flash", "downgrade"}, "no way leads back from 2.3 to 1.21"),
        ("2.1", "2.3", {"flash"}, "without downgrade no way leads back from 2.3 to 2.1"),
    ],
)
def test_each_permission_is_asked_for(
    unit: Any, image: Image, route: Any, present: str, target: str, allow: set[str], words: str
) -> None:
    unit.entry = replace(unit.entry, firmware=present, allow=frozenset(allow))
    with pytest.raises(FlashRefused, match=words):
        cleared(unit, replace(image, version=target), route)


def test_no_downgrade_below_2_1(unit: Any, image: Image, route: Any) -> None:
    unit.entry = replace(unit.entry, allow=frozenset({"flash", "downgrade", "one-way"}))
    with pytest.raises(FlashRefused, match=r"no downgrade below 2\.1"):
        cleared(unit, replace(image, version="2.0"), route)


def test_an_image_that_changed_since_is_not_sent(unit: Any, image: Image, route: Any) -> None:
    image.path.write_bytes(b"an imagf")
    with pytest.raises(ConfigFault, match="no longer the file the manifest describes"):
        cleared(unit, image, route)
    image.path.unlink()
    with pytest.raises(ConfigFault, match="cannot be read"):
        cleared(unit, image, route)


def test_checks_are_left_out_only_on_a_unit_given_up_for_it(unit: Any, image: Image, route: Any) -> None:
    image.path.write_bytes(b"an imagf")
    with pytest.raises(FlashRefused, match="not given up for images it must refuse"):
        cleared(unit, image, route, waived=("hash",))
    unit.entry = replace(unit.entry, allow=unit.entry.allow | {"sacrificial"})
    assert cleared(unit, image, route, waived=("hash",)).handed.data == b"an imagf"
    with pytest.raises(ConfigFault, match="no longer the file"):
        cleared(unit, image, route, waived=("rules",))


def test_power_that_is_off_or_cannot_be_told(unit: Any, image: Image, route: Any) -> None:
    unit.power.is_on.return_value = False
    with pytest.raises(LabFault, match="outlet of np6150 is off"):
        cleared(unit, image, route)
    unit.power.is_on.side_effect = LabFault("no answer", resource="outlet pdu/1")
    with pytest.raises(LabFault, match="no answer"):
        cleared(unit, image, route)


def test_the_unit_is_looked_at_again_before_the_first_byte(unit: Any, image: Image, route: Any) -> None:
    found = cleared(unit, image, route)
    was = Identity(model="NP6150", mac=SEEN.mac or "", serial="17")
    look_again(unit, found, was)
    for other in (replace(SEEN, mac="00:90:E8:00:00:02"), replace(SEEN, serial="18"), replace(SEEN, firmware="2.3")):
        unit.firmware.read.return_value = Firmware((other,))
        with pytest.raises(LabFault, match="another unit answers"):
            look_again(unit, found, was)
    unit.firmware.read.return_value = Firmware(())
    with pytest.raises(LabFault, match="does not say any more who it is"):
        look_again(unit, found, was)


# ---- the lock


def test_a_flash_keeps_everybody_from_the_power(lab: Lab) -> None:
    lock, other = flash_lock(lab, lab.units["np6150"]), flash_lock(lab, lab.units["np6150"])
    outlet = MagicMock()
    power, button = GuardedPower(outlet, other), GuardedButton(outlet, other)
    with lock.held():
        for act in (power.off, power.cycle, lambda: button.press(0.0), other.check, lock.check):
            with pytest.raises(LabFault, match="new firmware is being written to np6150 by process"):
                act()
        with pytest.raises(LabFault), other.held():
            pass
        assert [call[0] for call in outlet.mock_calls] == []
        power.on()
        flash_lock(lab, lab.units["np6450"]).check()
    power.off()
    button.press(0.0)
    other.check()


def test_a_tool_that_outlives_the_run_keeps_the_lock(tmp_path: Path) -> None:
    lock = FlashLock(tmp_path / "u.flash", "np6150")
    with lock.held() as descriptor:
        tool = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(descriptor,))
    try:
        with pytest.raises(LabFault, match="being written"):
            lock.wait(0.3)
    finally:
        tool.communicate(b"\n")
    lock.wait(5.0)
    with lock.held():
        pass


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigFault, match="cannot be used"), FlashLock(tmp_path / "file" / "u.flash", "np6150").held():
        pass
