"""manifest.yaml of the folder of images: which file is which firmware, and the hash its publisher gives.

images:
  - file: NP6450_2.0.rom
    line: 6400/6600
    version: "2.0"
    sha512: 1f40fc92da24...        # as published: any case, also a whole line of sha512sum
    source: https://www.moxa.com/...
    models: [NP6450]               # only when the image is not for the whole line
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from nportlab.guide.family import models
from nportlab.guide.firmware import known_version, product_lines, versions
from nportlab.inventory.shapes import Text
from nportlab.verdicts.located import Located
from nportlab.verdicts.problems import Place, Problem, did_you_mean

MANIFEST = "manifest.yaml"

_HEX_DIGITS = 128
_OTHERS = {32: "an MD5", 40: "a SHA-1", 56: "a SHA-224", 64: "a SHA-256", 96: "a SHA-384"}
_SUM_LINE = re.compile(r"\\?(?P<hash>[0-9A-Fa-f]+)[ \t]+\*?(?P<name>\S.*)")
_TAGGED_LINE = re.compile(r"SHA-?512[ \t]*\((?P<name>.+)\)[ \t]*=[ \t]*(?P<hash>\S+)", re.IGNORECASE)


def parse_sha512(text: str, file: str) -> str:
    """The hash in lower case, from how publishers write it.

    Accepts 128 hex digits in any case, with or without `sha512:`, a line of `sha512sum` (`hash  name`, `hash *name`)
    and its tagged form (`SHA512 (name) = hash`); a file name in it must be that of `file`. Raises ValueError that says
    what is wrong.
    """
    stripped = text.strip()
    stripped = re.sub(r"^sha-?512\s*[:=]\s*", "", stripped, flags=re.IGNORECASE)
    found = _TAGGED_LINE.fullmatch(stripped) or _SUM_LINE.fullmatch(stripped)
    digits = found["hash"] if found else stripped
    if not digits:
        raise ValueError("the hash is empty; copy it from where the image was published")
    wrong = re.search(r"[^0-9A-Fa-f]", digits)
    if wrong:
        raise ValueError(f"{wrong[0]!r} (character {wrong.start() + 1}) is not a hex digit")
    if len(digits) != _HEX_DIGITS:
        other = f", that is {_OTHERS[len(digits)]} hash" if len(digits) in _OTHERS else ""
        raise ValueError(f"has {len(digits)} hex digits{other}; a SHA-512 has {_HEX_DIGITS}")
    if found and _base_name(found["name"]) != _base_name(file):
        raise ValueError(f"is the hash of '{_base_name(found['name'])}'; the file here is '{file}'")
    return digits.lower()


def _base_name(name: str) -> str:
    return name.strip().replace("\\", "/").rpartition("/")[2]


def _as_digits(value: Any) -> Any:
    # 128 decimal digits without quotes are read as one number; one that begins with 0 is text already.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class ImageShape(BaseModel):
    """One entry. source: where image and hash were published; models: those of the line it is for, all when absent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Annotated[str, Field(min_length=1)]
    line: Text
    version: Text
    sha512: Annotated[str, BeforeValidator(_as_digits)]
    source: Annotated[str, Field(min_length=1)]
    models: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    notes: str = ""


class Entry(BaseModel):
    """An entry that is right by itself. place: where it stands in the manifest; sha512: lower case."""

    model_config = ConfigDict(frozen=True)

    place: tuple[str | int, ...]
    file: str
    line: str
    version: str
    sha512: str
    source: str
    models: tuple[str, ...]
    notes: str = ""


def read_manifest(located: Located) -> list[Entry]:
    """The entries that are right; every problem of the others, and between them, ends in `located.problems`."""
    content = located.data
    if content is None:
        if not located.problems:
            located.problem((), "the manifest is empty; it needs a list `images`", show_path=False)
        return []
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        located.problem((), "the file must be a mapping with one key, `images`, that holds a list", show_path=False)
        return []
    for key in content:
        if key != "images":
            located.problem((key,), f"unknown key '{key}'{did_you_mean(key, ['images'])}", show_path=False)
    found = [_entry(located, ("images", index), raw) for index, raw in enumerate(content["images"])]
    entries = [entry for entry in found if entry is not None]
    _between(located, entries)
    return entries


