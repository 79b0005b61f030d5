"""However a run ends, nothing of its rack is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nportlab.virtual.client import attach
from selftests.virtual.core.bench import processes_of, until, write_lab

HARNESS = """
import sys, time
from pathlib import Path
from nportlab.inventory import load_lab
from nportlab.virtual.client import start_rack
rack = start_rack(load_lab(Path(sys.argv[1])), "desk", die_with_parent=sys.argv[2] == "bound")
try:
    print(rack.supervisor, flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("putting in order", rack.unit("a").booted, flush=True)
    rack.stop()
"""


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A harness in its own process group, with a running rack."""
    write_lab(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", HARNESS, str(tmp_path / "lab.yaml"), "bound"],
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    yield process
    process.kill()
    process.wait()


def supervisor_of(harness: subprocess.Popen[str]) -> int:
    assert harness.stdout is not None
    return int(harness.stdout.readline())


def namespace_of(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/net").readlink())


def namespaces_in_use() -> set[str]:
    found = set()
    for entry in Path("/proc").glob("[0-9]*/ns/net"):
        with contextlib.suppress(OSError):
            found.add(str(entry.readlink()))
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_killed_harness_takes_its_rack_along(harness: subprocess.Popen[str], number: signal.Signals) -> None:
    supervisor = supervisor_of(harness)
    members = processes_of(supervisor)
    assert len(members) == 5
    namespaces = {namespace_of(pid) for pid in members} - {namespace_of(os.getpid())}
    harness.send_signal(number)
    until(lambda: processes_of(supervisor) == [])
    assert namespaces.isdisjoint(namespaces_in_use())


def test_a_killed_supervisor_takes_its_units_along(harness: subprocess.Popen[str]) -> None:
    supervisor = supervisor_of(harness)
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: processes_of(supervisor) == [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_supervisor_told_to_end_ends_in_order(harness: subprocess.Popen[str], number: signal.Signals) -> None:
    supervisor = supervisor_of(harness)
    os.kill(supervisor, number)
    until(lambda: processes_of(supervisor) == [])


def test_ctrl_c_is_for_the_harness_first(harness: subprocess.Popen[str]) -> None:
    supervisor = supervisor_of(harness)
    os.killpg(harness.pid, signal.SIGINT)
    output, _ = harness.communicate(timeout=10)
    assert "putting in order True" in output
    assert processes_of(supervisor) == []


def test_a_rack_may_outlive_the_process_that_started_it(tmp_path: Path) -> None:
    lab = write_lab(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", HARNESS, str(tmp_path / "lab.yaml"), "free"], stdout=subprocess.PIPE, text=True
    )
    supervisor = supervisor_of(process)
    process.kill()
    process.communicate()
    rack = attach(lab, "desk")
    assert rack is not None
    assert rack.supervisor == supervisor
    rack.stop()
    assert processes_of(supervisor) == []
