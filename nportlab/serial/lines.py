"""What is plugged into a serial port, and what that gives a test."""

from __future__ import annotations

from enum import StrEnum

from nportlab.inventory.lab import Line
from nportlab.protocol.line_format import line_format as line_format_of
from nportlab.verdicts.faults import NotApplicable


class Feature(StrEnum):
    """What a test may need of a line."""

    TRAFFIC = "bytes sent come back or are received"
    SECOND_END = "an end that is not the port's own"
    OTHER_PORT = "another port of the rack at the other end"
    OTHER_FORMAT = "an end that can be set to another format than the port"
    MODEM_LINES = "modem lines that cross"
    DRIVEN_LINES = "modem lines that something else than the port drives"
    BREAK = "breaks that cross"
    PACED = "bytes that take the time the baud rate says"
    LINE_ERRORS = "errors of the line that are seen at the other end"


_F = Feature
_FEATURES: dict[str, frozenset[Feature]] = {
    "none": frozenset(),
    "loopback": frozenset({_F.TRAFFIC, _F.MODEM_LINES, _F.BREAK, _F.PACED}),
    "crosslink": frozenset(
        {
            _F.TRAFFIC,
            _F.SECOND_END,
            _F.OTHER_PORT,
            _F.OTHER_FORMAT,
            _F.MODEM_LINES,
            _F.DRIVEN_LINES,
            _F.BREAK,
            _F.PACED,
            _F.LINE_ERRORS,
        }
    ),
    "adapter": frozenset(
        {
            _F.TRAFFIC,
            _F.SECOND_END,
            _F.OTHER_FORMAT,
            _F.MODEM_LINES,
            _F.DRIVEN_LINES,
            _F.BREAK,
            _F.PACED,
            _F.LINE_ERRORS,
        }
    ),
    "pty": frozenset({_F.TRAFFIC, _F.SECOND_END}),
}


def features(line: Line) -> frozenset[Feature]:
    """What a line gives. An adapter may turn out to do less: it raises NotApplicable when it is asked."""
    return _FEATURES[line.kind]


def require(port: str, line: Line, *needed: Feature) -> None:
    """Raise NotApplicable, naming the port and its line, unless the line gives everything a test needs."""
    missing = [feature for feature in needed if feature not in features(line)]
    if missing:
        raise NotApplicable(f"{port} has the line {describe(line)}, which does not give {' and '.join(missing)}")


def describe(line: Line) -> str:
    """As lab.yaml says it, for messages."""
    match line.kind:
        case "adapter":
            return f"adapter {line.device}" if line.device else "adapter"
        case "crosslink":
            return f"crosslink to {line.unit}/{line.port}"
        case "pty":
            return f"pty {line.device}"
    return line.kind


__all__ = ["Feature", "describe", "features", "line_format_of", "require"]
