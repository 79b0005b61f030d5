"""Ethernet modem mode: the serial device dials addresses and answers calls with AT commands, as it would a modem."""

import time

import pytest

from fixtures.marks import control, on_port
from fixtures.mode_clients import network_port
from nportlab.guide.modes import default_port
from nportlab.modes.modem import ANSWER_WITHIN, GUARD
from tests.operation_modes._ends import SOON, ended, hear, hear_all, say
from tests.operation_modes._modem import Modem, called, caller, exchange, last_words

pytestmark = pytest.mark.opmode

MODEM = {"tcp_port": "=4500+n", "baud_rate": "57600"}
"""Not the rate of the factory, so that CONNECT must look it up."""

NOT_THROUGH = ("NO CARRIER", "BUSY", "NO ANSWER", "ERROR")
"""What a modem may say of a call that did not get through."""

NOT_ANSWERED = 10.0
"""Seconds after which a call nobody answers must be over, however busy the unit is."""

# --- calls of the serial device -----------------------------------------------------------------------------------


@control("OPM-09")
@on_port("ethernet_modem", MODEM)
def test_a_number_that_is_an_address_and_a_port_is_dialled_and_data_crosses(port):
    host, modem = caller(port), Modem(port)
    modem.dial(host.endpoint, modem.connect)
    exchange(port, called(host))


@control("OPM-09")
@on_port("ethernet_modem", MODEM)
def test_a_call_to_nobody_is_not_connected(port):
    host, modem = caller(port), Modem(port)
    host.close()
    modem.dial(host.endpoint, *NOT_THROUGH)
    there = caller(port)
    modem.dial(there.endpoint, modem.connect)
    exchange(port, called(there))


@control("OPM-09")
@on_port("ethernet_modem", MODEM)
def test_a_command_that_is_none_is_an_error(port):
    modem = Modem(port)
    for line in ("AT=", "AT%ZZZ", "ATS0"):
        modem.command(line, "ERROR")
        modem.command("AT", "OK")


@control("OPM-09")
@on_port("ethernet_modem", MODEM)
def test_a_number_that_is_no_address_is_not_dialled(port):
    modem = Modem(port)
    for number in ("300.1.1.1:80", "nobody", "127.0.0.1:99999", ""):
        modem.command(f"ATD{number}", *NOT_THROUGH)
        modem.command("AT", "OK")


# --- the way out of a call ----------------------------------------------------------------------------------------


@control("OPM-09", "MOD-19")
@on_port("ethernet_modem", MODEM)
def test_the_escape_sequence_leads_to_the_command_state_and_ato_back(port):
    host, modem = caller(port), Modem(port)
    modem.dial(host.endpoint, modem.connect)
    call = called(host)
    exchange(port, call)
    modem.escape()
    modem.command("AT", "OK")
    hear_all(call)
    modem.return_to_call(modem.connect)
    exchange(port, call)


@control("OPM-09", "MOD-19")
@on_port("ethernet_modem", MODEM)
def test_ath_after_the_escape_sequence_hangs_up(port):
    host, modem = caller(port), Modem(port)
    modem.dial(host.endpoint, modem.connect)
    call = called(host)
    exchange(port, call)
    modem.escape()
    modem.hang_up()
    assert ended(call) is not None, "after ATH the other end's connection is still open"
    modem.command("ATO", *NOT_THROUGH)


@control("MOD-19")
@on_port("ethernet_modem", MODEM)
def test_the_escape_sequence_without_pauses_is_data(port):
    host, modem = caller(port), Modem(port)
    modem.dial(host.endpoint, modem.connect)
    call = called(host)
    say(port.adapter, b"one+++two")
    assert hear(call, 9) == b"one+++two"
    say(port.adapter, b"three+++")
    assert hear(call, 8) == b"three+++"
    modem.expect_silence(GUARD + 0.3)
    exchange(port, call)
    modem.escape()


# --- calls from the network ---------------------------------------------------------------------------------------


@control("MOD-19")
@on_port("ethernet_modem", MODEM)
def test_a_call_rings_and_ata_answers_it(port):
    host, modem = caller(port), Modem(port)
    modem.register(0, 0)
    call = port.stack.enter_context(host.dial(port.endpoint(network_port(port))))
    modem.result("RING")
    modem.answer(modem.connect)
    exchange(port, call)


@control("MOD-19")
@on_port("ethernet_modem", MODEM)
def test_a_call_nobody_answers_in_time_is_dropped(port, evidence):
    host, modem = caller(port), Modem(port)
    modem.register(0, 0)
    begun = time.monotonic()
    call = port.stack.enter_context(host.dial(port.endpoint(network_port(port))))
    modem.result("RING")
    assert ended(call, NOT_ANSWERED) is not None, f"nobody answers, and after {NOT_ANSWERED:g} s the call still stands"
    lasted = time.monotonic() - begun
    evidence.note(f"the call was dropped after {lasted:.2f} s")
    assert lasted > 0.9 * ANSWER_WITHIN, "the serial device has less time than the manual says"
    last_words(port.adapter)
    modem.command("ATA", *NOT_THROUGH)


@control("MOD-19")
@on_port("ethernet_modem", MODEM)
def test_with_s0_a_call_is_answered_without_ata(port):
    host, modem = caller(port), Modem(port)
    modem.register(0, 1)
    call = port.stack.enter_context(host.dial(port.endpoint(network_port(port))))
    assert modem.result("RING", modem.connect) == modem.connect or modem.result(modem.connect)
    exchange(port, call)


# --- how a call ends ----------------------------------------------------------------------------------------------


@control("MOD-19")
@on_port("ethernet_modem", MODEM)
def test_the_serial_device_is_told_that_the_other_end_hung_up(port):
    host, modem = caller(port), Modem(port)
    modem.dial(host.endpoint, modem.connect)
    call = called(host)
    exchange(port, call)
    call.close()
    modem.result("NO CARRIER")
    modem.command("AT", "OK")


@control("MOD-19")
@on_port("ethernet_modem", MODEM)
def test_dropping_dtr_hangs_up(port):
    host, modem = caller(port), Modem(port)
    modem.dial(host.endpoint, modem.connect)
    call = called(host)
    exchange(port, call)
    port.adapter.set_lines(dtr=False)
    assert ended(call) is not None, "the serial device dropped DTR, and the call still stands"
    port.adapter.set_lines(dtr=True)
    modem.result("NO CARRIER", timeout=SOON)
    modem.command("AT", "OK")


# --- the network port ---------------------------------------------------------------------------------------------


@control("OPM-09")
@on_port("ethernet_modem", MODEM)
def test_calls_are_taken_on_the_tcp_port_that_was_set_and_no_more_on_the_one_before(port, tcp):
    new = network_port(port)
    assert tcp.open_among({new, default_port(port.number)}) == {new}
