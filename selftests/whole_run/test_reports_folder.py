"""The folder for reports cannot be written: before anything is touched, or in the middle of a changed state."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace

import pytest

from nportlab.verdicts.verdict import ExitCode
from nportlab.virtual.client import RunningRack
from selftests.whole_run.site import Site

FILL = """
@control("CON-08")
@needs({"console.telnet": "enable"})
def test_fills_the_disk(unit, console):
    with open(HERE / "reports" / "filler", "wb", buffering=0) as filler:
        for size in (65536, 512, 1):
            try:
                while filler.write(b"x" * size):
                    pass
            except OSError as error:
                assert error.errno == 28
    (HERE / "full").touch()
    console.login()


@control("CON-08")
@needs({"console.telnet": "enable"})
def test_goes_on(settings):
    assert settings["console.telnet"] == "enable"
"""
pytestmark = pytest.mark.timeout(300)


def _with_small_reports(site: Site, megabytes: int) -> Site:
    """Its runs have a file system of that size in reports/, which goes away with them."""
    (site.folder / "reports").mkdir()
    mount = f'mount -t tmpfs -o size={megabytes}m none reports && exec "$@"'
    before = ("unshare", "--mount", "sh", "-c", mount, "sh")
    may_mount = os.geteuid() == 0 and shutil.which("unshare") is not None
    if not may_mount or subprocess.run([*before, "true"], cwd=site.folder, check=False, timeout=30).returncode:
        pytest.skip("file systems can only be mounted as root")
    return replace(site, before=before)


def test_a_nearly_full_disk_stops_the_run_before_anything_is_touched(site: Site, rack: RunningRack) -> None:
    before = site.look(rack)
    site.suite(FILL)
    run = _with_small_reports(site, 8).run()
    assert run.code == ExitCode.CONFIG_FAULT, run.said
    assert "CONFIG FAULT" in run.said
    assert "MB left, a run needs 64 MB" in run.said
    after = site.look(rack)
    assert (after.changes(before), after.boots) == ([], before.boots)
    assert not (site.folder / ".nportlab" / "journal").exists()


def test_a_disk_that_fills_up_keeps_no_unit_from_being_put_back(site: Site, rack: RunningRack) -> None:
    before = site.look(rack)
    site.suite(FILL)
    run = _with_small_reports(site, 80).run()
    assert (site.folder / "full").exists(), run.said
    assert run.code == ExitCode.LAB_FAULT, run.said
    assert "LAB FAULT  reports: part of the evidence could not be written" in run.said
    assert "2 passed" in run.said
    assert "Traceback" not in run.said
    assert site.phase("one") == ""
    after = site.look(rack)
    assert after.changes(before) == []
    assert after.boots > before.boots
