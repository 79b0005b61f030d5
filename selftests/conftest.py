"""The order of the harness's own tests, and which of them one worker runs one after another."""

from __future__ import annotations

import pytest

_FIRST = ("selftests/defects/test_healthy", "selftests/defects", "selftests/whole_run", "selftests/firmware")
"""Whole runs of all suites, minutes each, then what else is long: no worker is left with one at the end."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Under workers: the longest first, and a module's tests on one worker, because they share racks and servers."""
    if not hasattr(config, "workerinput"):
        return
    items.sort(key=_rank)
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}.{item.path.stem}"))


def _rank(item: pytest.Item) -> int:
    return next((rank for rank, prefix in enumerate(_FIRST) if item.nodeid.startswith(prefix)), len(_FIRST))
