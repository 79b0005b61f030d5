"""Firmware images of the virtual unit. The layout is an invention: the vendor's `.rom` files are not public.

    magic          8 bytes  "NPLABROM"
    format         BE16     1
    head size      BE16     bytes before the payload
    payload size   BE32
    digest         32 bytes SHA-256 of the whole file with these 32 bytes zero
    line           product line whose units take it, "6400/6600"; a length byte, then UTF-8, as the two texts after it
    version        "2.0"
    build          "Build 24101817", may be empty
    models         a count byte, then that many such texts; none means every model of the line
    payload        pseudo-random bytes, the same for the same line, version and models

What a unit checks, it checks itself; here is only what the bytes say, and whether they are whole.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

MAGIC: Final = b"NPLABROM"
FORMAT: Final = 1
PAYLOAD_SIZE: Final = 256 * 1024
"""Bytes of payload unless asked otherwise."""

LARGEST_IMAGE: Final = 2 * 1024 * 1024
"""Bytes the flash bank of a virtual unit holds (invented)."""

_FIXED = struct.Struct(">8sHHI32s")
_DIGEST = slice(16, 48)
_LONGEST_TEXT = 255


class ImageError(ValueError):
    """The bytes are no firmware image one may use. The text says why."""


class NotAnImage(ImageError):
    """No magic, an unknown format, or a head that cannot be read."""


class ImageTruncated(ImageError):
    """The file ends before the size its head announces."""


class ImageOversized(ImageError):
    """There is more than the head announces, or more than a unit's flash bank holds."""


class ImageDamaged(ImageError):
    """The digest does not fit the bytes."""


@dataclass(frozen=True)
class ImageHead:
    """What an image says of itself.

    line: product line of the guide's family table. models: those that take it, () for all of the line. build: text
    after the version as the unit shows it. payload_size: bytes.
    """

    line: str
    version: str
    build: str = ""
    models: tuple[str, ...] = ()
    payload_size: int = PAYLOAD_SIZE

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return _FIXED.size + len(_texts(self)) + self.payload_size

    def fits(self, model: str, line: str) -> bool:
        """Whether a unit of this model and product line may take it."""
        return self.line == line and (not self.models or model in self.models)


def make_image(
    line: str, version: str, *, build: str = "", models: Iterable[str] = (), payload_size: int = PAYLOAD_SIZE
) -> bytes:
    """A whole image; the same arguments give the same bytes. Raises ValueError: text or size too long for the head."""
    return _sealed(ImageHead(line, version, build, tuple(models), payload_size))


def read_head(data: bytes) -> ImageHead:
    """The head at the beginning of `data`, whether or not the rest is there. Raises NotAnImage, ImageTruncated."""
    if not data:
        raise NotAnImage("the file is empty")
    if data[:8] != MAGIC[: len(data)]:
        raise NotAnImage("not a firmware image")
    if len(data) < _FIXED.size:
        raise ImageTruncated("the file ends inside its head")
    _, layout, head_size, payload_size, _ = _FIXED.unpack_from(data)
    if layout != FORMAT:
        raise NotAnImage(f"format {layout} is unknown")
    if len(data) < head_size:
        raise ImageTruncated("the file ends inside its head")
    reader = _Reader(data[_FIXED.size : max(head_size, _FIXED.size)])
    line, version, build = reader.text(), reader.text(), reader.text()
    models = tuple(reader.text() for _ in range(reader.byte()))
    if reader.left or not line or not version:
        raise NotAnImage("the head cannot be read")
    return ImageHead(line, version, build, models, payload_size)


def check_size(data: bytes, head: ImageHead) -> None:
    """Raise ImageTruncated or ImageOversized unless `data` has the size its head announces and a bank holds."""
    if len(data) < head.size:
        raise ImageTruncated(f"the file has {len(data)} bytes of {head.size}")
    if len(data) > head.size:
        raise ImageOversized(f"the file has {len(data)} bytes, its head announces {head.size}")
    if len(data) > LARGEST_IMAGE:
        raise ImageOversized(f"the file has {len(data)} bytes, a unit holds {LARGEST_IMAGE}")


def check_digest(data: bytes) -> None:
    """Raise ImageDamaged unless the digest in the head is that of the bytes."""
    if data[_DIGEST] != _digest(data):
        raise ImageDamaged("the digest of the file is wrong")


