"""A recorder whose target changes from test to test, for clients that live longer than one test."""

from __future__ import annotations

from nportlab.verdicts.recorder import NullRecorder, Recorder


class SwitchedRecorder:
    """Hands everything to the recorder that is current."""

    def __init__(self, target: Recorder | None = None) -> None:
        """target: nothing is kept without one."""
        self.target: Recorder = target or NullRecorder()

    def note(self, text: str) -> None:
        """One line for the reader of the evidence."""
        self.target.note(text)

    def exchange(
        self,
        channel: str,
        summary: str,
        sent: bytes | str | None = None,
        received: bytes | str | None = None,
    ) -> None:
        """One request and its answer."""
        self.target.exchange(channel, summary, sent, received)
