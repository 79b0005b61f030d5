"""What is wrong before or at a flash, up to the unit: it is said, and the unit is whole on the firmware it had."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nportlab.cli import main
from nportlab.firmware.fleet import exit_code_of, upgrade_units
from nportlab.firmware.graph import Edge
from nportlab.firmware.one_unit import Order
from nportlab.firmware.outcomes import CameBackOld
from nportlab.firmware.paths import Step
from nportlab.firmware.routes import WebRoute
from nportlab.firmware.routes.mcc_tool import MccTool, ToolRoute
from nportlab.firmware.routes.tool_errors import ToolError
from nportlab.firmware.upgrade import Flash, upgrade
from nportlab.inventory import Lab
from nportlab.safety import journal as journal_module
from nportlab.safety.durable import write_durably
from nportlab.safety.firmware_guard import flash_lock
from nportlab.safety.journal import Journal
from nportlab.safety.racks import bench_of
from nportlab.verdicts.faults import ConfigFault, LabFault
from nportlab.verdicts.verdict import ExitCode
from nportlab.virtual.client import RunningRack
from selftests.firmware import folder
from selftests.firmware.site import Held, entry, held, running, write_lab
from selftests.firmware.test_routes_tool import KINDS, program

UNITS = {
    "tool": entry(1, "2.1", "NP6150"),
    "full": entry(2, "2.1", "NP6150"),
    "late": entry(3, "2.1", "NP6150"),
    "not-permitted": entry(4, "2.1", "NP6150", allow=["restart", "power-cycle", "factory-reset"]),
    "in-use": entry(5, "2.1", "NP6150"),
    "free": entry(6, "2.1", "NP6150"),
}
UP = Edge("2.1", "2.3", ("web", "tool"), "upgrade")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return write_lab(tmp_path_factory.mktemp("flash"), UNITS)


@pytest.fixture(scope="module")
def rack(lab: Lab) -> Iterator[RunningRack]:
    with running(lab) as rack:
        yield rack


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Units an image was sent to by web."""
    units: list[str] = []
    send = WebRoute.send

    def noted(route: WebRoute, unit: object, *arguments: object, **options: object) -> str:
        units.append(getattr(unit, "name"))  # noqa: B009
        return send(route, unit, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(WebRoute, "send", noted)
    return units


def untouched(h: Held, rack: RunningRack) -> None:
    """Whole on the firmware it had, and nothing is left to settle."""
    now = rack.firmware(h.unit.name)
    assert (now.version, now.upgrades, now.stage) == ("2.1", 0, None)
    assert h.unit.firmware.read().version == "2.1"
    assert h.keeper.record.flash is None and not h.keeper.half_upgraded


# ---- the folder of images


def missing_hash(manifest: str) -> str:
    return "\n".join(line for number, line in enumerate(manifest.splitlines()) if number != 4) + "\n"


def one_version_twice(manifest: str) -> str:
    return manifest.replace('version: "2.0"', 'version: "1.21"')


def of_another_file(manifest: str) -> str:
    first = manifest.index("sha512: ") + 8
    return manifest[: first + 128] + "  other.rom" + manifest[first + 128 :]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (missing_hash, "key 'sha512' is missing"),
        (one_version_twice, "is 1.21 for NP6450"),
        (of_another_file, "is the hash of 'other.rom'"),
    ],
)
def test_a_wrong_manifest_ends_an_order_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[str], str], said: str
) -> None:
    folder.write_folder(tmp_path / "images")
    lab = folder.write_lab(tmp_path)
    manifest = tmp_path / "images" / "manifest.yaml"
    manifest.write_text(change(manifest.read_text()))
    order = ["firmware", "upgrade", f"--lab={lab.path}", "--unit=np6450", "--to=2.0", "--allow-flash"]
    assert main(order) == ExitCode.CONFIG_FAULT
    assert said in capsys.readouterr().err
    assert not lab.state_dir.exists()


