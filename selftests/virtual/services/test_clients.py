from __future__ import annotations

import asyncio
import re
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.virtual.addressing import mapped
from nportlab.virtual.unit.clients import dhcp_codec, dns, ntp_codec, rip, rip_codec, sntp, syslog
from nportlab.virtual.unit.services.listening import Background
from selftests.virtual.services.bench import Bench, endpoint, fresh_address, make_device, program, wait_until


class Sink:
    """A UDP peer that keeps what it gets and may answer."""

    def __init__(self, port: int) -> None:
        self.address = fresh_address()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.address, mapped(port)))
        self.socket.settimeout(10)

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def receive(self) -> tuple[bytes, tuple[str, int]]:
        return self.socket.recvfrom(2048)


@contextmanager
def foreign(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A server nobody here wrote."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def answers_udp(address: tuple[str, int], question: bytes) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.1)
        client.connect(address)
        try:
            client.send(question)
            return bool(client.recv(2048))
        except OSError:
            return False


# Time -----------------------------------------------------------------------------------------------------------------


def test_the_clock_follows_chrony(tmp_path: Path, bench: Bench) -> None:
    server = fresh_address()
    configuration = tmp_path / "chrony.conf"
    configuration.write_text(
        f"local stratum 3\nallow all\nport {mapped(123)}\nbindaddress {server}\ncmdport 0\nuser root\n"
        f"pidfile {tmp_path / 'chronyd.pid'}\n"
    )
    device = make_device(tmp_path / "flash", {"basic.time_server": server, "basic.time_zone": "51"})
    device.clock.set(datetime(2014, 2, 7))
    with foreign([program("chronyd"), "-d", "-x", "-f", str(configuration)]):
        wait_until(lambda: answers_udp((server, mapped(123)), ntp_codec.request(1)))
        with bench.serving(device, sntp):
            wait_until(lambda: device.clock.now().year > 2014)
    taipei = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=8)
    assert abs(device.clock.now() - taipei) < timedelta(seconds=2)


def test_a_silent_time_server_is_logged_once(tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sntp, "TIMEOUT", 0.02)
    with Sink(123) as server:
        device = make_device(tmp_path, {"basic.time_server": server.address}, minute=0.05)
        with bench.serving(device, sntp):
            ports = {server.receive()[1][1] for _ in range(3 * sntp.TRIES)}
    assert len(ports) == 3  # a random port for each question, not for each try
    assert [line[20:] for line in device.log.lines()] == ["[Network] NTP Connect Fail"]


def test_a_time_nobody_asked_for_is_not_taken(tmp_path: Path, bench: Bench) -> None:
    now = struct.pack(">II", 3_900_000_000, 0)
    with Sink(123) as server, Sink(124) as stranger:
        device = make_device(tmp_path, {"basic.time_server": server.address})
        before = device.clock.now()
        with bench.serving(device, sntp):
            question, asker = server.receive()
            mark = question[40:48]
            good = bytes([0x24, 2, 0, 0]) + bytes(20) + mark + now + now
            stranger.socket.sendto(good, asker)
            for bad in (good[:24] + bytes(8) + good[32:], bytes([0xE4]) + good[1:], good[:1] + b"\0" + good[2:]):
                server.socket.sendto(bad, asker)
            assert device.clock.now() - before < timedelta(minutes=1)
            server.socket.sendto(good, asker)
            wait_until(lambda: device.clock.now() - before > timedelta(days=1) or device.clock.now() < before)


@given(st.datetimes(datetime(1970, 1, 2), datetime(2103, 1, 1)), st.integers(0, 2**64 - 1))
def test_times_of_both_eras_are_read(moment: datetime, mark: int) -> None:
    seconds = (moment - ntp_codec.EPOCH) // timedelta(seconds=1) % 2**32
    answer = struct.pack(">BBbb5IQIIII", 0x24, 1, 0, 0, *[0] * 5, mark, 0, 0, seconds, 0)
    read = ntp_codec.read_answer(answer, mark)
    assert seconds == 0 or read == moment.replace(microsecond=0)


# Names ----------------------------------------------------------------------------------------------------------------


