"""Images a unit must refuse, made of the lab's own, and what a unit is like that has refused one."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fixtures.held_firmware import Flashed, HeldFirmware, fingerprint
from nportlab.firmware.images import Image, load_images
from nportlab.firmware.kept import lost
from nportlab.firmware.routes.tool_errors import ToolCrashed, ToolTimedOut
from nportlab.guide.family import model
from nportlab.guide.firmware import Route
from nportlab.inventory import Lab
from nportlab.unit.errors import NotReachable
from nportlab.unit.firmware import FirmwareRefused, TransferBroken, same_version
from nportlab.unit.unit import Unit
from nportlab.verdicts.faults import NotApplicable

_LARGER = 4
"""Times its size: no unit has room for that."""
_APPENDED = 4096
_TEXT = b"This is the release note of a firmware, and no firmware.\r\n"


@dataclass(frozen=True)
class Damage:
    """One way to spoil an image. text: what the file is then, in a sentence such as "the unit took ..."."""

    text: str
    spoil: Callable[[bytes], bytes]


def _flip(place: float, bit: int, where: str) -> Damage:
    """place: byte number, or a fraction of the file below 1."""

    def spoil(data: bytes) -> bytes:
        at = int(place) if place >= 1 or place == 0 else int(place * len(data))
        changed = bytearray(data)
        changed[min(at, len(data) - 1)] ^= 1 << bit
        return bytes(changed)

    return Damage(f"an image in which bit {bit} of {where} is flipped", spoil)


def _zipped(data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("firmware.rom", data)
    return packed.getvalue()


DAMAGES: Mapping[str, Damage] = {
    "flip-first-byte": _flip(0, 0, "the first byte"),
    "flip-byte-20": _flip(20, 3, "byte 20"),
    "flip-byte-50": _flip(50, 0, "byte 50"),
    "flip-byte-128": _flip(128, 7, "byte 128"),
    "flip-quarter": _flip(0.25, 1, "the byte at one quarter"),
    "flip-middle": _flip(0.5, 4, "the byte in the middle"),
    "flip-three-quarters": _flip(0.75, 6, "the byte at three quarters"),
    "flip-last-byte": _flip(float(2**40), 0, "the last byte"),
    "cut-to-one-byte": Damage("the first byte of an image", lambda data: data[:1]),
    "cut-to-40-bytes": Damage("the first 40 bytes of an image", lambda data: data[:40]),
    "cut-to-half": Damage("the first half of an image", lambda data: data[: len(data) // 2]),
    "cut-one-byte-short": Damage("an image without its last byte", lambda data: data[:-1]),
    "empty": Damage("an empty file", lambda data: b""),
    "bytes-appended": Damage(f"an image and {_APPENDED} bytes more", lambda data: data + bytes(_APPENDED)),
    "far-too-large": Damage(f"an image {_LARGER} times one after another", lambda data: data * _LARGER),
    "text": Damage("a text", lambda data: _TEXT * (len(data) // len(_TEXT))),
    "zip": Damage("an image in a zip archive", _zipped),
}
"""A real image's layout is not public. In that of virtual units the bytes 20, 50 and 128 are in the digest, in the head
and in the payload."""

BY_TOOL = (
    "flip-first-byte",
    "flip-middle",
    "flip-last-byte",
    "cut-to-half",
    "cut-one-byte-short",
    "empty",
    "far-too-large",
    "zip",
)
"""Those that are sent by the tool as well. Behind both routes the same unit judges the bytes, so a few must do."""


def taken_by(firmware: HeldFirmware, unit: Unit, route: Route) -> dict[str, Image]:
    """The images the unit should take by a route from the firmware it has, those best to take back first, by version.

    Raises NotApplicable.
    """
    plan = firmware.plan
    assert plan is not None, "for tests with the mark flashing"
    if route not in plan.graph.routes:
        raise NotApplicable("lab.yaml names no mcc_tool: add firmware.mcc_tool where the vendor's tool is installed")
    ways = plan.graph.permitted(unit.entry.allow).edges.values()
    steps = [edge for edge in ways if same_version(edge.source, firmware.present) and route in edge.routes]
    if not steps:
        raise NotApplicable(f"no permitted step by {route} leads from {firmware.present} with the images at hand")
    steps.sort(key=lambda edge: (edge.one_way, edge.direction == "downgrade"))
    return {edge.target: firmware.image(edge.target) for edge in steps}


def spoiled(image: Image, damage: Damage, folder: Path) -> Path:
    """The damaged image as a file with the name of the right one. Damage always shows: it is never the image itself."""
    data = image.path.read_bytes()
    made = damage.spoil(data)
    assert made != data
    return _file(folder, image, made)


def renamed(image: Image, other: Image, folder: Path) -> Path:
    """Another image as a file with the name of the right one."""
    return _file(folder, image, other.path.read_bytes())


def of_other_line(lab: Lab, unit: Unit, like: Mapping[str, Image]) -> Image:
    """An image of another product line, of a version of `like`. Raises NotApplicable."""
    own = model(unit.model).line
    return _foreign(lab, unit, like, f"another line than {own}", lambda image: image.line != own)


def of_other_model(lab: Lab, unit: Unit, like: Mapping[str, Image]) -> Image:
    """An image of the unit's own line for other models only, of a version of `like`. Raises NotApplicable."""
    own = model(unit.model).line
    return _foreign(lab, unit, like, f"other models of the line {own} only", lambda image: image.line == own)


def refused(flashed: Flashed, what: str) -> str:
    """See that the unit, or the tool for it, said no; returns in which words. Raises what left it open."""
    error = flashed.error
    assert flashed.result is None, f"the unit took {what}; it runs {flashed.result.target} now"
    if isinstance(error, TransferBroken | ToolTimedOut | ToolCrashed | NotReachable) and not isinstance(
        error, FirmwareRefused
    ):
        raise error
    assert isinstance(error, FirmwareRefused), f"the unit did not refuse {what}: {type(error).__name__}: {error}"
    assert error.said.strip(), f"the unit refused {what}, and does not say so"
    return error.said.strip()


def as_before(unit: Unit, firmware: HeldFirmware, flashed: Flashed) -> None:
    """See that the unit runs what it ran before an image, as it was."""
    told = unit.firmware.read()
    assert len(told.versions) >= 3, f"channels are silent: {told.silent}"
    wrong = {channel: seen for channel, seen in told.versions.items() if not same_version(seen, firmware.present)}
    assert wrong == {}, f"it ran {firmware.present} before the image"
    version, now = unit.entry.firmware, unit.configuration.export()
    changed = lost(flashed.before.configuration, now, unit.model, version, version)
    assert [str(each) for each in changed] == []
    assert fingerprint(unit.certificate.served()) == flashed.before.certificate, "it has another certificate"


def _file(folder: Path, image: Image, data: bytes) -> Path:
    path = folder / image.path.name
    path.write_bytes(data)
    return path


def _foreign(lab: Lab, unit: Unit, like: Mapping[str, Image], what: str, wanted: Callable[[Image], bool]) -> Image:
    images = [image for image in load_images(lab).images if unit.model not in image.models and wanted(image)]
    for version in like:
        for image in images:
            if same_version(image.version, version):
                return image
    raise NotApplicable(f"no image at hand is for {what}, of version {' or '.join(like)}; add one to the manifest")
