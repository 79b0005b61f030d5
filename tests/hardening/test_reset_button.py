"""Guide 3.1, Console Settings: the reset button works always, or only in the first 60 seconds after power-on."""

import pytest

from fixtures.marks import alone, control, needs

pytestmark = [pytest.mark.console, pytest.mark.destructive]

PRESSED = 6  # seconds of unit time; five are said to be enough


@control("CON-21")
@alone(restarts=1)
@needs({"console.reset_button": "always"}, allow=("factory-reset",))
def test_the_button_works_at_any_time_when_always_enabled(button, unit_minutes):
    unit_minutes(70 / 60)
    button.press(PRESSED)
    assert button.reset_the_unit()


@control("CON-22")
@needs({"console.reset_button": "60s"}, allow=("factory-reset",))
@alone
def test_the_button_does_nothing_after_60_seconds(button, unit_minutes):
    unit_minutes(70 / 60)
    button.press(PRESSED)
    assert not button.reset_the_unit()


@control("CON-22")
@pytest.mark.needs_power
@alone(restarts=1)
@needs({"console.reset_button": "60s"}, allow=("factory-reset", "power-cycle"))
def test_the_button_works_in_the_first_60_seconds(button):
    button.press_at_power_on(PRESSED)
    assert button.reset_the_unit()