def check_image(data: bytes) -> ImageHead:
    """The head of a whole and undamaged image. Raises ImageError; which one is checked in this order: head, size,
    digest."""
    head = read_head(data)
    check_size(data, head)
    check_digest(data)
    return head


# Damage ---------------------------------------------------------------------------------------------------------------


def damaged(data: bytes, kind: str, at: float = 0.5) -> bytes:
    """A whole image made bad in one way of `DAMAGES`. at: where, as a fraction of the file, for `flip` and `truncate`.

    Raises KeyError for an unknown kind, ImageError when `data` is no whole image.
    """
    head = check_image(data)
    return DAMAGES[kind](data, head, at)


def _flip(data: bytes, head: ImageHead, at: float) -> bytes:
    bit = min(int(at * len(data) * 8), len(data) * 8 - 1)
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _flip_head(data: bytes, head: ImageHead, at: float) -> bytes:
    changed = bytearray(data)
    changed[_FIXED.size + 1] ^= 0x01  # first letter of the line
    return bytes(changed)


def _truncate(data: bytes, head: ImageHead, at: float) -> bytes:
    return data[: min(int(at * len(data)), len(data) - 1)]


def _oversize(data: bytes, head: ImageHead, at: float) -> bytes:
    return data + bytes(4096)


def _too_large(data: bytes, head: ImageHead, at: float) -> bytes:
    return _sealed(replace(head, payload_size=LARGEST_IMAGE))


def _wrong_line(data: bytes, head: ImageHead, at: float) -> bytes:
    other = "6100/6200" if head.line != "6100/6200" else "6400/6600"
    return _sealed(replace(head, line=other, models=()))


def _wrong_model(data: bytes, head: ImageHead, at: float) -> bytes:
    return _sealed(replace(head, models=("NP6000-X",)))


def _not_an_image(data: bytes, head: ImageHead, at: float) -> bytes:
    return b"\x7fELF" + data[4:]


DAMAGES: Final[Mapping[str, Callable[[bytes, ImageHead, float], bytes]]] = {
    "flip": _flip,
    "flip-head": _flip_head,
    "truncate": _truncate,
    "empty": lambda data, head, at: b"",
    "oversize": _oversize,
    "too-large": _too_large,
    "wrong-line": _wrong_line,
    "wrong-model": _wrong_model,
    "not-an-image": _not_an_image,
}
"""By name: one bit flipped, one bit of the head flipped, cut short, nothing, bytes too many, larger than a bank,
another product line, another model of the line (both whole, with a right digest), something else."""


# Bytes ----------------------------------------------------------------------------------------------------------------


class _Reader:
    """Takes texts off the head. Raises NotAnImage beyond its end."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    def byte(self) -> int:
        return self._take(1)[0]

    def text(self) -> str:
        try:
            return self._take(self.byte()).decode()
        except UnicodeDecodeError:
            raise NotAnImage("the head cannot be read") from None

    def _take(self, size: int) -> bytes:
        if len(self.left) < size:
            raise NotAnImage("the head cannot be read")
        taken, self.left = self.left[:size], self.left[size:]
        return taken


def _texts(head: ImageHead) -> bytes:
    texts = b"".join(_text(text) for text in (head.line, head.version, head.build))
    return texts + bytes([len(head.models)]) + b"".join(_text(model) for model in head.models)


def _text(text: str) -> bytes:
    data = text.encode()
    if len(data) > _LONGEST_TEXT:
        raise ValueError(f"{text[:20]}... is longer than {_LONGEST_TEXT} bytes")
    return bytes([len(data)]) + data


def _sealed(head: ImageHead) -> bytes:
    if not head.line or not head.version:
        raise ValueError("an image has a line and a version")
    if not 0 <= head.payload_size < 1 << 32 or len(head.models) > _LONGEST_TEXT:
        raise ValueError("too large for the head")
    texts = _texts(head)
    if _FIXED.size + len(texts) > 0xFFFF:
        raise ValueError("too large for the head")
    payload = hashlib.shake_128(texts).digest(head.payload_size)
    blank = _FIXED.pack(MAGIC, FORMAT, _FIXED.size + len(texts), head.payload_size, bytes(32)) + texts + payload
    return blank[: _DIGEST.start] + _digest(blank) + blank[_DIGEST.stop :]


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data[: _DIGEST.start] + bytes(32) + data[_DIGEST.stop :]).digest()
