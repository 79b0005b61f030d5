from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.protocol import moxa_service as service
from nportlab.protocol.moxa_service import DeviceId, MoxaServiceError, Opcode

# A real NP6250's reply to a search, as published with a security tool.
REAL_6250 = bytes.fromhex("81000018 00000000 00600080 5062 0090E8151C22 C0A87FFE")
NP6250 = DeviceId(0x80006000, 0x6250, "00:90:E8:15:1C:22")
DEVICE_BYTES = REAL_6250[8:20]


def test_a_real_search_reply() -> None:
    reply = service.decode_reply(REAL_6250)
    assert reply == service.SearchReply(NP6250, "192.168.127.254")
    assert reply.encode() == REAL_6250


def test_the_published_search_request() -> None:
    assert service.SearchRequest().encode() == bytes.fromhex("0100000800000000")


def test_the_bytes_of_the_requests() -> None:
    assert service.Request(Opcode.KERNEL, NP6250, 7).encode() == bytes.fromhex("16000014 00000007") + DEVICE_BYTES
    assert service.NetstatRequest(NP6250).encode() == bytes.fromhex("14000016 00000000") + DEVICE_BYTES + b"\x80\x00"
    request = service.NetstatExRequest(NP6250, start=300)
    assert request.encode() == bytes.fromhex("1D000018 00000000") + DEVICE_BYTES + b"\x00\xff\x2c\x01"


def test_the_bytes_of_a_kernel_reply() -> None:
    data = service.KernelReply(NP6250, (1, 6, 0, 0), 3938, True).encode()
    assert len(data) == 36
    assert data[20:24] == (0x01060000).to_bytes(4, "little")
    assert data[28:30] == (3938).to_bytes(2, "little")
    assert data[32] == 1
    reply = service.decode_reply(data)
    assert isinstance(reply, service.KernelReply)
    assert (reply.version, reply.serial_number, reply.password_set) == ("1.6", 3938, True)


@pytest.mark.parametrize(
    ("firmware", "version"), [((2, 3, 0, 0), "2.3"), ((2, 0, 0, 0), "2.0"), ((2, 3, 9, 0), "2.3.9")]
)
def test_versions_as_people_write_them(firmware: tuple[int, int, int, int], version: str) -> None:
    assert service.KernelReply(NP6250, firmware, 1, False).version == version


def test_the_bytes_of_a_netstat_entry() -> None:
    entry = service.Entry(
        service.Transport.TCP, service.SocketState.CONNECTED, "192.168.127.254", 950, "192.168.127.1", 40000, 1
    )
    assert entry.encode() == bytes.fromhex("C0A87F01 C0A87FFE 409C B603 01 04 01 00")
    assert service.Entry.decode(entry.encode()) == entry


def test_the_server_name_field_has_forty_bytes() -> None:
    data = service.ServerNameReply(NP6250, "NP6250_" + "x" * 60).encode()
    assert len(data) == 0x3C
    reply = service.decode_reply(data)
    assert isinstance(reply, service.ServerNameReply)
    assert len(reply.name) == 40


def test_an_error_reply() -> None:
    data = service.ErrorReply(0x2C, transaction=9, body=DEVICE_BYTES).encode()
    assert data[:8] == bytes.fromhex("AC040014 00000009")
    assert service.decode_reply(data) == service.ErrorReply(0x2C, 4, 9, DEVICE_BYTES)


def test_an_unknown_request_can_be_refused() -> None:
    with pytest.raises(service.UnknownOpcode) as caught:
        service.decode_request(bytes.fromhex("2C000014 00000009") + DEVICE_BYTES)
    assert (caught.value.opcode, caught.value.transaction) == (0x2C, 9)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01\x00\x00",
        bytes.fromhex("0100000900000000"),
        bytes.fromhex("1000000800000000"),
        bytes.fromhex("1D00001400000000") + DEVICE_BYTES,
    ],
)
def test_broken_requests(data: bytes) -> None:
    with pytest.raises(MoxaServiceError):
        service.decode_request(data)


@given(st.binary(max_size=64))
def test_no_datagram_crashes_a_reader(data: bytes) -> None:
    for decode in (service.decode_request, service.decode_reply):
        with contextlib.suppress(MoxaServiceError):
            decode(data)


macs = st.binary(min_size=6, max_size=6).map(lambda mac: mac.hex(":").upper())
devices = st.builds(DeviceId, st.integers(0, 2**32 - 1), st.integers(0, 65535), macs)
transactions = st.integers(0, 2**32 - 1)
addresses = st.ip_addresses(v=4).map(str)
ports = st.integers(0, 65535)
entries = st.builds(
    service.Entry,
    st.sampled_from(service.Transport),
    st.sampled_from(service.SocketState),
    addresses,
    ports,
    addresses,
    ports,
    st.integers(0, 32),
)
PLAIN = [Opcode.SERVER_NAME, Opcode.KERNEL, Opcode.IP_ADDRESS, Opcode.NETMASK, Opcode.GATEWAY]
requests = st.one_of(
    st.builds(service.SearchRequest, transactions),
    st.builds(service.Request, st.sampled_from(PLAIN), devices, transactions),
    st.builds(service.NetstatRequest, devices, ports, transactions),
    st.builds(service.NetstatExRequest, devices, ports, st.integers(0, 255), transactions),
)
bytes4 = st.tuples(*[st.integers(0, 255)] * 4)
pages = st.lists(entries, max_size=5).map(tuple)
replies = st.one_of(
    st.builds(service.SearchReply, devices, addresses, transactions),
    st.builds(
        service.ServerNameReply,
        devices,
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
        transactions,
    ),
    st.builds(service.KernelReply, devices, bytes4, ports, st.booleans(), ports, transactions),
    st.builds(service.NetstatReply, devices, pages, transactions),
    st.builds(service.NetstatExReply, devices, pages, ports, transactions),
    st.builds(service.AddressReply, st.sampled_from(PLAIN[2:]), devices, addresses, transactions),
    st.builds(service.ErrorReply, st.integers(1, 127), st.integers(1, 255), transactions, st.binary(max_size=20)),
)


@given(requests)
def test_requests_survive(request_: service.AnyRequest) -> None:
    assert service.decode_request(request_.encode()) == request_


@given(replies)
def test_replies_survive(reply: service.AnyReply) -> None:
    assert service.decode_reply(reply.encode()) == reply
