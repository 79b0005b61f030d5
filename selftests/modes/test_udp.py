from __future__ import annotations

import socket
import time

import pytest

from nportlab.modes.errors import ConnectionLost
from nportlab.modes.udp import UdpEnd, UdpRange
from nportlab.unit.endpoint import Endpoint
from nportlab.verdicts.faults import HarnessBug, LabFault
from selftests.modes.foreign import LOCAL, free_port, socat, wait_until


def test_socat_echoes_datagrams_and_the_channel_joins_them() -> None:
    port = free_port(socket.SOCK_DGRAM)
    data = bytes(range(256)) * 40
    with socat(f"UDP-RECVFROM:{port},bind={LOCAL},fork", "EXEC:cat") as process, UdpEnd(LOCAL) as end:
        end.peer = Endpoint(LOCAL, port)

        def answers() -> bool:
            end.send(b"?")
            return bool(end.datagrams(0.2, 1))

        wait_until(answers, process)
        assert end.write(data[:2500]) == 2500
        assert sorted(len(one.data) for one in end.datagrams(5, 3)) == [452, 1024, 1024]
        end.send_all(data[:1024], 5)
        assert end.receive_exactly(1024, 5) == data[:1024]


def test_sender_and_time_of_arrival_however_late_it_is_read() -> None:
    with UdpEnd(LOCAL) as end, UdpEnd(LOCAL) as other:
        before = time.monotonic()
        other.send(b"first", end.endpoint)
        after = time.monotonic()
        wait_until(lambda: time.monotonic() > after + 0.2)
        (one,) = end.datagrams(1, 1)
        assert (one.data, one.sender, one.to) == (b"first", other.endpoint, end.endpoint)
        assert before - 0.02 < one.at < after + 0.02


def test_what_strangers_send_is_no_data_of_the_peer() -> None:
    with UdpEnd("", peer=Endpoint("127.0.0.2", 9)) as end, UdpEnd(LOCAL) as stranger, UdpEnd("127.0.0.2") as peer:
        here = Endpoint(LOCAL, end.endpoint.port)
        stranger.send(b"foreign", here)
        peer.send(b"ours", here)
        assert end.receive_exactly(4, 5) == b"ours"
        assert [one.data for one in end.foreign] == [b"foreign"]


def test_a_range_of_addresses_tells_which_one_was_reached() -> None:
    port = free_port(socket.SOCK_DGRAM)
    addresses = [f"127.0.0.{last}" for last in (11, 12, 13)]
    with UdpRange(addresses, port) as ends, UdpEnd(LOCAL) as unit:
        for address in addresses[:2]:
            unit.send(address.encode(), Endpoint(address, port))
        seen = ends.datagrams(5, 2)
        assert [(one.to.host, one.data.decode()) for one in seen] == [(address, address) for address in addresses[:2]]
        assert ends.datagrams(0.05) == []


def test_broadcast_is_heard_and_sent() -> None:
    with UdpEnd("127.255.255.255") as end, UdpEnd(LOCAL) as unit:
        unit.send(b"to all", end.endpoint)
        assert end.receive_exactly(6, 5) == b"to all"


def test_an_address_of_another_host_is_the_labs_fault() -> None:
    port = free_port(socket.SOCK_DGRAM)
    with pytest.raises(LabFault, match=r"can not use udp 192\.0\.2\.1"):
        UdpRange([LOCAL, "192.0.2.1"], port)
    UdpEnd(LOCAL, port).close()  # nothing was left open
    with UdpEnd(LOCAL) as end, pytest.raises(LabFault, match="can not use udp"):
        UdpEnd(LOCAL, end.endpoint.port)


def test_without_a_destination_nothing_can_be_sent() -> None:
    end = UdpEnd(LOCAL)
    with pytest.raises(HarnessBug, match="no destination"):
        end.send(b"x")
    with pytest.raises(HarnessBug, match="no peer"):
        end.write(b"x")
    with pytest.raises(LabFault, match="can not send 70000 bytes"):
        end.send(bytes(70_000), Endpoint(LOCAL, 9))
    end.close()
    with pytest.raises(ConnectionLost, match="by us"):
        end.read()
