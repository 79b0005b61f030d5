from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nportlab.virtual import wire
from nportlab.virtual.addressing import Addressing, mapped
from nportlab.virtual.spec import RackSpec, UnitSpec, derived_mac, derived_serial

MESSAGES = st.lists(st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans())), max_size=5)


@given(MESSAGES, st.lists(st.integers(1, 50), max_size=40))
def test_messages_survive_any_cutting(messages: list[dict[str, Any]], cuts: list[int]) -> None:
    data = b"".join(map(wire.encode, messages))
    lines = wire.Lines()
    heard: list[dict[str, Any]] = []
    for cut in [*cuts, len(data)]:
        heard += lines.feed(data[:cut])
        data = data[cut:]
    heard += lines.feed(data)
    assert heard == messages


@given(st.binary(max_size=60))
def test_noise_is_a_wire_error_or_nothing(data: bytes) -> None:
    try:
        messages = wire.Lines().feed(data + b"\n")
    except wire.WireError:
        return
    assert all(isinstance(message, dict) for message in messages)


def unit(name: str, **changes: Any) -> UnitSpec:
    values = {"model": "NP6150", "firmware": "2.3", "address": "192.168.127.11", "serial_number": 1}
    return UnitSpec(**{"name": name, "mac": derived_mac("r", name), **values, **changes})


def rack(*units: UnitSpec, **changes: Any) -> RackSpec:
    return RackSpec(**{"name": "r", "directory": Path("/nowhere"), "units": units, **changes})


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({"address": "192.168.127.11"}, "a and b have the same address 192.168.127.11"),
        ({"address": "192.168.127.12", "mac": derived_mac("r", "a").lower()}, "a and b have the same MAC address"),
        ({"address": "192.168.127.1"}, "b has the harness's own address"),
    ],
)
def test_units_that_cannot_be_side_by_side(second: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        rack(unit("a"), unit("b", **second))


def test_an_unknown_model_or_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="unknown model"):
        unit("a", model="NP5110")
    with pytest.raises(ValidationError, match="adress"):
        unit("a", adress="192.168.127.12")


def test_a_spec_travels_as_json_and_hides_passwords_in_print() -> None:
    spec = rack(unit("a", username="admin", password="Blue4Bird"))
    assert RackSpec.model_validate_json(spec.model_dump_json()) == spec
    assert "Blue4Bird" not in repr(spec)


def test_derived_identities_are_steady_and_different() -> None:
    assert derived_mac("desk", "a") == derived_mac("desk", "a") != derived_mac("desk", "b")
    assert derived_mac("desk", "a").startswith("00:90:E8:")
    assert 1 <= derived_serial("desk", "a") <= 9999


@given(st.integers(1, 65535))
def test_mapping_leaves_no_low_ports(port: int) -> None:
    assert mapped(port) >= 1024
    assert Addressing("loopback", "127.1.2.3").bind(port) == ("127.1.2.3", mapped(port))
    assert Addressing("namespaces").bind(port) == ("0.0.0.0", port)


def test_no_two_ports_of_the_series_are_mapped_to_one() -> None:
    used = {22, 23, 80, 443, 515, 4900, 14900, 161, 4800, *range(950, 1014), *range(2048, 2080), *range(4001, 4033)}
    assert len({mapped(port) for port in used}) == len(used)
