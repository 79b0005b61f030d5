"""`nportlab firmware check`, `paths` and `plan` at the command line."""

import json
import re
from pathlib import Path

import pytest

from nportlab.cli import main
from nportlab.firmware.images import load_images
from nportlab.firmware.manifest import read_manifest
from nportlab.firmware.plan import duration, graph_of, plan_unit
from nportlab.verdicts.located import Located, read_located_text
from nportlab.verdicts.verdict import ExitCode
from selftests.firmware.folder import LAB, VERSIONS, content, write_folder, write_lab


@pytest.fixture(autouse=True)
def _lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "images")
    write_lab(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = ExitCode.OK) -> str:
    assert main(["firmware", *arguments]) == code
    shown = capsys.readouterr()
    return shown.out if code == ExitCode.OK or not shown.err else shown.err


def test_check_lists_images_and_what_reaches_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "images" / "stray.rom").write_bytes(b"x")
    said = run(capsys, "check")
    assert said.splitlines()[0].endswith("images: 5 images, as published")
    assert "  6400/6600  2.3.9    6400_2.3.9.rom" in said
    assert "  note: stray.rom is not in the manifest and not used" in said
    unit, other, third = said.split("\n\n")[1:]
    assert unit.splitlines()[:3] == [
        "np6450  NP6450, has 1.21; allow: downgrade, flash, one-way, restart",
        "  2.0      1.21 -tool-> 2.0",
        "  2.1      1.21 -tool-> 2.1   one-way",
    ]
    assert "note: 1.21 has published flaws: CVE-2023-5627, CVE-2026-10831" in unit
    assert "  2.0      no: from 2.1 on there is no downgrade below 2.1 (no-downgrade-below-2.1)" in other
    assert "  2.1      2.3 -web-> 2.1   not allowed, `allow` lacks flash, downgrade" in other
    assert "  no image for a NP6150 (6100/6200) in the manifest" in third


def test_check_says_when_no_way_leads_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lab(tmp_path, LAB.replace("mcc_tool: virtual", 'mcc_tool: virtual, oldest: "2.0", newest: 2.1'))
    said = run(capsys, "check")
    assert "  note: no image of 1.21 at hand, so no way leads back to it" in said
    assert "  2.0      1.21 -tool-> 2.0   one-way" in said
    assert "  note: lab.yaml leaves out 1.21, 2.3, 2.3.9 (firmware.oldest, firmware.newest)" in said


def test_check_says_everything_that_is_wrong_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lab(tmp_path, LAB.replace("mcc_tool: virtual", "mcc_tool: tools/mcc_tool"))
    (tmp_path / "images" / "6400_2.0.rom").write_bytes(content("2.0")[1:])
    (tmp_path / "images" / "6400_2.3.rom").unlink()
    said = run(capsys, "check", code=ExitCode.CONFIG_FAULT)
    assert "images/manifest.yaml:11: images.1.sha512: '6400_2.0.rom' has another hash" in said
    assert "images/manifest.yaml:20: images.3.file: '6400_2.3.rom' is not in the folder" in said
    assert "lab.yaml: firmware.mcc_tool: there is no program" in said
    assert said.endswith("3 problems, nothing was touched.\n")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "mcc_tool").write_text("")
    assert "is not executable: chmod +x" in run(capsys, "check", code=ExitCode.CONFIG_FAULT)


def test_a_lab_without_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lab(tmp_path, LAB.replace("firmware: {images: images, mcc_tool: virtual}\n", ""))
    assert "lab.yaml names no images" in run(capsys, "check", code=ExitCode.CONFIG_FAULT)
    write_lab(tmp_path, LAB.replace("images: images", "images: elsewhere"))
    assert "elsewhere: there is no such folder of images" in run(capsys, "plan", code=ExitCode.CONFIG_FAULT)


def test_paths(capsys: pytest.CaptureFixture[str]) -> None:
    said = run(capsys, "paths", "--unit", "np6450", "--from", "2.1", "--to", "1.21")
    assert said == (
        "np6450  NP6450, from 2.1\n"
        "  1.21     no: from 2.1 on there is no downgrade below 2.1 (no-downgrade-below-2.1)\n"
    )
    assert "  2.3.9    1.21 -tool-> 2.3.9   one-way" in run(capsys, "paths", "--to", "2.3.9")
    assert "(did you mean 'np6450'?)" in run(capsys, "paths", "--unit", "np645", code=ExitCode.CONFIG_FAULT)
    assert "'2.2' is not a known version" in run(capsys, "paths", "--to", "2.2", code=ExitCode.CONFIG_FAULT)


