"""Guide 4.2: images a unit must refuse, and it goes on with the firmware it has.

All are made of an image whose step the rules allow by the same route, so that the damage is the only thing wrong with
it. That the unit takes the undamaged one, test_upgrade_paths shows. Here no silence has to be told from a refusal: the
unit must say that it refuses, in words that are kept as evidence.
"""

import pytest

from fixtures.marks import control, flashing
from tests.firmware._images import (
    BY_TOOL,
    DAMAGES,
    as_before,
    of_other_line,
    of_other_model,
    refused,
    renamed,
    spoiled,
    taken_by,
)
from tests.firmware._state import CARRYING, CONFIGURED, carries

pytestmark = [pytest.mark.firmware, CONFIGURED, CARRYING]

BY_EACH_ROUTE = pytest.mark.parametrize("route", ["web", "tool"])
DAMAGE_BY_ROUTE = [("web", damage) for damage in DAMAGES] + [("tool", damage) for damage in BY_TOOL]


@pytest.fixture
def takes(firmware, unit, route):
    """The images the unit should take by the route, by version."""
    return taken_by(firmware, unit, route)


@pytest.fixture
def own(takes):
    """The one whose damaged copies are offered."""
    return next(iter(takes.values()))


@pytest.fixture
def refuses(firmware, unit, port, carry, route, evidence):
    """`refuses(image, what, waived)`: give it, and see that the unit says no and is as before."""

    def give(image, what, *waived):
        flashed = firmware.give(image, route, waived=waived)
        evidence.note(f"{what}, by {route}: {refused(flashed, what)}")
        as_before(unit, firmware, flashed)
        carries(port, carry)

    return give


@control("FWU-05")
@flashing("sacrificial")
@pytest.mark.parametrize(("route", "damage"), DAMAGE_BY_ROUTE)
def test_a_damaged_image_is_refused(damage, own, refuses, firmware, tmp_path):
    path = spoiled(own, DAMAGES[damage], tmp_path)
    refuses(firmware.image(own.version, path=path), DAMAGES[damage].text, "hash")


@control("FWU-05")
@flashing("sacrificial")
@BY_EACH_ROUTE
def test_an_image_of_another_product_line_is_refused(lab, unit, takes, refuses):
    foreign = of_other_line(lab, unit, takes)
    refuses(foreign, f"an image for the line {foreign.line}", "model")


@control("FWU-05")
@flashing("sacrificial")
@BY_EACH_ROUTE
def test_an_image_for_other_models_of_the_line_is_refused(lab, unit, takes, refuses):
    foreign = of_other_model(lab, unit, takes)
    refuses(foreign, f"an image for {', '.join(foreign.models)}", "model")


@control("FWU-05")
@flashing("sacrificial")
@BY_EACH_ROUTE
def test_an_image_of_another_line_by_the_name_of_the_right_one_is_refused(
    lab, unit, takes, refuses, firmware, tmp_path
):
    foreign = of_other_line(lab, unit, takes)
    right = takes[foreign.version]
    path = renamed(right, foreign, tmp_path)
    refuses(firmware.image(right.version, path=path), f"an image for the line {foreign.line}, renamed", "hash")
