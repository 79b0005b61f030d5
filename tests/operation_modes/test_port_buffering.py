"""Port buffering: what the serial device sends while no host is connected."""

import pytest

from fixtures.marks import control, on_port
from tests.operation_modes._ends import hear, hear_all, let_in, linked, say

pytestmark = pytest.mark.opmode

KEPT = bytes(range(256)) * 8
"""2 kB: far less than any unit keeps."""


def send_into_the_void(port):
    """The device sends, and all of it is on the wire, while nobody is connected."""
    say(port.adapter, KEPT)
    assert port.adapter.drained(5.0) == 0
    hear_all(port.adapter)  # the time the last bytes take to arrive; the device itself hears nothing


@control("MOD-11")
@pytest.mark.parametrize(
    "mode",
    [pytest.param(mode, marks=on_port(mode, {"buffering": "enable"})) for mode in ("tcp_server", "real_com")],
)
def test_bytes_nobody_was_there_for_come_first_when_a_host_connects(mode, port):
    send_into_the_void(port)
    host = port.connect()
    say(port.adapter, b"now")
    heard = hear(host, len(KEPT) + 3)
    assert heard[: len(KEPT)] == KEPT, f"of {len(KEPT)} bytes sent before, and of three later, {len(heard)} came"
    assert heard[len(KEPT) :] == b"now"


@control("MOD-11")
@on_port("tcp_server", {"buffering": "enable"})
def test_what_was_kept_is_given_once(port):
    send_into_the_void(port)
    with port.connect() as host:
        assert hear(host, len(KEPT)) == KEPT
    second = let_in(port)
    assert second is not None, "nobody gets in after the first host has left"
    assert hear_all(second) == b"", "the next host gets what another got already"


@control("MOD-11")
@on_port("tcp_server")
def test_without_buffering_such_bytes_are_gone(port):
    send_into_the_void(port)
    host = linked(port)
    say(port.adapter, b"now")
    assert hear(host, 3) == b"now", "the first bytes a host got were not the first after it came"
