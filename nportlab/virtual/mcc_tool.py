"""`python -m nportlab.virtual.mcc_tool`: a program with the command line of the vendor's CLI tool, for virtual units.

    -ver
    -fw -r  (-i ADDRESS | -d LIST) [-o FILE] [-t SECONDS]
    -fw -up (-i ADDRESS -u USER -p PASSWORD -f FILE | -d LIST) [-print] [-t SECONDS] [-l LOG]
    -cfg -ex (-i ADDRESS -u USER -p PASSWORD [-dk KEY] | -d LIST) [-t SECONDS] [-l LOG]
    -cfg -im (-i ADDRESS -u USER -p PASSWORD -f FILE [-dk KEY] | -d LIST) [-n] [-t SECONDS] [-l LOG]
    -pw -ch  (-i ADDRESS -u USER -p OLD | -d LIST) -npw NEW [-t SECONDS] [-l LOG]

Options, columns of a list and codes are those of nport-facts 10.3. `-i` takes one address, several with commas, or a
range `192.168.127.11-20` (both invented); `-d` takes a list such as `-r` writes, completed by hand (its name is
invented, that there are lists is not). Exported files are named after the unit and hold the decrypted text (the
vendor's names, and whether they do, are not public). It leaves with 256 + code, of which the operating system keeps the
lowest byte: 0 for 0, 249 for -7.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn

from nportlab.guide.firmware import broken_rules, version_key
from nportlab.protocol import configuration_container as container
from nportlab.protocol.virtual_dsci import Code
from nportlab.protocol.virtual_image import ImageError, read_head
from nportlab.virtual.mcc_line import Failed, Line, Unit
from nportlab.virtual.mcc_list import Row, addresses, list_text, log_text, read_list

VERSION: Final = "Moxa CLI Configuration Tool, stand-in of nportlab for virtual units, 1.2"
"""The first words are the vendor's; what the real tool prints is not public."""

TIMEOUTS: Final = {"-r": 10.0, "-up": 1200.0, "-ex": 60.0, "-im": 60.0, "-ch": 60.0}
"""Seconds without -t. That of an upgrade is what one tool allows (nport-facts 7), the others are invented."""

LONGEST_PASSWORD: Final = 16

Action = Callable[[Row, argparse.Namespace], str]
"""Does one unit; returns what to say about it. Raises Failed."""


class _BadParameter(Exception):
    """The command line is wrong."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _BadParameter(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 256 + code."""
    try:
        options = _parser().parse_args(arguments)
        code = _run(options)
    except _BadParameter as error:
        print(error, file=sys.stderr)
        code = Code.BAD_PARAMETER
    except Failed as failed:
        print(failed, file=sys.stderr)
        code = failed.code
    return 256 + code


def _run(options: argparse.Namespace) -> Code:
    if options.version:
        print(VERSION)
        return Code.OK
    verb = next((flags for flags in _VERBS if all(vars(options)[flag] for flag in flags)), None)
    if verb is None:
        if options.fw or options.cfg or options.pw:
            return _said(Code.UNSUPPORTED_COMMAND, "this command is not known")
        raise _BadParameter("no command; -ver, -fw, -cfg or -pw")
    if options.timeout is not None and options.timeout <= 0:
        raise _BadParameter("-t is a number of seconds")
    rows = _rows(options, verb)
    if verb == ("fw", "report"):
        return _report(rows, options)
    return _each(rows, options, _VERBS[verb])


def _rows(options: argparse.Namespace, verb: tuple[str, str]) -> list[Row]:
    """The units, from -i or a list. Raises Failed, _BadParameter."""
    if (options.address is None) == (options.list is None):
        raise _BadParameter("give either -i or -d")
    if options.list is not None:
        rows = read_list(options.list)
        needed = _NEEDED[verb]
        for row in rows:
            missing = [column for column in needed if not getattr(row, column)]
            if missing:
                raise Failed(Code.LIST_INCOMPLETE, f"{options.list}: {row.address or 'a unit'} lacks {missing[0]}")
        return rows
    given = {
        "user": options.user,
        "password": options.password,
        "key": options.key,
        "firmware_file": options.file if verb == ("fw", "upgrade") else None,
        "configuration_file": options.file if verb == ("cfg", "import_") else None,
    }
    for column in _NEEDED[verb]:
        if column != "address" and not given[column]:
            raise _BadParameter(f"{column.replace('_', ' ')} is missing")
    try:
        found = addresses(options.address)
    except ValueError as error:
        raise _BadParameter(str(error)) from None
    return [Row(address=address, **{key: value or "" for key, value in given.items()}) for address in found]


def _report(rows: list[Row], options: argparse.Namespace) -> Code:
    """List the units that answer."""
    timeout = options.timeout or TIMEOUTS["-r"]
    found: list[Row] = []
    code = Code.OK
    for row in rows:
        try:
            with Line(row.address, timeout) as line:
                found.append(_listed(line.identify()))
        except Failed as failed:
            code = failed.code
            print(f"{row.address}: {failed}", file=sys.stderr)
    text = list_text(found)
    if options.output:
        _write(options.output, text.encode())
    else:
        sys.stdout.write(text)
    return code if not found else Code.OK


