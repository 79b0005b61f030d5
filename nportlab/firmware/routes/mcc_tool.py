"""The vendor's command-line tool `mcc_tool` (Moxa CLI Configuration Tool 1.2 to 1.6), run as the program it is.

Options, columns and codes: nport-facts 10.3. The exit status is 256 + code, of which a Unix caller sees the lower eight
bits: 0 stays 0, -7 arrives as 249. The log tells the code, too, as its last column; it counts more than the exit
status, because it names the unit. Passwords are arguments; they are left out of everything that is recorded.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nportlab.firmware.routes import tool_errors
from nportlab.firmware.routes.route import Handed
from nportlab.firmware.routes.tool_log import Line, list_text, read_lines
from nportlab.firmware.routes.tool_process import Ended, masked, run
from nportlab.guide.firmware import Route as RouteName
from nportlab.guide.firmware import version_key
from nportlab.inventory.lab import Firmware
from nportlab.unit.sending import Sent
from nportlab.unit.unit import Unit
from nportlab.verdicts.faults import ConfigFault, LabFault
from nportlab.verdicts.recorder import NullRecorder, Recorder

LOWEST_CODE: Final = -17
_SECRET_OPTIONS: Final = ("-p", "-npw", "-dk")
_GRACE: Final = 60.0  # seconds the tool may need beyond the time it was given, before it counts as hanging
_QUICK: Final = 30.0  # seconds for what does not wait for a unit
_SERVICE: Final = 4900
_LAST_WITHOUT_USER: Final = (1, 17)  # up to here naming a user is answered with -2 (nport-facts 4; 1.21 is not known)
VIRTUAL: Final = (sys.executable, "-m", "nportlab.virtual.mcc_tool")


@dataclass(frozen=True)
class Done:
    """What the tool did. printed: its output; lines: of its list or log; seconds: it took."""

    printed: str
    lines: tuple[Line, ...] = ()
    seconds: float = 0.0


class MccTool:
    """One installed tool."""

    def __init__(self, command: Sequence[str], recorder: Recorder | None = None) -> None:
        """command: the program, and what goes before its own options."""
        self.command = tuple(command)
        self._recorder: Recorder = recorder or NullRecorder()

    # ---- its verbs

    def version(self) -> str:
        """What `-ver` prints. Raises ConfigFault when the tool is missing or does not run."""
        printed = self._run(["-ver"], (), "this host", _QUICK).printed
        found = re.search(r"\d+(\.\d+)+", printed)
        return found[0] if found else printed.strip()

    def find(self, address: str, unit: str, seconds: float = 10.0) -> list[Line]:
        """`-fw -r`: the unit at an address, as the tool lists it."""
        with _folder() as folder:
            out = folder / "found.csv"
            arguments = ["-fw", "-r", "-i", address, "-o", str(out), "-t", _whole(seconds)]
            self._run(arguments, (), unit, seconds + _QUICK, folder=folder)
            return read_lines(_text(out))

    def upgrade(
        self,
        address: str,
        user: str,
        password: str,
        image: Handed,
        unit: str,
        *,
        deadline: float,
        lock: int | None = None,
        progress: Sent | None = None,
    ) -> Done:
        """`-fw -up`: bring an image into a unit. deadline: seconds the tool may take. Raises ToolError."""
        with _folder() as folder:
            file, log = folder / image.name, folder / "upgrade.log"
            _put(file, image.data, "image", unit)
            arguments = ["-fw", "-up", "-i", address, *_as(user, password), "-f", str(file), "-print"]
            arguments += ["-t", _whole(deadline), "-l", str(log)]
            return self._run(
                arguments,
                (password,),
                unit,
                deadline + _GRACE,
                folder=folder,
                log=log,
                address=address,
                lock=lock,
                progress=progress,
            )

    def upgrade_list(
        self,
        units: Sequence[Mapping[str, str]],
        image: Handed,
        unit: str,
        *,
        deadline: float,
        lock: int | None = None,
        progress: Sent | None = None,
    ) -> Done:
        """`-fw -up -d`: an image into each unit of a list; what became of each, its line of the log says.

        units: by column (`IP`, `User`, `PWD`). deadline: seconds for all. Raises ToolError only when the log lacks one.
        """
        with _folder() as folder:
            file, listed, log = folder / image.name, folder / "units.csv", folder / "upgrade.log"
            _put(file, image.data, "image", unit)
            rows = [{**row, "FwFile": str(file)} for row in units]
            _put(listed, list_text(rows).encode(), "list", unit)
            arguments = ["-fw", "-up", "-d", str(listed), "-print", "-t", _whole(deadline), "-l", str(log)]
            return self._run(
                arguments,
                [row["PWD"] for row in rows if row.get("PWD")],
                unit,
                deadline + _GRACE,
                folder=folder,
                log=log,
                several=[row["IP"] for row in rows],
                lock=lock,
                progress=progress,
            )

    def export(self, address: str, user: str, password: str, key: str, unit: str, *, seconds: float = 60.0) -> bytes:
        """`-cfg -ex`: the configuration as the tool decrypts it with the pre-shared key; plain from firmware 1.x."""
        with _folder() as folder:
            arguments = ["-cfg", "-ex", "-i", address, *_as(user, password), "-dk", key, "-t", _whole(seconds)]
            done = self._run(arguments, (password, key), unit, seconds + _QUICK, folder=folder)
            files = sorted(path for path in folder.iterdir() if path.suffix.casefold() in (".ini", ".txt"))
            if not files:
                raise tool_errors.crashed("mcc_tool exported no file", done.printed, unit)
            return files[0].read_bytes()

    def import_(
        self,
        address: str,
        user: str,
        password: str,
        key: str,
        data: bytes,
        unit: str,
        *,
        keep_network: bool = True,
        seconds: float = 60.0,
    ) -> Done:
        """`-cfg -im`: a configuration into a unit, which restarts. keep_network: leave its network parameters (`-n`).

        data: text, or a file as the web console exports it, encrypted with `key`.
        """
        with _folder() as folder:
            file = folder / "import.ini"
            _put(file, data, "configuration", unit)
            arguments = ["-cfg", "-im", "-i", address, *_as(user, password), "-dk", key, "-f", str(file)]
            arguments += ["-n"] if keep_network else []
            arguments += ["-t", _whole(seconds)]
            return self._run(arguments, (password, key), unit, seconds + _QUICK, folder=folder)

    def change_password(self, address: str, user: str, old: str, new: str, unit: str, seconds: float = 60.0) -> Done:
        """`-pw -ch`: another password; an empty old one creates the first account from firmware 2.0 on."""
        arguments = ["-pw", "-ch", "-i", address, *_as(user, old), "-npw", new]
        return self._run(arguments, (old, new), unit, seconds + _QUICK)

    # ---- inside

    def _run(
        self,
        arguments: Sequence[str],
        secrets: Sequence[str],
        unit: str,
        deadline: float,
        *,
        folder: Path | None = None,
        log: Path | None = None,
        address: str = "",
        several: Sequence[str] = (),
        lock: int | None = None,
        progress: Sent | None = None,
    ) -> Done:
        if any("\0" in argument for argument in arguments):
            raise ConfigFault(
                "a NUL character cannot be handed to mcc_tool", "Correct the credentials.", f"unit {unit}"
            )
        command = [*self.command, *arguments]
        shown = masked(command, _SECRET_OPTIONS)
        ended = run(
            command,
            secrets,
            folder=folder or Path(tempfile.gettempdir()),
            deadline=deadline,
            keep_open=() if lock is None else (lock,),
            told=None if progress is None else _percent(progress),
        )
        text = _text(log) if log is not None else ""
        lines = tuple(read_lines(text))
        how = "hung" if ended.status is None else f"exit {ended.status}"
        self._recorder.exchange("mcc_tool", f"{shown} -> {how}", None, ended.printed)
        for line in lines:
            self._recorder.note(f"mcc_tool log: {line.values} code {line.code}")
        told = {line.address for line in lines if line.code is not None}
        whole = ended.status is not None and several and told.issuperset(several)
        if not whole:
            self._judge(ended, lines, unit, deadline, address)
        return Done(ended.printed, lines, ended.seconds)

    def _judge(self, ended: Ended, lines: tuple[Line, ...], unit: str, deadline: float, address: str) -> None:
        """Raises the error the log or the exit status stands for."""
        if ended.problem is not None:
            raise _not_started(self.command[0], ended.problem)
        if ended.status is None:
            raise tool_errors.hung(deadline, ended.printed, unit)
        own = [line.code for line in lines if line.code is not None and line.address in ("", address)]
        if own and own[-1]:
            raise tool_errors.error_of(own[-1], ended.printed, unit)
        code = code_of(ended.status)
        if code is None:
            raise tool_errors.error_of_exit(ended.status, ended.printed, unit)
        if code and not own:
            raise tool_errors.error_of(code, ended.printed, unit)
        if code:
            self._recorder.note(f"mcc_tool: the log says 0, the exit status {ended.status} says {code}; the log counts")


class ToolRoute:
    """mcc_tool as a way into a unit. The Moxa service of the unit must be on."""

    name: RouteName = "tool"
    watched: bool = True

    def __init__(self, tool: MccTool) -> None:
        self.tool = tool
        self._version = ""

    def ready(self, unit: Unit) -> str:
        """See that the tool runs, that the Moxa service is on, and that its port is where the tool looks for it."""
        if not self._version:
            self._version = self.tool.version()
        if unit.state.get("console.moxa_service") == "disable":
            raise ConfigFault(
                f"the Moxa service of {unit.name} is off; the tool cannot reach it",
                "Switch it on, or take the route web.",
                f"unit {unit.name}",
            )
        at = unit.tcp(_SERVICE)
        if at.port != _SERVICE:
            raise ConfigFault(
                f"lab.yaml says that TCP {_SERVICE} of {unit.name} is reached as {at}; the tool takes addresses only",
                "Give this host a way to the unit's own address, or take the route web.",
                f"unit {unit.name}",
            )
        return f"mcc_tool {self._version}"

    def send(self, unit: Unit, image: Handed, deadline: float, lock: int, progress: Sent | None = None) -> str:
        """Run the tool; returns the last line it printed. A refused password is remembered like that of a console."""
        account = unit.account
        account.check()
        try:
            done = self.tool.upgrade(
                unit.tcp(_SERVICE).host, user_of(unit), account.password, image, unit.name,
                deadline=deadline, lock=lock, progress=progress,
            )  # fmt: skip
        except tool_errors.ToolLoginRefused as error:
            account.refuse(error.message)
            raise
        return (done.printed.strip().splitlines() or [""])[-1]


def user_of(unit: Unit) -> str:
    """The user the tool is told for a unit; empty where its firmware knows none."""
    return unit.account.username if knows_users(unit.entry.firmware) else ""


def knows_users(version: str) -> bool:
    """Whether the tool may name a user to a unit of this firmware."""
    return version_key(version) > _LAST_WITHOUT_USER


def tool_of(firmware: Firmware | None, recorder: Recorder | None = None) -> MccTool:
    """The tool lab.yaml names. Raises ConfigFault when it names none."""
    if firmware is not None and firmware.virtual_tool:
        return MccTool(VIRTUAL, recorder)
    if firmware is None or firmware.mcc_tool is None:
        raise ConfigFault(
            "lab.yaml names no mcc_tool",
            "Name it: firmware.mcc_tool (`virtual` for a virtual rack), or take the route web.",
        )
    return MccTool((str(firmware.mcc_tool),), recorder)


def code_of(status: int) -> int | None:
    """The tool's code behind an exit status as a Unix caller sees it; None when it is no code (126, 127, a signal)."""
    if status == 0:
        return 0
    return status - 256 if 256 + LOWEST_CODE <= status <= 255 else None


