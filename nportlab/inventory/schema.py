"""The JSON Schema by which editors complete and check lab.yaml."""

from __future__ import annotations

import json
from typing import Any

from nportlab.guide.defects import defects
from nportlab.guide.family import models
from nportlab.inventory.shapes import LabShape


def lab_schema() -> dict[str, Any]:
    """The schema of lab.yaml, with the known models and defects as choices."""
    schema = LabShape.model_json_schema(mode="validation")
    unit = schema["$defs"]["UnitShape"]["properties"]
    unit["model"]["enum"] = sorted(models())
    unit["model"].pop("type", None)
    unit["defects"]["items"] = {"enum": sorted(defects())}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "NPort lab inventory"}


def lab_schema_text() -> str:
    """The schema as docs/lab.schema.json holds it."""
    return json.dumps(lab_schema(), indent=2, ensure_ascii=False) + "\n"
