"""What the same thing measured in earlier runs."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from nportlab.report.measurements import Measurement
from nportlab.report.measurements_store import HISTORY


class MeasurementHistory:
    """Numbers of all runs, oldest first, by what they measured."""

    def __init__(self, rows: list[Measurement]) -> None:
        self._by_key: dict[tuple[str | int | bool, ...], list[Measurement]] = defaultdict(list)
        for row in rows:
            self._by_key[row.key].append(row)

    @classmethod
    def load(cls, folder: Path) -> MeasurementHistory:
        """The history of a folder; empty when there is none. Lines that are cut off or of another version are passed
        over: history helps to read numbers, it does not make them."""
        rows: list[Measurement] = []
        with suppress(FileNotFoundError), (folder / HISTORY).open("rb") as file:
            for raw in file:
                with suppress(ValueError):
                    rows.append(Measurement.model_validate(json.loads(raw)))
        return cls(rows)

    def before(self, row: Measurement) -> list[Measurement]:
        """Every earlier run's number of the same thing, oldest first; of several in one run the last."""
        last = {other.run: other for other in self._by_key[row.key] if other.run < row.run}
        return [last[run] for run in sorted(last)]

    def previous(self, row: Measurement) -> Measurement | None:
        """The number of the run before."""
        earlier = self.before(row)
        return earlier[-1] if earlier else None

    def change(self, row: Measurement) -> float | None:
        """Percent by which the value moved since the run before; None without one, or from nothing."""
        earlier = self.previous(row)
        if earlier is None or earlier.value == 0:
            return None
        return 100 * (row.value - earlier.value) / abs(earlier.value)
