from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nportlab.virtual.unit.device import Device
from selftests.virtual.core.bench import boot_device


@pytest.fixture
def device(tmp_path: Path) -> Device:
    """A provisioned NP6450 with firmware 2.3 whose minutes take a second."""
    return boot_device(tmp_path / "flash")


@pytest.fixture
def with_defects(tmp_path: Path) -> Callable[..., Device]:
    """Such a unit with seeded defects: `with_defects("one", "two")`."""
    return lambda *defects, **kind: boot_device(tmp_path / "flash", defects=defects, **kind)
