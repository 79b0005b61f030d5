"""Waiting for a place on a unit whose sessions are all taken: by a run that was killed, or lost in a restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from nportlab.unit.errors import SessionLimit
from nportlab.unit.health import Progress

if TYPE_CHECKING:
    from nportlab.unit.unit import Unit

_MINUTES: Final = 6.0  # unit minutes; five is the factory value of Auto Logout
_LOOK: Final = 5.0
_Result = TypeVar("_Result")


def when_a_place_is_free(unit: Unit, act: Callable[[], _Result], progress: Progress | None = None) -> _Result:
    """Do something that logs in, again and again while the unit takes no further session, until it must have ended
    those nobody uses. Raises SessionLimit when it has not.
    """
    start = time.monotonic()
    while True:
        try:
            return act()
        except SessionLimit:
            if (passed := time.monotonic() - start) > _MINUTES * unit.minute:
                raise
        if progress is not None:
            progress(passed, "waiting until the unit ends a session that nobody uses")
        time.sleep(min(unit.minute, _LOOK))
