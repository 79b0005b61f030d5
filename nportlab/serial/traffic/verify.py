"""What happened to the bytes of a pattern on their way: nothing, or what, where and how often.

While all is well a call is one comparison. Where bytes differ the place at which the stream goes on is looked for, and
what lies between tells what happened: the stream goes on further ahead (loss), further back (duplication), in a part
that was missing (reordering), where it should after as many wrong bytes (corruption), or after extra ones (foreign).
Neighbours that happen to be alike make some of this a guess: with 5 data bits, two parts in the wrong order are called
a loss and foreign bytes twice in a thousand times. Nothing that is wrong is ever called right.
The work is linear in the bytes, the memory bounded; after MOST_SEARCHES the rest is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nportlab.serial.traffic.account import CHANCE, CONTEXT, FAR_BACK, MOST_HELD, Account, Gap
from nportlab.serial.traffic.findings import Finding, Findings, Kind
from nportlab.serial.traffic.locate import STRIDE, index
from nportlab.serial.traffic.pattern import LAP, MOST_PIECE, Pattern

MOST_SEARCHES = 10_000
"""Times the place is looked for until the stream counts as hopeless."""

_REPAIRED_AT_ONCE = 8192


@dataclass
class _Excursion:
    """Bytes from behind are coming: those of a gap, or such as were there before.

    at: position of the next; end: of the one after the last.
    """

    at: int
    end: int
    count: int
    finding: int
    gap: Gap | None


class Verifier:
    """Compares what is received with a pattern from position 0 on.

    others: patterns whose bytes may stray in here; they are called by name.
    """

    def __init__(self, of: Pattern, others: Sequence[Pattern] = ()) -> None:
        self.pattern = of
        self.position = 0
        """Of the next byte not received yet; lost bytes are behind it."""
        self.received = 0
        """Bytes fed, right or wrong."""
        self._table = of.table
        self._plain = True
        self._sent: int | None = None
        self._account = Account(of, others)
        self._abandoned: int | None = None
        self._searches = 0
        self._held = b""
        self._scanned = self._enough = 0
        self._run = bytearray()
        self._run_size = 0
        self._excursion: _Excursion | None = None
        self._ended: _Excursion | None = None

    @property
    def errors(self) -> int:
        """Findings so far."""
        return self._account.tally.total

    @property
    def suspicious(self) -> bool:
        """Whether something is wrong that is not understood yet, or was found."""
        return not self._plain or self._account.tally.total > 0

    def findings(self) -> Findings:
        """What was wrong so far."""
        return self._account.tally.findings(self._abandoned)

    def feed(self, data: bytes, sent: int | None = None) -> None:
        """Take received bytes. sent: how many were sent so far; no byte beyond can have been received or lost."""
        self.received += len(data)
        if self._plain and len(data) <= MOST_PIECE and self._table.startswith(data, self.position % LAP):
            self.position += len(data)
        elif self._abandoned is None:
            self._sent = sent
            for start in range(0, len(data), MOST_PIECE):
                self._look(data[start : start + MOST_PIECE])

    def finish(self, sent: int, *, complete: bool = True) -> Findings:
        """The stream is over. complete: nothing is under way any more, so what is missing of `sent` bytes is lost."""
        self._sent = sent
        if self._abandoned is None:
            self._look(b"", patient=False)
            rest, self._held = self._held, b""
            size = self._run_size + len(rest)
            missing = max(0, sent - self.position)
            kept = _common_end(rest, self.pattern.at(sent - min(missing, len(rest)), min(missing, len(rest))))
            if not complete:
                missing, kept = min(missing, size), 0
            if size:
                self._resume(rest, len(rest) - kept, self.position + missing - kept)
                self.position += kept
            elif complete and missing:
                self._account.lost(self.position, missing, b"")
                self.position = sent
            self._plain = True
        return self.findings()

    def _look(self, data: bytes, *, patient: bool = True) -> None:
        data, self._held = self._held + data, b""
        if patient and len(data) < self._enough:
            self._held = data
            return
        self._enough = 0
        while data and self._abandoned is None:
            if self._excursion:
                data = self._follow(self._excursion, data)
                continue
            if not self._run_size:
                same = self.pattern.common(self.position, data[:MOST_PIECE])
                done = same or self._repair(data)
                if same:
                    self.position += same
                    self._ended = None if same > CHANCE else self._ended
                if done:
                    data, self._scanned = data[done:], 0
                    continue
            found = index(self.pattern).first(data, self._scanned)
            self._scanned = 0
            if found is None:
                self._hold(data)
                break
            self._searches += 1
            where, place = self._back(data, found[0], self._place(found[1]))
            self._resume(data, where, place)
            data = data[where:]
            if self._searches > MOST_SEARCHES:
                self._abandoned = self.position
        self._plain = not (self._held or self._run_size or self._excursion)

    # Where the stream goes on -------------------------------------------------------------------------------------

    def _place(self, offset: int) -> int:
        """The position an offset in the lap stands for."""
        ahead = self.position + (offset - self.position) % LAP
        behind = ahead - LAP
        beyond = self._sent is not None and ahead + self.pattern.anchor > self._sent
        if behind >= 0 and (beyond or self.position - behind <= FAR_BACK or self._account.gap_at(behind)):
            return behind
        return ahead

    def _back(self, data: bytes, where: int, place: int) -> tuple[int, int]:
        """The first byte of what was found: only every STRIDE-th place is indexed."""
        while where and place and place != self.position and data[where - 1] == self.pattern.at(place - 1, 1)[0]:
            where, place = where - 1, place - 1
        return where, place

    def _hold(self, data: bytes) -> None:
        """Nothing of `data` is known; wait for more, and keep no more than needed."""
        keep = len(data)
        if self._run_size or keep > MOST_HELD:
            keep = min(keep, self.pattern.anchor + STRIDE - 1)
            gone = len(data) - keep
            self._run += data[: min(gone, max(0, MOST_HELD - len(self._run)))]
            self._run_size += gone
        self._held = data[len(data) - keep :]
        self._scanned = max(0, keep - self.pattern.anchor + 1)
        # The longer lost the later looked again: once at many bytes is cheaper than often at few.
        self._enough = MOST_HELD if self._run_size else keep + keep // 8

    def _follow(self, excursion: _Excursion, data: bytes) -> bytes:
        """Take what still belongs to an excursion; returns the rest."""
        piece = data[: min(excursion.end - excursion.at, MOST_PIECE)]
        same = self.pattern.common(excursion.at, piece)
        excursion.at += same
        self._count(excursion, same)
        if same < len(piece) or excursion.at == excursion.end:
            self._excursion, self._ended = None, excursion
        return data[same:]

    def _count(self, excursion: _Excursion, number: int) -> None:
        excursion.count += number
        if excursion.gap:
            if excursion.gap.start == excursion.at - number:
                excursion.gap.start = excursion.at
            self._account.fill(excursion.gap, number)
        else:
            self._account.tally.grow(excursion.finding, Kind.DUPLICATION, number)

    def _resume(self, data: bytes, where: int, place: int) -> None:
        """Known bytes begin at data[where:], those of position `place`; say what happened before."""
        size = self._run_size + where
        run = bytes(self._run) + data[:where]
        self._run, self._run_size = bytearray(), 0
        ahead = place - self.position
        ended, self._ended = self._ended, None
        if -CHANCE <= ahead < 0 and not self._account.gap_at(place):
            # The last few bytes are not what they were taken for: those of `place` come only now.
            run = self.pattern.at(place, -ahead) + run
            self._account.extra(self.position, run, size - ahead, data[where:])
            self.position = place
            return
        if ahead >= 0 and not size:
            if ended and 0 < ahead <= min(CHANCE, ended.count) and self._fitted(ended, ahead):
                self._count(ended, -ahead)
            elif ahead:
                self._account.lost(self.position, ahead, data[where:])
            self.position = place
            return
        if size and ahead > 0:
            self._account.replaced(self.position, run, size, ahead, data[where:])
        elif size:
            self._account.extra(self.position, run, size, data[where:])
        if ahead >= 0:
            self.position = place
            return
        gap = self._account.gap_at(place, move=True)
        number = gap.finding if gap else self._account.repeated(self.position, data[where:])
        self._excursion = _Excursion(place, gap.end if gap else self.position, 0, number, gap)
        if gap and place > gap.start:
            gap.end = place

    def _fitted(self, ended: _Excursion, count: int) -> bool:
        """Whether the last bytes of an excursion are as well the first after it."""
        return self.pattern.at(ended.at - count, count) == self.pattern.at(self.position, count)

    def _repair(self, data: bytes) -> int:
        """Pass over short wrong runs after which all goes on where it should; returns how far that went."""
        window = data[:_REPAIRED_AT_ONCE]
        wanted = np.frombuffer(self.pattern.piece(self.position, len(window)), np.uint8)
        differs = np.frombuffer(window, np.uint8) != wanted
        wrong = np.flatnonzero(differs)
        anchor = self.pattern.anchor
        seams = np.flatnonzero(np.diff(wrong) > anchor)
        starts = wrong[np.concatenate(([0], seams + 1))]
        ends = wrong[np.append(seams, len(wrong) - 1)] + 1
        good = ends - starts < anchor + STRIDE
        good[-1] &= len(window) - ends[-1] >= anchor
        count = len(good) if good.all() else int(np.argmin(good))
        if not count:
            return 0
        done = len(window) if count == len(good) else int(starts[count])
        noted = 0
        while noted < count and self._account.tally.keeps:
            start, end = int(starts[noted]), int(ends[noted])
            self._account.replaced(
                self.position + start, window[start:end], end - start, end - start, data[end : end + CONTEXT]
            )
            noted += 1
        if noted < count:
            damage = int(np.count_nonzero(differs[starts[noted] : ends[count - 1]]))
            self._account.tally.add(
                Finding(Kind.CORRUPTION, self.position + int(starts[noted]), damage=damage), count - noted
            )
        self.position += done
        return done


def _common_end(one: bytes, other: bytes) -> int:
    """How many bytes at the end are the same."""
    same = 0
    while same < min(len(one), len(other)) and one[-1 - same] == other[-1 - same]:
        same += 1
    return same
