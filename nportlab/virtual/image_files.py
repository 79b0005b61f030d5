"""Image files for virtual units: one, or a folder of all versions with its manifest."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from itertools import product
from pathlib import Path

import yaml

from nportlab.guide.family import models
from nportlab.guide.firmware import product_lines, version_key, versions
from nportlab.inventory.lab import Lab
from nportlab.protocol.virtual_image import FORMAT, damaged, make_image
from nportlab.verdicts.faults import ConfigFault, LabFault

MANIFEST = "manifest.yaml"
_MADE = "made.txt"
SOURCE = "nportlab virtual images; virtual units only"


def write_image(
    path: Path, line: str, version: str, only: Iterable[str] = (), damage: str | None = None, at: float = 0.5
) -> str:
    """Make one image; returns a line as `sha512sum` prints it. at: where damage is done, as a fraction of the file.

    only: models of the line it is for, all when empty. Raises ConfigFault for a model or version there is not, LabFault
    when it cannot be written.
    """
    only = tuple(only)
    strange = [model for model in only if model not in models() or models()[model].line != line]
    if strange:
        fitting = ", ".join(name for name, model in models().items() if model.line == line)
        raise ConfigFault(f"{strange[0]} is no model of the line {line}", f"Its models: {fitting}")
    try:
        version_key(version)
    except ValueError as error:
        raise ConfigFault(str(error), 'Give a version such as "2.0".') from None
    if not 0 <= at <= 1:
        raise ConfigFault(f"--at {at:g} is no fraction", "Give 0 to 1.")
    row = versions().get(version)
    data = make_image(line, version, build=row.build if row else "", models=only)
    if damage is not None:
        data = damaged(data, damage, at)
    _write(path, data)
    return f"{hashlib.sha512(data).hexdigest()}  {path.name}"


def write_images(folder: Path, only: Iterable[str] | None = None, *, apart: bool = False) -> list[Path]:
    """Make an image of every version (or those in `only`) for every product line, and the manifest, in `folder`.

    apart: the last model of each line has images of its own, so that there are some the other models must refuse.
    Returns the files, the manifest last. Raises ConfigFault for an unknown version, LabFault when the folder is not
    writable.
    """
    wanted = list(versions() if only is None else only)
    unknown = [version for version in wanted if version not in versions()]
    if unknown:
        raise ConfigFault(f"version {unknown[0]} is not known", f"Known: {', '.join(versions())}")
    paths: list[Path] = []
    entries: list[dict[str, object]] = []
    for line in product_lines():
        for version, (prefix, fitting) in product(wanted, _groups(line, apart)):
            path = folder / f"{prefix}_{version}.rom"
            digest = write_image(path, line, version, fitting).split()[0]
            paths.append(path)
            entry: dict[str, object] = {"file": path.name, "line": line, "version": version, "sha512": digest}
            entries.append(entry | ({"models": list(fitting)} if fitting else {}) | {"source": SOURCE})
    manifest = folder / MANIFEST
    _write(manifest, yaml.safe_dump({"images": entries}, sort_keys=False).encode())
    return [*paths, manifest]


def _groups(line: str, apart: bool) -> list[tuple[str, tuple[str, ...]]]:
    """Models that share images, none meaning all of the line, and how their files are called."""
    name = f"NP{line.replace('/', '-')}"
    fitting = tuple(model for model, facts in models().items() if facts.line == line)
    return [(name, fitting[:-1]), (fitting[-1], fitting[-1:])] if apart else [(name, ())]


def provide_images(lab: Lab) -> None:
    """Make the images of a lab whose lab.yaml says `images: virtual`, unless they are there. Raises LabFault."""
    firmware = lab.firmware
    if firmware is None or not firmware.virtual_images:
        return
    wanted = [version for version in versions() if firmware.wants(version)]
    marker, made = firmware.images / _MADE, f"format {FORMAT}, apart, versions {' '.join(wanted)}\n"
    try:
        if marker.read_text() == made:
            return
    except OSError:
        pass  # not made yet
    write_images(firmware.images, wanted, apart=True)
    _write(marker, made.encode())


def _write(path: Path, data: bytes) -> None:
    """Replace a file as a whole."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(data)
        new.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise LabFault(f"{path}: {error.strerror}", "Make the folder writable, with room on its disk.") from None
