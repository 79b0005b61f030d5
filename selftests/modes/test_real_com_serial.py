"""pyserial's face of the Real COM client, against the device whose bytes are written down by hand."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import serial

from nportlab.modes.handlers import register
from nportlab.modes.real_com_serial import RealComSerial
from nportlab.modes.real_com_url import make_url, parse_url
from nportlab.modes.secure import server_context
from nportlab.unit.endpoint import Endpoint
from selftests.modes.foreign import LOCAL, free_port, wait_until
from selftests.modes.scripted_device import ScriptedDevice
from selftests.modes.test_tcp import PATTERN


@pytest.fixture
def device() -> Iterator[ScriptedDevice]:
    one = ScriptedDevice()
    yield one
    one.close()


def port(device: ScriptedDevice, *, secure: bool = False, **settings: object) -> RealComSerial:
    register()
    url = make_url(device.data_endpoint, device.command_endpoint, secure=secure)
    one = serial.serial_for_url(url, **{"timeout": 5, **settings})  # type: ignore[arg-type]
    assert isinstance(one, RealComSerial)
    return one


def sent(device: ScriptedDevice) -> list[str]:
    return [one.hex(" ") for one in device.writes]


def test_opened_by_url_it_reads_and_writes(device: ScriptedDevice) -> None:
    with port(device) as one:
        assert one.write(b"hello\nworld") == 11
        assert one.readline() == b"hello\n"
        assert one.read_until(b"d") == b"world"
        one.write(b"abc")
        wait_until(lambda: one.in_waiting == 3)
        assert one.read_all() == b"abc"
    assert not one.is_open
    with pytest.raises(serial.SerialException, match="not open"):
        one.read()


def test_over_tls_from_two_threads() -> None:
    device = ScriptedDevice(server_context())
    with port(device, secure=True) as one:
        writer = threading.Thread(target=one.write, args=(PATTERN,))
        writer.start()
        assert one.read(len(PATTERN)) == PATTERN
        writer.join()
        assert one.session.tls is not None
    device.close()


def test_settings_before_and_after_opening(device: ScriptedDevice) -> None:
    with port(device, baudrate=115200, bytesize=7, parity="E", stopbits=2, rtscts=True, xonxoff=True) as one:
        assert sent(device)[0] == "2c 08 0a 0e 01 01 01 01 01 01"
        device.writes.clear()
        one.timeout = 1
        assert not device.writes
        one.baudrate = 12_345
        assert sent(device) == ["2c 08 ff 0e 01 01 01 01 01 01", "17 04 39 30 00 00", "18 02 11 13", "30 01 10"]
        one.apply_settings({**one.get_settings(), "rtscts": False, "xonxoff": False})
        assert sent(device)[-2] == "17 04 39 30 00 00"


def test_what_real_com_or_the_unit_does_not_do_is_a_value_error(device: ScriptedDevice) -> None:
    with port(device) as one:
        with pytest.raises(ValueError, match="DSR/DTR"):
            one.dsrdtr = True
        one.dsrdtr = False
        with pytest.raises(ValueError, match="NA"):
            one.baudrate = 1_000_000
    with pytest.raises(ValueError, match="NA"):
        port(device, baudrate=1_000_000)


def test_lines_and_break(device: ScriptedDevice) -> None:
    with port(device) as one:
        device.writes.clear()
        assert (one.dsr, one.cts, one.cd, one.ri) == (True, False, True, False)
        one.dtr = False
        one.rts = False
        one.break_condition = True
        one.break_condition = False
        one.send_break(0.25)
        one.send_break(0.002)
        one.set_output_flow_control(False)
        one.set_output_flow_control(True)
        lines = ["13 00"] * 3 + ["12 02 00 01", "12 02 00 00"]
        assert sent(device) == [*lines, "21 00", "22 00", "23 02 00 fa", "21 00", "22 00", "34 00", "33 00"]
        device.say("26 20 44 80")
        wait_until(lambda: one.ri)
    device.writes.clear()
    one = port(device, do_not_open=True)
    one.dtr = False
    with one:
        assert sent(device)[0] == "2c 08 06 03 00 01 00 00 00 00"


def test_timeouts_of_reading(device: ScriptedDevice) -> None:
    with port(device, timeout=0.2) as one:
        one.write(b"ab")
        begun = time.monotonic()
        assert one.read(3) == b"ab"
        assert 0.19 < time.monotonic() - begun < 2
        one.timeout = 0
        assert one.read(3) == b""
        one.timeout = 5
        one.inter_byte_timeout = 0.1
        one.write(b"cd")
        begun = time.monotonic()
        assert one.read(3) == b"cd"
        assert time.monotonic() - begun < 2
        one.inter_byte_timeout = None
        one.timeout = None
        threading.Timer(0.05, one.cancel_read).start()
        assert one.read(1) == b""


@pytest.fixture
def stuck() -> Iterator[tuple[RealComSerial, ScriptedDevice]]:
    """A port whose unit reads no data."""
    device = ScriptedDevice()
    with socket.create_server((LOCAL, 0)) as server:
        register()
        url = make_url(Endpoint(*server.getsockname()), device.command_endpoint)
        with serial.serial_for_url(url, write_timeout=0.2) as one:
            assert isinstance(one, RealComSerial)
            yield one, device
    device.close()


def test_timeouts_of_writing(stuck: tuple[RealComSerial, ScriptedDevice]) -> None:
    one, _ = stuck
    with pytest.raises(serial.SerialTimeoutException, match=r"\d+ of 16777216 bytes taken"):
        one.write(bytes(16 << 20))
    one.write_timeout = 0
    while one.write(bytes(65536)):
        pass
    one.write_timeout = None
    threading.Timer(0.05, one.cancel_write).start()
    assert one.write(bytes(1 << 20)) < 1 << 20
    assert one.out_waiting > 5
    one.write_timeout = 0.1
    with pytest.raises(serial.SerialTimeoutException, match="not taken by the unit"):
        one.flush()


def test_flush_waits_for_the_wire(device: ScriptedDevice) -> None:
    with port(device, write_timeout=0.3) as one:
        one.write(b"data")
        with pytest.raises(serial.SerialTimeoutException, match="256 bytes not sent"):
            one.flush()
        device.answers[0x2F] = bytes.fromhex("2F 02 00 00")
        one.flush()
        wait_until(lambda: one.out_waiting == 5)
        device.writes.clear()
        assert one.read(4) == b"data"
        one.write(b"stale")
        wait_until(lambda: one.in_waiting == 5)
        one.reset_input_buffer()
        one.reset_output_buffer()
        assert sent(device) == ["14 01 00", "14 01 01"]
        one.timeout = 0
        assert one.read(5) == b""


def test_a_port_nobody_reads_holds_a_bounded_amount(device: ScriptedDevice) -> None:
    with port(device, write_timeout=0.3) as one:
        with pytest.raises(serial.SerialTimeoutException):
            while one.write(bytes(1 << 20)):
                assert one.in_waiting < 2 << 20
        assert one.read(3 << 20) == bytes(3 << 20)


def test_a_unit_that_goes_away_is_a_serial_exception(device: ScriptedDevice) -> None:
    with port(device) as one:
        one.write(b"last")
        wait_until(lambda: one.in_waiting == 4)
        device.drop_connections()
        assert one.read(10) == b"last"
        with pytest.raises(serial.SerialException, match="closed"):
            one.read(1)
        with pytest.raises(serial.SerialException):
            assert one.cts
    nowhere = f"realcom://{LOCAL}:{free_port()}:{free_port()}"
    with pytest.raises(serial.SerialException, match=r"could not open port .*refuses"):
        serial.serial_for_url(nowhere)


def test_urls() -> None:
    assert parse_url("realcom://10.0.0.1:950") == (Endpoint("10.0.0.1", 950), Endpoint("10.0.0.1", 966), False)
    assert parse_url("realcom://unit.lab:982:998/?tls").secure
    assert parse_url("REALCOM://[fd00::1]:950:966").data == Endpoint("fd00::1", 950)
    assert make_url(*parse_url("realcom://[fd00::1]:950:966?tls")[:2], secure=True) == "realcom://[fd00::1]:950:966?tls"
    for wrong in ("realcom://host", "realcom://host:0", "realcom://host:65530", "realcom://host:1:99999", "tcp://h:1"):
        with pytest.raises(ValueError, match="is not realcom://"):
            parse_url(wrong)
    with pytest.raises(ValueError, match="one host"):
        make_url(Endpoint("a", 1), Endpoint("b", 2))
    register()
    with pytest.raises(serial.SerialException, match="is not realcom://"):
        serial.serial_for_url("realcom://host")
