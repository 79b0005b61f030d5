"""The Moxa service client against a scripted unit."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from nportlab.protocol import moxa_service as codec
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import NotReachable, UnexpectedAnswer
from nportlab.unit.moxa_service import MoxaServiceClient, search_rack
from nportlab.verdicts.faults import LabFault

DEVICE = codec.DeviceId(codec.AP_ID_6000, 0x6250, "00:90:E8:15:1C:22")
REAL_SEARCH_REPLY = bytes.fromhex("81000018000000000060008050620090E8151C22C0A87FFE")  # of a 6250, nport-facts 2.3

Answer = Callable[[bytes], list[bytes]]


@contextmanager
def unit(answer: Answer) -> Iterator[Endpoint]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.05)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    data, sender = server.recvfrom(2048)
                except TimeoutError:
                    continue
                for reply in answer(data):
                    server.sendto(reply, sender)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield Endpoint("127.0.0.1", server.getsockname()[1])
        finally:
            stop.set()
            thread.join(5)


def client(endpoint: Endpoint) -> MoxaServiceClient:
    return MoxaServiceClient(endpoint, timeout=0.2, tries=2)


def echo_transaction(reply: bytes, request: bytes) -> bytes:
    return reply[:4] + request[4:8] + reply[8:]


def test_a_real_units_search_reply() -> None:
    with unit(lambda data: [echo_transaction(REAL_SEARCH_REPLY, data)]) as endpoint:
        reply = client(endpoint).search()
    assert (reply.address, reply.device) == ("192.168.127.254", DEVICE)


def test_a_lost_datagram_is_asked_for_again() -> None:
    asked: list[bytes] = []

    def lossy(data: bytes) -> list[bytes]:
        asked.append(data)
        return [echo_transaction(REAL_SEARCH_REPLY, data)] if len(asked) > 1 else []

    with unit(lossy) as endpoint:
        assert client(endpoint).search().device == DEVICE
    assert len(asked) == 2


def test_silence_is_not_reachable() -> None:
    with unit(lambda _: []) as endpoint, pytest.raises(NotReachable, match="2 requests"):
        client(endpoint).search()


@pytest.mark.parametrize("reply", [b"\x81", b"\x81\0\0\x09\0\0\0\0\0", REAL_SEARCH_REPLY, b"\xff" * 24])
def test_an_answer_that_is_none(reply: bytes) -> None:
    """Cut off, too short, another transaction, nonsense."""
    with unit(lambda _: [reply]) as endpoint, pytest.raises(UnexpectedAnswer):
        client(endpoint).search()


def sockets(count: int) -> tuple[codec.Entry, ...]:
    return tuple(
        codec.Entry(codec.Transport.TCP, codec.SocketState.LISTEN, "0.0.0.0", 950 + n, serial_port=n)
        for n in range(count)
    )


def test_netstat_over_several_pages() -> None:
    entries = sockets(7)

    def answer(data: bytes) -> list[bytes]:
        request = codec.decode_request(data)
        if isinstance(request, codec.SearchRequest):
            return [echo_transaction(REAL_SEARCH_REPLY, data)]
        assert isinstance(request, codec.NetstatExRequest)
        end = request.start + 3
        page = entries[request.start : end]
        return [codec.NetstatExReply(DEVICE, page, end if end < 7 else 0, request.transaction).encode()]

    with unit(answer) as endpoint:
        assert client(endpoint).netstat() == list(entries)


def test_netstat_of_a_unit_that_only_knows_the_old_request() -> None:
    def answer(data: bytes) -> list[bytes]:
        request = codec.decode_request(data)
        if isinstance(request, codec.SearchRequest):
            return [echo_transaction(REAL_SEARCH_REPLY, data)]
        if isinstance(request, codec.NetstatRequest):
            return [codec.NetstatReply(DEVICE, sockets(2), request.transaction).encode()]
        return [codec.ErrorReply(codec.Opcode.NETSTAT_EX, transaction=request.transaction).encode()]

    with unit(answer) as endpoint:
        assert len(client(endpoint).netstat()) == 2


def test_netstat_that_never_ends() -> None:
    def answer(data: bytes) -> list[bytes]:
        request = codec.decode_request(data)
        if isinstance(request, codec.SearchRequest):
            return [echo_transaction(REAL_SEARCH_REPLY, data)]
        assert isinstance(request, codec.NetstatExRequest)
        return [codec.NetstatExReply(DEVICE, sockets(1), request.start + 1, request.transaction).encode()]

    with unit(answer) as endpoint, pytest.raises(UnexpectedAnswer, match="does not end"):
        client(endpoint).netstat()


def test_search_of_a_rack_sorts_and_ignores_noise() -> None:
    other = codec.SearchReply(codec.DeviceId(codec.AP_ID_6000, 0x6150, "00:90:E8:00:00:01"), "10.0.0.1").encode()
    with unit(lambda _: [REAL_SEARCH_REPLY, b"noise", other, other]) as endpoint:
        found = search_rack("127.0.0.1", "127.0.0.1", seconds=0.3, port=endpoint.port)
    assert [reply.address for reply in found] == ["10.0.0.1", "192.168.127.254"]


def test_search_from_an_address_this_host_does_not_have() -> None:
    with pytest.raises(LabFault, match=r"192\.0\.2\.1"):
        search_rack("192.0.2.1", "192.0.2.255", seconds=0.1)
