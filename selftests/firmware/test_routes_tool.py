"""The vendor's tool as a foreign program: how it ends, what it prints, and that its secrets stay out of all records."""

from __future__ import annotations

import stat
import sys
import textwrap
import time
from pathlib import Path

import pytest

from nportlab.firmware.routes import tool_errors
from nportlab.firmware.routes.mcc_tool import MccTool, code_of, tool_of
from nportlab.firmware.routes.route import Handed
from nportlab.firmware.routes.tool_errors import ToolError, meanings
from nportlab.firmware.routes.tool_log import read_lines
from nportlab.firmware.routes.tool_process import masked, run
from nportlab.unit.errors import ConfigurationRefused, FirstBootPending, LoginRefused, NotReachable
from nportlab.unit.firmware import FirmwareRefused
from nportlab.verdicts.faults import ConfigFault, HarnessBug, LabFault, UnitBehaviour
from nportlab.virtual import kernel

ADDRESS = "192.0.2.11"
SECRET = "hunter22-x"
IMAGE = Handed("NP6150_2.3.rom", b"image")
HEAD = "Model;ServerName;IP;MAC;FwVer;User;PWD;CfgFile;Key;FwFile;Port;ErrCode"


class Recorded:
    """A recorder that keeps everything as text."""

    def __init__(self) -> None:
        self.text = ""

    def note(self, text: str) -> None:
        self.text += text + "\n"

    def exchange(self, channel: str, summary: str, sent: object = None, received: object = None) -> None:
        self.text += f"{channel} {summary} {sent} {received}\n"