def _entry(located: Located, place: Place, raw: Any) -> Entry | None:
    try:
        shape = ImageShape.model_validate(raw)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _report(located, (*place, *detail["loc"]), detail["type"], detail["input"], detail["msg"])
        return None
    before = len(located.problems)
    sha512 = ""
    try:
        sha512 = parse_sha512(shape.sha512, shape.file)
    except ValueError as error:
        located.problem((*place, "sha512"), str(error))
    if shape.file != _base_name(shape.file) or shape.file in (".", "..") or "\0" in shape.file:
        located.problem((*place, "file"), f"'{shape.file}' is not the plain name of a file in this folder")
    if shape.line not in product_lines():
        near = did_you_mean(shape.line, product_lines())
        located.problem((*place, "line"), f"unknown line '{shape.line}'{near}")
    version = known_version(shape.version)
    if version is None:
        near = did_you_mean(shape.version, versions(), all_up_to=20)
        located.problem(
            (*place, "version"),
            f"unknown version '{shape.version}'{near}; a newer one needs its row in nportlab/guide/firmware.yaml first",
        )
    of_line = [model.name for model in models().values() if model.line == shape.line]
    for index, model in enumerate(shape.models or ()):
        if model not in models():
            located.problem((*place, "models", index), f"unknown model '{model}'{did_you_mean(model, models())}")
        elif of_line and model not in of_line:
            other = models()[model].line
            located.problem((*place, "models", index), f"a {model} is of the line {other}, not {shape.line}")
    if len(located.problems) > before or version is None:
        return None
    return Entry(
        place=place,
        file=shape.file,
        line=shape.line,
        version=version,
        sha512=sha512,
        source=shape.source,
        models=shape.models or tuple(of_line),
        notes=shape.notes,
    )


def _report(located: Located, place: Place, kind: str, value: Any, message: str) -> None:
    match kind:
        case "missing" if place[-1] == "sha512":
            located.problem(
                place[:-1], "key 'sha512' is missing; an image whose published hash is not known is not used"
            )
        case "missing":
            located.problem(place[:-1], f"key '{place[-1]}' is missing")
        case "extra_forbidden":
            near = did_you_mean(place[-1], ImageShape.model_fields, all_up_to=10)
            path = ".".join(map(str, place[:-1]))
            located.problems.append(
                Problem(located.file, located.line(place), path, f"unknown key '{place[-1]}'{near}")
            )
        case "model_type" | "model_attributes_type":
            located.problem(place, "must be a mapping (indented `key: value` lines)")
        case "string_too_short" | "too_short":
            located.problem(place, "must not be empty")
        case "string_type" if value is None:
            located.problem(place, "must not be empty")
        case "tuple_type":
            located.problem(place, "must be a list of models such as [NP6450]")
        case _:
            located.problem(place, f"is wrong: {message.removeprefix('Input ')}")


def _between(located: Located, entries: list[Entry]) -> None:
    """Two entries that cannot both be meant."""
    for index, entry in enumerate(entries):
        for earlier in entries[:index]:
            line = located.line(earlier.place)
            if entry.file == earlier.file:
                located.problem((*entry.place, "file"), f"'{entry.file}' is on line {line} already")
            elif entry.sha512 == earlier.sha512:
                located.problem(
                    (*entry.place, "sha512"),
                    f"is that of '{earlier.file}' on line {line} too; one of the two was copied wrongly",
                )
            both = [model for model in entry.models if model in earlier.models]
            if entry.version == earlier.version and both and entry.file != earlier.file:
                located.problem(
                    (*entry.place, "version"),
                    f"'{earlier.file}' on line {line} is {entry.version} for {_listed(both)} too; one must go",
                )


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
