"""Guide 4.2: the vendor's tools on the lab host. Nothing is flashed."""

import re

import pytest

from fixtures.marks import control
from nportlab.firmware.advice import tool_versions, worst
from nportlab.firmware.routes.mcc_tool import tool_of
from nportlab.verdicts.faults import Informational, NotApplicable

pytestmark = pytest.mark.firmware


@pytest.fixture
def why_no_tool(lab):
    """Why mcc_tool cannot be run here; empty when it can."""
    firmware = lab.firmware
    if firmware is None or not firmware.has_tool:
        return f"{lab.path.name} names no mcc_tool: add firmware.mcc_tool where the vendor's tool is installed"
    if firmware.mcc_tool is not None and not firmware.mcc_tool.is_file():
        return f"there is no program {firmware.mcc_tool} (firmware.mcc_tool): install the vendor's tool, or correct it"
    return ""


@control("FWU-11")
def test_the_command_line_tool_runs_on_this_host(unit, lab, why_no_tool, evidence):
    if why_no_tool:
        raise NotApplicable(why_no_tool)
    said = tool_of(lab.firmware, evidence).version()
    assert re.match(r"\d+(\.\d+)+", said), f"mcc_tool -ver tells no version: {said!r}"


@control("FWU-12")
def test_no_tool_in_use_is_older_than_the_guide_shows(unit, lab, why_no_tool, evidence):
    in_use = dict(lab.firmware.settings.tools) if lab.firmware else {}
    if not why_no_tool:
        in_use["mcc"] = tool_of(lab.firmware, evidence).version()
    if not in_use:
        raise NotApplicable(
            f"{lab.path.name} does not say which of the vendor's tools are in use: add firmware.tools or mcc_tool"
        )
    said = tool_versions(in_use)
    evidence.write("tools.txt", "\n".join(advice.text for advice in said) + "\n")
    if worst(said) == "warning":
        raise Informational("\n".join(f"{advice.text}." for advice in said if advice.severity == "warning"))
