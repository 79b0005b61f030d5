"""What is said about the firmware found."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from nportlab.firmware.advice import (
    advise,
    age_of,
    firmware_age,
    flaws,
    flaws_told,
    list_age,
    tool_versions,
    what_to_do,
    worst,
)
from nportlab.guide.advisories import advisory_list
from nportlab.inventory.lab import Profile
from selftests.firmware.folder import LAB, write_lab

CHECKED = advisory_list().checked


@pytest.mark.parametrize(("firmware", "count"), [("2.3 Build 24101817", 1), ("2.3.9", 0), ("1.21", 2), ("1.14", 11)])
def test_every_flaw_is_named_and_the_profile_says_what_it_is(firmware: str, count: int) -> None:
    informed, failed = flaws(firmware, Profile()), flaws(firmware, Profile(advisories="fail"))
    assert len(informed) == len(failed) == count
    assert {advice.severity for advice in informed} <= {"note"}
    assert {advice.severity for advice in failed} <= {"fail"}
    assert all(advice.control == "PSI-01" and "fixed in" in advice.text for advice in failed)


def test_the_list_itself_grows_old() -> None:
    profile = Profile(advisory_list_days=30)
    assert list_age(profile, CHECKED + timedelta(days=30)) == []
    (old,) = list_age(profile, CHECKED + timedelta(days=31))
    assert (old.control, old.severity) == ("PSI-01", "warning") and "31 days old; lab.yaml takes up to 30" in old.text
    (future,) = list_age(profile, CHECKED - timedelta(days=2))
    assert "is this host's clock right?" in future.text


def test_channels_that_disagree_add_up_and_the_way_out_is_said() -> None:
    told = {"Moxa service": "1.21", "web overview": "2.3", "SNMP": "2.3"}
    assert [advice.text.split()[0] for advice in flaws_told(told, Profile())] == ["CVE-2023-5627", "CVE-2026-10831"]
    way = what_to_do("desk", told.values())
    assert way.startswith("Bring 2.3.9 (patch of 2.3) or newer into it") and "--unit=desk --to=2.3.9" in way
    assert advisory_list().page in way
    assert what_to_do("desk", ["2.3.9"]) == ""


def test_a_firmware_whose_day_is_not_public_is_at_least_as_old_as_the_next_one() -> None:
    day = date(2024, 10, 18) + timedelta(days=50)
    exact, bound = age_of("2.3 Build 24101817", day), age_of("1.13", day)
    assert exact and bound and (exact.days, exact.exact, bound.days, bound.exact) == (50, True, 50, False)
    assert str(bound) == "is older than 2.3 of 2024-10-18, so at least 50 days old"
    assert age_of("2.3.9", day) is None and age_of("9.9", day) is None
    (old,) = firmware_age("NP6450", "1.21", Profile(firmware_days=49), day)
    assert old.severity == "warning" and "at least 50 days old; lab.yaml takes up to 49" in old.text


def test_firmware_grows_old_and_its_notes_are_linked() -> None:
    day = date(2024, 10, 18)
    (young,) = firmware_age("NP6450", "2.3 Build 24101817", Profile(firmware_days=100), day + timedelta(days=100))
    assert young.severity == "note" and "100 days old" in young.text and "nport-6400-6600-series" in young.text
    assert "newer: 2.3.9 (patch of 2.3)" in young.text
    (old,) = firmware_age("NP6150", "2.3", Profile(firmware_days=100), day + timedelta(days=101))
    assert (old.control, old.severity) == ("FWU-01", "warning")
    assert "lab.yaml takes up to 100" in old.text and "nport-6100-6200-series" in old.text
    unknown = firmware_age("NP6150", "2.3.9", Profile())
    assert "2.3.9 is of a day that is not public, its age unknown; none newer is known" in unknown[0].text
    assert firmware_age("NP6150", "9.9", Profile())[0].severity == "warning"


def test_tools_older_than_the_guide_shows_are_named() -> None:
    said = {
        advice.text.replace(":", " ").split(" ")[0]: advice
        for advice in tool_versions({"mcc": "1.6", "dsu": "2.3", "mxconfig": "x"})
    }
    assert said["Moxa"].severity == "note"
    assert said["Device"].severity == "warning" and "is older than the guide's" in said["Device"].text
    assert said["MXconfig"].severity == "warning" and "is not a version" in said["MXconfig"].text
    assert said["PComm"].severity == "note" and "lab.yaml does not say" in said["PComm"].text
    assert {advice.control for advice in said.values()} == {"FWU-12"}


def test_everything_about_a_unit_worst_first(tmp_path: Path) -> None:
    text = LAB.replace("racks:\n", "profile: {advisories: fail}\nracks:\n", 1)
    lab = write_lab(tmp_path, text.replace("mcc_tool: virtual}", "mcc_tool: virtual, tools: {dsu: 2.10}}"))
    said = advise(lab, "np6450", mcc_tool="1.1", on=CHECKED)
    assert [advice.severity for advice in said] == sorted(
        (advice.severity for advice in said), key=["fail", "warning", "note"].index
    )
    assert worst(said) == "fail" and worst([]) is None
    texts = "\n".join(map(str, said))
    assert "fail: CVE-2023-5627 (MPSA-232905)" in texts
    assert "Moxa CLI Configuration Tool 1.1 is older" in texts
    assert "Device Search Utility 2.10; the guide shows 2.4" in texts
    assert worst(advise(lab, "np6450", "2.3.9", on=CHECKED)) == "note"
