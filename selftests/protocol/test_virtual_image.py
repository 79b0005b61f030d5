"""Images of the virtual unit: what is made is read, and every damage is seen."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nportlab.protocol.virtual_image import (
    DAMAGES,
    LARGEST_IMAGE,
    MAGIC,
    ImageDamaged,
    ImageError,
    ImageHead,
    ImageOversized,
    ImageTruncated,
    NotAnImage,
    check_image,
    damaged,
    make_image,
    read_head,
)

LINE = "6400/6600"
SMALL = make_image(LINE, "2.0", models=["NP6450"], payload_size=100)
names = st.text(min_size=1, max_size=60)


@given(
    line=names, version=names, build=st.text(max_size=60), models=st.lists(names, max_size=4), size=st.integers(0, 300)
)
def test_what_was_made_is_read(line: str, version: str, build: str, models: list[str], size: int) -> None:
    image = make_image(line, version, build=build, models=models, payload_size=size)
    assert check_image(image) == ImageHead(line, version, build, tuple(models), size)
    assert len(image) == check_image(image).size


def test_the_layout() -> None:
    """The bytes of the documented layout, taken apart without the codec."""
    image = make_image("ab", "2.0", build="B", models=["m"], payload_size=5)
    assert image[:8] == MAGIC
    assert image[8:16] == bytes.fromhex("0001 003c 00000005".replace(" ", ""))
    assert image[48:60] == b"\x02ab\x032.0\x01B\x01\x01m"
    assert len(image) == 60 + 5
    assert image[16:48] == hashlib.sha256(image[:16] + bytes(32) + image[48:]).digest()


def test_the_same_arguments_give_the_same_bytes_and_others_do_not() -> None:
    assert make_image(LINE, "2.0") == make_image(LINE, "2.0")
    assert make_image(LINE, "2.0")[-64:] != make_image(LINE, "2.1")[-64:]


@given(bit=st.integers(0, len(SMALL) * 8 - 1))
def test_no_flipped_bit_is_overlooked(bit: int) -> None:
    changed = bytearray(SMALL)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ImageError):
        check_image(bytes(changed))


@given(length=st.integers(0, len(SMALL) - 1))
def test_no_cut_is_overlooked(length: int) -> None:
    with pytest.raises((ImageTruncated, NotAnImage)):
        check_image(SMALL[:length])


@given(data=st.binary(max_size=200))
@settings(max_examples=200)
def test_anything_else_is_refused(data: bytes) -> None:
    for candidate in (data, MAGIC + data, SMALL[:48] + data):
        with pytest.raises(ImageError):
            check_image(candidate)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("flip", ImageDamaged),
        ("flip-head", ImageDamaged),
        ("truncate", ImageTruncated),
        ("empty", NotAnImage),
        ("oversize", ImageOversized),
        ("too-large", ImageOversized),
        ("not-an-image", NotAnImage),
    ],
)
def test_damage_is_seen(kind: str, error: type[ImageError]) -> None:
    with pytest.raises(error):
        check_image(damaged(SMALL, kind))


def test_wrong_line_and_model_are_whole_images_of_others() -> None:
    for kind in ("wrong-line", "wrong-model"):
        head = check_image(damaged(SMALL, kind))
        assert not head.fits("NP6450", LINE)
        assert head.version == "2.0"


def test_every_damage_changes_the_image() -> None:
    assert all(damaged(SMALL, kind) != SMALL for kind in DAMAGES)


@given(at=st.floats(0, 1))
def test_damage_at_any_place(at: float) -> None:
    for kind in ("flip", "truncate"):
        with pytest.raises(ImageError):
            check_image(damaged(SMALL, kind, at))


def test_who_it_is_for() -> None:
    assert read_head(SMALL).fits("NP6450", LINE)
    assert not read_head(SMALL).fits("NP6650-16", LINE)
    assert not read_head(SMALL).fits("NP6450", "6100/6200")
    assert read_head(make_image(LINE, "2.0")).fits("NP6650-16", LINE)


def test_the_head_is_read_before_the_rest_is_there() -> None:
    assert read_head(SMALL[:100]).version == "2.0"


def test_what_no_head_can_hold() -> None:
    for arguments in (("x" * 256, "2.0"), ("", "2.0"), (LINE, "")):
        with pytest.raises(ValueError):
            make_image(*arguments)
    assert len(make_image(LINE, "2.0")) < LARGEST_IMAGE
