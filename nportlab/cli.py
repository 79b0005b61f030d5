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


def _virtual_rack(lab: Lab, wanted: str | None) -> str:
    virtual = [name for name, rack in lab.racks.items() if rack.virtual is not None]
    if wanted is not None and wanted not in virtual:
        raise ConfigFault(f"{lab.path.name} has no virtual rack '{wanted}'", f"Virtual racks: {', '.join(virtual)}")
    if not virtual:
        raise ConfigFault(f"{lab.path.name} has no virtual rack", "Give a rack the key `virtual`.")
    if wanted is None and len(virtual) > 1:
        raise ConfigFault(f"{lab.path.name} has several virtual racks", f"Pass --rack with one of {', '.join(virtual)}")
    return wanted or virtual[0]


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

    return recover(load_lab(options.lab), options.unit)


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

    controls = _verb(verbs, "controls", _controls, "list every control and what covers it")
    _tests_option(controls)
    controls.add_argument("--json", action="store_true", help="a JSON list instead of text")

    plan = _verb(verbs, "plan", _plan, "print the plan of a run and stop; further options go to pytest")
    plan.add_argument("--lab", type=Path, help="lab.yaml by default")
    plan.set_defaults(passes_on=True)

    recover = _verb(verbs, "recover", _recover, "put back units that a killed run left changed")
    _lab_option(recover)
    recover.add_argument("--unit", action="append", help="only this unit (may be repeated)")

    lab = verbs.add_parser("lab", help="lab.yaml").add_subparsers(required=True, metavar="verb")
    _lab_option(_verb(lab, "check", _lab_check, "say everything that is wrong with lab.yaml"))
    _verb(lab, "schema", _lab_schema, "print the JSON Schema of lab.yaml")

    report = _verb(verbs, "report", _report, "put the report of a killed run together")
    report.add_argument("run", type=Path, nargs="?", default=Path("reports/latest"), help="folder of the run")
    _tests_option(report)
    return parser


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
