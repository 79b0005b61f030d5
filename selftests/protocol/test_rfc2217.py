"""COM-PORT-OPTION codec, pinned by pyserial's independent table of the same numbers."""

from __future__ import annotations

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st
from serial import rfc2217 as theirs

from nportlab.protocol import rfc2217 as ours
from nportlab.protocol.rfc2217 import Code, ComPortError, Control, Message, decode, message
from nportlab.protocol.telnet_options import Subnegotiation, TelnetDecoder

LETTERS = {"none": "N", "odd": "O", "even": "E", "mark": "M", "space": "S"}


@pytest.mark.parametrize("code", Code)
def test_codes_are_those_of_pyserial(code: Code) -> None:
    if code is Code.SIGNATURE:
        assert code == 0  # RFC 2217, section 3; pyserial has no name for it
        return
    assert bytes([code]) == getattr(theirs, code.name)
    assert bytes([code + ours.SERVER]) == getattr(theirs, f"SERVER_{code.name}")


CONTROLS = {
    Control.ASK_FLOW: "REQ_FLOW_SETTING",
    Control.NO_FLOW: "USE_NO_FLOW_CONTROL",
    Control.XON_XOFF: "USE_SW_FLOW_CONTROL",
    Control.HARDWARE: "USE_HW_FLOW_CONTROL",
    Control.ASK_BREAK: "REQ_BREAK_STATE",
    Control.ASK_INBOUND_FLOW: "REQ_FLOW_SETTING_IN",
    Control.INBOUND_NO_FLOW: "USE_NO_FLOW_CONTROL_IN",
    Control.INBOUND_XON_XOFF: "USE_SW_FLOW_CONTOL_IN",
    Control.INBOUND_HARDWARE: "USE_HW_FLOW_CONTOL_IN",
    Control.DCD_FLOW: "USE_DCD_FLOW_CONTROL",
    Control.INBOUND_DTR_FLOW: "USE_DTR_FLOW_CONTROL",
    Control.DSR_FLOW: "USE_DSR_FLOW_CONTROL",
    Control.ASK_DTR: "REQ_DTR",
    Control.ASK_RTS: "REQ_RTS",
}


@pytest.mark.parametrize("control", Control)
def test_control_values_are_those_of_pyserial(control: Control) -> None:
    assert bytes([control]) == getattr(theirs, f"SET_CONTROL_{CONTROLS.get(control, control.name)}")


def test_parity_stop_bits_and_states_are_those_of_pyserial() -> None:
    assert {LETTERS[name]: code for code, name in ours.PARITY.items()} == theirs.RFC2217_PARITY_MAP
    assert {bits: code for code, bits in ours.STOP_BITS.items()} == theirs.RFC2217_STOPBIT_MAP
    state = ours.ModemState
    assert (state.CTS, state.DSR, state.RI, state.DCD) == (
        theirs.MODEMSTATE_MASK_CTS,
        theirs.MODEMSTATE_MASK_DSR,
        theirs.MODEMSTATE_MASK_RI,
        theirs.MODEMSTATE_MASK_CD,
    )
    assert (state.CTS_CHANGED, state.DSR_CHANGED, state.RI_ENDED, state.DCD_CHANGED) == (1, 2, 4, 8)
    line = ours.LineState
    assert (line.BREAK, line.FRAMING, line.PARITY, line.OVERRUN) == (16, 8, 4, 2)
    assert theirs.PURGE_BOTH_BUFFERS[0] == ours.Purge.BOTH
    assert serial.STOPBITS_ONE_POINT_FIVE in ours.STOP_BITS.values()


@given(st.sampled_from(Code), st.integers(0, 2**32 - 1), st.booleans())
def test_a_message_is_read_back(code: Code, number: int, from_server: bool) -> None:
    size = 4 if code is Code.SET_BAUDRATE else 0 if "FLOW" in code.name else 1
    sent = Message(code, (number % 256**size).to_bytes(size, "big"), from_server)
    (event,) = TelnetDecoder().feed(sent.encode())
    assert isinstance(event, Subnegotiation)
    assert event.option == 44
    assert decode(event.payload) == sent


@given(st.binary(max_size=12))
def test_garbage_is_a_message_or_an_error(payload: bytes) -> None:
    try:
        found = decode(payload)
    except ComPortError:
        return
    assert found.encode()


@pytest.mark.parametrize("payload", ["", "0100", "0d00", "0500ff", "63", "0800", "0a"])
def test_wrong_lengths_and_codes_are_refused(payload: str) -> None:
    with pytest.raises(ComPortError):
        decode(bytes.fromhex(payload))


def test_an_answer_has_the_size_of_the_request() -> None:
    assert message(Code.SET_BAUDRATE, 0).answer(115200).encode() == bytes.fromhex("fffa2c650001c200fff0")
    assert message(Code.SET_CONTROL, 4).answer(6) == Message(Code.SET_CONTROL, b"\x06", from_server=True)


def test_a_poll_has_no_value() -> None:
    assert decode(b"\x07") == Message(Code.NOTIFY_MODEMSTATE)
    assert decode(b"\x07").number == 0


def test_every_outbound_flow_has_its_inbound_one() -> None:
    assert set(ours.BOTH_WAYS) == set(ours.OUTBOUND_FLOW)
    assert set(ours.BOTH_WAYS.values()) == set(ours.INBOUND_FLOW)
