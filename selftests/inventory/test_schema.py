import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from nportlab.inventory.schema import lab_schema, lab_schema_text

ROOT = Path(__file__).parents[2]


def check(lab: Any) -> list[str]:
    as_json = json.loads(json.dumps(lab))  # an editor sees keys as text
    return [error.message for error in jsonschema.Draft202012Validator(lab_schema()).iter_errors(as_json)]


def default_lab() -> Any:
    return yaml.safe_load((ROOT / "lab.yaml").read_text())


def test_the_published_schema_is_up_to_date() -> None:
    published = (ROOT / "docs" / "lab.schema.json").read_text()
    assert published == lab_schema_text(), "run: nportlab lab schema > docs/lab.schema.json"


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(lab_schema())


def test_lab_yaml_names_the_schema_and_fits_it() -> None:
    first = (ROOT / "lab.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=docs/lab.schema.json"
    assert check(default_lab()) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("model",), "NP6151"),
        (("adress",), "192.168.127.4"),
        (("allow",), ["reboot"]),
        (("defects",), ["no-such-defect"]),
        (("credentials",), {"password": "hunter22"}),
        (("ports",), {"1": {"line": "cable"}}),
        (("ports",), {"1": {"line": {"adaptor": "/dev/ttyS0"}}}),
    ],
)
def test_an_editor_sees_the_mistake(place: tuple[str, ...], value: Any) -> None:
    lab = default_lab()
    lab["racks"]["desk"]["units"]["np6150"][place[0]] = value
    assert check(lab)


@pytest.mark.parametrize(
    "line", ["loopback", "adapter", "none", {"adapter": "/dev/ttyS0"}, {"crosslink": "np6450/1"}, {"pty": "/dev/pts/7"}]
)
def test_an_editor_accepts_every_line(line: Any) -> None:
    lab = default_lab()
    lab["racks"]["desk"]["units"]["np6150"]["ports"] = {"1": {"line": line}}
    assert check(lab) == []
