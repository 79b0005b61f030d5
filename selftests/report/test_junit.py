from pathlib import Path
from xml.etree import ElementTree

import pytest

from nportlab.report.junit import separate_errors

CASE = """<testcase name="{name}"><properties><property name="verdict" value="{verdict}"/></properties>
<failure message="m">text</failure></testcase>"""


def written(tmp_path: Path, *verdicts: str) -> Path:
    cases = "".join(CASE.format(name=f"t{n}", verdict=verdict) for n, verdict in enumerate(verdicts))
    path = tmp_path / "junit.xml"
    path.write_text(f'<testsuites><testsuite errors="1" failures="{len(verdicts)}">{cases}</testsuite></testsuites>')
    return path


def test_only_what_the_unit_did_wrong_stays_a_failure(tmp_path: Path) -> None:
    path = written(tmp_path, "fail", "error", "inconclusive")
    assert separate_errors(path) == 2
    suite = next(ElementTree.parse(path).iter("testsuite"))
    assert (suite.get("failures"), suite.get("errors")) == ("1", "3")
    found = [[child.tag for child in case if child.tag != "properties"] for case in suite.iter("testcase")]
    assert found == [["failure"], ["error"], ["error"]]


def test_a_file_without_faults_is_not_touched(tmp_path: Path) -> None:
    path = written(tmp_path, "fail")
    before = path.read_bytes()
    assert separate_errors(path) == 0
    assert path.read_bytes() == before


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text("<testsuites>")
    with pytest.raises(ElementTree.ParseError):
        separate_errors(tmp_path / "junit.xml")