def test_paths_with_a_step_between(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lab(tmp_path, LAB.replace('firmware: "1.21"', 'firmware: "1.16"'))
    assert run(capsys, "paths", "--unit", "np6450", "--to", "2.3") == (
        "np6450  NP6450, from 1.16\n"
        "  2.3      1.16 -web-> 1.21 -tool-> 2.3   one-way\n"
        "  not straight: 1.21 is a mandatory step before 2.0 (1.21-first)\n"
    )


def test_the_plan_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    said = run(capsys, "plan", "--unit", "np6450", "--unit", "np6650").splitlines()
    assert (
        said[0] == "np6450  NP6450, has 1.21: 17 flashes (bound 17) for 14 steps, about 3 min, 0.0 MB written, 6 walks"
    )
    assert said[1] == "  walk 1 of 6, from 1.21 to 2.1"
    assert said[2] == "    1     1.21 -> 2.0     tool  upgrade        10 s"
    assert said[3].strip().startswith("no default account any more")
    assert "to be refused, the 6450 has not enough memory to take 2.0 through the web console" in "\n".join(said)
    assert "np6650  NP6650-16, has 2.3: no flash" in said
    assert "  not allowed, `allow` lacks flash, downgrade:" in said


def test_the_plan_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    (plan,) = json.loads(run(capsys, "plan", "--unit", "np6450", "--json", "--each-route"))
    assert (plan["flashes"], plan["bound"], plan["seconds"]) == (31, 31, 310.0)
    assert plan["bytes"] == sum(len(content(step["to"])) for walk in plan["walks"] for step in walk)
    assert {"from": "1.21", "to": "2.0", "route": "web", "rule": "6450-not-by-web", "refused_by": "unit"} in plan[
        "forbidden"
    ]


def test_a_plan_that_wears_too_much_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lab(tmp_path, LAB.replace("mcc_tool: virtual", "mcc_tool: virtual, most_flashes: 16"))
    said = run(capsys, "plan", code=ExitCode.CONFIG_FAULT)
    assert "  refused: 17 flashes, and lab.yaml allows 16 (firmware.most_flashes)" in said


def test_a_real_unit_goes_one_way_once(tmp_path: Path) -> None:
    real = LAB.replace("    virtual: {flash_seconds: 9, boot_seconds: 1}\n", "").replace(
        "mcc_tool: virtual", "at_once: 1"
    )
    lab = write_lab(tmp_path, real.replace("{generated: true}", "{env: X}").replace("NP6450", "NP6650-8"))
    plan = plan_unit(lab, "np6450", load_images(lab))
    (walk,) = plan.cover.walks
    assert (len(walk.steps), plan.cover.bound, walk.end != "1.21") == (9, 9, True)
    assert [step.edge.one_way for step in walk.steps].count(True) == 1
    assert plan.seconds == 9 * 300
    assert {step.route for step in plan.steps} == {"web"}


def test_only_some_steps_and_the_version_found(tmp_path: Path) -> None:
    lab = write_lab(tmp_path)
    images = load_images(lab)
    plan = plan_unit(lab, "np6450", images, present="2.3 Build 24101817", only=[("2.3", "2.3.9")])
    assert [str(step.edge) for step in plan.steps] == ["2.3 -> 2.3.9", "2.3.9 -> 2.3"]
    assert graph_of(lab, "np6450", images).versions == VERSIONS


def test_the_page_about_firmware_shows_what_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "firmware.md").read_text()
    manifest, section = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    located = read_located_text(manifest, Located("manifest.yaml"))
    assert [(entry.version, len(entry.models)) for entry in read_manifest(located)] == [("2.3", 7), ("2.0", 1)]
    assert located.problems == []
    assert write_lab(tmp_path, LAB.replace("firmware: {images: images, mcc_tool: virtual}\n", section)).firmware
    write_lab(tmp_path, LAB.replace('firmware: "1.21"', 'firmware: "1.16"'))
    assert run(capsys, "paths", "--unit=np6450", "--to=2.3") in page
    write_lab(tmp_path, LAB.replace(", one-way]", "]"))
    for line in run(capsys, "check").partition("np6450")[2].splitlines()[:3]:
        assert line in page
    plan = run(capsys, "plan", "--unit=np6450").splitlines()
    assert plan[2] in page


def test_durations() -> None:
    assert [duration(seconds) for seconds in (5, 89, 600, 5400, 11100)] == [
        "5 s",
        "89 s",
        "10 min",
        "1 h 30 min",
        "3 h 05 min",
    ]
