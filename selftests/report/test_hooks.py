"""fixtures/report.py in runs of its own: one process, and two workers."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nportlab.report import RunRecord, load_run
from nportlab.verdicts.verdict import ExitCode, TestResult, Verdict

ROOT = Path(__file__).parents[2]
LAB = """\
lab: desk
racks:
  desk:
    virtual: {}
    units:
      np6150: {model: NP6150, address: 192.168.127.11, credentials: {password: {env: PASSWORD}}}
"""
WAIVERS = "waivers:\n- {control: SVC-07, reason: old panel, owner: jo, expires: 2999-01-01}\n"
CONFTEST = """
from pathlib import Path
import pytest
from fixtures.report import ABOUT, BENCH, RUN, TestAbout, open_run, state_in_force
from nportlab.inventory import load_lab
from nportlab.verdicts.faults import LabFault

pytest_plugins = ["fixtures.report"]

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.addinivalue_line("markers", "control(*ids): controls")
    open_run(config, load_lab(Path("lab.yaml")))
    def look(unit):
        if Path("outlet-is-off").exists():
            raise LabFault("the outlet is off", "Switch it on.", resource="outlet relay/1")
    config.stash[BENCH] = look

def pytest_collection_modifyitems(items):
    for item in items:
        controls = tuple(a for mark in item.iter_markers("control") for a in mark.args)
        item.stash[ABOUT] = TestAbout("np6150", "desk", "NP6150", "2.3", controls, {"console.telnet": "disable"})

@pytest.fixture(autouse=True)
def _state(request):
    state_in_force(request.node, {"console.telnet": "disable"})
"""
SUITE = """
import pytest
from fixtures.marks import control
from nportlab.verdicts.faults import *

@control("CON-05")
def test_passes(evidence):
    evidence.exchange("tcp", "hello", b"hello", b"world hunter22")
    evidence.positive_control("open with the switch on")

@control("CON-06")
def test_fails(evidence):
    seen = {"accepted": "TLS 1.0"}
    print("hunter22")
    assert seen == {}, "TLS 1.0 is accepted although switched off, hunter22"

@control("TLS-05")
def test_old_tls_is_refused():
    assert 1 == 2

@control("SVC-07")
def test_waived():
    assert not "redirect"

@control("CON-07")
def test_lab_fault():
    raise LabFault("no answer", "Plug it in.", resource="adapter /dev/ttyUSB0")

@control("CON-08")
def test_not_applicable():
    raise NotApplicable("one port only")

@control("CON-09")
def test_skipped_by_pytest():
    pytest.skip("not here")

@control("CON-10")
def test_informational():
    raise Informational("tickets are offered")

@control("CON-11")
def test_inconclusive():
    raise Inconclusive("reset three times")

@control("CON-12")
def test_unit_behaviour():
    raise UnitBehaviour("the session was lost")

@pytest.fixture
def broken():
    raise AssertionError("a fixture's own claim")

@control("CON-13")
def test_setup_breaks(broken): ...

@pytest.fixture
def dirty():
    yield
    raise LabFault("not put back", resource="unit np6150")

@control("CON-14")
def test_teardown_breaks(dirty): ...

@control("CON-15")
def test_harness_bug():
    {}["missing"]
