"""Random suites for the planner: a few settings, all kinds of needs, events, pairs."""

from __future__ import annotations

from hypothesis import strategies as st

from nportlab.plan.need import EVENTS, Event, Item, Need

KEYS = ["a", "b", "c", "certificate"]
VALUES = {
    "a": ["0", "1"],
    "b": ["0", "1", "2"],
    "c": ["0", "1"],
    "certificate": ["self-signed", "lab:p256", "regenerated"],
}
FACTORY = {"a": "0", "b": "0", "c": "0", "certificate": "self-signed"}


@st.composite
def settings(draw: st.DrawFn) -> dict[str, str]:
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=3))
    return {key: draw(st.sampled_from(VALUES[key])) for key in keys}


@st.composite
def baselines(draw: st.DrawFn) -> dict[str, str]:
    full = {key: draw(st.sampled_from(VALUES[key][:2])) for key in KEYS}
    hidden = draw(st.lists(st.sampled_from(KEYS), max_size=1))
    return {key: value for key, value in full.items() if key not in hidden}


@st.composite
def suites(draw: st.DrawFn) -> list[Item]:
    items: list[Item] = []
    for number in range(draw(st.integers(0, 10))):
        event: Event | None = draw(st.sampled_from([None, None, None, *EVENTS]))
        need = Need.of(
            draw(settings()),
            event=event,
            alone=draw(st.integers(0, 5)) == 0,
            restarts=draw(st.sampled_from([0, 0, 0, 1])),
        )
        items.append(Item(f"t{number}", need))
    for number in range(draw(st.integers(0, 3))):
        event = draw(st.sampled_from(EVENTS))
        before = draw(settings())
        after = draw(settings()) if event == "factory-reset" else before
        pair = f"p{number}"
        parts = [
            Item(f"{pair}.before", Need.of(before, event=event, part="before", pair=pair)),
            Item(f"{pair}.after", Need.of(after, event=event, part="after", pair=pair)),
        ]
        which = draw(st.sampled_from([[0, 1], [0, 1], [1, 0], [0], [1]]))
        for part in which:
            items.insert(draw(st.integers(0, len(items))), parts[part])
    return items
