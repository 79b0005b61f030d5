"""A place on a unit that is full is waited for, not for ever."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nportlab.unit.errors import LoginRefused, SessionLimit
from nportlab.unit.free_place import when_a_place_is_free

UNIT: Any = SimpleNamespace(minute=0.005)


class Full:
    """Takes nobody in the first `times` tries."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> str:
        if self.left:
            self.left -= 1
            raise SessionLimit("Already login.")
        return "inside"


def test_it_is_tried_until_there_is_one() -> None:
    told: list[str] = []
    assert when_a_place_is_free(UNIT, Full(2), lambda _, what: told.append(what)) == "inside"
    assert len(told) == 2 and "session" in told[0]


def test_a_unit_that_stays_full_is_given_up() -> None:
    with pytest.raises(SessionLimit):
        when_a_place_is_free(UNIT, Full(10_000))


def test_a_refused_password_is_not_tried_again() -> None:
    tries: list[int] = []

    def act() -> None:
        tries.append(1)
        raise LoginRefused("no")

    with pytest.raises(LoginRefused):
        when_a_place_is_free(UNIT, act)
    assert len(tries) == 1
