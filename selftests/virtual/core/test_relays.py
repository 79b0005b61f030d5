"""Relay boards: what a relay drives, the HTTP interface, and boards that fail."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from nportlab.virtual.relay_server import RelayServer
from nportlab.virtual.relays import Relays, UnknownRelay
from nportlab.virtual.spec import SwitchSpec

SWITCH = SwitchSpec(name="pdu", channels=4, username="lab", password="Blue4Bird")


@pytest.fixture
def moved() -> list[bool]:
    return []


@pytest.fixture
def relays(moved: list[bool]) -> Relays:
    relays = Relays((SWITCH,))
    relays.connect(("pdu", 1), moved.append, closed=True)
    return relays


def test_a_relay_moves_what_it_drives_once(relays: Relays, moved: list[bool]) -> None:
    assert relays.get("pdu", 1)
    assert relays.set("pdu", 1, False) is False
    assert relays.set("pdu", 1, False) is False
    assert relays.set("pdu", 1, True) is True
    assert moved == [False, True]


def test_unknown_channels(relays: Relays) -> None:
    for switch, channel in (("pdu", 0), ("pdu", 5), ("other", 1)):
        with pytest.raises(UnknownRelay):
            relays.get(switch, channel)
    with pytest.raises(ValueError, match="stuck"):
        relays.set_fault("pdu", 1, "tired")


def test_a_stuck_relay_says_so_and_a_lying_one_does_not(relays: Relays, moved: list[bool]) -> None:
    relays.set_fault("pdu", 1, "stuck")
    assert relays.set("pdu", 1, False) is True
    relays.set_fault("pdu", 1, "lying")
    assert relays.set("pdu", 1, False) is False
    assert relays.get("pdu", 1) is False
    relays.set_fault("pdu", 1, None)
    assert relays.get("pdu", 1) is True
    assert moved == []


@pytest.fixture
def faults() -> dict[int, str]:
    return {}


@pytest.fixture
def board(relays: Relays, faults: dict[int, str]) -> Iterator[str]:
    def ask(command: dict[str, Any]) -> dict[str, Any]:
        channel = command["channel"]
        if channel in faults:
            return {"ok": True, "fault": faults[channel]}
        try:
            if "on" in command:
                return {"ok": True, "on": relays.set("pdu", channel, command["on"])}
            return {"ok": True, "on": relays.get("pdu", channel)}
        except UnknownRelay:
            return {"ok": False}

    listener = socket.create_server(("127.0.0.1", 0))
    server = RelayServer(SWITCH, listener, ask)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def call(board: str) -> Iterator[Callable[..., requests.Response]]:
    with requests.Session() as session:
        session.trust_env = False
        session.auth = ("lab", "Blue4Bird")

        def send(method: str, path: str, **options: Any) -> requests.Response:
            return session.request(method, board + path, **{"timeout": 5, **options})

        yield send


def test_read_and_move(call: Callable[..., requests.Response], moved: list[bool]) -> None:
    assert call("GET", "/relay/1").json() == {"relay": 1, "on": True}
    assert call("PUT", "/relay/1", json={"on": False}).json() == {"relay": 1, "on": False}
    assert call("GET", "/relay").json()["relays"][0] == {"relay": 1, "on": False}
    assert moved == [False]


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/relay/5", {}, 404),
        ("GET", "/relay/x", {}, 404),
        ("GET", "/", {}, 404),
        ("PUT", "/relay", {"json": {"on": True}}, 404),
        ("PUT", "/relay/1", {"json": {"on": "yes"}}, 400),
        ("PUT", "/relay/1", {"data": b"{"}, 400),
        ("PUT", "/relay/1", {"data": b"x" * 5000}, 400),
        ("DELETE", "/relay/1", {}, 501),
        ("GET", "/relay/1", {"auth": ("lab", "wrong")}, 401),
        ("PUT", "/relay/1", {"json": {"on": False}, "auth": ("lab", "")}, 401),
    ],
)
def test_bad_requests_move_nothing(
    call: Callable[..., requests.Response], moved: list[bool], method: str, path: str, options: Any, status: int
) -> None:
    assert call(method, path, **options).status_code == status
    assert moved == []


def test_a_board_in_trouble(call: Callable[..., requests.Response], faults: dict[int, str]) -> None:
    faults[2] = "error"
    assert call("GET", "/relay/2").status_code == 500
    faults[2] = "silent"
    with pytest.raises(requests.Timeout):
        call("GET", "/relay/2", timeout=0.2)
    assert call("GET", "/relay/1").ok
