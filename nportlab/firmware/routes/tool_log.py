"""Lists and logs of the vendor's tool: one line per unit, columns divided by semicolons or padded with blanks.

    Model;ServerName;IP;MAC;FwVer;User;PWD;CfgFile;Key;FwFile;Port        a log has ErrCode as one more, the last

Only the names of the columns are public (nport-facts 10.3). A line with the words IP and MAC is taken for the head that
names them; without one the order above counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

COLUMNS = ("Model", "ServerName", "IP", "MAC", "FwVer", "User", "PWD", "CfgFile", "Key", "FwFile", "Port")
ERROR_CODE = "ErrCode"
_SECRET = ("PWD", "Key")


@dataclass(frozen=True)
class Line:
    """One unit. values: by column, without passwords and keys. code: of a log, None in a list."""

    values: dict[str, str] = field(default_factory=dict)
    code: int | None = None

    @property
    def address(self) -> str:
        """IPv4 address."""
        return self.values.get("IP", "")


def read_lines(text: str) -> list[Line]:
    """Every line that tells of a unit; what is none (heads, rulers, remarks) is left out."""
    columns: tuple[str, ...] = (*COLUMNS, ERROR_CODE)
    found: list[Line] = []
    for raw in text.splitlines():
        cells = _cells(raw)
        folded = [cell.casefold() for cell in cells]
        if "ip" in folded and "mac" in folded:
            columns = tuple(_known(cell) for cell in cells)
            continue
        if not any(re.fullmatch(r"\d{1,3}(\.\d{1,3}){3}", cell) for cell in cells):
            continue
        found.append(_line(columns, cells))
    return found


def list_text(rows: Iterable[Mapping[str, str]]) -> str:
    """A list for the tool to read. rows: by column; what a row does not have is left empty."""
    lines = [COLUMNS, *(tuple(row.get(column, "") for column in COLUMNS) for row in rows)]
    return "".join(";".join(cells) + "\n" for cells in lines)


def _cells(raw: str) -> list[str]:
    """A line with semicolons may have empty cells; in a padded one two blanks part two cells."""
    if ";" in raw:
        cells = [cell.strip() for cell in raw.split(";")]
        return cells[:-1] if cells and cells[-1] == "" else cells
    return re.split(r"\s{2,}|\t+", raw.strip())


def _line(columns: tuple[str, ...], cells: list[str]) -> Line:
    values = dict(zip(columns, cells, strict=False))
    last = values.pop(ERROR_CODE, cells[-1] if len(cells) >= 2 else "")
    code = int(last) if re.fullmatch(r"-?\d{1,3}", last) and int(last) <= 0 else None
    return Line({name: value for name, value in values.items() if name not in _SECRET}, code)


def _known(cell: str) -> str:
    names = {name.casefold(): name for name in (*COLUMNS, ERROR_CODE)}
    return names.get(re.sub(r"[\s_]+", "", cell).casefold(), cell)
