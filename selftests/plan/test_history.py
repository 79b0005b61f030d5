from __future__ import annotations

from pathlib import Path

import pytest

from nportlab.plan.costs import Costs
from nportlab.plan.history import History, history_path, load_history, save_history
from nportlab.plan.need import Item
from nportlab.plan.plan import plan_unit


def test_what_was_measured_is_kept_and_smoothed(tmp_path: Path) -> None:
    path = history_path(tmp_path, "desk", "np6450")
    history = load_history(path)
    history.costs.saw_event("restart", 30.0)
    history.costs.saw_event("restart", 40.0)
    history.costs.saw_test("a", 3.0)
    history.values = {"console.telnet": "enable"}
    save_history(history, path)
    again = load_history(path)
    assert again == history
    assert again.costs.event("restart") == pytest.approx(33.0)
    assert again.costs.event("factory-reset") == Costs().event("factory-reset")
    assert again.costs.test(Item("a")) == 3.0


@pytest.mark.parametrize("content", ["", "{", '{"unknown": 1}', "\x00\xff"])
def test_a_damaged_history_is_no_obstacle(tmp_path: Path, content: str) -> None:
    path = tmp_path / "history.json"
    path.write_text(content)
    assert load_history(path) == History()


def test_a_virtual_unit_is_assumed_to_be_quick() -> None:
    slow = plan_unit("u", [Item("a")], {}, {}, Costs())
    quick = plan_unit("u", [Item("a")], {}, {}, Costs(quick=True))
    assert quick.seconds < slow.seconds
