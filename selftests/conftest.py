"""The order of the harness's own tests."""

from __future__ import annotations

import pytest

_LONGEST = "test_healthy_units_pass.py"
"""Whole runs of all suites on one unit, minutes each. They begin first: no worker is left with one at the end."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, the others as they were."""
    items.sort(key=lambda item: item.path.name != _LONGEST)
