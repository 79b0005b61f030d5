"""A folder with a lab of virtual units and a suite of its own, runs in it, and a look at its units from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from nportlab.guide.configuration_map import from_configuration
from nportlab.inventory import Lab, load_lab
from nportlab.protocol.configuration_text import parse
from nportlab.report.record import RunRecord, load_run
from nportlab.safety.baseline import differences
from nportlab.safety.racks import bench_of
from nportlab.unit.unit import Unit
from nportlab.virtual.client import RunningRack
from selftests.virtual.core.bench import inside

ROOT = Path(__file__).parents[2]
RACK = "bench"
LONGEST_RUN = 110.0  # seconds; a run of these tests takes about five on an idle machine
_POLL = 0.02
_MARK = "NPORTLAB_SELFTEST_RUN"
_CONFTEST = f"""
import runpy

pytest_plugins = runpy.run_path({str(ROOT / "conftest.py")!r})["pytest_plugins"]
"""
_HEAD = """
import os, time
from pathlib import Path
import pytest
from fixtures.marks import *

HERE = Path(__file__).parents[1]


def stay(unit):
    \"\"\"Say that the test runs, and let it run until it is told to go on.\"\"\"
    (HERE / f"{unit.name}.testing").touch()
    end = time.monotonic() + 180
    while not (HERE / "go-on").exists() and time.monotonic() < end:
        time.sleep(0.02)
"""
CHANGED = """
@control("CON-08")
@needs({"console.telnet": "enable", "console.auto_logout": "7"})
def test_changed(unit):
    stay(unit)