def _listed(unit: Unit) -> Row:
    return Row(unit.model, unit.name, unit.address, unit.mac, unit.firmware)


def _each(rows: list[Row], options: argparse.Namespace, action: Action) -> Code:
    """Do every unit, one after another; the code is the first that is not 0."""
    results: list[tuple[Row, Code]] = []
    for row in rows:
        try:
            said, code = action(row, options), Code.OK
        except Failed as failed:
            said, code = str(failed), failed.code
        print(f"{row.address}: {said} ({code.value})", flush=True)
        results.append((row, code))
    if options.log:
        _write(options.log, log_text(results).encode())
    return next((code for _, code in results if code), Code.OK)


def _upgrade(row: Row, options: argparse.Namespace) -> str:
    data = _read(row.firmware_file)
    timeout = options.timeout or TIMEOUTS["-up"]

    def show(stage: str, percent: int) -> None:
        if options.print:
            print(f"{row.address}: {stage} {percent} %", flush=True)

    with _open(row, timeout) as line:
        unit = line.identify()
        target = _target(data)
        if target and any(rule.refused_by == "tool" for rule in broken_rules(unit.model, unit.version, target, "tool")):
            raise Failed(Code.FIRMWARE_UNSUPPORTED, f"firmware {unit.version} is too old for this tool")
        line.login(row.user, row.password)
        line.upgrade(data, show)
    with Line.again(row.address, line.deadline, unit.mac) as back:
        return f"upgraded from {unit.version} to {back.identify().version}"


def _target(data: bytes) -> str | None:
    """The version an image brings, None when it is no image; the unit will say so."""
    try:
        version = read_head(data).version
        version_key(version)
    except (ImageError, ValueError):
        return None
    return version


def _export(row: Row, options: argparse.Namespace) -> str:
    with _open(row, options.timeout or TIMEOUTS["-ex"]) as line:
        unit = line.identify()
        line.login(row.user, row.password)
        name = re.sub(r"[^\w.-]", "_", unit.name or unit.model) + f"_{unit.mac.replace(':', '')}.ini"
        data = line.export(row.key)
    if container.is_container(data):
        try:
            data = container.decrypt(data, row.key or container.DEFAULT_PSK).text
        except ValueError as error:
            raise Failed(Code.KEY_MISMATCH, str(error)) from None
    _write(Path(name), data)
    return f"exported to {name}"


def _import(row: Row, options: argparse.Namespace) -> str:
    data = _read(row.configuration_file)
    with _open(row, options.timeout or TIMEOUTS["-im"]) as line:
        line.login(row.user, row.password)
        line.import_(data, row.key, keep_network=options.keep_network)
    return "imported"


def _password(row: Row, options: argparse.Namespace) -> str:
    if len(options.new_password or "") > LONGEST_PASSWORD:
        raise Failed(Code.NEW_PASSWORD_TOO_LONG)
    if not options.new_password:
        raise Failed(Code.BAD_PARAMETER, "-npw is missing")
    with _open(row, options.timeout or TIMEOUTS["-ch"]) as line:
        line.password(row.user, row.password, options.new_password)
    return "password changed"


def _open(row: Row, timeout: float) -> Line:
    if len(row.password) > LONGEST_PASSWORD:
        raise Failed(Code.PASSWORD_TOO_LONG)
    return Line(row.address, timeout)


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Failed(Code.FILE_OPEN, f"{path}: {error.strerror}") from None


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise Failed(Code.FILE_OPEN, f"{path}: {error.strerror}") from None


def _said(code: Code, text: str) -> Code:
    print(text, file=sys.stderr)
    return code


_VERBS: Final[dict[tuple[str, str], Action]] = {
    ("fw", "report"): lambda row, options: "",
    ("fw", "upgrade"): _upgrade,
    ("cfg", "export"): _export,
    ("cfg", "import_"): _import,
    ("pw", "change"): _password,
}

_NEEDED: Final = {
    ("fw", "report"): ("address",),
    ("fw", "upgrade"): ("address", "firmware_file"),
    ("cfg", "export"): ("address",),
    ("cfg", "import_"): ("address", "configuration_file"),
    ("pw", "change"): ("address",),
}
"""Columns a list must have filled in, and options that replace them."""


def _parser() -> _Parser:
    parser = _Parser(prog="mcc_tool", add_help=False, allow_abbrev=False)
    flags = {
        "-ver": "version",
        "-fw": "fw",
        "-cfg": "cfg",
        "-pw": "pw",
        "-r": "report",
        "-up": "upgrade",
        "-ex": "export",
        "-im": "import_",
        "-ch": "change",
        "-n": "keep_network",
        "-print": "print",
    }
    for flag, name in flags.items():
        parser.add_argument(flag, dest=name, action="store_true")
    values: dict[str, tuple[str, Callable[[str], object]]] = {
        "-i": ("address", str),
        "-d": ("list", Path),
        "-o": ("output", Path),
        "-u": ("user", str),
        "-p": ("password", str),
        "-npw": ("new_password", str),
        "-dk": ("key", str),
        "-f": ("file", str),
        "-t": ("timeout", float),
        "-l": ("log", Path),
    }
    for flag, (name, kind) in values.items():
        parser.add_argument(flag, dest=name, type=kind)
    return parser


if __name__ == "__main__":
    sys.exit(main())
