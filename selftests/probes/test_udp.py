from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.probes import ber
from nportlab.probes.control import PositiveControl
from nportlab.probes.responder import ControlResponder
from nportlab.probes.udp import UdpProber
from nportlab.probes.udp_answers import Outcome
from nportlab.probes.udp_queries import generic, queries, queries_for, query, snmp
from nportlab.verdicts.faults import HarnessBug, LabFault
from selftests.probes.daemons import chronyd, dnsmasq, snmpd

IDS = [name for name in queries() if name != "generic"]


def prober() -> UdpProber:
    return UdpProber(timeout=0.5, tries=2)


@pytest.mark.parametrize("name", ["snmp-v1", "snmp-v2c", "snmp-v3"])
def test_net_snmp_answers(name: str, tmp_path: Path) -> None:
    with snmpd(tmp_path, query(name)) as endpoint:
        answer = prober().ask(endpoint, query(name))
        known = prober().ask(endpoint, snmp("snmp-v2c", "plant"))
        unknown = UdpProber(timeout=0.1, tries=1).ask(endpoint, snmp("snmp-v2c", "nobody"))
    assert answer.answered
    assert known.answered
    assert unknown.outcome is Outcome.SILENT


def test_chrony_answers(tmp_path: Path) -> None:
    with chronyd(tmp_path, query("ntp")) as endpoint:
        assert prober().ask(endpoint, query("ntp")).answered


def test_dnsmasq_answers(tmp_path: Path) -> None:
    with dnsmasq(tmp_path, query("dns")) as endpoint:
        assert prober().ask(endpoint, query("dns")).answered


@pytest.mark.parametrize("name", IDS)
def test_the_responder_answers_every_query(name: str) -> None:
    with ControlResponder(udp=[name]) as responder:
        answer = prober().ask(responder.endpoint(name), query(name))
    assert answer.answered
    assert str(answer).startswith(query(name).title)


@pytest.mark.parametrize("name", IDS)
def test_a_mere_echo_is_no_answer(name: str) -> None:
    assert not query(name).recognises(query(name).payload)


@pytest.mark.parametrize("name", IDS)
@given(data=st.binary(max_size=80))
def test_no_datagram_crashes_a_recogniser(name: str, data: bytes) -> None:
    assert query(name).recognises(data) in (True, False)
    assert query(name).respond(data) is None or data == query(name).payload or name in ("snmp-v1", "snmp-v2c", "moxa")


def test_the_responder_answers_any_community() -> None:
    with ControlResponder(udp=["snmp-v1"]) as responder:
        assert prober().ask(responder.endpoint("snmp-v1"), snmp("snmp-v1", "other")).answered


def test_a_closed_port_is_unreachable_and_quick() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = probe.getsockname()
    started = time.monotonic()
    with ControlResponder(udp=["ntp"]) as responder:
        answer = UdpProber(timeout=3, tries=1).ask(endpoint, query("ntp"), responder.endpoint("ntp"))
    assert answer.outcome is Outcome.UNREACHABLE
    assert answer.absent
    assert time.monotonic() - started < 1


def test_silence_with_a_control_is_absence() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute,
        ControlResponder(udp=["snmp-v3"]) as responder,
    ):
        mute.bind(("127.0.0.1", 0))
        control = responder.endpoint("snmp-v3")
        answer = UdpProber(timeout=0.1, tries=3).ask(mute.getsockname(), query("snmp-v3"), control)
        asked = 0
        mute.setblocking(False)
        while asked < 10:
            try:
                mute.recv(1000)
            except BlockingIOError:
                break
            asked += 1
    assert answer.outcome is Outcome.SILENT
    assert answer.absent
    assert answer.control is not None
    assert answer.control.responder == control
    assert asked == 3


class LateControl(threading.Thread):
    """Answers NTP after so many seconds, as a busy host does."""

    def __init__(self, seconds: float) -> None:
        super().__init__(daemon=True)
        self.seconds = seconds
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))

    def run(self) -> None:
        while True:
            data, source = self.socket.recvfrom(1024)
            answer = query("ntp").respond(data) or b""
            threading.Timer(self.seconds, self.socket.sendto, (answer, source)).start()


