"""Guide 4.2: steps some rule forbids are refused by whom the rule names, and the unit goes on with what it had.

The images are whole and for the unit; the step is all that is wrong. That the same images are taken where the rules
allow it, test_upgrade_paths shows.
"""

import pytest

from fixtures.marks import control, flashing
from nportlab.firmware.graph import direction
from nportlab.firmware.routes.tool_errors import ToolError
from nportlab.verdicts.faults import NotApplicable
from tests.firmware._images import as_before, refused
from tests.firmware._state import CARRYING, CONFIGURED, carries

pytestmark = [pytest.mark.firmware, CONFIGURED, CARRYING]


def is_a_6450_by_web(step):
    return step.rule.id == "6450-not-by-web"


@pytest.fixture
def tried(firmware, unit, forbidden_step):
    """What came of the forbidden step."""
    back = direction(forbidden_step.source, forbidden_step.target) == "downgrade"
    if back and "downgrade" not in unit.entry.allow:
        raise NotApplicable(f"lab.yaml does not permit a downgrade of {unit.name}, which a unit might take (`allow`)")
    return firmware.give(firmware.image(forbidden_step.target), forbidden_step.route, waived=("rules",))


@control("FWU-13")
@flashing("sacrificial")
def test_a_forbidden_step_is_refused(forbidden_step, tried, unit, firmware, port, carry, evidence):
    rule = forbidden_step.rule
    said = refused(tried, f"the step {forbidden_step}, although {rule.reason}")
    evidence.note(f"{forbidden_step} ({rule.id}): {said}")
    if rule.refused_by == "tool":
        assert isinstance(tried.error, ToolError), f"not the tool refused it ({rule.id}), but the unit: {said}"
    as_before(unit, firmware, tried)
    carries(port, carry)


@control("FWU-08")
@flashing("sacrificial", where=is_a_6450_by_web)
def test_a_6450_says_clearly_that_it_is_not_upgraded_by_web(forbidden_step, tried, unit, firmware, evidence):
    said = refused(tried, f"the step {forbidden_step}")
    evidence.note(f"{forbidden_step}: {said}")
    assert len(said.split()) > 1, f"what it says is not clear: {said!r}"
    as_before(unit, firmware, tried)