def test_an_image_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A link that leads to itself is what no permission can make readable."""
    folder.write_folder(tmp_path / "images")
    lab = folder.write_lab(tmp_path)
    image = tmp_path / "images" / "6400_2.0.rom"
    image.unlink()
    image.symlink_to(image.name)
    order = ["firmware", "upgrade", f"--lab={lab.path}", "--unit=np6450", "--to=2.0", "--allow-flash"]
    assert main(order) == ExitCode.CONFIG_FAULT
    assert "'6400_2.0.rom' cannot be read: Too many levels" in capsys.readouterr().err
    assert not lab.state_dir.exists()


def test_a_hash_in_capitals_with_its_file_name_is_taken(lab: Lab, rack: RunningRack, tmp_path: Path) -> None:
    """Up to the bytes that are handed to the route, which are compared with it again."""
    manifest = tmp_path / "manifest.yaml"
    images = lab.firmware.images if lab.firmware else tmp_path
    lines = []
    for line in (images / "manifest.yaml").read_text().splitlines():
        key, _, value = line.partition("sha512: ")
        name = next((part.split()[-1] for part in reversed(lines) if "file: " in part), "")
        lines.append(f"{key}sha512: {value.upper()} *{name}" if value else line)
    manifest.write_text("\n".join(lines) + "\n")
    for path in images.glob("*.rom"):
        (tmp_path / path.name).symlink_to(path)
    assert lab.firmware is not None
    other = replace(lab, firmware=replace(lab.firmware, images=tmp_path))
    with held(other, rack, "free") as h:
        image = h.flasher().images()["2.3"]
        assert image.sha512 == image.sha512.lower() and image.read()


# ---- the disk


@pytest.mark.parametrize("at", ["before-flash", "cleared", "sending"])
def test_a_full_disk_before_the_first_byte(
    lab: Lab, rack: RunningRack, sent: list[str], monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """The export of the unit's configuration, and the record of the flash: without them nothing is sent."""
    with held(lab, rack, "full") as h:
        with monkeypatch.context() as patch:
            patch.setattr(journal_module, "write_durably", full_when(at))
            with pytest.raises(ConfigFault, match="No space left"):
                h.flasher().flash(Step(UP, "web"))
        assert sent == []
        assert rack.firmware("full").version == "2.1" and rack.firmware("full").upgrades == 0
        assert not h.keeper.half_upgraded
    with held(lab, rack, "full") as h:
        untouched(h, rack)


