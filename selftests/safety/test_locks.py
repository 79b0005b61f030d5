from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nportlab.inventory import Lab
from nportlab.inventory.lab import VirtualRack
from nportlab.safety.locks import UnitLock, unit_lock
from nportlab.verdicts.faults import ConfigFault, LabFault

HOLDER = """
import sys, time
from pathlib import Path
from nportlab.safety.locks import UnitLock
lock = UnitLock(Path(sys.argv[1]), "np6150")
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_the_death_of_the_holder_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "np6150.lock"
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], cwd=root, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        lock = UnitLock(path, "np6150")
        with pytest.raises(LabFault, match=f"in use by process {holder.pid} since .* \\(-c"):
            lock.acquire()
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(10)
    lock.acquire()
    assert lock.held
    lock.release()
    assert not lock.held


def test_the_lock_of_hardware_is_the_machines_and_goes_by_address(lab: Lab, tmp_path: Path) -> None:
    lock = unit_lock(lab, lab.units["np6150"])
    assert lock.path == tmp_path / "machine-locks" / "192.0.2.11.lock"
    lock.acquire()
    lock.release()


def test_the_lock_of_a_virtual_unit_is_its_racks(lab: Lab) -> None:
    rack = replace(lab.racks["bench"], virtual=VirtualRack())
    virtual = replace(lab, racks={"bench": rack})
    assert unit_lock(virtual, lab.units["np6150"]).path == lab.state_dir / "locks" / "bench.np6150.lock"


def test_a_lock_that_cannot_be_made_is_a_configuration_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigFault, match="cannot be used"):
        UnitLock(tmp_path / "file" / "np6150.lock", "np6150").acquire()


def test_a_released_lock_can_be_released_again(tmp_path: Path) -> None:
    lock = UnitLock(tmp_path / "x.lock", "x")
    lock.release()
    lock.acquire()
    lock.release()
    lock.release()
    assert lock.holder() is None