"""
"""A suite with one test, in a state that no unit is found in; it runs until the file `go-on` exists."""


@dataclass(frozen=True)
class Ended:
    """A run that has ended. said: everything it printed."""

    code: int
    said: str


@dataclass(frozen=True)
class Look:
    """A unit as somebody sees it who is not part of a run. boots: since its rack was started; failed_logins: in its
    log."""

    configuration: str
    boots: int
    failed_logins: int

    def setting(self, setting: str) -> str:
        """The stored value of a setting."""
        return from_configuration(parse(self.configuration.encode("latin-1")).as_sections(), "NP6150", "2.3")[setting]

    def changes(self, since: Look) -> list[str]:
        """What is stored otherwise than before, apart from what a unit changes by itself."""
        then, now = (parse(look.configuration.encode("latin-1")) for look in (since, self))
        return [f"[{change.section}] {change.key}" for change in differences(then, now, "NP6150", "2.3")]


@dataclass
class Site:
    """The folder. units: names; all are NP6150 with firmware 2.3. before: a command that starts the runs."""

    folder: Path
    units: Sequence[str] = ("one",)
    network: str = "auto"
    before: Sequence[str] = ()
    python: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=dict)

    # ---- the lab

    @property
    def lab_file(self) -> Path:
        return self.folder / "lab.yaml"

    @property
    def lab(self) -> Lab:
        return load_lab(self.lab_file)

    def write_lab(self, **different: str) -> None:
        """different: what lab.yaml says of each unit instead of the truth."""
        units = {
            name: {
                "model": "NP6150",
                "firmware": "2.3",
                "address": f"192.168.127.{10 + number}",
                "credentials": {"username": "admin", "password": {"generated": True}},
                "allow": ["restart", "power-cycle", "factory-reset"],
                "outlet": f"relay/{number}",
                **different,
            }
            for number, name in enumerate(self.units, 1)
        }
        rack = {
            "virtual": {"boot_seconds": 0.3, "seconds_per_unit_minute": 1, "network": self.network},
            "switches": {"relay": {"driver": "http_relay", "channels": 8}},
            "units": units,
        }
        profile = {"strict": True, "longest_handshake_seconds": 0.9}
        self.lab_file.write_text(yaml.safe_dump({"lab": "whole", "profile": profile, "racks": {RACK: rack}}))

    def suite(self, text: str) -> None:
        """Write the one suite of this folder."""
        (self.folder / "tests").mkdir(exist_ok=True)
        (self.folder / "tests" / "test_suite.py").write_text(_HEAD + text)
        (self.folder / "conftest.py").write_text(_CONFTEST)
        (self.folder / "pytest.ini").write_text((ROOT / "pytest.ini").read_text())
        (self.folder / "waivers.yaml").write_text("waivers: []\n")

    # ---- runs

    def start(self, *command: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        """Start Python with this command line, in a session of its own."""
        mine = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
        mine |= {"PYTHONPATH": str(ROOT), **self.environment, _MARK: str(self.folder)}
        return subprocess.Popen(
            [*self.before, self.python, *command],
            cwd=cwd or self.folder,
            env=mine,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def start_run(self, *options: str) -> subprocess.Popen[str]:
        """A run of the suite of this folder."""
        return self.start("-m", "pytest", "-q", *options)

    def run(self, *options: str) -> Ended:
        """A run of the suite of this folder, to its end."""
        return ended(self.start_run(*options))

    def run_suites(self, selection: str, *options: str) -> Ended:
        """A run of the suites of the project. selection: as for pytest -k."""
        where = (f"--lab={self.lab_file}", f"--reports={self.folder / 'reports'}")
        return ended(self.start("-m", "pytest", "tests", *where, "-q", "-k", selection, *options, cwd=ROOT))

    def recover(self) -> Ended:
        """`nportlab recover`."""
        return ended(self.start("-m", "nportlab.cli", "recover", f"--lab={self.lab_file}"))

    def record(self) -> RunRecord:
        """What the last run wrote down."""
        return load_run(self.folder / "reports" / "latest")

    def phase(self, unit: str) -> str:
        """Phase of the unit's journal; empty when there is none."""
        try:
            return json.loads((self.folder / ".nportlab" / "journal" / f"{RACK}.{unit}.json").read_text())["phase"]
        except (OSError, ValueError):
            return ""

    def testing(self, unit: str) -> bool:
        """Whether the test of CHANGED runs, or has run, on this unit."""
        return (self.folder / f"{unit}.testing").exists()

    def go_on(self) -> None:
        """Let the test of CHANGED end."""
        (self.folder / "go-on").touch()

    def left_behind(self) -> list[str]:
        """Processes of runs of this site that are still there."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                mine = f"{_MARK}={self.folder}".encode() in (process / "environ").read_bytes().split(b"\0")
                state = (process / "stat").read_text().rpartition(")")[2].split()[0]
                if mine and state not in "ZX":
                    found.append(f"{process.name} {(process / 'cmdline').read_text()}")
            except OSError:
                continue
        return found

    # ---- units

    def look(self, rack: RunningRack, unit: str = "one") -> Look:
        """Log in from outside of any run."""
        return Look(boots=rack.restarts(unit), **self.on_unit(rack, _seen, unit))

    def on_unit(self, rack: RunningRack, action: Callable[[Unit], Any], unit: str = "one") -> Any:
        """The result (JSON) of something done to a unit outside of any run, logged in to its web console."""

        def logged_in() -> Any:
            bench = bench_of(self.lab, RACK, rack)
            found = bench.unit(bench.rack.units[unit])
            found.console.login()
            result = action(found)
            found.console.logout()
            return result

        result = inside(rack, logged_in)
        assert not (isinstance(result, dict) and "raised" in result), result
        return result


def _seen(unit: Unit) -> dict[str, Any]:
    text = unit.configuration.export().dump().decode("latin-1")
    return {
        "configuration": text,
        "failed_logins": sum("Login Fail" in line for line in unit.console.system_log()),
    }


def ended(process: subprocess.Popen[str]) -> Ended:
    """Wait for the end of a run."""
    try:
        said, _ = process.communicate(timeout=LONGEST_RUN)
    except subprocess.TimeoutExpired:
        kill(process)
        said, _ = process.communicate()
        raise AssertionError(f"the run did not end:\n{said}") from None
    return Ended(process.returncode, said)


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL for the run and its workers, not for a rack that was started elsewhere."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def until(condition: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    """Wait for a condition; AssertionError when the run ends first or the time is up."""
    end = time.monotonic() + LONGEST_RUN
    while not condition():
        if process is not None and process.poll() is not None and not condition():
            raise AssertionError(f"the run has ended with {process.returncode}:\n{process.communicate()[0]}")
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(_POLL)
