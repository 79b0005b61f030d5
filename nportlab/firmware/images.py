"""The images of the lab, each compared with the hash its publisher gives before anything can be done with it."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha512
from pathlib import Path
from typing import BinaryIO

from nportlab.firmware.manifest import MANIFEST, Entry, read_manifest
from nportlab.guide.firmware import version_key
from nportlab.inventory import Lab
from nportlab.verdicts.faults import ConfigFault
from nportlab.verdicts.located import Located, read_located
from nportlab.verdicts.problems import Problem, Problems

LARGEST_IMAGE = 64 * 2**20
"""Bytes. Images of the series are a few MB; what is bigger is another file, and is not even read."""

_SUFFIXES = (".rom", ".bin", ".fw")
_CHUNK = 2**20
_KINDS = ((b"PK\x03\x04", "a ZIP archive"), (b"\x1f\x8b", "a gzip archive"), (b"%PDF", "a PDF"), (b"<", "a web page"))


@dataclass(frozen=True)
class Image:
    """One verified image. sha512: lower case; models: all it is for; size in bytes; where: `manifest.yaml:12`."""

    path: Path
    line: str
    version: str
    sha512: str
    source: str
    models: tuple[str, ...]
    size: int
    where: str
    notes: str = ""

    def read(self) -> bytes:
        """The content, its hash compared once more: what is sent is what was published.

        Raises ConfigFault when the file was changed or is gone since it was verified.
        """
        try:
            with self.path.open("rb") as file:
                content = file.read(LARGEST_IMAGE + 1)
        except OSError as error:
            raise ConfigFault(f"{self.where}: {self.path} cannot be read: {error.strerror}") from None
        if sha512(content).hexdigest() != self.sha512:
            raise ConfigFault(
                f"{self.where}: {self.path} is no longer the file the manifest describes (SHA-512)",
                "Fetch it again from where it was published; nportlab firmware check.",
            )
        return content


@dataclass(frozen=True)
class Images:
    """All images of a folder. strays: files that look like images and are not in the manifest."""

    folder: Path
    images: tuple[Image, ...]
    strays: tuple[str, ...] = ()

    def for_model(self, model: str) -> dict[str, Image]:
        """The images a model takes, by version, oldest first."""
        found = [image for image in self.images if model in image.models]
        return {image.version: image for image in sorted(found, key=lambda image: version_key(image.version))}


def load_images(lab: Lab) -> Images:
    """The images of the lab, verified. Raises ConfigFault when lab.yaml names none, Problems as `load_folder` does."""
    if lab.firmware is None:
        raise ConfigFault(
            f"{lab.path.name} names no images", "Add `firmware: {images: folder}` to it; docs/firmware.md says how."
        )
    return load_folder(lab.firmware.images)


def load_folder(folder: Path) -> Images:
    """Read the manifest and verify every image. Raises Problems with everything wrong, each with file and line."""
    located = read_located(folder / MANIFEST, shown_as=_shown(folder / MANIFEST))
    if not folder.is_dir():
        located.problems[:] = [Problem(_shown(folder), 0, "", "there is no such folder of images")]
    entries = read_manifest(located) if not located.problems or located.data is not None else []
    images = [image for entry in entries for image in _verified(folder, entry, located)]
    if located.problems:
        raise Problems(located.problems)
    return Images(folder, tuple(images), tuple(_strays(folder, entries)))


def _verified(folder: Path, entry: Entry, located: Located) -> Iterator[Image]:
    path = folder / entry.file
    place = (*entry.place, "file")
    problem = _why_not_a_file(path)
    if problem:
        located.problem(place, f"'{entry.file}' {problem}")
        return
    try:
        with path.open("rb") as file:
            size, found, kind = _digest(file)
    except OSError as error:
        located.problem(place, f"'{entry.file}' cannot be read: {error.strerror}")
        return
    if found != entry.sha512:
        but = f"; the file is {kind}" if kind else ""
        located.problem(
            (*entry.place, "sha512"),
            f"'{entry.file}' has another hash, {found[:16]}… instead of {entry.sha512[:16]}…{but}",
        )
        return
    yield Image(
        path=path,
        line=entry.line,
        version=entry.version,
        sha512=entry.sha512,
        source=entry.source,
        models=entry.models,
        size=size,
        where=f"{located.file}:{located.line(entry.place)}",
        notes=entry.notes,
    )


def _why_not_a_file(path: Path) -> str:
    """Why a path cannot be an image, without reading it; empty when it can."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return "is a link that leads nowhere" if path.is_symlink() else "is not in the folder"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not stat.S_ISREG(status.st_mode):
        return "is a folder" if stat.S_ISDIR(status.st_mode) else "is not a regular file"
    if status.st_size == 0:
        return "is empty"
    if status.st_size > LARGEST_IMAGE:
        return f"is {status.st_size} bytes long; an image has at most {LARGEST_IMAGE}"
    return ""


def _digest(file: BinaryIO) -> tuple[int, str, str]:
    """Size, hash, and what the content obviously is instead of an image."""
    digest, size, kind = sha512(), 0, ""
    while chunk := file.read(_CHUNK):
        if not size:
            kind = next((name for magic, name in _KINDS if chunk.lstrip().startswith(magic)), "")
        digest.update(chunk)
        size += len(chunk)
        if size > LARGEST_IMAGE:  # it grew while being read
            break
    return size, digest.hexdigest(), kind


def _strays(folder: Path, entries: Iterable[Entry]) -> list[str]:
    known = {entry.file for entry in entries}
    return sorted(path.name for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES and path.name not in known)


def _shown(path: Path) -> str:
    """The path as people would type it: relative when it is below the working directory."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
