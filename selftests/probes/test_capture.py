from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.probes.capture import Capture
from nportlab.probes.dissect import dissect
from nportlab.verdicts.faults import LabFault
from selftests.probes.on_a_wire import run_on_a_wire

UNIT_MAC = "00:90:E8:12:34:56"
# A gratuitous ARP of the unit, written out by hand (RFC 826).
ARP = bytes.fromhex("ffffffffffff 0090e8123456 0806 0001 0800 06 04 0001 0090e8123456 c0a87ffe 000000000000 c0a87ffe")
# DNS query 10.0.0.2:1025 -> 10.0.0.1:53, payload "hello", padded to 60 bytes on the wire.
UDP = bytes.fromhex(
    "020000000001 0090e8123456 0800 4500 0021 0001 0000 40 11 0000 0a000002 0a000001 0401 0035 000d 0000"
) + b"hello".ljust(18, b"\0")
SYN = bytes.fromhex(
    "020000000001 0090e8123456 0800 4500 0028 0001 0000 40 06 0000 0a000002 0a000001"
    "0401 0031 00000001 00000000 50 02 ffff 0000 0000"
)
UDP6 = (
    bytes.fromhex("333300000009 0090e8123456 86dd 60000000 001c 00 01")
    + bytes.fromhex("fe800000000000000290e8fffe123456 ff020000000000000000000000000009")
    + bytes.fromhex("11 00 0502 0000 0100 0209 0209 000c 0000")
    + b"ripn" + bytes(8)
)  # fmt: skip


def test_arp() -> None:
    frame = dissect(ARP)
    assert (frame.source_mac, frame.arp, frame.source) == (UNIT_MAC, "request", "192.168.127.254")
    assert str(frame) == "ARP request 192.168.127.254 -> 192.168.127.254"


def test_udp_without_the_padding() -> None:
    frame = dissect(UDP)
    assert frame.udp
    assert (frame.source, frame.source_port, frame.destination_port) == ("10.0.0.2", 1025, 53)
    assert frame.payload == b"hello"


def test_udp_behind_a_vlan_tag() -> None:
    tagged = UDP[:12] + bytes.fromhex("8100 0005") + UDP[12:]
    assert dissect(tagged).destination_port == 53


def test_tcp_syn() -> None:
    frame = dissect(SYN)
    assert frame.opens
    assert (frame.tcp, frame.destination_port, frame.payload) == (True, 49, b"")
    assert str(frame) == "TCP 10.0.0.2:1025 -> 10.0.0.1:49 SYN, 0 bytes"


def test_ipv6_behind_an_extension_header() -> None:
    frame = dissect(UDP6)
    assert (frame.destination, frame.destination_port, frame.payload) == ("ff02::9", 521, b"ripn")


def test_a_later_fragment_has_no_ports() -> None:
    fragment = UDP[:20] + b"\x00\x08" + UDP[22:]
    frame = dissect(fragment)
    assert (frame.fragment, frame.destination_port) == (True, None)


@given(st.binary(max_size=120), st.sampled_from([b"\x08\x00", b"\x86\xdd", b"\x08\x06", b"\x81\x00"]))
def test_no_frame_crashes_the_dissector(data: bytes, ether_type: bytes) -> None:
    frame = dissect(bytes(12) + ether_type + data)
    assert str(frame)
    assert dissect(data).ether_type >= 0


def test_a_capture_sees_what_the_station_sends(tmp_path: Path) -> None:
    run_on_a_wire(__name__, "wire_filters", tmp_path)
    if shutil.which("tcpdump"):
        command = ["tcpdump", "-nn", "-r", str(tmp_path / "station.pcap")]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        assert len(lines) == 3
        assert "ARP, Request who-has 192.168.127.254" in lines[0]
        assert "10.0.0.2.1025 > 10.0.0.1.53" in lines[1]
        assert "Flags [S]" in lines[2]


def wire_filters(directory: Path) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as station, Capture("left", source_mac=UNIT_MAC) as capture:
        station.bind(("right", 0))
        for frame in (ARP, UDP, SYN, UDP[:6] + b"\x02" + UDP[7:]):
            station.send(frame)
        found = capture.wait_for(lambda frame: frame.opens, timeout=5)
        assert found is not None
        assert capture.wait_for(lambda frame: frame.destination_port == 9, timeout=0.01) is None
        assert [packet.frame.ether_type for packet in capture.packets()] == [0x0806, 0x0800, 0x0800]
        assert capture.packets(lambda frame: frame.udp)[0].data == UDP
    assert capture.complete
    pcap = directory / "station.pcap"
    pcap.write_bytes(capture.pcap())
    assert capture.pcap()[:4] == struct.pack("<I", 0xA1B23C4D)


def test_a_capture_is_bounded_and_says_so(tmp_path: Path) -> None:
    run_on_a_wire(__name__, "wire_bounds", tmp_path)


def wire_bounds(directory: Path) -> None:
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as station,
        Capture("left", source_mac=UNIT_MAC, max_packets=5) as few,
        Capture("left", source_mac=UNIT_MAC, max_bytes=3 * len(UDP)) as small,
        Capture("left", source_ip="10.0.0.9") as nothing,
        Capture("left", keep=lambda frame: frame.opens) as last,
    ):
        station.bind(("right", 0))
        for _ in range(8):
            station.send(UDP)
        station.send(SYN)
        assert last.wait_for(lambda frame: frame.opens, timeout=5)
    assert (len(few.packets()), few.dropped, few.complete) == (5, 4, False)
    assert (len(small.packets()), small.complete) == (3, False)
    assert nothing.packets() == []
    assert few.text().endswith("4 packets lost")


def test_a_broadcast_is_answered_and_its_absence_proved(tmp_path: Path) -> None:
    run_on_a_wire(__name__, "wire_broadcast", tmp_path)


def wire_broadcast(directory: Path) -> None:
    from nportlab.probes.responder import ControlResponder
    from nportlab.probes.udp import UdpProber
    from nportlab.probes.udp_queries import query

    search = query("moxa")
    prober = UdpProber(timeout=0.1, tries=2, source="10.91.0.1")
    with (
        Capture("right") as wire,
        ControlResponder("10.91.0.1", well_known=True, udp=["moxa"], tcp=(), broadcast=True),
    ):
        for asker, destination, interface in (
            (prober, "10.91.0.255", None),
            (prober, "255.255.255.255", None),
            (UdpProber(timeout=0.1, tries=2), "255.255.255.255", "left"),
        ):
            answer = asker.broadcast(search, destination, interface=interface, control="10.91.0.1")
            assert answer.control is not None
            assert answer.control.answered
            assert answer.absent("10.91.0.2")
            assert answer.replies == ()
            sent = [packet for packet in wire.packets() if packet.frame.destination == destination]
            assert {packet.frame.payload for packet in sent} == {search.payload}
            assert {packet.frame.destination_mac for packet in sent} == {"FF:FF:FF:FF:FF:FF"}
    answer = prober.broadcast(search, "10.91.0.255", control="10.91.0.1")
    with pytest.raises(LabFault):
        answer.absent("10.91.0.2")


def test_an_interface_that_does_not_exist() -> None:
    expected = "no right to capture" if os.geteuid() else "no capture on interface"
    with pytest.raises(LabFault, match=expected), Capture("no-such-if"):
        pass


def test_no_right_to_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(LabFault, match="no right to capture packets"), Capture("lo"):
        pass
