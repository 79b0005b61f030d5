"""Which tests judge which control, read from the suites without running them."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from nportlab.guide.controls import Control, controls
from nportlab.guide.defects import defects
from nportlab.report.matrix import Coverage
from nportlab.verdicts.faults import ConfigFault

_NO_TEST = "no test yet"
_NO_DEFECT = "no seeded defect shows that its test can fail"


def coverage(suites: Path) -> list[Coverage]:
    """Every control of the catalogue with its tests and seeded defects.

    suites: the folder of the suites; node ids are relative to its parent. Raises ConfigFault when a suite cannot be
    parsed or names a control that does not exist.
    """
    tests = tests_by_control(suites)
    unknown = sorted(set(tests) - set(controls()))
    if unknown:
        where = ", ".join(f"{name} in {tests[name][0]}" for name in unknown)
        raise ConfigFault(f"tests judge controls that are not in the catalogue: {where}", "Correct the control id.")
    caught: dict[str, list[str]] = defaultdict(list)
    for defect in defects().values():
        for control in defect.proves:
            caught[control].append(defect.id)
    return [_row(control, tests.get(control.id, ()), tuple(caught[control.id])) for control in controls().values()]


def _row(control: Control, tests: tuple[str, ...], seeded: tuple[str, ...]) -> Coverage:
    reason = (control.no_defect or _NO_DEFECT) if tests else (control.reason or _NO_TEST)
    covered = bool(tests and seeded)
    return Coverage(
        id=control.id,
        section=control.section,
        statement=control.statement,
        markers=tuple(control.markers),
        iec=tuple(control.iec),
        tests=tests,
        defects=seeded,
        covered=covered,
        reason="" if covered else reason,
        contradiction=", ".join(control.contradiction),
    )


def tests_by_control(suites: Path) -> dict[str, tuple[str, ...]]:
    """Control id -> node ids, from the `@control(...)` decorators of functions, classes and `pytestmark`."""
    if not suites.is_dir():
        raise ConfigFault(f"{suites} is not the folder of the suites", "Run in the project's folder, or name it.")
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(suites.rglob("test_*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        except (OSError, SyntaxError, ValueError) as error:
            raise ConfigFault(f"{path} cannot be read: {error}", "Correct the suite.") from None
        module = path.relative_to(suites.parent).as_posix()
        named = _named(tree)
        for node, control in _marked(tree, module, _controls(named.get("pytestmark", []), named), named):
            if node not in found[control]:
                found[control].append(node)
    return {control: tuple(nodes) for control, nodes in found.items()}


tests_by_control.__test__ = False  # type: ignore[attr-defined]  # pytest must not collect it


_Named = dict[str, list[ast.expr]]
"""What a module assigns to plain names: marks that several tests share."""


def _marked(
    tree: ast.Module | ast.ClassDef, prefix: str, inherited: tuple[str, ...], named: _Named
) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            marks = (*inherited, *_controls(node.decorator_list, named))
            yield from _marked(node, f"{prefix}::{node.name}", marks, named)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            for control in dict.fromkeys((*inherited, *_controls(node.decorator_list, named))):
                yield f"{prefix}::{node.name}", control


def _named(tree: ast.Module) -> _Named:
    return {
        target.id: [node.value]
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _controls(marks: list[ast.expr], named: _Named) -> tuple[str, ...]:
    """The literal arguments of `control(...)`, also where it marks one parameter set, or has a name in the module."""
    found: list[str] = []
    followed: set[str] = set()
    waiting: list[ast.AST] = list(marks)
    while waiting:
        for part in ast.walk(waiting.pop(0)):
            if isinstance(part, ast.Name) and part.id in named and part.id not in followed:
                followed.add(part.id)
                waiting += named[part.id]
            if not isinstance(part, ast.Call):
                continue
            called = part.func
            name = getattr(called, "id", None) or getattr(called, "attr", None)  # a name, or an attribute of one
            if name == "control":
                found += [a.value for a in part.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return tuple(dict.fromkeys(found))
