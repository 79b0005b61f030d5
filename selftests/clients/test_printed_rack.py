"""`nportlab virtual --json`: what it prints is enough for programs of this host, and its end ends everything."""

from __future__ import annotations

import signal
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nportlab.protocol.moxa_service import SearchReply, decode_reply
from nportlab.verdicts.verdict import ExitCode
from selftests.clients.printed import Family, foreground

SEARCH_SCRIPT = Path(__file__).with_name("moxa_search.nse")


@pytest.mark.parametrize(
    ("network", "number"), [("auto", signal.SIGTERM), ("loopback", signal.SIGINT), ("auto", signal.SIGKILL)]
)
def test_it_is_reached_and_it_ends(tmp_path: Path, network: str, number: signal.Signals) -> None:
    with foreground(tmp_path, network) as rack:
        assert rack.login_page(rack.unit["url"])
        assert rack.login_page(f"https://{rack.unit['address']}:{rack.port(443)}/")
        closed = rack.run("curl", "--disable", "-sS", f"http://{rack.unit['address']}:{rack.port(80)}/")
        assert "Connection refused" in closed.stderr or "Failed to connect" in closed.stderr
        family = Family.of(rack.process.pid)
        assert len(family.members) >= 3
        assert bool(family.namespaces) == (rack.said["mode"] != "loopback")
        rack.process.send_signal(number)
        code = rack.process.wait(30)
        assert code == (-number if number == signal.SIGKILL else ExitCode.OK)
        family.wait_gone()


def test_the_search_is_answered_on_this_host(tmp_path: Path) -> None:
    with foreground(tmp_path) as rack:
        options = ["-n", "-Pn", "-sU", "-p", str(rack.port(4800, "udp")), "--script", f"+{SEARCH_SCRIPT}", "-oX", "-"]
        done = rack.run("nmap", *options, rack.unit["address"])
        script = next(ElementTree.fromstring(done.stdout).iter("script"))
        reply = decode_reply(bytes.fromhex(script.get("output", "").removeprefix("answer ")))
        assert isinstance(reply, SearchReply)
        assert reply.device.mac == rack.unit["mac"]