def test_a_control_that_answers_late_is_given_more_time() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        control = LateControl(0.15)
        control.start()
        answer = UdpProber(timeout=0.1, tries=1).ask(mute.getsockname(), query("ntp"), control.socket.getsockname())
    assert answer.absent


def test_silence_without_a_control_is_nothing() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        asker = UdpProber(timeout=0.05, tries=1)
        alone = asker.ask(mute.getsockname(), query("ntp"))
        with_a_silent_control = asker.ask(mute.getsockname(), query("ntp"), mute.getsockname())
    with pytest.raises(HarnessBug, match="without a positive control"):
        _ = alone.absent
    with pytest.raises(LabFault, match="did not answer"):
        _ = with_a_silent_control.absent


def test_an_answer_from_another_port_counts() -> None:
    """As TFTP servers answer."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth,
    ):
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(5)
        mouth.bind(("127.0.0.1", 0))

        def serve() -> None:
            data, source = ear.recvfrom(1000)
            mouth.sendto(query("tftp").respond(data) or b"", source)

        thread = threading.Thread(target=serve)
        thread.start()
        answer = prober().ask(ear.getsockname(), query("tftp"))
        thread.join(5)
        assert answer.replies[0].source == mouth.getsockname()


def test_garbage_is_no_answer() -> None:
    with ControlResponder(udp=["generic"]) as echo:
        answer = UdpProber(timeout=0.1, tries=1).ask(echo.endpoint("generic"), query("moxa"))
    assert answer.outcome is Outcome.SILENT


def test_a_sweep_names_who_answers() -> None:
    with ControlResponder(udp=["moxa", "snmp-v3", "ntp"]) as responder:
        ports = {4800: responder.endpoint("moxa")[1], 161: responder.endpoint("snmp-v3")[1], 9: 9}
        result = UdpProber(timeout=0.3, tries=1).sweep(
            "127.0.0.1", ports, control=responder.endpoint("ntp"), control_query=query("ntp")
        )
    assert result.open == {4800, 161}
    assert result.closed == {9}
    assert result.control.answered
    assert [answer.query.id for answer in result.answers[161] if answer.answered] == ["snmp-v3"]


def test_a_sweep_without_its_control_is_a_lab_fault() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        asker = UdpProber(timeout=0.05, tries=1)
        with pytest.raises(LabFault):
            asker.sweep("127.0.0.1", [9], control=mute.getsockname(), control_query=query("ntp"))


def test_a_broadcast_needs_a_way_out() -> None:
    with pytest.raises(LabFault, match="cannot be sent"):
        UdpProber(timeout=0.05, tries=1).broadcast(query("moxa"), interface="no-such-if")


def test_an_address_of_somebody_else_is_a_lab_fault() -> None:
    with pytest.raises(LabFault, match="no datagram can be sent"):
        UdpProber(source="192.0.2.1").ask(("127.0.0.1", 9), generic(9))


def test_a_responder_without_its_port_is_a_lab_fault() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        responder = ControlResponder(udp=(), tcp=[taken.getsockname()[1]])
        with pytest.raises(LabFault, match="cannot use TCP port"), responder:
            pass


def test_unknown_queries_are_named() -> None:
    with pytest.raises(KeyError, match="snmp-v3"):
        query("snmp-v4")


def test_the_questions_of_a_port() -> None:
    assert [known.id for known in queries_for(161)] == ["snmp-v1", "snmp-v2c", "snmp-v3"]
    assert [known.id for known in queries_for(949)] == ["generic"]


def test_a_control_that_answered_needs_nothing() -> None:
    control = PositiveControl("NTP", ("127.0.0.1", 123), True, "48 bytes")
    control.require()
    assert str(control) == "NTP to 127.0.0.1:123: answered 48 bytes"


def test_ber_of_an_object_id() -> None:
    """X.690 section 8.19.5 gives this example."""
    assert ber.object_id("2.999.3") == bytes.fromhex("0603883703")


@given(st.integers(-(2**40), 2**40))
def test_ber_integers(value: int) -> None:
    assert ber.decode(ber.integer(value)).integer() == value


@given(st.binary(max_size=70000))
def test_ber_lengths(value: bytes) -> None:
    assert ber.decode(ber.octets(value)).content == value


@given(st.binary(max_size=60))
def test_no_bytes_crash_the_ber_reader(data: bytes) -> None:
    try:
        ber.decode(data).children()
    except ber.BerError:
        return
