"""Values of a unit's settings: what is in force and what is saved for the next restart."""

from collections.abc import Iterator, Mapping


class Settings(Mapping[str, str]):
    """Setting id -> canonical value; an id the unit does not have raises KeyError.

    factory: every setting of this model and firmware with its factory value. values: what differs from it; ids unknown
    to the unit are left out (a firmware change may drop settings).
    """

    def __init__(self, factory: Mapping[str, str], values: Mapping[str, str] | None = None) -> None:
        self._values = dict(factory)
        self._values.update({key: value for key, value in (values or {}).items() if key in factory})

    def __getitem__(self, setting: str) -> str:
        return self._values[setting]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def on(self, setting: str) -> bool:
        """Whether a switch is "enable"."""
        return self[setting] == "enable"

    def number(self, setting: str) -> int:
        """The value as an integer."""
        return int(self[setting])

    def update(self, values: Mapping[str, str]) -> None:
        """Take over `values`; only the device does this, after it has committed them."""
        for setting in values:
            self[setting]
        self._values.update(values)
