"""What Allure's pages need to tell unit failures from lab faults."""

from __future__ import annotations

import json
from collections.abc import Mapping

from nportlab.verdicts.verdict import TestResult


def labels(result: TestResult, sections: Mapping[str, str]) -> list[tuple[str, str]]:
    """Label names and values of a result. sections: control id -> section of the guide."""
    listed = [("tag", control) for control in result.controls]
    listed += [("feature", f"Guide {sections[c]}") for c in result.controls[:1] if c in sections]
    listed += [("story", control) for control in result.controls[:1]]
    if result.unit:
        listed += [("parentSuite", result.unit), ("host", result.unit)]
    return listed


def categories() -> str:
    """categories.json: Allure sorts what did not pass by status and by the first words of its message."""
    listed = [
        {"name": "Unit failures", "matchedStatuses": ["failed"]},
        {"name": "Configuration faults", "matchedStatuses": ["broken"], "traceRegex": "(?s).*ConfigFault.*"},
        {"name": "Lab faults", "matchedStatuses": ["broken"], "traceRegex": "(?s).*LabFault.*"},
        {"name": "Inconclusive and harness", "matchedStatuses": ["broken"]},
        {"name": "Not applicable or waived", "matchedStatuses": ["skipped"]},
    ]
    return json.dumps(listed, indent=2) + "\n"


def environment(values: Mapping[str, str]) -> str:
    """environment.properties."""
    return "".join(f"{key.replace(' ', '_')}={value}\n" for key, value in values.items())
