"""The part of the Telnet protocol (RFC 854, 857, 858) a console needs: data apart from commands, and option answers."""

from __future__ import annotations

SE, SB, WILL, WONT, DO, DONT, IAC = 240, 250, 251, 252, 253, 254, 255
ECHO, SUPPRESS_GO_AHEAD = 1, 3

OURS = frozenset({ECHO, SUPPRESS_GO_AHEAD})
"""Options this end performs."""

GREETING = bytes([IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD])
"""What the console offers first: character at a time, echoed by the unit."""

SUBNEGOTIATION_LIMIT = 256


class TelnetDecoder:
    """Splits what a client sends into data and the answers its option requests need.

    Keeps its state over cuts at any octet. Answers only a change of an option's state, so that two ends never loop.
    """

    def __init__(self) -> None:
        self._command = bytearray()
        self._performed = set(OURS)
        self._refusals: set[tuple[int, int]] = set()

    def feed(self, octets: bytes) -> tuple[bytes, bytes]:
        """Data for the terminal, and octets to send back at once."""
        data, answers = bytearray(), bytearray()
        for octet in octets:
            if not self._command:
                if octet == IAC:
                    self._command.append(octet)
                else:
                    data.append(octet)
                continue
            self._command.append(octet)
            if self._complete():
                command, self._command = bytes(self._command), bytearray()
                if command == bytes([IAC, IAC]):
                    data.append(IAC)
                else:
                    answers += self._answer(command)
        return bytes(data), bytes(answers)

    def _complete(self) -> bool:
        verb = self._command[1]
        if verb == SB:
            return self._command[-2:] == bytes([IAC, SE]) or len(self._command) > SUBNEGOTIATION_LIMIT
        return len(self._command) == (3 if WILL <= verb <= DONT else 2)

    def _answer(self, command: bytes) -> bytes:
        verb, option = command[1], command[-1]
        if verb == DO and option not in self._performed:
            if option in OURS:
                self._performed.add(option)
                return bytes([IAC, WILL, option])
            return self._refuse(WONT, option)
        if verb == DONT and option in self._performed:
            self._performed.discard(option)
            return bytes([IAC, WONT, option])
        if verb == WILL:
            return self._refuse(DONT, option)
        return b""

    def _refuse(self, verb: int, option: int) -> bytes:
        if (verb, option) in self._refusals:
            return b""
        self._refusals.add((verb, option))
        return bytes([IAC, verb, option])
