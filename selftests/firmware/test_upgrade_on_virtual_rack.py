"""Upgrades of virtual units: both routes, refusals, what is kept, a fleet, and recovery after SIGKILL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nportlab.firmware.fleet import exit_code_of, upgrade_units
from nportlab.firmware.graph import Edge
from nportlab.firmware.images import Image
from nportlab.firmware.one_unit import Order
from nportlab.firmware.outcomes import CameBackOld
from nportlab.firmware.paths import Step
from nportlab.firmware.routes import WebRoute
from nportlab.firmware.upgrade import Flash, upgrade
from nportlab.guide.firmware import Route
from nportlab.inventory import Lab
from nportlab.safety.firmware_guard import FlashRefused, GuardedPower, flash_lock
from nportlab.safety.journal import Journal
from nportlab.safety.keeper import Keeper
from nportlab.safety.racks import bench_of
from nportlab.safety.recover import recover
from nportlab.unit.firmware import FirmwareRefused, same_version
from nportlab.verdicts.faults import ConfigFault, LabFault
from nportlab.verdicts.verdict import ExitCode
from nportlab.virtual.client import RunningRack
from nportlab.virtual.image_files import write_image
from selftests.firmware.site import Held, entry, held, running, write_lab

UNITS = {
    "old": entry(1, "1.21"),
    "old-too": entry(12, "1.21", "NP6150"),
    "cut": entry(13, "2.1", "NP6150"),
    "web": entry(2, "2.1", "NP6150"),
    "stays": entry(3, "2.1", "NP6150"),
    "one": entry(4, "2.1", "NP6150"),
    "two": entry(5, "2.1", "NP6150"),
    "off": entry(6, "2.1", "NP6150"),
    "killed": entry(7, "2.1", "NP6150"),
    "killed-web": entry(8, "2.1", "NP6150"),
    "killed-early": entry(9, "2.1", "NP6150"),
    "strayed": entry(10, "2.1", "NP6150"),
    "stays-there": entry(11, "2.1", "NP6150"),
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return write_lab(tmp_path_factory.mktemp("flash"), UNITS, flash_seconds=0.4)


@pytest.fixture(scope="module")
def rack(lab: Lab) -> Iterator[RunningRack]:
    with running(lab) as rack:
        yield rack


def step(source: str, target: str, route: Route) -> Step:
    return Step(Edge(source, target, (route,), "upgrade"), route)


def image(held: Held, path: Path, version: str, **changes: str) -> Image:
    known = held.flasher().images()
    return replace(known.get(version) or next(iter(known.values())), path=path, version=version, **changes)


def flash(held: Held, image: Image, waived: tuple[str, ...] = ("hash", "model", "rules")) -> Flash:
    flasher = held.flasher()
    return Flash(
        held.unit, image, WebRoute(), flasher.graph(), held.keeper.journal, held.keeper.record,
        flash_lock(held.lab, held.unit.entry), home=held.unit.entry.firmware, allow_flash=True, deadline=60.0,
        waived=waived,  # type: ignore[arg-type]
    )  # fmt: skip


def test_the_tool_takes_a_6450_across_2_0_and_the_first_account_is_made(lab: Lab, rack: RunningRack) -> None:
    with held(lab, rack, "old") as h:
        h.unit.apply({"console.auto_logout": "17", "log.local_config": "enable"})
        with pytest.raises(FlashRefused, match="not enough memory"):
            h.flasher("2.0").flash(step("1.21", "2.0", "web"))
        result = h.flasher("2.0").flash(step("1.21", "2.0", "tool"))
        assert result.first_account and result.lost == ()
        assert set(result.versions) == {"Moxa service", "web overview"}
        assert all(same_version(version, "2.0") for version in result.versions.values())
        assert any("Cold Start" in line for line in result.log)
        assert any("Firmware Upgrade" in line for line in result.log)
        assert h.unit.entry.firmware == "2.0"
        assert h.unit.state["console.auto_logout"] == "17"
        assert h.keeper.record.flash is None
        h.keeper.flashed("2.0")
        assert h.unit.console.get_setting("console.auto_logout") == "17"


def test_a_reset_of_1x_gives_the_default_account_which_is_replaced(lab: Lab, rack: RunningRack) -> None:
    with held(lab, rack, "old-too") as h:
        h.unit.factory_reset()
        assert h.unit.account.refused is None
        h.unit.console.logout()
        h.unit.console.login()
        assert not any("Fail" in line for line in h.unit.console.system_log()[-3:])


def test_by_web_and_back(lab: Lab, rack: RunningRack) -> None:
    with held(lab, rack, "web") as h:
        assert h.flasher().flash(step("2.1", "2.3", "web")).proof
        assert h.keeper.record.flash is not None and h.keeper.record.flash.stage == "ended"
        h.keeper.flashed("2.3")
        back = h.flasher().path("2.1")
        h.flasher().flash(back.steps[0])
        assert h.keeper.record.flash is None
        h.keeper.flashed("2.1")
        assert h.unit.firmware.read().version == "2.1"
        assert max(len(text) for text in h.told) < 60 and any("100 %" in text for text in h.told)


def test_a_power_cut_while_it_writes_leaves_a_whole_unit(lab: Lab, rack: RunningRack) -> None:
    """Only who does it on purpose can cut the power; what became of the unit is then told as it is."""
    with held(lab, rack, "cut") as h:
        power = h.unit.power
        assert isinstance(power, GuardedPower)

        def cut() -> None:
            end = time.monotonic() + 20
            while stage(h.keeper.journal) != "sent" and time.monotonic() < end:
                time.sleep(0.01)
            power.deliberate.cycle(0.2)

        thread = threading.Thread(target=cut)
        thread.start()
        try:
            result = h.flasher("2.3").flash(step("2.1", "2.3", "web"))
            assert same_version(result.target, h.unit.firmware.read().version or "")
        except CameBackOld:
            assert h.unit.firmware.read().version == "2.1"
        thread.join()
        assert not h.keeper.half_upgraded


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty"])
def test_what_is_damaged_is_refused_and_the_unit_goes_on(
    lab: Lab, rack: RunningRack, tmp_path: Path, damage: str
) -> None:
    file = tmp_path / f"{damage}.rom"
    write_image(file, "6100/6200", "2.3", damage=damage)
    with held(lab, rack, "stays") as h:
        with pytest.raises(FirmwareRefused) as refused:
            upgrade(flash(h, image(h, file, "2.3")))
        assert refused.value.said
        assert h.unit.firmware.read().version == "2.1"
        assert h.keeper.record.flash is None


def test_a_changed_file_never_gets_to_the_unit(lab: Lab, rack: RunningRack, tmp_path: Path) -> None:
    file = tmp_path / "changed.rom"
    write_image(file, "6100/6200", "2.3", damage="flip")
    with held(lab, rack, "stays") as h, pytest.raises(ConfigFault, match="no longer the file"):
        upgrade(flash(h, image(h, file, "2.3"), waived=()))


def test_no_restart_while_a_flash_is_on(lab: Lab, rack: RunningRack) -> None:
    with held(lab, rack, "stays") as h:
        with flash_lock(lab, h.unit.entry).held():
            for act in (h.unit.restart, h.unit.power_cycle, h.unit.factory_reset):
                with pytest.raises(LabFault, match="new firmware is being written to stays by process"):
                    act()
            assert h.unit.power is not None
            with pytest.raises(LabFault, match="must keep its power"):
                h.unit.power.off()
            with pytest.raises(LabFault, match="new firmware is being written"):
                h.flasher().flash(step("2.1", "2.3", "web"))
            assert h.unit.power.is_on()
        h.unit.restart()


def test_a_fleet_with_one_unit_off(lab: Lab, rack: RunningRack) -> None:
    bench = bench_of(lab, "desk", rack)
    outlet = bench.outlet(lab.units["off"].outlet)
    assert outlet is not None
    outlet.off()
    try:
        told: list[str] = []
        lines = upgrade_units(
            lab, bench, ["one", "off", "two"], Order("2.3", allow_flash=True), 2, lambda line: told.append(line.unit)
        )
    finally:
        outlet.on()
    assert [line.unit for line in lines] == ["one", "off", "two"]
    assert [line.ok for line in lines] == [True, False, True]
    assert sorted(told) == ["off", "one", "two"]
    assert "outlet relay/6: off is silent and its outlet is off" in str(lines[1])
    assert exit_code_of(lines) == ExitCode.LAB_FAULT
    assert not Journal(lab.state_dir, "desk", "one").pending


@pytest.mark.parametrize(
    ("name", "route", "moment", "ends_on"),
    [
        ("killed", "tool", "writing", "2.3"),
        ("killed-web", "web", "sent", "2.3"),
        ("killed-early", "web", "sending", None),
    ],
)
def test_a_run_that_was_killed_in_the_middle_is_finished(
    lab: Lab,
    rack: RunningRack,
    name: str,
    route: str,
    moment: str,
    ends_on: str | None,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A tool outlives the run that started it, and the whole image is in the unit once it was sent."""
    command = [sys.executable, "-m", "nportlab.cli", "firmware", "upgrade", f"--lab={lab.path}", f"--unit={name}"]
    process = subprocess.Popen(
        [*command, "--to=2.3", "--allow-flash", f"--route={route}"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    journal = Journal(lab.state_dir, "desk", name)
    if moment == "writing":
        wait_for(lambda: stage(journal) == "sending" and tool_runs(process.pid), process)
    else:
        wait_for(lambda: stage(journal) in (moment, "back"), process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert journal.pending
    with pytest.raises(LabFault, match="in the middle of an upgrade"), held(lab, rack, name):
        pass
    code = recover(lab, [name])
    said = capfd.readouterr()
    assert code == ExitCode.OK, said.err
    assert "a run was killed while it flashed 2.1 -> 2.3" in said.out
    assert not journal.pending
    bench = bench_of(lab, "desk", rack)
    version = bench.unit(bench.rack.units[name]).moxa_service.kernel().version
    assert version in ((ends_on,) if ends_on else ("2.1", "2.3"))
    assert ("as it was found" in said.out) is (version == "2.1")
    assert (f'write firmware: "2.3" for {name}' in said.out) is (version == "2.3")


@pytest.mark.parametrize("allow_flash", [True, False])
def test_a_unit_left_on_other_firmware_goes_back_where_that_may_be(
    lab: Lab, rack: RunningRack, allow_flash: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "strayed" if allow_flash else "stays-there"
    left = held_for_good(lab, rack, name)
    left.flasher("2.1").flash(step("2.1", "2.3", "web"))
    left.keeper.flashed("2.3")
    with pytest.raises(LabFault, match=r"was found on firmware 2\.1 and runs 2\.3"):
        left.keeper.close()
    code = recover(lab, [name], allow_flash)
    said = capsys.readouterr()
    assert left.unit.moxa_service.kernel().version == ("2.1" if allow_flash else "2.3")
    assert code == (ExitCode.OK if allow_flash else ExitCode.CONFIG_FAULT)
    assert "back on 2.1" in said.out if allow_flash else "nobody said --allow-flash" in said.err
    assert not Journal(lab.state_dir, "desk", name).pending


def held_for_good(lab: Lab, rack: RunningRack, name: str) -> Held:
    bench = bench_of(lab, "desk", rack)
    unit = bench.unit(bench.rack.units[name])
    keeper = Keeper(lab, unit.entry, bench.target(unit))
    keeper.open()
    return Held(lab, bench, unit, keeper)


def tool_runs(parent: int) -> bool:
    """Whether the tool that process started has been up long enough to send the image."""
    try:
        tasks = Path(f"/proc/{parent}/task").glob("*/children")
        children = [child for task in tasks for child in task.read_text().split()]
        if not any(b"mcc_tool" in Path(f"/proc/{child}/cmdline").read_bytes() for child in children):
            return False
        opened = [str(link.readlink()) for child in children for link in Path(f"/proc/{child}/fd").iterdir()]
    except OSError:  # what is looked at comes and goes
        return False
    return any(target.startswith("socket:") for target in opened)


def stage(journal: Journal) -> str:
    try:
        flash = json.loads(journal.path.read_text())["flash"]
    except (OSError, ValueError, KeyError):
        return ""
    return flash["stage"] if flash else ""


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < end
        time.sleep(0.01)
