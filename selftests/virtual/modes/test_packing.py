"""Data packing against a byte-by-byte model of the same rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.virtual.unit.modes.packing import BUFFER, Packer, Packing, packing
from nportlab.virtual.unit.modes.port_settings import PortSettings

small = st.integers(0, 3)
rules = st.builds(
    Packing,
    length=st.sampled_from([0, 0, 0, 1, 7, 1000, 1024]),
    delimiter=st.lists(small, max_size=2).map(bytes),
    extra=st.integers(0, 2),
    force=st.sampled_from([0.0, 0.01]),
) | st.builds(Packing, delimiter=st.lists(small, min_size=1, max_size=2).map(bytes), strip=st.just(True))
bits = st.lists(st.lists(small, max_size=60).map(bytes) | st.integers(900, 1100).map(lambda n: b"\x09" * n), max_size=6)


def one_by_one(asked: Packing, data: bytes) -> tuple[list[bytes], bytes]:
    """Packets and rest, by looking at each byte."""
    packets: list[bytes] = []
    kept = b""
    to_come: int | None = None
    for byte in data:
        kept += bytes([byte])
        done = False
        if asked.length:
            done = len(kept) == asked.length
        elif to_come is not None:
            to_come -= 1
            done = to_come == 0
        elif asked.delimiter and kept.endswith(asked.delimiter):
            to_come = asked.extra
            done = to_come == 0
        if done or len(kept) == BUFFER:
            stripped = kept[: -len(asked.delimiter)] if done and asked.strip else kept
            packets += [stripped] if stripped else []
            kept, to_come = b"", None
    return packets, kept


@given(rules, bits)
def test_packets_are_those_of_the_model(asked: Packing, pieces: list[bytes]) -> None:
    packer = Packer(asked)
    packets = [packet for piece in pieces for packet in packer.feed(piece)]
    if asked.collects:
        assert (packets, packer.flush()) == one_by_one(asked, b"".join(pieces))
    else:
        assert packets == pieces


def test_without_options_slices_pass_untouched() -> None:
    data = bytes(5000)
    (packet,) = Packer(Packing()).feed(data)
    assert packet is data


@pytest.mark.parametrize(
    ("asked", "data", "packets", "rest"),
    [
        (Packing(length=4), b"abcdefghij", [b"abcd", b"efgh"], b"ij"),
        (Packing(delimiter=b"\r"), b"one\rtwo\rth", [b"one\r", b"two\r"], b"th"),
        (Packing(delimiter=b"\r\n"), b"o\rn\ne\r\ntwo", [b"o\rn\ne\r\n"], b"two"),
        (Packing(delimiter=b"\r", extra=1), b"a\r1b\r2c\r", [b"a\r1", b"b\r2"], b"c\r"),
        (Packing(delimiter=b"\r", extra=2), b"a\r\r\rb", [b"a\r\r\r"], b"b"),
        (Packing(delimiter=b"\r\n", strip=True), b"a\r\n\r\nb\r\n", [b"a", b"b"], b""),
        (Packing(force=1.0), b"abc", [], b"abc"),
        (Packing(force=1.0), b"x" * 1500, [b"x" * 1024], b"x" * 476),
        (Packing(delimiter=b"\r"), b"x" * 1024 + b"\r", [b"x" * 1024, b"\r"], b""),
    ],
)
def test_examples(asked: Packing, data: bytes, packets: list[bytes], rest: bytes) -> None:
    packer = Packer(asked)
    assert (list(packer.feed(data)), packer.waiting, packer.flush()) == (packets, len(rest), rest)


def settings(**values: str) -> PortSettings:
    return PortSettings({f"port.1.{name}": value for name, value in values.items()}, 1)


BOTH = {"delimiter_1_enable": "enable", "delimiter_1": "0d", "delimiter_2_enable": "enable", "delimiter_2": "0A"}


@pytest.mark.parametrize(
    ("values", "defect", "expected"),
    [
        ({}, "", Packing()),
        (BOTH, "", Packing(delimiter=b"\r\n")),
        (BOTH | {"delimiter_1_enable": "disable"}, "", Packing()),
        (BOTH | {"packet_length": "9"}, "", Packing(length=9)),
        (BOTH | {"delimiter_process": "delimiter-plus-1"}, "", Packing(delimiter=b"\r\n", extra=1)),
        (BOTH | {"delimiter_process": "delimiter-plus-2"}, "", Packing(delimiter=b"\r\n", extra=2)),
        (BOTH | {"delimiter_process": "strip-delimiter"}, "", Packing(delimiter=b"\r\n", strip=True)),
        ({"force_transmit": "250"}, "", Packing(force=0.25)),
        (BOTH, "delimiter-2-ignored", Packing(delimiter=b"\r")),
        (
            BOTH | {"delimiter_process": "strip-delimiter"},
            "delimiter-kept-instead-of-stripped",
            Packing(delimiter=b"\r\n"),
        ),
        ({"packet_length": "9"}, "packet-length-off-by-one", Packing(length=10)),
        ({"force_transmit": "250"}, "packing-timer-off-by-ten", Packing(force=2.5)),
        ({"delimiter_1_enable": "enable", "delimiter_1": "xx"}, "", Packing(delimiter=b"\0")),
    ],
)
def test_rules_from_settings(values: dict[str, str], defect: str, expected: Packing) -> None:
    assert packing(settings(**values), lambda one: one == defect) == expected
