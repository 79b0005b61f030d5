"""What a unit takes as its next firmware: a whole image, for it, and one it may go to."""

from __future__ import annotations

from collections.abc import Callable

from nportlab.guide.family import Model
from nportlab.guide.firmware import ROUTES, Route, broken_rules, version_key, versions
from nportlab.protocol.virtual_dsci import Code
from nportlab.protocol.virtual_image import ImageError, ImageHead, ImageTruncated, check_digest, check_size, read_head

BENT_BY = {
    "1.21-first": "mandatory-step-skippable",
    "6450-not-by-web": "6450-takes-2-0-by-web",
    "no-downgrade-below-2.1": "downgrade-below-2-1-allowed",
}
"""Upgrade rule -> seeded defect that makes the unit ignore it."""


class FirmwareRefused(Exception):
    """An image or an upload the unit does not take. The text is what it says; code: what its tool port answers.

    Which code a real unit gives for which reason is not public.
    """

    def __init__(self, message: str, code: Code) -> None:
        super().__init__(message)
        self.code = code


def judge(data: bytes, model: Model, version: str, route: Route, has_defect: Callable[[str], bool]) -> ImageHead:
    """The head of an image that a unit of `model` with `version` takes by this route. Raises FirmwareRefused."""
    try:
        head = read_head(data)
        version_key(head.version)
        cut = _checked_size(data, head, has_defect)
        if not (cut or has_defect("accepts-bad-firmware-hash")):
            check_digest(data)
    except ValueError as error:
        reason = str(error) if isinstance(error, ImageError) else "the version cannot be read"
        raise FirmwareRefused(f"The file is not valid: {reason}.", Code.UPGRADE_FAILED) from None
    if not head.fits(model.name, model.line) and not has_defect("accepts-firmware-of-wrong-model"):
        raise FirmwareRefused("The file is for another model.", Code.FIRMWARE_UNSUPPORTED)
    for rule in broken_rules(model.name, version, head.version, route):
        if rule.refused_by == "unit" and not has_defect(BENT_BY.get(rule.id, "")):
            raise FirmwareRefused(
                f"Version {head.version} is refused: {rule.reason}.", Code.FIRMWARE_UNSUPPORTED
            ) from None
    crosses = version_key(version) < (2, 0) <= version_key(head.version)
    if crosses and route == "tool" and has_defect("6450-refuses-2-0-by-tool"):
        raise FirmwareRefused(f"Version {head.version} is refused: not enough memory.", Code.FIRMWARE_UNSUPPORTED)
    return head


def _checked_size(data: bytes, head: ImageHead, has_defect: Callable[[str], bool]) -> bool:
    """Whether the image is cut short and taken nevertheless."""
    try:
        check_size(data, head)
    except ImageTruncated:
        if has_defect("accepts-truncated-firmware"):
            return True
        raise
    return False


def way_exists(model: str, start: str, goal: str) -> bool:
    """Whether a unit can get from one version to the other, step by step, with images of all known versions."""
    reached, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        if version_key(here) == version_key(goal):
            return True
        for there in [*versions(), goal]:
            if there not in reached and any(not broken_rules(model, here, there, route) for route in ROUTES):
                reached.add(there)
                waiting.append(there)
    return False