"""
VERDICTS = {
    "test_passes": Verdict.PASS,
    "test_fails": Verdict.FAIL,
    "test_old_tls_is_refused": Verdict.FAIL,
    "test_waived": Verdict.WAIVED,
    "test_lab_fault": Verdict.ERROR,
    "test_not_applicable": Verdict.NOT_APPLICABLE,
    "test_skipped_by_pytest": Verdict.NOT_APPLICABLE,
    "test_informational": Verdict.INFORMATIONAL,
    "test_inconclusive": Verdict.INCONCLUSIVE,
    "test_unit_behaviour": Verdict.INCONCLUSIVE,
    "test_setup_breaks": Verdict.ERROR,
    "test_teardown_breaks": Verdict.ERROR,
    "test_harness_bug": Verdict.ERROR,
}


@dataclass
class Run:
    folder: Path
    code: int
    output: str

    @property
    def record(self) -> RunRecord:
        return load_run(self.folder / "reports" / "latest")

    def result(self, name: str) -> TestResult:
        return next(result for result in self.record.results if result.test.endswith(f"::{name}"))


def run(folder: Path, *options: str, suite: str = SUITE) -> Run:
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "test_x.py").write_text(suite)
    for name, text in (
        ("lab.yaml", LAB),
        ("waivers.yaml", WAIVERS),
        ("conftest.py", CONFTEST),
        ("pytest.ini", "[pytest]"),
    ):
        (folder / name).write_text(text)
    return again(folder, *options)


def again(folder: Path, *options: str) -> Run:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PASSWORD": "hunter22", "COLUMNS": "120"}
    environment.pop("PYTEST_XDIST_WORKER", None)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests", *options]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return Run(folder, done.returncode, done.stdout + done.stderr)


@pytest.fixture(scope="module", params=[(), ("-n", "2")], ids=["one process", "two workers"])
def everything(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("run"), *request.param)


def test_every_verdict_is_reached(everything: Run) -> None:
    found = {result.test.partition("::")[2]: result.verdict for result in everything.record.results}
    assert found == VERDICTS, everything.output
    assert everything.code == ExitCode.UNIT_FAILURES
    assert everything.record.complete


def test_a_failure_says_what_was_expected_and_seen(everything: Run) -> None:
    failed = everything.result("test_fails")
    assert failed.summary == "TLS 1.0 is accepted although switched off, [redacted]"
    assert failed.expected == "seen == {}"
    assert failed.seen.startswith("{'accepted': 'TLS 1.0'} == {}")
    assert "Use -v" not in failed.seen
    unnamed = everything.result("test_old_tls_is_refused")
    assert unnamed.summary == "does not hold: old tls is refused"
    assert unnamed.expected == unnamed.seen == "1 == 2"


def test_faults_carry_resource_and_remedy(everything: Run) -> None:
    fault = everything.result("test_lab_fault")
    assert (fault.title, fault.resource, fault.remedy) == ("LAB FAULT", "adapter /dev/ttyUSB0", "Plug it in.")
    assert everything.result("test_setup_breaks").phase == "setup"
    assert everything.result("test_teardown_breaks").phase == "teardown"
    assert everything.result("test_harness_bug").title == "ERROR"


def test_evidence_state_and_unit_are_with_the_result(everything: Run) -> None:
    passed = everything.result("test_passes")
    latest = everything.folder / "reports" / "latest"
    assert passed.positive_control.startswith("open with the switch on, ")
    assert (passed.unit, passed.firmware, passed.needs) == ("np6150", "2.3", {"console.telnet": "disable"})
    assert json.loads((latest / passed.state).read_text()) == {"console.telnet": "disable"}
    folder = "evidence/CON-05/np6150/x.test_passes"
    assert passed.evidence == (f"{folder}/transcript.txt", f"{folder}/result.json")
    assert json.loads((latest / folder / "result.json").read_text())["verdict"] == "pass"


def test_no_secret_in_anything_the_run_wrote(everything: Run) -> None:
    for path in (everything.folder / "reports").rglob("*"):
        assert not path.is_file() or b"hunter22" not in path.read_bytes(), path


def test_the_terminal_ends_with_failures_counts_and_the_report(everything: Run) -> None:
    end = everything.output[everything.output.rindex("FAIL  CON-06") :]
    assert "np6150  TLS 1.0 is accepted although switched off" in end
    assert "LAB FAULT  CON-07  np6150  no answer" in end
    assert (
        "1 passed, 2 failed, 2 lab faults, 2 errors, 2 inconclusive, 1 waived, 2 not applicable, 1 informational" in end
    )
    assert f"report    reports/{(everything.folder / 'reports/latest').readlink()}/index.html" in end


def test_junit_tells_failures_from_faults(everything: Run) -> None:
    cases = ElementTree.parse(everything.folder / "reports/latest/junit.xml").iter("testcase")
    found = {str(case.get("name")): {child.tag for child in case} & {"failure", "error", "skipped"} for case in cases}
    assert found["test_fails"] == {"failure"}
    assert found["test_lab_fault"] == found["test_inconclusive"] == found["test_setup_breaks"] == {"error"}
    assert found["test_not_applicable"] == found["test_waived"] == {"skipped"}
    assert found["test_passes"] == found["test_informational"] == set()


def test_the_other_reports_are_beside_it(everything: Run) -> None:
    latest = everything.folder / "reports" / "latest"
    html = (latest / "report.html").read_text()
    assert "evidence/CON-05/np6150/x.test_passes/transcript.txt" in html
    assert "inconclusive" in html
    assert "CON-05" in (latest / "index.html").read_text()
    labels = [json.loads(path.read_text())["labels"] for path in (latest / "allure-results").glob("*-result.json")]
    assert len(labels) == len(VERDICTS)
    assert sum({"name": "tag", "value": "CON-05"} in each for each in labels) == 1
    assert (latest / "allure-results" / "categories.json").exists()


def test_a_bench_that_is_broken_takes_the_blame(tmp_path: Path) -> None:
    (tmp_path / "outlet-is-off").write_text("")
    found = run(tmp_path, "-k", "CON-06 or CON-05")
    assert found.result("test_passes").verdict is Verdict.PASS
    blamed = found.result("test_fails")
    assert (blamed.verdict, blamed.resource) == (Verdict.ERROR, "outlet relay/1")
    assert found.code == ExitCode.LAB_FAULT


@pytest.mark.parametrize(
    ("selected", "code"),
    [
        ("CON-05", ExitCode.OK),
        ("CON-08", ExitCode.NOTHING_RAN),
        ("CON-11", ExitCode.INCONCLUSIVE),
        ("CON-15", ExitCode.INTERNAL),
    ],
)
def test_exit_code(tmp_path: Path, selected: str, code: ExitCode) -> None:
    found = run(tmp_path, "-k", selected)
    assert found.code == code, found.output


def test_ctrl_c_leaves_a_readable_record(tmp_path: Path) -> None:
    suite = "def test_a(): ...\ndef test_b(): raise KeyboardInterrupt\ndef test_c(): ...\n"
    found = run(tmp_path, suite=suite)
    assert found.code == ExitCode.INTERRUPTED
    assert [result.verdict for result in found.record.results] == [Verdict.PASS, Verdict.NOT_REVIEWED]
    assert not found.record.complete


@pytest.mark.parametrize("spoil", ["reports", "waivers"])
def test_configuration_faults_stop_the_run_before_any_test(tmp_path: Path, spoil: str) -> None:
    if spoil == "reports":
        (tmp_path / "reports").write_text("in the way")
        found = run(tmp_path)
    else:
        run(tmp_path, "--version")
        (tmp_path / "waivers.yaml").write_text(WAIVERS.replace("2999", "1999"))
        found = again(tmp_path)
    assert found.code not in (0, 1)
    assert "PASSED" not in found.output
    assert ("cannot be written" if spoil == "reports" else "expired on 1999-01-01") in found.output