def _as(user: str, password: str) -> list[str]:
    """The options of a login; without a user name for firmware that knows passwords only."""
    return [*(["-u", user] if user else []), "-p", password]


def _put(file: Path, data: bytes, what: str, unit: str) -> None:
    """Write what the tool is to read. Raises LabFault."""
    try:
        file.write_bytes(data)
    except OSError as error:
        raise _no_room(f"the {what} cannot be put where the tool reads it", error, f"unit {unit}") from None


def _no_room(what: str, error: OSError, where: str) -> LabFault:
    remedy = "Make room in the folder for temporary files; nothing was sent."
    return LabFault(f"{what}: {error.strerror or error}", remedy, where)


def _not_started(program: str, problem: OSError) -> ConfigFault:
    if isinstance(problem, FileNotFoundError):
        message, remedy = "is not there", "Correct firmware.mcc_tool in lab.yaml, or install the vendor's tool."
    elif isinstance(problem, PermissionError):
        message, remedy = "may not be executed", f"chmod +x {program}"
    else:
        message = f"cannot be started: {problem.strerror}"
        remedy = "See that it is built for this processor and system."
    return tool_errors.ToolConfigFault(f"mcc_tool {program} {message}", remedy, "mcc_tool")


def _percent(progress: Sent) -> Callable[[float, str], None]:
    """Hand on the last percentage the tool printed; how it prints it is not public, so any `n%` will do."""

    def told(seconds: float, line: str) -> None:
        found = re.findall(r"(\d{1,3})\s*%", line)
        if found and int(found[-1]) <= 100:
            progress(int(found[-1]), 100)

    return told


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder only this user can read: images, and logs that hold passwords. Gone afterwards."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="nportlab-tool-", ignore_cleanup_errors=True)
    except OSError as error:
        raise _no_room("no folder for the tool can be made", error, "this host") from None
    with folder as name:
        yield Path(name)


def _whole(seconds: float) -> str:
    return str(max(1, round(seconds)))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
