"""Guide 3.1, Console Settings: what happens when the next authentication type is, or is not, tried after a refusal.

The RADIUS server of the bench knows the harness's own account, so the harness always gets back in.
"""

import pytest

from fixtures.marks import PEER, control, needs
from fixtures.peers import RADIUS_SECRET
from fixtures.web import browser, gets_in, stranger

pytestmark = [pytest.mark.console, pytest.mark.aaa]

RADIUS_THEN_LOCAL = {
    "console.authentication_type": "radius-local",
    "radius.server": PEER,
    "radius.port": "1812",
    "radius.key": RADIUS_SECRET,
}


@control("CON-19")
@needs({**RADIUS_THEN_LOCAL, "console.try_next_type": "enable"})
def test_a_local_user_whom_radius_rejects_gets_in_when_the_next_type_is_tried(unit, peers):
    with peers.radius.rejecting(unit.account.username) as asked:
        assert gets_in(stranger(unit)), "rejected by RADIUS, the user was not looked up in the unit's own accounts"
    assert asked(), "the unit never asked the RADIUS server"


@control("CON-20")
@needs({**RADIUS_THEN_LOCAL, "console.try_next_type": "disable"})
def test_a_local_user_whom_radius_rejects_stays_out_when_the_next_type_is_not_tried(unit, peers):
    with peers.radius.rejecting(unit.account.username) as asked:
        assert not gets_in(stranger(unit)), "rejected by RADIUS, the user got in all the same"
    assert asked(), "the unit never asked the RADIUS server"
    assert gets_in(browser(unit)), "accepted by RADIUS, the user does not get in"
