"""What the bench does wrong is blamed on the bench."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nportlab.verdicts.verdict import ExitCode, Verdict
from nportlab.virtual.client import RunningRack
from selftests.whole_run.site import Site

pytestmark = pytest.mark.timeout(300)
_BIND = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
    taken.bind(("", int(sys.argv[1])))
    print("bound", flush=True)
    sys.stdin.read()
"""


@contextmanager
def _taken(rack: RunningRack, port: int) -> Iterator[int]:
    """A UDP port in the rack's network, used by another program; its process id."""
    command = [*rack.enter_command.split(), sys.executable, "-c", _BIND, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "bound\n"
        yield process.pid
        assert process.poll() is None
        process.stdin.close()


def test_a_port_that_a_server_of_the_lab_needs_is_taken(site: Site, rack: RunningRack) -> None:
    if rack.mode == "loopback":
        pytest.skip("the rack has no network of its own")
    before = site.look(rack)
    with _taken(rack, 1812) as owner:
        run = site.run_suites("test_a_local_user_whom_radius_rejects or test_telnet_is_closed_when_switched_off")
    assert run.code == ExitCode.LAB_FAULT, run.said
    results = {result.test.partition("::")[2].partition("[")[0]: result for result in site.record().results}
    assert results.pop("test_telnet_is_closed_when_switched_off").verdict is Verdict.PASS
    assert len(results) == 2
    for result in results.values():
        assert (result.verdict, result.title) == (Verdict.ERROR, "LAB FAULT")
        assert "1812" in result.summary
        assert f"(pid {owner})" in result.summary
    assert site.look(rack).changes(before) == []


@pytest.mark.parametrize("fault", ["lying", "stuck", "error"])
def test_a_switch_that_does_not_switch_is_named(site: Site, rack: RunningRack, fault: str) -> None:
    before = site.look(rack)
    rack.set_relay_fault("relay", 1, fault)
    run = site.run_suites("test_telnet_stays_on_over_a_power_cycle")
    rack.set_relay_fault("relay", 1, None)
    assert run.code == ExitCode.LAB_FAULT, run.said
    (result,) = site.record().results
    assert (result.verdict, result.title) == (Verdict.ERROR, "LAB FAULT")
    assert (result.resource or "").endswith("relay/1")
    assert site.phase("one") == ""
    assert site.look(rack).changes(before) == []