def test_names_are_looked_up_with_dnsmasq(tmp_path: Path, bench: Bench) -> None:
    server = fresh_address()
    command = [program("dnsmasq"), "-k", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root"]
    command += [f"--port={mapped(53)}", f"--listen-address={server}", "--bind-interfaces", f"--pid-file={tmp_path}/pid"]
    command += ["--address=/time.lab/192.0.2.33", "--cname=alias.lab,time.lab"]
    device = make_device(tmp_path, {"network.dns1": server})
    with foreign(command):
        wait_until(lambda: answers_udp((server, mapped(53)), dns.encode_query(1, "time.lab")))
        assert bench.run(dns.resolve(device, "time.lab")) == "192.0.2.33"
        with pytest.raises(dns.NotResolved):
            bench.run(dns.resolve(device, "other.lab"))
    assert bench.run(dns.resolve(device, "192.0.2.1")) == "192.0.2.1"


def test_defect_dns_never_asked(tmp_path: Path, bench: Bench) -> None:
    with Sink(53) as server:
        device = make_device(tmp_path, {"network.dns1": server.address}, defects=("dns-never-asked",))
        with pytest.raises(dns.NotResolved):
            bench.run(dns.resolve(device, "time.lab"))
        server.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.receive()


@given(st.binary(max_size=80))
def test_no_answer_upsets_the_name_client(data: bytes) -> None:
    dns.read_answer(data, 1, "time.lab")
    dns.read_answer(b"\0\x01\x80\0\0\x01\0\x01\0\0\0\0" + dns.encode_query(1, "time.lab")[12:] + data, 1, "time.lab")


# Remote log -----------------------------------------------------------------------------------------------------------


def test_ticked_groups_go_to_the_log_server(tmp_path: Path, bench: Bench) -> None:
    with Sink(514) as server:
        values = {"remote_log.server": server.address, "remote_log.facility": "3", "remote_log.severity": "5"}
        device = make_device(tmp_path, {**values, "log.remote_system": "enable", "log.remote_config": "disable"})
        device.log.add("System", "System Cold Start")  # before the services run
        with bench.serving(device, syslog):
            bench.call(lambda: device.log.add("Config", "Config Changed"))
            bench.call(lambda: device.log.add("System", "System Warm Start"))
            first, source = server.receive()
            second, _ = server.receive()
    shape = rb"<157>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d NP6450_3938 \[System\] System (\w+) Start"
    assert [re.fullmatch(shape, message) is not None for message in (first, second)] == [True, True]
    assert b"Cold" in first
    assert b"Warm" in second
    assert source[0] == device.address
    assert source[1] != mapped(514)


def test_clients_are_off_on_a_factory_unit(tmp_path: Path) -> None:
    device = make_device(tmp_path)
    assert not (sntp.enabled(device) or syslog.enabled(device) or rip.enabled(device))


# Leases ---------------------------------------------------------------------------------------------------------------


def test_a_dhcp_answer_to_another_client_is_ignored() -> None:
    discover = dhcp_codec.encode(dhcp_codec.Message.DISCOVER, 7, "00:90:E8:01:02:03", "unit")
    assert len(discover) >= 300
    offer = bytes([2]) + discover[1:16] + bytes([192, 0, 2, 9]) + discover[20:236]
    options = bytes([53, 1, 2, 54, 4, 192, 0, 2, 1, 1, 4, 255, 255, 255, 0, 51, 4, 0, 0, 0, 120, 255])
    lease = dhcp_codec.decode(offer + discover[236:240] + options, 7, "00:90:E8:01:02:03")
    assert lease == dhcp_codec.Lease(dhcp_codec.Message.OFFER, "192.0.2.9", "192.0.2.1", "255.255.255.0", seconds=120)
    assert dhcp_codec.decode(offer + discover[236:240] + options, 8, "00:90:E8:01:02:03") is None
    assert dhcp_codec.decode(offer + discover[236:240] + options, 7, "00:90:E8:01:02:04") is None


@given(st.binary(max_size=60))
def test_no_options_upset_the_dhcp_client(options: bytes) -> None:
    discover = dhcp_codec.encode(dhcp_codec.Message.DISCOVER, 7, "00:90:E8:01:02:03", "unit")
    dhcp_codec.decode(bytes([2]) + discover[1:240] + options, 7, "00:90:E8:01:02:03")


# Routes ---------------------------------------------------------------------------------------------------------------

RIP_2_REQUEST = bytes.fromhex("01020000 00000000 00000000 00000000 00000000 00000010")


def test_rip_answers_a_request_for_the_table(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, {"network.routing_protocol": "rip-2"})
    with bench.serving(device, rip), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(RIP_2_REQUEST, endpoint(device, 520))
        answer = client.recv(600)
    network = socket.inet_aton(str(rip.routes(device)[0].network.network_address))
    assert answer == b"\x02\x02\0\0" + b"\0\x02\0\0" + network + b"\xff\xff\xff\0" + bytes(4) + b"\0\0\0\x01"


def test_a_rip_1_router_does_not_answer_version_2() -> None:
    assert not rip_codec.asks_for_table(RIP_2_REQUEST, 1)
    assert rip_codec.asks_for_table(b"\x01\x01" + RIP_2_REQUEST[2:], 1)


def test_defect_rip_answers_though_off(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, defects=("rip-answers-though-off",))
    with bench.serving(device, rip):
        assert answers_udp(endpoint(device, 520), RIP_2_REQUEST)


def test_defect_rip_announces_without_a_listener(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, defects=("rip-announces-though-off",))
    with bench.serving(device, rip):
        assert device.netstat.rows() == []
        assert not answers_udp(endpoint(device, 520), RIP_2_REQUEST)


def test_a_client_that_fails_is_noticed(bench: Bench) -> None:
    async def fail() -> None:
        raise RuntimeError("a mistake")

    async def notice() -> str:
        noticed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        handler = lambda _, context: noticed.set_result(str(context["exception"]))  # noqa: E731
        asyncio.get_running_loop().set_exception_handler(handler)
        Background(fail())
        return await noticed

    assert bench.run(notice()) == "a mistake"
