"""Guide 3.1, note under the console pictures: Submit saves a change, a restart makes it take effect."""

from urllib.parse import urlencode

import pytest

from fixtures.marks import alone, control, needs
from nportlab.unit.page import fill_all, submission

pytestmark = pytest.mark.console

PAGE = "Administration > Console Settings"
TELNET = "Telnet console"


@control("CON-23")
@alone(restarts=1)
@needs({"console.telnet": "disable"})
def test_a_submitted_change_waits_for_the_restart(unit, console, tcp):
    saved = console.set(PAGE, {TELNET: "Enable"})
    assert "restart" in saved.said.lower(), f"after Submit the unit says only {saved.said!r}"
    assert tcp.is_closed(23), "the change took effect before the restart"
    unit.restart()
    assert console.get_setting("console.telnet") == "enable"
    assert tcp.is_open(23), "the change is not in force after the restart"


@control("CON-24")
@alone(restarts=1)
@needs({"console.telnet": "disable"})
def test_a_change_that_was_not_submitted_is_forgotten(unit, console, tcp):
    page = console.page(PAGE)
    for form in fill_all(page, {TELNET: "Enable"}):
        buttons = {button.name for button in form.buttons}
        values = [(name, value) for name, value in submission(form) if name not in buttons]
        assert values, "the page holds nothing that could be kept"
        console.session.client.get(f"{page.url}?{urlencode(values)}")
    unit.restart()
    assert console.get_setting("console.telnet") == "disable"
    assert tcp.is_closed(23)
