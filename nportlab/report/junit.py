"""junit.xml: what is not the unit's fault becomes an error there, and only a unit failure stays a failure."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

VERDICT_PROPERTY = "verdict"


def separate_errors(path: Path) -> int:
    """Turn `<failure>` into `<error>` in every test case whose property `verdict` is not `fail`; returns how many.

    pytest writes everything that goes wrong in a test's own phase as a failure. Raises OSError and
    ElementTree.ParseError when the file is missing or damaged.
    """
    tree = ElementTree.parse(path)
    changed = 0
    for suite in tree.iter("testsuite"):
        moved = 0
        for case in suite.iter("testcase"):
            verdict = _verdict(case)
            for failure in case.findall("failure"):
                if verdict not in ("", "fail"):
                    failure.tag = "error"
                    moved += 1
        if moved:
            suite.set("failures", str(int(suite.get("failures", "0")) - moved))
            suite.set("errors", str(int(suite.get("errors", "0")) + moved))
        changed += moved
    if changed:
        tree.write(path, encoding="utf-8", xml_declaration=True)
    return changed


def _verdict(case: ElementTree.Element) -> str:
    for one in case.iter("property"):
        if one.get("name") == VERDICT_PROPERTY:
            return one.get("value", "")
    return ""
