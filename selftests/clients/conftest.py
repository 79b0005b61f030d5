"""One rack for all tests of a worker: units in different states that no test changes, and one that is new."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from selftests.clients.desk import Desk, running

OPEN = {
    "console.http": "redirect",
    "console.tls_1_0_1_1": "enable",
    "console.reject_unknown_host": "disable",
    "console.telnet": "enable",
    "snmp.agent": "enable",
    "snmp.ro_user": "reader",
    "snmp.ro_auth": "sha",
    "snmp.ro_auth_key": "ro-auth-key",
    "snmp.ro_privacy": "aes",
    "snmp.ro_privacy_key": "ro-priv-key",
    "port.1.operation_mode": "tcp_server",
    "port.1.secure": "enable",
    "port.2.operation_mode": "rfc2217",
    "port.3.operation_mode": "disable",
}
"""What a unit can open, as far as clients here ask for it."""

STRICT = {"tls.high_secure_mode": "enable", "console.ssh": "disable", "console.moxa_service": "disable"}
"""What the guide suggests for the services a unit has on when delivered."""


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The rack: `plain` as provisioned, `open` and `strict` (see the fixtures), `new` without an account."""
    units = {"plain": "NP6150", "open": "NP6450", "strict": "NP6650-16", "new": "NP6150"}
    with running(tmp_path_factory.mktemp("rack"), units, new=("new",)) as desk:
        yield desk


@pytest.fixture
def plain() -> str:
    """A unit with its account and otherwise factory settings."""
    return "plain"


@pytest.fixture
def open_unit(desk: Desk) -> str:
    """A unit in the state OPEN."""
    desk.settle("open", OPEN)
    return "open"


@pytest.fixture
def strict(desk: Desk) -> str:
    """A unit in the state STRICT."""
    desk.settle("strict", STRICT)
    return "strict"


@pytest.fixture
def new(desk: Desk) -> str:
    """A unit as it is delivered."""
    desk.rack.erase("new", provisioned=False)
    return "new"
