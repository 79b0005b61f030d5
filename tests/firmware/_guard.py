"""What stands between an image and a unit, asked without sending anything."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from fixtures.held import HeldUnit
from nportlab.firmware.images import Image, Images
from nportlab.firmware.manifest import MANIFEST
from nportlab.firmware.plan import graph_of
from nportlab.firmware.routes import WebRoute
from nportlab.guide.family import models
from nportlab.guide.firmware import known_version, product_lines
from nportlab.inventory import Lab
from nportlab.probes.capture import Capture
from nportlab.probes.dissect import Frame
from nportlab.report import EvidenceRecorder
from nportlab.safety.firmware_guard import FlashRefused, clear
from nportlab.unit.unit import Unit
from nportlab.verdicts.faults import ConfigFault, Inconclusive, NotApplicable

_WAYS_IN = frozenset({22, 23, 80, 161, 443, 4800, 4900, 14900})
"""Ports by which somebody manages a unit; what goes to others (answers of the lab's servers) is no business of ours."""


@dataclass
class Guard:
    """The harness's guard on one unit. Everything here is said before a flash would begin, and none begins."""

    lab: Lab
    unit: Unit
    images: Images

    def own_image(self) -> Image:
        """An image for this unit; that of the firmware it has, when it is at hand. Raises NotApplicable."""
        own = self.images.for_model(self.unit.model)
        if not own:
            line = models()[self.unit.model].line
            raise NotApplicable(f"{self.images.folder} has no image for a {self.unit.model} (line {line}); add one")
        return own.get(known_version(self.unit.entry.firmware) or "", list(own.values())[-1])

    def foreign_image(self) -> Image:
        """An image of the other product line: one at hand, else an own one that is said to be of that line."""
        own = self.own_image()
        found = [image for image in self.images.images if image.line != own.line]
        same = [image for image in found if image.version == own.version]
        if found:
            return (same or found)[0]
        other = next(line for line in product_lines() if line != own.line)
        return replace(own, line=other, models=tuple(m.name for m in models().values() if m.line == other))

    def reasons(self, image: Image) -> tuple[str, ...]:
        """Why the guard keeps an image from the unit; empty when it would let it through."""
        graph = graph_of(self.lab, self.unit.name, self.images)
        try:
            clear(self.unit, image, WebRoute(), graph, allow_flash=True)
        except FlashRefused as refused:
            return tuple(reason for reason, _ in refused.reasons)
        except ConfigFault as fault:
            return (fault.message,)
        return ()


def let_through(before: Sequence[str]) -> str:
    """In words, what the guard says to an image that is right. before: its reasons."""
    return f"only kept back because {'; '.join(before)}" if before else "let through by the same guard"


def copied(image: Image, folder: Path) -> Path:
    """A folder with this one image and its manifest."""
    (folder / image.path.name).write_bytes(image.path.read_bytes())
    entry = {
        "file": image.path.name,
        "line": image.line,
        "version": image.version,
        "sha512": image.sha512,
        "source": image.source,
        "models": list(image.models),
    }
    (folder / MANIFEST).write_text(yaml.safe_dump({"images": [entry]}))
    return folder


def change_one_byte(path: Path, at: float) -> None:
    """Another byte in one place. at: 0 for the first byte, 1 for the last."""
    data = bytearray(path.read_bytes())
    data[round(at * (len(data) - 1))] ^= 1
    path.write_bytes(data)


@dataclass
class Traffic:
    """What was said to a unit: by the harness's clients, and on the wire, where it can be captured."""

    captured: bool
    exchanges: list[str] = field(default_factory=list)
    packets: list[str] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        """Whether nothing was said at all."""
        return not self.exchanges and not self.packets

    @property
    def heard(self) -> bool:
        """Whether everything that listens has heard something."""
        return bool(self.exchanges) and (bool(self.packets) or not self.captured)

    @property
    def counted(self) -> str:
        """`7 exchanges, 8 packets`."""
        return f"{len(self.exchanges)} exchanges" + (f", {len(self.packets)} packets" if self.captured else "")

    def __str__(self) -> str:
        return f"{self.counted}: {'; '.join((*self.exchanges, *self.packets)[:3])}"


@contextmanager
def traffic(held: HeldUnit, evidence: EvidenceRecorder) -> Iterator[Traffic]:
    """Listen to what goes to a unit while the block runs."""
    unit, interface = held.unit, held.wire.ear.interface
    found = Traffic(interface is not None)
    target = unit.recorder.target

    def goes_in(frame: Frame) -> bool:
        says = frame.udp or frame.opens or bool(frame.payload)
        return says and frame.destination == unit.address and frame.destination_port in _WAYS_IN

    with ExitStack() as stack:
        capture = stack.enter_context(Capture(interface, keep=goes_in)) if interface else None
        unit.recorder.target = _Listener(evidence, found.exchanges)
        try:
            yield found
        finally:
            unit.recorder.target = target
    if capture is not None:
        found.packets += map(str, capture.packets())


def prove(held: HeldUnit, evidence: EvidenceRecorder) -> None:
    """See that what goes to a unit would be noticed. Raises Inconclusive."""
    with traffic(held, evidence) as control:
        held.unit.firmware.read()
    if not control.heard:
        raise Inconclusive(f"what is sent to the unit cannot be seen: {control.counted} of a question for its firmware")
    evidence.positive_control(f"a question for the firmware is seen as {control.counted}")


@dataclass
class _Listener:
    """Hands on what it is told, and remembers the exchanges."""

    evidence: EvidenceRecorder
    exchanges: list[str]

    def note(self, text: str) -> None:
        """One line for the reader of the evidence."""
        self.evidence.note(text)

    def exchange(
        self,
        channel: str,
        summary: str,
        sent: bytes | str | None = None,
        received: bytes | str | None = None,
    ) -> None:
        """One request and its answer."""
        self.exchanges.append(f"{channel}: {summary}")
        self.evidence.exchange(channel, summary, sent, received)
