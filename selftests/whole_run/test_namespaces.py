"""Runs without the permission to make network namespaces."""

from __future__ import annotations

import pytest

from nportlab.verdicts.verdict import ExitCode
from selftests.clients.test_without_root import NO_NAMESPACES, Somebody, _allowed, somebody
from selftests.whole_run.site import Site

__all__ = ["somebody"]
pytestmark = pytest.mark.timeout(300)
TELNET = "test_telnet_is_closed_when_switched_off"


def _site_of(somebody: Somebody, network: str) -> Site:
    site = Site(somebody.directory, network=network, python=somebody.python, environment=somebody.environment)
    site.before = somebody.before
    site.write_lab()
    return site


def test_namespaces_that_are_demanded_and_not_allowed(somebody: Somebody) -> None:
    run = _site_of(somebody, "namespaces").run_suites(TELNET)
    assert run.code == ExitCode.LAB_FAULT, run.said
    assert "LAB FAULT  rack bench: its network cannot be made of namespaces: network namespaces" in run.said


def test_otherwise_the_run_takes_loopback_addresses_and_says_why(somebody: Somebody) -> None:
    if not _allowed(somebody):
        pytest.skip("shown by a user namespace that allows no further ones, and this system allows none at all")
    site = _site_of(somebody, "auto")
    site.before = (*site.before, *NO_NAMESPACES)
    run = site.run_suites(TELNET, "-v")
    assert run.code == ExitCode.OK, run.said
    assert "rack      bench: virtual, loopback (not root, and this system does not allow user namespaces" in run.said
    (unit,) = site.record().units
    assert unit.network == "loopback"
    assert unit.network_reason.startswith("not root, and this system does not allow user namespaces")
