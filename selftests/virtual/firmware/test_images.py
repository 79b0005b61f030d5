"""Image files from the command line, and what a rack does with the firmware of its units when it starts."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

from nportlab.cli import main
from nportlab.guide.firmware import versions
from nportlab.protocol.virtual_image import ImageDamaged, check_image
from nportlab.verdicts.verdict import ExitCode
from nportlab.virtual.client import start_rack
from nportlab.virtual.unit.firmware import Installed, commit
from nportlab.virtual.unit.flash import Flash
from selftests.virtual.firmware.bench import write_lab

LINE = "6400/6600"


def image(path: Path, *more: str, version: str = "2.3") -> int:
    return main(["virtual", "image", "--line", LINE, "--version", version, *more, str(path)])


def test_one_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "deep" / "fw.rom"
    assert image(path, "--models", "NP6450,NP6650-16") == ExitCode.OK
    head = check_image(path.read_bytes())
    assert (head.version, head.build, head.models) == ("2.3", "Build 24101817", ("NP6450", "NP6650-16"))
    digest, name = capsys.readouterr().out.split()
    assert (digest, name) == (hashlib.sha512(path.read_bytes()).hexdigest(), "fw.rom")


def test_a_damaged_image(tmp_path: Path) -> None:
    assert image(tmp_path / "fw.rom", "--damage", "flip", "--at", "0.9") == ExitCode.OK
    with pytest.raises(ImageDamaged):
        check_image((tmp_path / "fw.rom").read_bytes())


@pytest.mark.parametrize(
    ("more", "version", "says"),
    [
        (["--models", "NP6150"], "2.3", "NP6150 is no model of the line"),
        ([], "soon", "not a firmware version"),
        (["--damage", "flip", "--at", "2"], "2.3", "no fraction"),
    ],
)
def test_what_no_image_is_made_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], version: str, says: str
) -> None:
    assert image(tmp_path / "fw.rom", *more, version=version) == ExitCode.CONFIG_FAULT
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert image(tmp_path / "file" / "fw.rom") == ExitCode.LAB_FAULT
    assert "Make the folder writable" in capsys.readouterr().err


def test_all_images_with_their_manifest(tmp_path: Path) -> None:
    assert main(["virtual", "images", str(tmp_path)]) == ExitCode.OK
    entries = yaml.safe_load((tmp_path / "manifest.yaml").read_text())["images"]
    assert len(entries) == 2 * len(versions())
    for entry in entries:
        data = (tmp_path / entry["file"]).read_bytes()
        assert entry["sha512"] == hashlib.sha512(data).hexdigest()
        assert (check_image(data).line, check_image(data).version) == (entry["line"], entry["version"])


@pytest.mark.parametrize(("found", "expected"), [("2.0", "2.0"), ("2.1", "1.21")])
def test_a_unit_without_a_way_back_is_made_new(tmp_path: Path, found: str, expected: str) -> None:
    """From 2.0 the way back to 1.21 of lab.yaml is the harness's; from 2.1 there is none."""
    lab = write_lab(tmp_path, np=("NP6450", "1.21"))
    rack = start_rack(lab, "desk")
    rack.stop()
    flash = Flash(rack.directory / "flash" / "np")
    commit(flash, Installed(found, found, seeded_as="1.21", previous="1.21", upgrades=1))
    rack = start_rack(lab, "desk")
    try:
        assert rack.firmware("np").version == expected
    finally:
        rack.stop()
