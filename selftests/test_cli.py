import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nportlab.cli import main
from nportlab.guide.controls import controls
from nportlab.report import RunRecorder
from nportlab.verdicts.redaction import Redactor
from nportlab.verdicts.verdict import ExitCode

ROOT = Path(__file__).parents[1]
VERBS = ("virtual", "terminal", "controls", "plan", "recover", "lab", "firmware", "report")


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def lab(tmp_path: Path, old: str, new: str) -> str:
    path = tmp_path / "lab.yaml"
    text = (ROOT / "lab.yaml").read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return str(path)


def test_controls_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["controls", "--json"]) == ExitCode.OK
    listed = json.loads(capsys.readouterr().out)
    assert [entry["id"] for entry in listed] == list(controls())
    keys = {"id", "section", "statement", "marker", "tests", "defects", "covered", "reason"}
    assert all(set(entry) == keys for entry in listed)


def test_controls_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["controls"]) == ExitCode.OK
    assert capsys.readouterr().out.rstrip().endswith(f"of {len(controls())} controls covered")


def test_controls_without_suites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["controls", "--tests", str(tmp_path / "none")]) == ExitCode.CONFIG_FAULT
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "is not the folder of the suites" in shown.err


def test_lab_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "check"]) == ExitCode.OK
    assert capsys.readouterr().out == "lab.yaml: 3 units; racks: desk (virtual)\n"


def test_lab_check_says_every_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "check", "--lab", lab(tmp_path, "line: loopback", "line: lopback")]) == ExitCode.CONFIG_FAULT
    shown = capsys.readouterr()
    assert shown.out == ""
    words = "a line is loopback, adapter, none, {adapter: device}, {crosslink: unit/port} or {pty: path}"
    assert shown.err.count(words) == 2
    assert shown.err.endswith("2 problems, nothing was touched.\n")


def test_lab_check_touches_nothing_and_names_secrets_that_are_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_PASSWORD", raising=False)
    path = lab(tmp_path, "password: {generated: true}", "password: {env: NO_SUCH_PASSWORD}")
    assert main(["lab", "check", "--lab", path]) == ExitCode.OK
    assert capsys.readouterr().err.count("environment variable NO_SUCH_PASSWORD is not set") == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["lab.yaml"]


def test_lab_schema_is_the_published_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "schema"]) == ExitCode.OK
    assert capsys.readouterr().out == (ROOT / "docs" / "lab.schema.json").read_text()


@pytest.mark.parametrize(
    ("old", "new", "more", "said"),
    [
        ("    virtual:\n", "    vrtual:\n", (), "unknown key 'vrtual' (did you mean 'virtual'?)"),
        ("lab: desk", "lab: desk", ("--rack", "hall"), "has no virtual rack 'hall'"),
    ],
)
def test_virtual_needs_a_virtual_rack(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, more: tuple[str, ...], said: str
) -> None:
    assert main(["virtual", "--lab", lab(tmp_path, old, new), *more]) == ExitCode.CONFIG_FAULT
    assert said in capsys.readouterr().err


def test_recover_refuses_a_unit_that_is_not_in_the_lab(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recover", "--unit", "np9"]) == ExitCode.CONFIG_FAULT
    assert "np9" in capsys.readouterr().err


def test_recover_with_nothing_to_recover(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recover", "--lab", lab(tmp_path, "lab: desk", "lab: desk")]) == ExitCode.OK
    assert capsys.readouterr().out == "nothing to recover\n"


def test_report_puts_a_killed_run_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = RunRecorder.create(tmp_path, lab="desk", redactor=Redactor())
    run.begin("tests/a.py::test_a[np6150]", "np6150", ["CON-05"])
    assert main(["report", str(run.folder)]) == ExitCode.OK
    said = json.loads(capsys.readouterr().out)
    assert said == {"run": run.folder.name, "complete": False, "results": 1}
    assert "the run ended during this test" in (run.folder / "index.html").read_text()


def test_plan_passes_options_on_and_returns_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def run(command: list[str], *, check: bool) -> subprocess.CompletedProcess[bytes]:
        seen.append(command)
        return subprocess.CompletedProcess(command, 5)

    monkeypatch.setattr(subprocess, "run", run)
    assert main(["plan", "--lab", "x.yaml", "-m", "tls", "--unit", "np6150"]) == 5
    assert seen == [[sys.executable, "-m", "pytest", "--plan", "--lab=x.yaml", "-m", "tls", "--unit", "np6150"]]


@pytest.mark.parametrize("arguments", [[], ["contrls"], ["controls", "--jsn"], ["lab"], ["lab", "chek"]])
def test_a_wrong_command_line_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == ExitCode.CONFIG_FAULT
    assert "usage: nportlab" in capsys.readouterr().err


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in VERBS)


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m nportlab.cli controls | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, env=os.environ, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("GEN-01")


def test_virtual_says_how_to_reach_each_unit_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nportlab.cli", "virtual", "--json"]
    command += ["--lab", lab(tmp_path, "network: auto ", "network: loopback ")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        text = ""
        for line in process.stdout:
            text += line
            if line == "}\n":
                break
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    units = {unit["name"]: unit for unit in json.loads(text)["units"]}
    assert list(units) == ["np6150", "np6450", "np6650"], errors
    assert (units["np6650"]["model"], units["np6650"]["firmware"]) == ("NP6650-16", "2.3")
    assert all(unit["address"].startswith("127.") for unit in units.values())
    assert {"443", "4900"} <= set(units["np6150"]["port_map"]["tcp"])
    assert units["np6150"]["credentials"]["username"] == "admin"
    assert process.returncode in (ExitCode.OK, ExitCode.INTERRUPTED)
