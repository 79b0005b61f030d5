"""Guide 4.2: several units at once, by the vendor's tool and a list.

A run holds one unit, so the others of the list are addresses nobody has: each is a unit that is off.
"""

from dataclasses import replace

import pytest

from fixtures.marks import SPARE, control, flashing
from nportlab.firmware.routes.mcc_tool import ToolRoute, tool_of
from nportlab.unit.firmware import same_version
from nportlab.verdicts.faults import NotApplicable
from tests.firmware._images import taken_by
from tests.firmware._routes import ByToolWithList
from tests.firmware._state import CARRYING, CONFIGURED, carries

pytestmark = [pytest.mark.firmware, CONFIGURED, CARRYING]

NOT_FOUND = -1


@pytest.fixture
def step(firmware, unit):
    """A step by tool, preferably one that can be taken back."""
    by_tool = taken_by(firmware, unit, "tool")
    way = firmware.round_trip()
    if way.target not in by_tool:
        raise NotApplicable(f"no step by tool that can be taken back leads from {firmware.present}")
    return replace(way, route="tool")


@control("FWU-10")
@flashing()
def test_a_list_is_upgraded_although_one_of_its_units_is_off(
    step, firmware, held_unit, unit, lab, port, carry, evidence
):
    nobody = held_unit.wire.spare_addresses(len(SPARE))[0]
    route = ByToolWithList(ToolRoute(tool_of(lab.firmware, unit.recorder)), (nobody,))
    flashed = firmware.give(firmware.image(step.target), route)
    own = unit.tcp(4900).host
    said = {line.address: line.code for line in route.lines}
    evidence.note(f"result lines: {said}")
    assert len(route.lines) == 2 and set(said) == {nobody, own}, f"not one line for each unit: {said}"
    assert said[nobody] == NOT_FOUND, f"of {nobody}, where nobody is, the tool says {said[nobody]}"
    assert said[own] == 0, f"of {unit.name} the tool says {said[own]}: {flashed.error}"
    assert flashed.error is None, f"{type(flashed.error).__name__}: {flashed.error}"
    assert same_version(firmware.present, step.target)
    carries(port, carry)
