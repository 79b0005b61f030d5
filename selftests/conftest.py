"""The order of the harness's own tests, and which of them one worker runs one after another."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

_HEALTHY = "selftests/defects/test_healthy_units_pass.py"
_CAUGHT = "selftests/defects/test_defects_are_caught.py"
_FIRST = (_HEALTHY, _CAUGHT, "selftests/whole_run", "selftests/firmware")
"""Whole runs of all suites, minutes each, then what else is long: no worker is left with one at the end."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Under workers the longest come first."""
    if hasattr(config, "workerinput"):
        items.sort(key=_rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """What is made once for several tests is made by one worker."""
    return SharingScheduling(config, log)


class SharingScheduling(LoadScopeScheduling):
    """A module's tests stay on one worker, because they share racks and servers; so do the defects of one run of the
    suites. A whole run on a healthy unit shares nothing."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        from selftests.defects.test_defects_are_caught import GROUPS  # scans the suites: not for whoever imports this

        super().__init__(config, log)
        config.option.loadscopereorder = False
        self._run_of = {defect.id: number for number, group in enumerate(GROUPS) for defect in group}

    def _split_scope(self, nodeid: str) -> str:
        module, _, test = nodeid.partition("::")
        if module == _HEALTHY:
            return nodeid
        if module == _CAUGHT:
            return f"{module}::{self._run_of[test.partition('[')[2].rstrip(']')]}"
        return module


def _rank(item: pytest.Item) -> int:
    return next((rank for rank, prefix in enumerate(_FIRST) if item.nodeid.startswith(prefix)), len(_FIRST))
