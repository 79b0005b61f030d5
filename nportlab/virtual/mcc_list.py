"""The lists the CLI tool reads and writes: a line of column names, then one line a unit (nport-facts 10.3)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

from nportlab.protocol.virtual_dsci import Code
from nportlab.virtual.mcc_line import Failed

COLUMNS: Final = (
    "Model",
    "ServerName",
    "IP",
    "MAC",
    "FwVer",
    "User",
    "PWD",
    "CfgFile",
    "Key",
    "FwFile",
    "Port",
)
MOST_ADDRESSES: Final = 1024


@dataclass(frozen=True)
class Row:
    """One unit of a list; fields in the order of its columns. firmware: full text, "2.3 Build 24101817"."""

    model: str = ""
    name: str = ""
    address: str = ""
    mac: str = ""
    firmware: str = ""
    user: str = ""
    password: str = ""
    configuration_file: str = ""
    key: str = ""
    firmware_file: str = ""
    port: str = ""


def list_text(rows: Iterable[Row]) -> str:
    """A list with semicolons."""
    return "".join(";".join(cells) + "\n" for cells in [COLUMNS, *(astuple(row) for row in rows)])


def log_text(results: Iterable[tuple[Row, Code]]) -> str:
    """The log of a command: the list, with the code of each unit in a last column; passwords are left out."""
    lines = [";".join((*COLUMNS, "ErrCode"))]
    for row, code in results:
        cells = [*astuple(row)]
        cells[COLUMNS.index("PWD")] = ""
        lines.append(";".join((*cells, str(code.value))))
    return "\n".join(lines) + "\n"


def read_list(path: Path) -> list[Row]:
    """The units of a list, with semicolons or padded columns. Raises Failed: unreadable, not such a list."""
    try:
        lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(Code.FILE_OPEN, f"{path}: {error}") from None
    if not lines:
        raise Failed(Code.LIST_INCOMPLETE, f"{path}: no units")
    split = _by_semicolon if ";" in lines[0] else _by_position(lines[0])
    if tuple(split(lines[0])) != COLUMNS:
        raise Failed(Code.LIST_INCOMPLETE_TOO, f"{path}: the columns are not {';'.join(COLUMNS)}")
    rows = []
    for line in lines[1:]:
        cells = split(line)
        if len(cells) != len(COLUMNS):
            raise Failed(Code.LIST_INCOMPLETE_TOO, f"{path}: {len(cells)} columns in {line!r}")
        rows.append(Row(*cells))
    if not rows:
        raise Failed(Code.LIST_INCOMPLETE, f"{path}: no units")
    return rows


def _by_semicolon(line: str) -> list[str]:
    return [cell.strip() for cell in line.split(";")]


def _by_position(head: str) -> Callable[[str], list[str]]:
    """Cells that begin under the names of their columns."""
    starts = [found.start() for found in re.finditer(r"\S+", head)]
    ends = [*starts[1:], None]
    return lambda line: [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]


def addresses(text: str) -> list[str]:
    """The addresses of `-i`: one, several with commas, a range of last bytes. Raises ValueError."""
    found: list[str] = []
    for part in text.split(","):
        span = re.fullmatch(r"\s*(.+)\.(\d+)-(\d+)\s*", part)
        if span:
            found += [f"{span[1]}.{last}" for last in range(int(span[2]), min(int(span[3]), 256) + 1)]
        else:
            found.append(part.strip())
    for address in found:
        ipaddress.IPv4Address(address)
    if not 0 < len(found) <= MOST_ADDRESSES:
        raise ValueError(f"-i takes 1 to {MOST_ADDRESSES} addresses")
    return found
