"""A rack whose cables are not as lab.yaml says: the wiring test names port and line, and no unit is blamed for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from nportlab.verdicts.verdict import ExitCode, Verdict
from nportlab.virtual.client import RunningRack
from selftests.whole_run.site import RACK, Site

pytestmark = pytest.mark.timeout(300)

Lines = dict[int, object]


def plug(lab_file: Path, lines: Lines) -> None:
    """What lab.yaml says is plugged into the ports of the unit, from now on an NP6450."""
    lab = yaml.safe_load(lab_file.read_text())
    lab["racks"][RACK]["units"]["one"] |= {
        "model": "NP6450",
        "ports": {number: {"line": line} for number, line in lines.items()},
    }
    lab_file.write_text(yaml.safe_dump(lab))


def test_swapped_cables_are_the_labs_fault(
    make_site: Callable[..., Site], running: Callable[[Site], RunningRack]
) -> None:
    site = make_site()
    plug(site.lab_file, {1: "adapter", 2: {"crosslink": "one/3"}, 3: {"crosslink": "one/2"}, 4: "loopback"})
    running(site)
    plug(site.lab_file, {1: "adapter", 2: "loopback", 3: "loopback", 4: "loopback"})

    selection = "test_every_line_is_wired_as_lab_yaml_says or test_a_loopback_plug_gives_the_lines_back"
    run = site.run_suites(selection)
    assert run.code == ExitCode.LAB_FAULT, run.said
    results = {result.test.partition("::")[2].partition("[")[0]: result for result in site.record().results}
    assert len(results) == 2, run.said
    wiring = results["test_every_line_is_wired_as_lab_yaml_says"]
    assert wiring.verdict is Verdict.ERROR
    assert "one port 2: loopback expected, but its bytes came out at port 3" in wiring.summary
    assert "one port 3: loopback expected, but its bytes came out at port 2" in wiring.summary
    assert "port 1" not in wiring.summary
    assert "port 4" not in wiring.summary
    follows = results["test_a_loopback_plug_gives_the_lines_back"]
    assert (follows.verdict, follows.title) == (Verdict.ERROR, "LAB FAULT")
    assert follows.resource == "one port 2"
    assert "its bytes came out at port 3" in follows.summary
