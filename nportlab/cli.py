"""`nportlab`: each verb is one call into a package.

Errors go to standard error; exit codes are those of a run (`nportlab.verdicts.verdict.ExitCode`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from nportlab.inventory import Lab, load_lab
from nportlab.verdicts.faults import ConfigFault, HarnessError
from nportlab.verdicts.verdict import ExitCode


class _Parser(argparse.ArgumentParser):
    """argparse leaves with 2 when the command line is wrong; here 2 means interrupted."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(ExitCode.CONFIG_FAULT, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and not getattr(options, "passes_on", False):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    try:
        code = options.verb(options)
        sys.stdout.flush()  # here, where a reader that is gone can still be understood
        return code
    except HarnessError as error:
        print(error.describe(), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has seen enough; what is still buffered must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK


def _virtual(options: argparse.Namespace) -> int:
    from nportlab.virtual.foreground import run_foreground

    lab = load_lab(options.lab)
    rack = _virtual_rack(lab, options.rack)
    return run_foreground(lab, rack, options.json)


def _virtual_image(options: argparse.Namespace) -> int:
    from nportlab.virtual.image_files import write_image

    print(write_image(options.file, options.line, options.version, options.models, options.damage, options.at))
    return ExitCode.OK


def _virtual_images(options: argparse.Namespace) -> int:
    from nportlab.virtual.image_files import write_images

    for path in write_images(options.folder, options.versions):
        print(path)
    return ExitCode.OK


def _virtual_rack(lab: Lab, wanted: str | None) -> str:
    virtual = [name for name, rack in lab.racks.items() if rack.virtual is not None]
    if wanted is not None and wanted not in virtual:
        raise ConfigFault(f"{lab.path.name} has no virtual rack '{wanted}'", f"Virtual racks: {', '.join(virtual)}")
    if not virtual:
        raise ConfigFault(f"{lab.path.name} has no virtual rack", "Give a rack the key `virtual`.")
    if wanted is None and len(virtual) > 1:
        raise ConfigFault(f"{lab.path.name} has several virtual racks", f"Pass --rack with one of {', '.join(virtual)}")
    return wanted or virtual[0]


def _terminal(options: argparse.Namespace) -> int:
    from nportlab.serial.terminal import adapter_line, run_terminal
    from nportlab.virtual.client import adapter_url, rack_directory

    lab = load_lab(options.lab)
    line = adapter_line(lab, options.port)
    unit, _, port = options.port.rpartition("/")
    own = adapter_url(rack_directory(lab.state_dir, lab.units[unit].rack), unit, int(port))
    return run_terminal(line.device or own, options.rest)


def _controls(options: argparse.Namespace) -> int:
    from nportlab.report.catalogue import as_json, as_text
    from nportlab.report.coverage import coverage

    rows = coverage(options.tests)
    print(as_json(rows) if options.json else as_text(rows))
    return ExitCode.OK


def _plan(options: argparse.Namespace) -> int:
    lab = [f"--lab={options.lab}"] if options.lab else []
    return subprocess.run([sys.executable, "-m", "pytest", "--plan", *lab, *options.rest], check=False).returncode


def _recover(options: argparse.Namespace) -> int:
    from nportlab.safety.recover import recover

    return recover(_lab_with_images(options), options.unit, options.allow_flash)


def _lab_with_images(options: argparse.Namespace) -> Lab:
    """The lab, the images it wants made for its virtual units there."""
    from nportlab.virtual.image_files import provide_images

    lab = load_lab(options.lab)
    provide_images(lab)
    return lab


def _firmware_upgrade(options: argparse.Namespace) -> int:
    from nportlab.firmware.commands import upgrade

    return upgrade(
        _lab_with_images(options),
        options.unit,
        target=options.to,
        route=None if options.route == "auto" else options.route,
        allow_flash=options.allow_flash,
        workers=options.workers,
    )


def _lab_check(options: argparse.Namespace) -> int:
    lab = load_lab(options.lab)
    units = len(lab.units)
    racks = ", ".join(f"{name} ({'virtual' if rack.virtual else 'hardware'})" for name, rack in lab.racks.items())
    print(f"{options.lab}: {units} unit{'' if units == 1 else 's'}; racks: {racks}")
    for unit in lab.units.values():
        password = unit.credentials.password
        try:
            if not password.generated:
                password.resolve(lab.state_dir)
        except ConfigFault as fault:
            print(f"note: {fault.message}", file=sys.stderr)
    return ExitCode.OK


def _lab_schema(options: argparse.Namespace) -> int:
    from nportlab.inventory.schema import lab_schema_text

    sys.stdout.write(lab_schema_text())
    return ExitCode.OK


def _firmware_check(options: argparse.Namespace) -> int:
    from nportlab.firmware.check import check_text, checked_images

    lab = _lab_with_images(options)
    print(check_text(lab, checked_images(lab)))
    return ExitCode.OK


def _firmware_paths(options: argparse.Namespace) -> int:
    from nportlab.firmware.check import checked_images, paths_text

    lab = _lab_with_images(options)
    print(paths_text(lab, checked_images(lab), options.unit or (), options.source, options.target))
    return ExitCode.OK


def _firmware_plan(options: argparse.Namespace) -> int:
    from nportlab.firmware.check import checked_images, known_units
    from nportlab.firmware.plan import as_json, as_text, plan_unit

    lab = _lab_with_images(options)
    images = checked_images(lab)
    units = known_units(lab, options.unit or ())
    plans = [plan_unit(lab, unit, images, each_route=options.each_route) for unit in units]
    print(as_json(plans) if options.json else as_text(plans))
    return ExitCode.CONFIG_FAULT if any(plan.refused for plan in plans) else ExitCode.OK


def _report(options: argparse.Namespace) -> int:
    from nportlab.report.coverage import coverage
    from nportlab.report.finish import rebuild

    record = rebuild(options.run, coverage(options.tests))
    print(json.dumps({"run": record.run, "complete": record.complete, "results": len(record.results)}))
    return ExitCode.OK


def _parser() -> _Parser:
    parser = _Parser(prog="nportlab", description="Drive the lab without a test run.")
    verbs = parser.add_subparsers(required=True, metavar="verb")

    virtual = _verb(verbs, "virtual", _virtual, "start the virtual rack in the foreground and say how to reach it")
    _lab_option(virtual)
    virtual.add_argument("--rack", help="which rack, when lab.yaml has several virtual ones")
    virtual.add_argument("--json", action="store_true", help="one JSON object instead of text")
    _virtual_verbs(virtual.add_subparsers(metavar="verb"))

    terminal = _verb(verbs, "terminal", _terminal, "talk through the adapter at a port; further options go to miniterm")
    _lab_option(terminal)
    terminal.add_argument("port", help="unit/port, such as np6450/2")
    terminal.set_defaults(passes_on=True)

    controls = _verb(verbs, "controls", _controls, "list every control and what covers it")
    _tests_option(controls)
    controls.add_argument("--json", action="store_true", help="a JSON list instead of text")

    plan = _verb(verbs, "plan", _plan, "print the plan of a run and stop; further options go to pytest")
    plan.add_argument("--lab", type=Path, help="lab.yaml by default")
    plan.set_defaults(passes_on=True)

    recover = _verb(verbs, "recover", _recover, "put back units that a killed run left changed")
    _lab_option(recover)
    recover.add_argument("--unit", action="append", help="only this unit (may be repeated)")

    recover.add_argument("--allow-flash", action="store_true", help="also go back to the firmware a unit was found on")

    lab = verbs.add_parser("lab", help="lab.yaml").add_subparsers(required=True, metavar="verb")
    _lab_option(_verb(lab, "check", _lab_check, "say everything that is wrong with lab.yaml"))
    _verb(lab, "schema", _lab_schema, "print the JSON Schema of lab.yaml")

    firmware = verbs.add_parser("firmware", help="firmware images and upgrades").add_subparsers(
        required=True, metavar="verb"
    )
    check = _verb(firmware, "check", _firmware_check, "verify every image and say what can reach what")
    paths = _verb(firmware, "paths", _firmware_paths, "the shortest way between two versions, or why there is none")
    flashes = _verb(firmware, "plan", _firmware_plan, "print the flashes that take every permitted step of a unit")
    for verb in (check, paths, flashes):
        _lab_option(verb)
    for verb in (paths, flashes):
        verb.add_argument("--unit", action="append", help="only this unit (may be repeated)")
    paths.add_argument("--from", dest="source", metavar="VERSION", help="the version the unit has by default")
    paths.add_argument("--to", dest="target", metavar="VERSION", help="every version at hand by default")
    flashes.add_argument("--each-route", action="store_true", help="every step by each route, web and tool")
    flashes.add_argument("--json", action="store_true", help="a JSON list instead of text")
    upgrade = _verb(firmware, "upgrade", _firmware_upgrade, "bring units to a version, one line of result each")
    _lab_option(upgrade)
    upgrade.add_argument("--unit", action="append", required=True, help="this unit (may be repeated)")
    upgrade.add_argument("--to", required=True, metavar="VERSION", help="version of an image in the manifest")
    upgrade.add_argument("--route", choices=("auto", "web", "tool"), default="auto", help="the only route to take")
    upgrade.add_argument("--allow-flash", action="store_true", help="without it nothing is written to any unit")
    upgrade.add_argument("--workers", type=int, metavar="N", help="units at a time (firmware.at_once of lab.yaml)")

    report = _verb(verbs, "report", _report, "put the report of a killed run together")
    report.add_argument("run", type=Path, nargs="?", default=Path("reports/latest"), help="folder of the run")
    _tests_option(report)
    return parser


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def _virtual_verbs(verbs: argparse._SubParsersAction[_Parser]) -> None:
    from nportlab.guide.firmware import product_lines
    from nportlab.protocol.virtual_image import DAMAGES

    image = _verb(verbs, "image", _virtual_image, "make a firmware image that virtual units take, or refuse")
    image.add_argument("--line", required=True, choices=list(product_lines()), help="product line it is for")
    image.add_argument("--version", required=True, help='such as "2.0"')
    image.add_argument("--models", type=_listed, default=[], help="only these models of the line, with commas")
    image.add_argument("--damage", choices=list(DAMAGES), help="make it bad in this way")
    image.add_argument("--at", type=float, default=0.5, help="where it is flipped or cut, 0 to 1 (default: 0.5)")
    image.add_argument("file", type=Path)

    images = _verb(verbs, "images", _virtual_images, "make images of all versions for both lines, with a manifest")
    images.add_argument("--versions", type=_listed, help="only these, with commas")
    images.add_argument("folder", type=Path)


def _verb(
    verbs: argparse._SubParsersAction[_Parser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
) -> _Parser:
    parser = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(verb=run)
    return parser


def _lab_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lab", type=Path, default=Path("lab.yaml"), help="lab.yaml by default")


def _tests_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tests", type=Path, default=Path("tests"), help="folder of the suites")


if __name__ == "__main__":
    sys.exit(main())
