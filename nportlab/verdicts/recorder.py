"""How the library hands what it sent and received to the evidence, without knowing where evidence is kept."""

from __future__ import annotations

from typing import Protocol


class Recorder(Protocol):
    """Receives what happened, in order. Implementations redact registered secrets and never raise."""

    def note(self, text: str) -> None:
        """One line for the reader of the evidence."""
        ...

    def exchange(
        self,
        channel: str,
        summary: str,
        sent: bytes | str | None = None,
        received: bytes | str | None = None,
    ) -> None:
        """One request and its answer.

        channel: "https 192.168.127.11:443", "udp 4800" ... ; summary: one line; sent, received: the bytes or text as on
        the wire, None for nothing.
        """
        ...


class NullRecorder:
    """Keeps nothing."""

    def note(self, text: str) -> None:
        """Drop it."""

    def exchange(
        self,
        channel: str,
        summary: str,
        sent: bytes | str | None = None,
        received: bytes | str | None = None,
    ) -> None:
        """Drop it."""
