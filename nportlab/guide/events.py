"""Events the unit logs, and the shape of a log line."""

import re
from datetime import datetime
from functools import cache
from typing import Literal, NamedTuple

from nportlab.guide.rows import SourcedRow, read_yaml, unique

Group = Literal["System", "Network", "Config", "OpMode"]

_LINE = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(System|Network|Config|OpMode)\] (\S.*)")


class Event(SourcedRow):
    """One kind of log entry. text: as the log prints it after the group."""

    id: str
    group: Group
    text: str
    controls: tuple[str, ...] = ()


class LogLine(NamedTuple):
    """A parsed log line. moment: the unit's local time."""

    moment: datetime
    group: str
    text: str


@cache
def events() -> dict[str, Event]:
    """All events by id."""
    return unique([Event(**row) for row in read_yaml("events.yaml")["events"]], "events.yaml")


def parse_line(line: str) -> LogLine:
    """`YYYY/MM/DD hh:mm:ss [Group] Event` (guide line 463); ValueError for anything else."""
    found = _LINE.fullmatch(line.rstrip())
    if found is None:
        raise ValueError(f"not a log line: {line!r}")
    return LogLine(datetime.strptime(found[1], "%Y/%m/%d %H:%M:%S"), found[2], found[3])