def test_a_disk_that_is_full_once_the_image_is_out_ends_nothing(
    lab: Lab, rack: RunningRack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unit writes: it is waited for all the same, and its power stays protected."""
    with held(lab, rack, "late") as h:
        monkeypatch.setattr(journal_module, "write_durably", full_when("sent", "back"))
        assert h.flasher("2.3").flash(Step(UP, "web")).target == "2.3"
        assert any("No space left" in text for text in h.told)
        assert h.keeper.record.flash is None


def full_when(*stages: str) -> Callable[[Path, bytes], None]:
    """A disk that does not take the file of that ending, or the record of that stage."""

    def write(path: Path, data: bytes) -> None:
        if path.suffix.lstrip(".") in stages or any(f'"stage": "{stage}"'.encode() in data for stage in stages):
            raise OSError(errno.ENOSPC, "No space left on device")
        write_durably(path, data)

    return write


# ---- the vendor's tool


@pytest.fixture(scope="module")
def tool_unit(lab: Lab, rack: RunningRack) -> Iterator[Held]:
    with held(lab, rack, "tool") as h:
        yield h


@pytest.fixture
def by_tool(tool_unit: Held, tmp_path: Path) -> Callable[..., None]:
    """Flash with a tool that does this after it told its version."""

    def flash(body: str, deadline: float = 20.0, path: Path | None = None) -> None:
        h = tool_unit
        path = path or program(tmp_path, f"if a == ['-ver']:\n    sys.exit(print('1.6'))\n{body}\n")
        flasher = h.flasher("2.3")
        upgrade(
            Flash(
                h.unit, flasher.images()["2.3"], ToolRoute(MccTool((str(path),))), flasher.graph(), h.keeper.journal,
                h.keeper.record, flash_lock(h.lab, h.unit.entry), home="2.1", allow_flash=True, deadline=deadline,
            )
        )  # fmt: skip

    return flash


@pytest.mark.parametrize("code", KINDS)
def test_every_code_leaves_the_unit_as_it_was(
    tool_unit: Held, rack: RunningRack, by_tool: Callable[..., None], code: int
) -> None:
    with pytest.raises(ToolError) as error:
        by_tool(f"sys.exit({256 + code})")
    assert error.value.code == code and isinstance(error.value, KINDS[code])
    tool_unit.unit.account.accepted()  # -2 is remembered
    untouched(tool_unit, rack)


@pytest.mark.parametrize("status", [1, 126, 127])
def test_other_exit_statuses(tool_unit: Held, rack: RunningRack, by_tool: Callable[..., None], status: int) -> None:
    with pytest.raises(ToolError) as error:
        by_tool(f"sys.exit({status})")
    assert error.value.code is None
    untouched(tool_unit, rack)


def test_a_tool_that_says_all_is_well_and_did_nothing(
    tool_unit: Held, rack: RunningRack, by_tool: Callable[..., None]
) -> None:
    with pytest.raises(CameBackOld, match="never restarted"):
        by_tool("sys.exit(0)")
    untouched(tool_unit, rack)


def test_a_tool_that_hangs(
    tool_unit: Held, rack: RunningRack, by_tool: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nportlab.firmware.routes.mcc_tool._GRACE", 0.0)
    with pytest.raises(ToolError, match="did not end within 5 s"):
        by_tool("time.sleep(600)", deadline=5.0)
    untouched(tool_unit, rack)


def test_a_tool_that_cannot_be_run(
    tool_unit: Held, rack: RunningRack, by_tool: Callable[..., None], tmp_path: Path
) -> None:
    with pytest.raises(ConfigFault, match="is not there"):
        by_tool("", path=tmp_path / "none")
    plain = tmp_path / "plain"
    plain.write_text(f"#!{sys.executable}\n")
    with pytest.raises(ConfigFault, match="may not be executed"):
        by_tool("", path=plain)
    for status, said in ((126, "cannot be executed"), (127, "library it needs is missing")):
        plain.write_text(f"#!/bin/sh\nexit {status}\n")
        plain.chmod(0o755)
        with pytest.raises(ConfigFault, match=said):
            by_tool("", path=plain)
    untouched(tool_unit, rack)


# ---- who may, and who has it


def test_units_that_may_not_be_flashed_or_are_in_use_keep_the_others_from_nothing(
    lab: Lab, rack: RunningRack, sent: list[str]
) -> None:
    bench = bench_of(lab, "desk", rack)
    with held(lab, rack, "in-use"):
        lines = upgrade_units(
            lab, bench, ["not-permitted", "in-use", "free"], Order("2.3", "web", allow_flash=True), workers=3
        )
        assert Journal(lab.state_dir, "desk", "in-use").pending, "what the other one wrote stays"
    forbidden, used, free = lines
    assert isinstance(forbidden.error, ConfigFault) and "its `allow` lacks `flash`" in str(forbidden)
    assert isinstance(used.error, LabFault) and "in use by" in str(used)
    assert free.ok and sent == ["free"]
    assert exit_code_of(lines) == ExitCode.CONFIG_FAULT
    assert [rack.firmware(name).upgrades for name in ("not-permitted", "in-use", "free")] == [0, 0, 1]
    assert not Journal(lab.state_dir, "desk", "not-permitted").pending


def test_nobody_said_that_units_may_be_flashed(lab: Lab, rack: RunningRack, sent: list[str]) -> None:
    (line,) = upgrade_units(lab, bench_of(lab, "desk", rack), ["in-use"], Order("2.3"))
    assert isinstance(line.error, ConfigFault) and "Say --allow-flash" in str(line)
    assert sent == [] and rack.firmware("in-use").upgrades == 0
