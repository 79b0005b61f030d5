"""Reading lab.yaml: form, shapes, contradictions; all problems at once, then the objects of `lab`."""

from __future__ import annotations

import copy
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from nportlab.inventory.build import build_lab
from nportlab.inventory.checks import find_contradictions
from nportlab.inventory.lab import Lab
from nportlab.inventory.shapes import LabShape, SecretShape
from nportlab.verdicts.located import Located, read_located
from nportlab.verdicts.problems import Place, Problem, Problems, did_you_mean

_STAND_INS: dict[str | int, Any] = {
    "lab": "lab",
    "model": "",
    "address": "0.0.0.0",
    "password": {"env": "_"},
    "credentials": {"password": {"env": "_"}},
    "guest": {"password": {"env": "_"}},
    "virtual": {},
    "images": "firmware",
}
"""What takes the place of a wrong or missing value without which the rest could not be judged fairly."""


class InventoryErrors(Problems):
    """Everything that is wrong with lab.yaml. Correct the lines named; `nportlab lab check` looks again."""


def load_lab(path: Path | str) -> Lab:
    """Read and check lab.yaml. Raises InventoryErrors with every problem; secrets are not resolved here."""
    path = Path(path)
    located = read_located(path, shown_as=_shown(path))
    shape = validate(located)
    if located.problems or shape is None:
        raise InventoryErrors(located.problems)
    return build_lab(shape, path.resolve(), located)


def validate(located: Located) -> LabShape | None:
    """Add every problem of the content to `located`; the shape, or None when too little of it can be understood."""
    if located.data is None:
        if not located.problems:
            located.problems.append(Problem(located.file, 0, "", "the file is empty; it needs at least lab and racks"))
        return None
    if not isinstance(located.data, dict):
        located.problem((), "the file must be a mapping with the keys lab, profile, firmware, limits, racks")
        return None
    shape, gone = _understand(located)
    if shape is not None:
        find_contradictions(shape, located, gone)
    return shape


def _shown(path: Path) -> str:
    """The path as people would type it: relative when it is below the working directory."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _understand(located: Located) -> tuple[LabShape | None, set[Place]]:
    """Validate; what does not fit is reported once and left out, until the rest fits.

    So a misspelt key in one unit does not hide that two others share an address. Returns what was left out, too: a
    reference to something left out is no second problem.
    """
    data: Any = copy.deepcopy(located.data)
    gone: set[Place] = set()
    for attempt in range(20):
        try:
            return LabShape.model_validate(data), gone
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_context=True):
                place: Place = tuple(detail["loc"])
                if attempt == 0 or not _follows(place, gone):
                    _report(located, place, detail)
                if any(place[: len(out)] == out for out in gone if out != place):
                    continue  # what holds it is out already
                left_out = _leave_out(data, place)
                if left_out is None:
                    return None, gone
                gone.add(left_out)
    return None, gone


def _follows(place: Place, gone: set[Place]) -> bool:
    """Whether a problem is only there because something at or below its place was left out."""
    return any(out[: len(place)] == place for out in gone)


def _leave_out(data: Any, place: Place) -> Place | None:
    """Remove the value at a place, or put its stand-in there; of a missing one, remove what should hold it.

    Returns the place that is no longer as the file says, None when nothing would be left.
    """
    if place and place[-1] == "[key]":
        place = place[:-1]
    while place:
        holder = _find(data, place[:-1])
        if isinstance(holder, dict) and place[-1] in _STAND_INS:
            holder[place[-1]] = copy.deepcopy(_STAND_INS[place[-1]])
            return place
        if isinstance(holder, dict) and place[-1] in holder:
            del holder[place[-1]]
            return place
        place = place[:-1]
    return None


def _find(data: Any, place: Place) -> Any:
    for step in place:
        if isinstance(data, dict) and step in data:
            data = data[step]
        else:
            return None
    return data


def _report(located: Located, place: Place, detail: ErrorDetails) -> None:
    holder = _shape_at(place[:-1])
    secret = holder is SecretShape or _shape_at(place) is SecretShape
    match detail["type"]:
        case "extra_forbidden":
            known = [field.alias or name for name, field in holder.model_fields.items()] if holder else []
            word = "" if secret else f" '{place[-1]}'"
            near = f" (possible: {', '.join(known)})" if secret else did_you_mean(place[-1], known, all_up_to=30)
            located.problems.append(
                Problem(located.file, located.line(place), ".".join(map(str, place[:-1])), f"unknown key{word}{near}")
            )
        case "missing":
            located.problem(place[:-1], f"key '{place[-1]}' is missing")
        case _:
            if place and place[-1] == "[key]":
                located.problem(place[:-1], "is not a usable name (letters, digits, '.', '_', '-'; no '/')")
            else:
                located.problem(place, _said(detail, secret))


def _said(detail: ErrorDetails, secret: bool) -> str:
    """A pydantic message in the words of this file. The value of anything that may be a secret is not repeated."""
    value = detail["input"]
    shown = f"'{value}' " if isinstance(value, str | int | float) and not secret else ""
    context = detail.get("ctx", {})
    match detail["type"]:
        case "literal_error":
            options = [option.strip(" '") for option in str(context["expected"]).replace(" or ", ",").split(",")]
            return f"{shown}is not possible here{did_you_mean(value, options)}"
        case "value_error":
            return str(context["error"])
        case "string_pattern_mismatch":
            return f"{shown}does not have the form {context['pattern'].strip('^$')}"
        case "model_type" | "dict_type" | "model_attributes_type":
            return "must be a mapping (indented `key: value` lines)"
        case "too_short":
            return "needs at least one entry"
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            return f"{shown}is out of range: {detail['msg'].removeprefix('Input ')}"
    return f"{shown}is wrong: {detail['msg'].removeprefix('Input ')}"


def _shape_at(place: Place) -> type[BaseModel] | None:
    """The model that describes a place of the file."""
    kind: Any = LabShape
    for step in place:
        kind = _inner(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            known = kind.model_fields.get(str(step))
            if known is None:
                return None
            kind = known.annotation
        elif get_origin(kind) is dict:
            kind = get_args(kind)[1]
        else:
            return None
    kind = _inner(kind)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _inner(kind: Any) -> Any:
    """The type inside Annotated and Optional."""
    while True:
        origin = get_origin(kind)
        if origin is Annotated:
            kind = get_args(kind)[0]
        elif origin in (Union, UnionType):
            kind = next(option for option in get_args(kind) if option is not type(None))
        else:
            return kind
