from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nportlab.virtual.client import RunningRack, start_rack
from nportlab.virtual.unit.device import Device
from selftests.virtual.core.bench import boot_device, write_lab


@pytest.fixture
def flash_directory(tmp_path: Path) -> Path:
    return tmp_path / "flash"


@pytest.fixture
def device(flash_directory: Path) -> Device:
    """A provisioned NP6450 with firmware 2.3."""
    return boot_device(flash_directory)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RunningRack]]:
    """Start racks; they are stopped after the test. virtual: further keys of the `virtual` mapping in lab.yaml."""
    racks: list[RunningRack] = []

    def make(virtual: str = "", units: int = 2, **options: Any) -> RunningRack:
        racks.append(start_rack(write_lab(tmp_path, virtual=virtual, units=units), "desk", **options))
        return racks[-1]

    yield make
    for rack in racks:
        rack.stop()
