"""A terminal on the adapter of a port: pyserial's miniterm, which knows every scheme this project knows."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from serial.tools import miniterm

from nportlab.inventory.lab import Lab, Line
from nportlab.serial.handlers import register
from nportlab.verdicts.faults import ConfigFault
from nportlab.verdicts.problems import did_you_mean
from nportlab.verdicts.verdict import ExitCode


def adapter_line(lab: Lab, port: str) -> Line:
    """The line of a port named "unit/port". Raises ConfigFault when there is no such port, or no adapter in it."""
    name, _, number = port.rpartition("/")
    unit = lab.units.get(name)
    if unit is None:
        raise ConfigFault(f"'{port}': no unit '{name}'{did_you_mean(name, lab.units)}", "Name a port as unit/port.")
    entry = unit.ports.get(int(number)) if number.isdigit() else None
    if entry is None:
        raise ConfigFault(f"{name} has no port '{number}'", f"It has 1 to {len(unit.ports)}.")
    if entry.line.kind != "adapter":
        adapters = [f"{name}/{other.number}" for other in unit.ports.values() if other.line.kind == "adapter"]
        raise ConfigFault(
            f"the line of {port} is {entry.line.kind}, and a terminal needs an adapter",
            f"Take {', '.join(adapters)}." if adapters else "Plug an adapter in, and say so in lab.yaml.",
        )
    return entry.line


def run_terminal(url: str, arguments: Sequence[str] = ()) -> int:
    """Miniterm on `url` until its exit key (Ctrl-]); `arguments` as for `python -m serial.tools.miniterm`.

    Returns the exit code: LAB_FAULT when the adapter cannot be opened (miniterm says why).
    """
    register()
    sys.argv = ["nportlab terminal", url, *arguments]  # miniterm takes them from nowhere else
    try:
        miniterm.main()
    except SystemExit as end:
        wrong_command_line = 2  # argparse
        if end.code == wrong_command_line:
            return ExitCode.CONFIG_FAULT
        return ExitCode.LAB_FAULT if end.code else ExitCode.OK
    return ExitCode.OK
