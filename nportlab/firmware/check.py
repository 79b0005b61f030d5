"""`nportlab firmware check` and `paths`: what there is, what can reach what, which permission is missing, as text."""

from __future__ import annotations

import os
from collections.abc import Sequence

from nportlab.firmware.advice import flaws
from nportlab.firmware.graph import Graph
from nportlab.firmware.images import Image, Images, load_images
from nportlab.firmware.paths import missing_permissions, shortest_path, why_not
from nportlab.firmware.plan import graph_of
from nportlab.guide.family import models
from nportlab.guide.firmware import known_version, version_key
from nportlab.inventory import Lab, UnitEntry
from nportlab.verdicts.faults import ConfigFault
from nportlab.verdicts.problems import Problem, Problems, did_you_mean


def checked_images(lab: Lab) -> Images:
    """The images, verified, and the tool looked for.

    Raises Problems with everything wrong, ConfigFault when lab.yaml names no images.
    """
    problems: list[Problem] = []
    tool = lab.firmware.mcc_tool if lab.firmware else None
    if tool is not None and not tool.is_file():
        problems.append(Problem(lab.path.name, 0, "firmware.mcc_tool", f"there is no program {tool}"))
    elif tool is not None and not os.access(tool, os.X_OK):
        problems.append(Problem(lab.path.name, 0, "firmware.mcc_tool", f"{tool} is not executable: chmod +x {tool}"))
    try:
        images = load_images(lab)
    except Problems as found:
        raise Problems([*problems, *found.problems]) from None
    if problems:
        raise Problems(problems)
    return images


def check_text(lab: Lab, images: Images) -> str:
    """Every image, then for every unit of the lab what can reach what."""
    lines = [f"{images.folder}: {_count(images)}"]
    lines += [_image(image) for image in _sorted(images)]
    lines += [f"  note: {name} is not in the manifest and not used" for name in images.strays]
    for unit in lab.units.values():
        lines += ["", *unit_lines(lab, unit, images)]
    return "\n".join(lines)


def unit_lines(lab: Lab, unit: UnitEntry, images: Images) -> list[str]:
    """What a unit can be given from the version lab.yaml names: ways, why not, missing permissions, flaws."""
    graph = graph_of(lab, unit.name, images)
    allowed = ", ".join(sorted(unit.allow)) or "nothing"
    lines = [f"{unit.name}  {unit.model}, has {graph.present}; allow: {allowed}"]
    if not images.for_model(unit.model):
        return [*lines, f"  no image for a {unit.model} ({models()[unit.model].line}) in the manifest"]
    lines += path_lines(graph, unit, graph.present, [v for v in graph.versions if v != graph.present])
    if graph.present not in graph.at_hand:
        lines.append(f"  note: no image of {graph.present} at hand, so no way leads back to it")
    unused = [version for version in images.for_model(unit.model) if version not in graph.at_hand]
    if unused:
        lines.append(f"  note: lab.yaml leaves out {', '.join(unused)} (firmware.oldest, firmware.newest)")
    known = flaws(graph.present, lab.profile)
    if known:
        names = ", ".join(advice.text.split(" ", 1)[0] for advice in known)
        lines.append(f"  {known[0].severity}: {graph.present} has published flaws: {names}")
    return lines


def path_lines(graph: Graph, unit: UnitEntry, source: str, targets: Sequence[str]) -> list[str]:
    """One line for each target: the way with its routes, what is missing for it, or why there is none."""
    lines = []
    for target in targets:
        way = shortest_path(graph.permitted(unit.allow), source, target)
        if way is not None:
            lines.append(f"  {target:<8} {way}{'   one-way' if way.one_way else ''}")
            continue
        way = shortest_path(graph, source, target)
        if way is None:
            lines.append(f"  {target:<8} no: {why_not(graph, source, target)}")
            continue
        lacking = dict.fromkeys(
            word for step in way.steps for word in missing_permissions(step.edge, graph, unit.allow)
        )
        one_way = "one-way; " if way.one_way else ""
        lines.append(f"  {target:<8} {way}   {one_way}not allowed, `allow` lacks {', '.join(lacking)}")
    return lines


def paths_text(
    lab: Lab, images: Images, units: Sequence[str], source: str | None = None, target: str | None = None
) -> str:
    """For units by name (all when empty): the ways from a version (the present one) to one, or to all at hand.

    Raises ConfigFault for a unit or version that is not known.
    """
    names = known_units(lab, units)
    for version in (source, target):
        if version is not None and known_version(version) is None:
            raise ConfigFault(f"'{version}' is not a known version", "Known ones: nportlab/guide/firmware.yaml.")
    blocks = []
    for unit in (lab.units[name] for name in names):
        graph = graph_of(lab, unit.name, images)
        start = known_version(source) or source if source else graph.present
        ends = [known_version(target) or target] if target else [v for v in graph.versions if v != start]
        lines = [f"{unit.name}  {unit.model}, from {start}", *path_lines(graph, unit, start, ends)]
        if target:
            direct = why_not(graph, start, ends[0], unit.allow)
            lines += [f"  not straight: {'; '.join(direct.reasons)}"] if direct and direct.instead else []
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def known_units(lab: Lab, names: Sequence[str]) -> list[str]:
    """The units of that name, all when none is named. Raises ConfigFault for a name that is not in the lab."""
    for name in names:
        if name not in lab.units:
            raise ConfigFault(f"{lab.path.name} has no unit '{name}'{did_you_mean(name, lab.units)}")
    return list(dict.fromkeys(names)) or list(lab.units)


def _count(images: Images) -> str:
    number = len(images.images)
    return f"{number} image{'' if number == 1 else 's'}, as published"


def _image(image: Image) -> str:
    of_line = [model.name for model in models().values() if model.line == image.line]
    only = "" if set(of_line) == set(image.models) else f"  only {', '.join(image.models)}"
    return (
        f"  {image.line:<10} {image.version:<8} {image.path.name:<24} {image.size / 1e6:6.2f} MB  "
        f"sha512 {image.sha512[:16]}…{only}"
    )


def _sorted(images: Images) -> list[Image]:
    return sorted(images.images, key=lambda image: (image.line, version_key(image.version), image.path.name))
