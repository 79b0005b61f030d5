"""The suites about advisories, images at hand and tools, run as a person runs them against labs that are not right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from nportlab.report.record import RunRecord
from nportlab.verdicts.verdict import ExitCode, Verdict
from nportlab.virtual.client import RunningRack, start_rack
from nportlab.virtual.image_files import write_images
from selftests.firmware.site import entry
from selftests.whole_run.site import ROOT, Site, ended

pytestmark = pytest.mark.timeout(300)

UNITS = {
    "old": entry(1, "2.1", "NP6150", allow=["restart", "factory-reset"]),
    "usual": entry(2, "2.3"),
    "new": entry(3, "2.3.9", "NP6150"),
}
SUITES = ("test_advisories.py", "test_images_at_hand.py", "test_tools.py")


class FirmwareSite(Site):
    """A lab whose `firmware` and `profile` are those of the test."""

    def set(self, profile: dict[str, Any], firmware: dict[str, Any] | None) -> None:
        """Write lab.yaml anew; the units stay as they are."""
        virtual = {"network": "loopback", "boot_seconds": 0.1, "flash_seconds": 0.1}
        rack = {"virtual": virtual, "switches": {"relay": {"driver": "http_relay", "channels": 8}}, "units": UNITS}
        lab = {"lab": "at-hand", "profile": profile, "racks": {"bench": rack}}
        self.lab_file.write_text(yaml.safe_dump(lab | ({} if firmware is None else {"firmware": firmware})))

    def judge(self, *options: str, careless: str = "") -> RunRecord:
        """A run of the suites, one unit after the other. careless: see selftests.firmware.careless."""
        self.environment = {"CARELESS": careless}
        where = [f"tests/firmware/{name}" for name in SUITES]
        lab = (f"--lab={self.lab_file}", f"--reports={self.folder / 'reports'}", "--workers=0")
        self.ended = ended(self.start("-m", "pytest", *where, *lab, "-q", *options, cwd=ROOT))
        return self.record()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> FirmwareSite:
    """The lab with images of every version."""
    folder = tmp_path_factory.mktemp("at-hand")
    write_images(folder / "images")
    made = FirmwareSite(folder, tuple(UNITS))
    made.set({}, None)
    return made


@pytest.fixture(scope="module", autouse=True)
def rack(site: FirmwareSite) -> Iterator[RunningRack]:
    """Its rack, which the runs find running."""
    started = start_rack(site.lab, "bench")
    yield started
    started.stop()


def verdicts(run: RunRecord, control: str) -> dict[str, Verdict]:
    """Of a control, by unit."""
    (row,) = [row for row in run.controls if row.id == control]
    ran = {result.unit for result in run.results}
    return {unit: cell.verdict for unit, cell in row.units.items() if unit in ran}


def said(run: RunRecord, control: str, unit: str) -> str:
    """Everything a run says of a control on a unit."""
    found = [result for result in run.results if control in result.controls and result.unit == unit]
    return "\n".join(f"{result.summary}\n{result.reason}\n{result.remedy}" for result in found)


def everywhere(verdict: Verdict, *units: str) -> dict[str, Verdict]:
    """The same of all units, or of those that are named."""
    return dict.fromkeys(units or UNITS, verdict)


def test_old_firmware_and_old_tools_are_named_and_flaws_fail_where_the_profile_says_so(site: FirmwareSite) -> None:
    site.set(
        {"advisories": "fail", "firmware_days": 100},
        {"images": "images", "mcc_tool": "virtual", "tools": {"dsu": "2.3", "mxconfig": "2.6"}},
    )
    run = site.judge()
    assert verdicts(run, "PSI-01") == {"old": Verdict.FAIL, "usual": Verdict.FAIL, "new": Verdict.PASS}
    assert "2.1 has published flaws: CVE-2026-10831. Bring 2.3.9" in said(run, "PSI-01", "old")
    assert "Bring 2.3.9 (patch of 2.3) or newer into it" in said(run, "PSI-01", "usual")
    assert verdicts(run, "FWU-01") == {
        "old": Verdict.INFORMATIONAL,
        "usual": Verdict.INFORMATIONAL,
        "new": Verdict.NOT_APPLICABLE,
    }
    assert "2.1 is older than 2.3 of 2024-10-18, so at least" in said(run, "FWU-01", "old")
    assert "lab.yaml takes up to 100" in said(run, "FWU-01", "usual")
    assert "nport-6100-6200-series#resources" in said(run, "FWU-01", "new")
    for control in ("FWU-02", "FWU-03", "FWU-11"):
        assert verdicts(run, control) == everywhere(Verdict.PASS), site.ended.said
    assert verdicts(run, "FWU-12") == everywhere(Verdict.INFORMATIONAL)
    assert "Device Search Utility 2.3 is older than the guide's" in said(run, "FWU-12", "new")
    assert "MXconfig" not in said(run, "FWU-12", "new")
    assert site.ended.code == ExitCode.UNIT_FAILURES


def test_without_a_firmware_section_it_is_said_what_to_add(site: FirmwareSite) -> None:
    site.set({"advisory_list_days": 1}, None)
    run = site.judge("--unit=usual", "--unit=new")
    assert verdicts(run, "PSI-01") == everywhere(Verdict.INFORMATIONAL, "usual", "new")
    assert "CVE-2026-10831 (MPSA-262370)" in said(run, "PSI-01", "usual")
    assert "no advisory concerns 2.3.9, but the list of advisories is of " in said(run, "PSI-01", "new")
    assert "lab.yaml takes up to 1. Update nportlab/guide/advisories.yaml" in said(run, "PSI-01", "new")
    for control, missing in (
        ("FWU-02", "add `firmware: {images: folder}`"),
        ("FWU-03", "add `firmware: {images: folder}`"),
        ("FWU-11", "add firmware.mcc_tool"),
        ("FWU-12", "add firmware.tools"),
    ):
        assert verdicts(run, control) == everywhere(Verdict.NOT_APPLICABLE, "usual", "new"), site.ended.said
        assert missing in said(run, control, "usual")


def test_a_changed_image_and_a_missing_tool_are_named(site: FirmwareSite) -> None:
    path = next((site.folder / "images").glob("*6400*_2.3.rom"))
    right = path.read_bytes()
    site.set({}, {"images": "images", "mcc_tool": "tools/mcc_tool", "tools": {"dsu": "2.4"}})
    path.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
    run = site.judge("--unit=usual")
    path.write_bytes(right)
    for control in ("FWU-02", "FWU-03"):
        assert verdicts(run, control) == everywhere(Verdict.ERROR, "usual")
        assert f"'{path.name}' has another hash" in said(run, control, "usual")
    assert "CONFIG FAULT  FWU-03" in site.ended.said or "CONFIG FAULT  FWU-02" in site.ended.said
    assert site.ended.code == ExitCode.CONFIG_FAULT
    assert verdicts(run, "FWU-11") == everywhere(Verdict.NOT_APPLICABLE, "usual")
    assert f"there is no program {site.folder / 'tools/mcc_tool'}" in said(run, "FWU-11", "usual")
    assert verdicts(run, "FWU-12") == everywhere(Verdict.PASS, "usual")


def test_images_of_one_line_only_and_a_tool_that_says_nothing(site: FirmwareSite) -> None:
    folder = site.folder / "one-line"
    write_images(folder, ["2.3"])
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text())
    manifest["images"] = [image for image in manifest["images"] if image["line"] == "6400/6600"]
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    tool = folder / "mcc_tool"
    tool.write_text("#!/bin/sh\necho Moxa CLI Configuration Tool\n")
    tool.chmod(0o755)
    site.set({}, {"images": "one-line", "mcc_tool": "one-line/mcc_tool"})
    run = site.judge("-k", "FWU-02 or FWU-11", "--unit=usual", "--unit=new")
    assert verdicts(run, "FWU-02") == {"usual": Verdict.PASS, "new": Verdict.NOT_APPLICABLE}
    assert "has no image for a NP6150 (line 6100/6200); add one" in said(run, "FWU-02", "new")
    assert verdicts(run, "FWU-11") == everywhere(Verdict.FAIL, "usual", "new")
    assert "tells no version: 'Moxa CLI Configuration Tool'" in said(run, "FWU-11", "new")


@pytest.mark.parametrize(
    ("careless", "failed", "because"),
    [
        ("lines", {"FWU-02"}, "an image for 6100/6200 is not refused for a NP6450"),
        ("bytes", {"FWU-03"}, "the guard lets a changed image through"),
        ("talks", {"FWU-02", "FWU-03"}, "the harness spoke to the unit before it refused"),
    ],
)
def test_a_careless_guard_is_caught(site: FirmwareSite, careless: str, failed: set[str], because: str) -> None:
    site.set({}, {"images": "images"})
    run = site.judge("-p", "selftests.firmware.careless", "--unit=usual", "-k", "FWU-02 or FWU-03", careless=careless)
    for control in ("FWU-02", "FWU-03"):
        expected = Verdict.FAIL if control in failed else Verdict.PASS
        assert verdicts(run, control)["usual"] is expected, site.ended.said
    assert because in "\n".join(said(run, control, "usual") for control in failed)
