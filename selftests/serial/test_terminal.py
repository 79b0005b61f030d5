"""`nportlab terminal`: which adapter, and miniterm on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from serial.tools import miniterm

from nportlab.cli import main
from nportlab.serial.terminal import run_terminal
from nportlab.verdicts.verdict import ExitCode

ROOT = Path(__file__).parents[2]
LAB = f"--lab={ROOT / 'lab.yaml'}"


@pytest.mark.parametrize(
    ("port", "words"),
    [
        ("np6451/1", ["no unit 'np6451' (did you mean 'np6450'?)", "unit/port"]),
        ("np6450", ["no unit"]),
        ("np6450/", ["np6450 has no port ''", "It has 1 to 4."]),
        ("np6450/5", ["np6450 has no port '5'"]),
        ("np6450/1", ["the line of np6450/1 is loopback, and a terminal needs an adapter", "Take np6450/2."]),
    ],
)
def test_a_port_there_is_no_terminal_on(capsys: pytest.CaptureFixture[str], port: str, words: list[str]) -> None:
    assert main(["terminal", LAB, port]) == ExitCode.CONFIG_FAULT
    shown = capsys.readouterr().err
    assert all(word in shown for word in words), shown


def test_a_rack_that_does_not_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lab.yaml").write_text((ROOT / "lab.yaml").read_text())
    assert main(["terminal", f"--lab={tmp_path / 'lab.yaml'}", "np6450/2", "9600"]) == ExitCode.LAB_FAULT
    assert "no virtual rack has its cables at" in capsys.readouterr().err


def test_a_wrong_option_of_miniterm(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_terminal("loop://", ["--parity", "X"]) == ExitCode.CONFIG_FAULT
    assert "--parity" in capsys.readouterr().err


def test_miniterm_gets_the_url_and_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    class Fake:
        def __init__(self, port: object, **_: object) -> None:
            seen.append(port)
            raise SystemExit

    monkeypatch.setattr(miniterm, "Miniterm", Fake)
    assert run_terminal("loop://", ["19200", "--parity", "E"]) == ExitCode.OK
    (port,) = seen
    assert (port.baudrate, port.parity) == (19200, "E")  # type: ignore[attr-defined]
