import json
from pathlib import Path

import pytest

from nportlab.guide.controls import controls
from nportlab.guide.defects import defects
from nportlab.report.catalogue import as_json, as_text
from nportlab.report.columns import HEADERS, header_cells, row_cells
from nportlab.report.coverage import coverage, tests_by_control
from nportlab.report.matrix import control_records
from nportlab.verdicts.faults import ConfigFault

ROOT = Path(__file__).parents[2]
SUITE = """
from fixtures import marks
from fixtures.marks import control
import pytest

pytestmark = [control("CON-01"), pytest.mark.slow]

@control("CON-05", "TLS-01")
def test_a(unit): ...

@marks.control("TLS-02")
@pytest.mark.parametrize("x", [1, pytest.param(2, marks=control("TLS-07"))])
def test_b(unit, x): ...

@pytest.mark.control("TLS-03")
class TestC:
    @control("TLS-04")
    def test_before(self): ...
    def test_after(self): ...
    def helper(self): ...

@control("TLS-05")
def helper(): ...
"""


def suites(tmp_path: Path, text: str = SUITE) -> Path:
    (tmp_path / "tests" / "hardening").mkdir(parents=True)
    (tmp_path / "tests" / "hardening" / "test_x.py").write_text(text)
    (tmp_path / "tests" / "hardening" / "other.py").write_text("@control('TLS-06')\ndef test_not_collected(): ...\n")
    return tmp_path / "tests"


def test_controls_of_functions_classes_and_modules(tmp_path: Path) -> None:
    found = tests_by_control(suites(tmp_path))
    module = "tests/hardening/test_x.py"
    everything = tuple(f"{module}::{n}" for n in ("test_a", "test_b", "TestC::test_before", "TestC::test_after"))
    assert found == {
        "CON-01": everything,
        "CON-05": everything[:1],
        "TLS-01": everything[:1],
        "TLS-02": everything[1:2],
        "TLS-03": everything[2:],
        "TLS-04": everything[2:3],
        "TLS-07": everything[1:2],
    }


def test_marks_that_have_a_name_in_the_module_count(tmp_path: Path) -> None:
    text = """
rts = pytest.param("rts", marks=[control("SER-03")])
dsr = pytest.param("dsr", marks=control("SER-05"))
both = pytest.mark.parametrize("kind", [rts, dsr])

@both
def test_the_unit_stops(kind): ...

def test_another(): ...
"""
    found = tests_by_control(suites(tmp_path, text))
    node = "tests/hardening/test_x.py::test_the_unit_stops"
    assert {control: nodes for control, nodes in found.items() if control.startswith("SER")} == {
        "SER-03": (node,),
        "SER-05": (node,),
    }


def test_a_suite_that_does_not_parse_or_names_an_unknown_control(tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match="cannot be read"):
        tests_by_control(suites(tmp_path, "def test_("))
    (tmp_path / "tests/hardening/test_x.py").write_text("@control('CON-99')\ndef test_a(): ...\n")
    with pytest.raises(ConfigFault, match="CON-99 in tests"):
        coverage(tmp_path / "tests")
    with pytest.raises(ConfigFault, match="not the folder of the suites"):
        coverage(tmp_path / "nowhere")


def test_the_catalogue_is_whole_and_each_uncovered_control_says_why() -> None:
    rows = coverage(ROOT / "tests")
    assert [row.id for row in rows] == list(controls())
    for row in rows:
        assert row.covered == bool(row.tests and row.defects)
        assert row.covered or row.reason, row.id


def test_only_a_defect_that_proves_a_control_counts(tmp_path: Path) -> None:
    proven = {control for defect in defects().values() for control in defect.proves}
    rows = coverage(suites(tmp_path))
    assert {row.id for row in rows if row.defects} == proven
    assert {row.id for row in rows if row.covered} == proven & set(tests_by_control(tmp_path / "tests"))


def test_the_list_as_json_and_as_text(tmp_path: Path) -> None:
    rows = coverage(suites(tmp_path))
    listed = json.loads(as_json(rows))
    assert len(listed) == len(controls())
    assert list(listed[0]) == ["id", "section", "statement", "marker", "tests", "defects", "covered", "reason"]
    assert all((entry["reason"] is None) == entry["covered"] for entry in listed)
    covered = sum(entry["covered"] for entry in listed)
    assert as_text(rows).endswith(f"\n{covered} of {len(controls())} controls covered")


def test_a_control_nobody_ran_says_whether_there_is_a_test(tmp_path: Path) -> None:
    records = {record.id: record for record in control_records(coverage(suites(tmp_path)), [], ["np6150"])}
    assert records["CON-05"].units["np6150"].reason == "not selected in this run"
    assert records["GEN-06"].units["np6150"].reason == controls()["GEN-06"].reason


def test_the_columns_of_the_test_report() -> None:
    assert len(header_cells()) == len(HEADERS)
    about = {"controls": ["CON-05"], "verdict": "fail", "unit": "<np>", "evidence": ["evidence/a b/t.txt"]}
    cells = row_cells(about)
    assert len(cells) == len(HEADERS)
    assert "&lt;np&gt;" in cells[2]
    assert '<a href="evidence/a%20b/t.txt">t.txt</a>' in cells[3]
    assert row_cells({})[0] == '<td class="col-controls"></td>'
