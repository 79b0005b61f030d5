from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nportlab.serial.handlers.protocol_wire import Serial
from selftests.virtual.serial.bench import Cables, Unit, running_unit


@pytest.fixture
def cables(tmp_path: Path) -> Iterator[Cables]:
    cables = Cables(tmp_path)
    cables.start()
    yield cables
    cables.end()


@pytest.fixture
def unit(cables: Cables) -> Iterator[Unit]:
    """A unit plugged into `cables`."""
    with running_unit() as unit:
        unit.plug_in(cables.path)
        yield unit


@pytest.fixture
def adapter(cables: Cables, unit: Unit) -> Iterator[Serial]:
    """The adapter at port 1, open at 115200 8N1."""
    adapter = cables.adapter()
    yield adapter
    adapter.close()
