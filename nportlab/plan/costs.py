"""How long restarts and tests take: measured in earlier runs once there are some, otherwise assumed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from nportlab.plan.need import Event, Item

_ASSUMED: dict[Event, float] = {"restart": 60.0, "power-cycle": 75.0, "factory-reset": 90.0}
_ASSUMED_TEST = 2.0
_ASSUMED_VIRTUAL = 1.0
_MEMORY = 0.3  # weight of the newest measurement


class Costs(BaseModel):
    """Seconds, as smoothed means. events: by event; tests: by test id; quick: whether the unit is virtual, so that less
    is assumed before anything was measured."""

    model_config = ConfigDict(extra="forbid")

    quick: bool = False
    events: dict[Event, float] = Field(default_factory=dict)
    tests: dict[str, float] = Field(default_factory=dict)

    def event(self, event: Event) -> float:
        """Seconds from asking for the event until the unit is healthy again."""
        return self.events.get(event, _ASSUMED_VIRTUAL if self.quick else _ASSUMED[event])

    def test(self, item: Item) -> float:
        """Seconds of a test, restarts not counted."""
        if item.seconds is not None:
            return item.seconds
        return self.tests.get(item.id, _ASSUMED_VIRTUAL if self.quick else _ASSUMED_TEST)

    def saw_event(self, event: Event, seconds: float) -> None:
        """Take a measurement into the mean."""
        self.events[event] = _smoothed(self.events.get(event), seconds)

    def saw_test(self, test: str, seconds: float) -> None:
        """Take a measurement into the mean."""
        self.tests[test] = _smoothed(self.tests.get(test), seconds)


def _smoothed(before: float | None, seconds: float) -> float:
    return round(seconds if before is None else before + _MEMORY * (seconds - before), 3)
