"""Flash plans: flashes used against the proven lower bound, and against doing each step for itself. No unit takes part.

    pytest benches/bench_firmware_plan.py -m bench

Every model, from every version it may have, with three sets of images. The other plan takes a step for itself: there
from the version the unit has, the step, and back, each by the fewest flashes; where no way leads back the unit is
given its first image again, which is counted for itself.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from benches.log import BenchLog, at_most
from nportlab.firmware.cover import Cover, cover
from nportlab.firmware.graph import Graph
from nportlab.firmware.images import Images, load_folder
from nportlab.firmware.paths import shortest_path
from nportlab.guide.family import models
from nportlab.guide.firmware import version_key, versions
from nportlab.virtual.image_files import write_images

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]

SECONDS = 1.0
"""What one plan may take: it is made anew whenever somebody asks for it."""

SETS = {
    "all versions": tuple(versions()),
    "1.21 up": tuple(version for version in versions() if version_key(version) >= (1, 21)),
    "2.x": tuple(version for version in versions() if version_key(version) >= (2,)),
}


FLASH = frozenset({"flash"})
BACK = FLASH | {"downgrade"}
ALL = BACK | {"one-way"}


@dataclass(frozen=True)
class Kind:
    """A kind of plan. allow: what lab.yaml permits; each_route: every step by web and by tool; reimage: of a virtual
    unit, which can be given its first image again."""

    allow: frozenset[str]
    each_route: bool = False
    reimage: bool = False

    def __str__(self) -> str:
        unit, routes = "virtual" if self.reimage else "real", ", each route" if self.each_route else ""
        return f"{unit}, {' + '.join(sorted(self.allow))}{routes}"


KINDS = (
    Kind(FLASH),
    Kind(BACK),
    Kind(BACK, each_route=True),
    Kind(FLASH | {"one-way"}),
    Kind(ALL),
    Kind(ALL, each_route=True),
    Kind(FLASH | {"one-way"}, reimage=True),
    Kind(ALL, reimage=True),
    Kind(ALL, each_route=True, reimage=True),
)


@dataclass(frozen=True)
class Planned:
    """One plan. name: of model and version; seconds: it took."""

    name: str
    cover: Cover
    alone: tuple[int, int]
    """Flashes and new images when the steps of the plan are taken each for itself."""
    seconds: float


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for images."""
    return tmp_path_factory.mktemp("images")


def planned(images: Images, kind: Kind) -> list[Planned]:
    """A plan for every model from each of its versions."""
    found = []
    for model in models():
        at_hand = list(images.for_model(model))
        for present in at_hand:
            began = time.perf_counter()
            graph = Graph.build(model, present, at_hand).permitted(kind.allow)
            made = cover(graph, each_route=kind.each_route, reimage=kind.reimage)
            seconds = time.perf_counter() - began
            found.append(Planned(f"{model} from {present}", made, each_for_itself(graph, made), seconds))
    return found


def each_for_itself(graph: Graph, made: Cover) -> tuple[int, int]:
    """Flashes and new images for the steps that a plan takes, each by each of its routes, with a way home after it."""
    flashes = images = 0
    for (source, target), routes in made.covered.items():
        there = shortest_path(graph, graph.present, source)
        back = shortest_path(graph, target, graph.present)
        assert there is not None, "the plan comes to no version that cannot be come to"
        flashes += len(routes) * (len(there.steps) + 1 + (len(back.steps) if back else 0))
        images += len(routes) * (back is None)
    return flashes, images


@pytest.mark.parametrize("name", SETS)
def test_flashes(name: str, folder: Path, log: BenchLog) -> None:
    place = folder / name.replace(" ", "-")
    write_images(place, SETS[name])
    images = load_folder(place)
    log.say(f"{name}: {len(KINDS)} kinds of plans")
    slowest, missed = 0.0, []
    for kind in KINDS:
        found = planned(images, kind)
        record(log, f"{name}; {kind}", found)
        slowest = max([slowest, *(plan.seconds for plan in found)])
        missed += [f"{plan.name}: {kind}" for plan in found if plan.cover.flashes != plan.cover.bound]
    longest = log.add(f"{name}: longest time for one plan", slowest, "s", goal=at_most(SECONDS))
    assert not missed
    assert longest.band == "pass"


def record(log: BenchLog, what: str, plans: Sequence[Planned]) -> None:
    """Note the sums over all plans of a kind: a kind that permits no step is noted, too."""
    flashes, bound = sum(plan.cover.flashes for plan in plans), sum(plan.cover.bound for plan in plans)
    if not flashes and not bound:
        log.note(f"{what}: no step is permitted")
        return
    alone = sum(plan.alone[0] for plan in plans)
    log.add(f"{what}: {len(plans)} plans", flashes, "flashes", goal=at_most(bound))
    log.add(f"{what}: each step for itself", alone, "flashes")
    # A real unit cannot be given its first image: its plan has one walk, and steps for themselves are a thought only.
    log.add(f"{what}: each step for itself, new images", sum(plan.alone[1] for plan in plans), "images")
    again = sum(max(0, len(plan.cover.walks) - 1) for plan in plans)
    if again:
        log.add(f"{what}: new images", again, "images")
