from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nportlab.virtual.client import RunningRack, start_rack
from selftests.virtual.firmware.bench import image, write_lab


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RunningRack]]:
    """Start a rack of the given units (name=(model, firmware)); it is stopped after the test."""
    racks: list[RunningRack] = []

    def make(options: dict[str, Any] | None = None, **units: tuple[str, str]) -> RunningRack:
        racks.append(start_rack(write_lab(tmp_path, **units), "desk", **(options or {})))
        return racks[-1]

    yield make
    for rack in racks:
        rack.stop()


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """A file with an image of a version."""

    def make(version: str, model: str = "NP6450", **more: Any) -> Path:
        path = tmp_path / f"{model}_{version}.rom"
        path.write_bytes(image(version, model, **more))
        return path

    return make
