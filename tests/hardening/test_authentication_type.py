"""Guide 3.1, Console Settings: what happens when the next authentication type is, or is not, tried after a refusal.

The RADIUS server of the bench knows the harness's own account, so the harness always gets back in.
"""

import pytest

from fixtures.marks import alone, control, needs
from nportlab.unit.errors import LoginRefused

pytestmark = [pytest.mark.console, pytest.mark.aaa]


def radius_then_local(try_next):
    """RADIUS first, the unit's own accounts second."""
    return lambda unit: {
        "console.authentication_type": "radius-local",
        "console.try_next_type": try_next,
        "radius.server": unit.peer_address,
        "radius.port": "1812",
        "radius.key": "lab-shared-secret",
    }


@control("CON-19")
@needs(radius_then_local("enable"))
def test_a_local_user_whom_radius_rejects_gets_in_when_the_next_type_is_tried(unit, peers):
    with peers.radius.rejecting(unit.account.username) as asked:
        browser = unit.new_console()
        browser.login()
        browser.logout()
    assert asked(), "the unit never asked the RADIUS server"


@control("CON-20")
@needs(radius_then_local("disable"))
def test_a_local_user_whom_radius_rejects_stays_out_when_the_next_type_is_not_tried(unit, peers, stranger):
    with peers.radius.rejecting(unit.account.username) as asked, pytest.raises(LoginRefused):
        unit.new_console(stranger(unit.account)).login()
    assert asked(), "the unit never asked the RADIUS server"
    browser = unit.new_console()
    browser.login()
    browser.logout()
