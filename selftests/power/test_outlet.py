"""Outlets against a relay server: told, read back, and a lab fault when the two differ."""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nportlab.inventory.lab import Channel, SwitchEntry
from nportlab.inventory.secret import SecretRef
from nportlab.power import Outlet, ResetButton, SwitchChannel, open_channel
from nportlab.power.switch import driver, driver_names
from nportlab.verdicts.faults import ConfigFault, LabFault


class Relay(ThreadingHTTPServer):
    """A relay board; `stuck` ignores orders, `broken` answers errors."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), RelayHandler)
        self.state: dict[int, bool] = {}
        self.orders: list[tuple[int, bool]] = []
        self.stuck = False
        self.answer: bytes | None = None
        self.login: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class RelayHandler(BaseHTTPRequestHandler):
    server: Relay  # type: ignore[assignment]

    def do_GET(self) -> None:
        self.reply()

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        number = int(self.path.rpartition("/")[2])
        self.server.orders.append((number, body["on"]))
        if not self.server.stuck:
            self.server.state[number] = body["on"]
        self.reply()

    def reply(self) -> None:
        number = int(self.path.rpartition("/")[2])
        authorization = self.headers.get("Authorization", "")
        self.server.login = b64decode(authorization.partition(" ")[2]).decode() if authorization else None
        data = self.server.answer or json.dumps({"on": self.server.state.get(number, False)}).encode()
        self.send_response(500 if self.server.answer == b"!" else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def relay() -> Iterator[Relay]:
    server = Relay()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join(5)
    server.server_close()


def outlet(relay: Relay, number: int = 4, **options: float) -> Outlet:
    return Outlet(SwitchChannel(f"pdu/{number}", relay.url, number), driver("http_relay"), **options)  # type: ignore[arg-type]


def test_on_and_off_are_read_back(relay: Relay) -> None:
    out = outlet(relay)
    out.on()
    assert out.is_on()
    assert relay.state == {4: True}
    out.off()
    assert not out.is_on()


def test_cycle_ends_on(relay: Relay) -> None:
    outlet(relay).cycle(off_seconds=0)
    assert relay.orders == [(4, False), (4, True)]


def test_a_switch_that_does_not_move_is_a_lab_fault(relay: Relay) -> None:
    relay.stuck = True
    with pytest.raises(LabFault, match="still answers 'off'") as caught:
        outlet(relay, deadline=0.1).on()
    assert caught.value.resource == "outlet pdu/4"


def test_cycle_orders_on_even_when_off_was_not_seen(relay: Relay) -> None:
    relay.state[4] = True
    relay.stuck = True
    with pytest.raises(LabFault):
        outlet(relay, deadline=0.05).cycle(off_seconds=0)
    assert relay.orders[-1] == (4, True)


@pytest.mark.parametrize(
    ("answer", "words"), [(b"!", "status 500"), (b"<html>", "not JSON"), (b"[]", "without a state")]
)
def test_a_switch_that_talks_nonsense_is_a_lab_fault(relay: Relay, answer: bytes, words: str) -> None:
    relay.answer = answer
    with pytest.raises(LabFault, match=words):
        outlet(relay).is_on()


def test_a_switch_that_is_gone_is_a_lab_fault() -> None:
    with pytest.raises(LabFault, match="no connection"):
        Outlet(SwitchChannel("pdu/1", "http://127.0.0.1:9", 1), driver("http_relay")).on()


def test_credentials_are_sent_and_never_shown(relay: Relay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PDU_SECRET", "s3cret!")
    secret = SecretRef(where="lab.yaml:1", name="pdu", env="PDU_SECRET")
    entry = SwitchEntry("pdu", "http_relay", 8, relay.url, "lab", secret)
    channel = open_channel(entry, Channel("pdu", 2), tmp_path)
    Outlet(channel, driver("http_relay")).on()
    assert relay.login == "lab:s3cret!"
    assert "s3cret!" not in repr(channel)


def test_the_reset_button_is_released_also_after_an_error(relay: Relay) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ResetButton(outlet(relay, 9), sleep=interrupted).press(5)
    assert relay.orders == [(9, True), (9, False)]


def test_unknown_driver_names_the_nearest() -> None:
    assert "http_relay" in driver_names()
    with pytest.raises(ConfigFault, match="did you mean 'http_relay'"):
        driver("http_relais")


def test_a_switch_without_url_is_a_config_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match="no url"):
        open_channel(SwitchEntry("pdu", "http_relay", 8), Channel("pdu", 1), tmp_path)
    assert (
        open_channel(SwitchEntry("pdu", "http_relay", 8), Channel("pdu", 1), tmp_path, "http://127.0.0.1:1/").number
        == 1
    )