def program(folder: Path, body: str) -> Path:
    """A tool that runs this Python, with its arguments in `a` and the value of an option by `option(name)`."""
    path = folder / "mcc_tool"
    path.write_text(
        f"#!{sys.executable}\nimport sys, os, time, signal\na = sys.argv[1:]\n"
        "option = lambda name: a[a.index(name) + 1]\n" + textwrap.dedent(body)
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def upgrade(tool: Path, recorder: Recorded | None = None, deadline: float = 20.0) -> object:
    return MccTool((str(tool),), recorder).upgrade(ADDRESS, "admin", SECRET, IMAGE, "np", deadline=deadline)


KINDS = {
    -1: NotReachable, -2: LoginRefused, -3: ConfigFault, -4: LabFault, -5: UnitBehaviour, -6: ConfigurationRefused,
    -7: FirmwareRefused, -8: ConfigFault, -9: HarnessBug, -10: ConfigFault, -11: HarnessBug, -12: ConfigFault,
    -13: HarnessBug, -14: HarnessBug, -15: LabFault, -16: FirmwareRefused, -17: FirstBootPending,
}  # fmt: skip


@pytest.mark.parametrize("code", KINDS)
@pytest.mark.parametrize("told_by", ["exit", "log"])
def test_every_code_is_an_error_of_its_own(tmp_path: Path, code: int, told_by: str) -> None:
    ending = f"sys.exit({256 + code})" if told_by == "exit" else "sys.exit(0)"
    log = f"open(option('-l'), 'w').write('{HEAD}\\nNP6150;n;{ADDRESS};00:90:E8:00:00:01;2.1;;;;;;;{code}\\n')"
    tool = program(tmp_path, f"print('said so')\n{log if told_by == 'log' else ''}\n{ending}\n")
    with pytest.raises(ToolError) as error:
        upgrade(tool)
    assert isinstance(error.value, KINDS[code])
    assert error.value.code == code
    assert error.value.remedy and f"(code {code})" in error.value.message
    assert error.value.printed == "said so\n"
    assert error.value.touched is (code in (-5, -7, -15))


def test_every_code_has_its_own_row() -> None:
    codes, exits = meanings()
    assert sorted(codes) == sorted(KINDS)
    assert sorted(exits) == [126, 127]
    different = {code: row.message for code, row in codes.items() if code not in (-13, -14)}
    assert len(set(different.values())) == len(different)


@pytest.mark.parametrize(
    ("status", "code"), [(0, 0), (255, -1), (249, -7), (239, -17), (238, None), (1, None), (127, None)]
)
def test_a_code_as_the_caller_sees_it(status: int, code: int | None) -> None:
    assert code_of(status) == code


def test_all_went_well(tmp_path: Path) -> None:
    row = f"NP6150;n;{ADDRESS};00:90:E8:00:00:01;2.3;admin;{SECRET};;;NP6150_2.3.rom;;0"
    tool = program(
        tmp_path,
        f"""
        assert open(option('-f'), 'rb').read() == b'image'
        assert a[:2] == ['-fw', '-up'] and option('-t') == '20' and '-print' in a
        print('upgrading', option('-p'))
        open(option('-l'), 'w').write('{HEAD}\\n{row}\\n')
        """,
    )
    recorder = Recorded()
    done = MccTool((str(tool),), recorder).upgrade(ADDRESS, "admin", SECRET, IMAGE, "np", deadline=20.0)
    assert done.lines[0].code == 0 and done.lines[0].values["FwVer"] == "2.3"
    assert done.printed == "upgrading [redacted]\n"
    assert "-p [redacted] -f" in recorder.text
    assert SECRET not in recorder.text


def test_the_log_counts_more_than_the_exit_status(tmp_path: Path) -> None:
    row = f"NP6150;n;{ADDRESS};00:90:E8:00:00:01;2.3;;;;;;;0"
    recorder = Recorded()
    upgrade(program(tmp_path, f"open(option('-l'), 'w').write('{HEAD}\\n{row}\\n')\nsys.exit(249)\n"), recorder)
    assert "the log counts" in recorder.text


@pytest.mark.parametrize(
    ("ending", "kind", "words"),
    [
        ("sys.exit(126)", ConfigFault, "cannot be executed"),
        ("sys.exit(127)", ConfigFault, "library it needs is missing"),
        ("sys.exit(1)", UnitBehaviour, "unknown exit status 1"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", UnitBehaviour, "ended by signal 11"),
    ],
)
def test_other_endings(tmp_path: Path, ending: str, kind: type[Exception], words: str) -> None:
    with pytest.raises(ToolError, match=words) as error:
        upgrade(program(tmp_path, ending + "\n"))
    assert isinstance(error.value, kind)
    assert error.value.touched is (kind is UnitBehaviour)


def test_one_that_hangs_is_ended_with_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nportlab.firmware.routes.mcc_tool._GRACE", 0.0)
    child = tmp_path / "child"
    tool = program(
        tmp_path,
        f"""
        import subprocess
        child = subprocess.Popen(['sleep', '600'])
        open({str(child)!r}, 'w').write(str(child.pid))
        print('password', option('-p'), flush=True)
        time.sleep(600)
        """,
    )
    with pytest.raises(ToolError, match="did not end within 2 s") as error:
        upgrade(tool, deadline=2.0)
    assert error.value.touched
    assert error.value.printed == "password [redacted]\n"
    process = int(child.read_text())
    end = time.monotonic() + 10
    while kernel.process_is_alive(process):
        assert time.monotonic() < end, "what the tool has started still runs"
        time.sleep(0.01)


def test_missing_and_not_executable(tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match="is not there"):
        MccTool((str(tmp_path / "none"),)).version()
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    with pytest.raises(ConfigFault, match="may not be executed") as fault:
        MccTool((str(plain),)).version()
    assert fault.value.remedy == f"chmod +x {plain}"
    strange = tmp_path / "strange"
    strange.write_bytes(b"\x7fELF\0\0\0\0")
    strange.chmod(0o755)
    with pytest.raises(ConfigFault, match="cannot be started"):
        MccTool((str(strange),)).version()
    with pytest.raises(ConfigFault, match=r"lab\.yaml names no mcc_tool"):
        tool_of(None)


def test_a_wrong_password_is_not_in_what_is_raised(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as error:
        upgrade(program(tmp_path, "print(' '.join(a))\nsys.exit(254)\n"))
    assert SECRET not in f"{error.value!r}{error.value.describe()}{error.value.printed}{vars(error.value)}"
    assert error.value.__cause__ is None


def test_masking_and_deadlines(tmp_path: Path) -> None:
    assert masked(["t", "-p", "x", "-dk", "y", "-f", "z"], ("-p", "-dk")) == "t -p [redacted] -dk [redacted] -f z"
    told: list[str] = []
    ended = run(
        [sys.executable, "-uc", "import time\nprint('40 %'); time.sleep(1.3)"], (), folder=tmp_path, deadline=20.0,
        told=lambda _, line: told.append(line),
    )  # fmt: skip
    assert ended.status == 0 and told == ["40 %"]


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}\nNP6150;np;{ADDRESS};00:90:E8:00:00:01;2.1;admin;{SECRET};;{SECRET};f.rom;;-7\n",
        f"NP6150;np;{ADDRESS};00:90:E8:00:00:01;2.1;admin;{SECRET};;{SECRET};f.rom;;-7\r\n",
        f"{HEAD};\nNP6150;np;{ADDRESS};00:90:E8:00:00:01;2.1;admin;{SECRET};;{SECRET};f.rom;;-7;\n",
        "Model   ServerName  IP  MAC   FwVer   ErrCode\n------\n"
        f"NP6150  np   {ADDRESS}   00:90:E8:00:00:01  2.1    -7\n1 device\n",
    ],
)
def test_a_log_in_the_forms_it_may_have(text: str) -> None:
    (line,) = read_lines(text)
    assert (line.address, line.code, line.values["FwVer"], line.values["Model"]) == (ADDRESS, -7, "2.1", "NP6150")
    assert SECRET not in str(line)


def test_a_list_has_no_codes() -> None:
    head = HEAD.removesuffix(";ErrCode")
    lines = read_lines(f"{head}\nNP6150;np;{ADDRESS};00:90:E8:00:00:01;2.1;;;;;;\nnonsense\n\n")
    assert [(line.address, line.code) for line in lines] == [(ADDRESS, None)]
    assert read_lines("") == []


def test_an_unknown_code_says_so() -> None:
    error = tool_errors.error_of(-99, "", "np")
    assert "unknown code -99" in error.message and error.touched
