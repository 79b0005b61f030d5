"""The guide's own test before production: serial data crosses before its suggested settings, and after, alike."""

import pytest

from fixtures.marks import control, needs, on_port
from nportlab.guide.settings import settings_table
from tests.operation_modes._network import SETTINGS, network_end

pytestmark = [pytest.mark.opmode, pytest.mark.general]

SMOKE = ("real_com", "rfc2217", "tcp_server", "pair_slave", "udp")

HANDS_OFF = ("network.", "basic.server_location")
"""Settings the guide has a suggestion for, and a bench its own reasons: addresses, and what only a site knows."""


def of_the_console(facts, *, hardened):
    """The values the guide suggests, or those the unit came with, for all it suggests something for."""
    table = settings_table()
    suggested = table.suggested(facts.model, facts.firmware)
    factory = table.factory(facts.model, facts.firmware)
    chosen = suggested if hardened else factory
    return {key: chosen[key] for key in suggested if not key.startswith(HANDS_OFF) and not key.startswith("port.")}


def before(facts):
    """As the unit came."""
    return of_the_console(facts, hardened=False)


def after(facts):
    """As the guide suggests."""
    return of_the_console(facts, hardened=True)


modes = pytest.mark.parametrize("mode", [pytest.param(mode, marks=on_port(mode, SETTINGS[mode])) for mode in SMOKE])


@control("GEN-01")
@needs(before)
@modes
def test_data_crosses_with_the_settings_of_the_factory(mode, port, carry):
    carry(port, network_end(port), seconds=0.1)


@control("GEN-01")
@needs(after)
@modes
def test_data_crosses_with_the_settings_of_the_guide(mode, port, carry):
    carry(port, network_end(port), seconds=0.1)
