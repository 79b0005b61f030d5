"""The order of the harness's own tests, and which of them one worker runs one after another."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

_HEALTHY = "selftests/defects/test_healthy_units_pass.py"
_CAUGHT = "selftests/defects/test_defects_are_caught.py"
_LONG = ("selftests/whole_run", "selftests/firmware")
_SPREAD = 0.6
"""Part of the queue over which the runs on defective units are spread: they mostly wait, the others mostly work."""


def pytest_configure() -> None:
    """How long an example takes says nothing beside racks that run at the same time."""
    busy = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
    hypothesis.settings.register_profile("busy", busy)
    hypothesis.settings.load_profile("busy")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Under workers whole runs on healthy units come first, minutes each, and what is short comes last."""
    if not hasattr(config, "workerinput"):
        return
    healthy = [item for item in items if item.nodeid.startswith(_HEALTHY)]
    caught = [item for item in items if item.nodeid.startswith(_CAUGHT)]
    others = [item for item in items if not item.nodeid.startswith((_HEALTHY, _CAUGHT))]
    others.sort(key=lambda item: not item.nodeid.startswith(_LONG))
    places = [(_SPREAD * at / len(caught), item) for at, item in enumerate(caught)]
    places += [(at / len(others), item) for at, item in enumerate(others)]
    items[:] = healthy + [item for _, item in sorted(places, key=lambda place: place[0])]


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
