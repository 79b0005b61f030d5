"""How the harness starts, enters and steers a virtual rack. The only module of `virtual` it imports."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nportlab.inventory.lab import Lab, Line, Rack
from nportlab.verdicts.faults import ConfigFault, LabFault
from nportlab.virtual.control import NoSupervisor, ask
from nportlab.virtual.running import STOP_SECONDS, RunningRack, VirtualUnitInfo, adapter_url
from nportlab.virtual.spec import PlugSpec, RackSpec, SwitchSpec, UnitSpec, derived_mac, derived_serial

__all__ = ["RunningRack", "VirtualUnitInfo", "adapter_url", "attach", "rack_directory", "rack_spec", "start_rack"]

START_SECONDS = 30.0


def rack_directory(state_dir: Path, rack: str) -> Path:
    """Where a virtual rack keeps its flash, lock, control socket and log."""
    return state_dir / "virtual" / rack


def start_rack(
    lab: Lab,
    rack: str,
    state_dir: Path | None = None,
    *,
    die_with_parent: bool = True,
    as_delivered: Iterable[str] = (),
    defects: dict[str, Iterable[str]] | None = None,
    boot_seconds: float | None = None,
) -> RunningRack:
    """Start the virtual rack `rack` and wait until its units have booted.

    die_with_parent: it ends when this process does, whatever ends it. as_delivered: units without account when new.
    defects: planted instead of those of lab.yaml, by unit. boot_seconds: instead of lab.yaml's.
    Raises LabFault: runs already, cannot be networked, ports taken, units do not boot; ConfigFault: it cannot exist.
    """
    state = state_dir or lab.state_dir
    spec = rack_spec(lab.racks[rack], state, set(as_delivered), defects or {}, boot_seconds)
    read_end, write_end = os.pipe()
    command = [sys.executable, "-m", "nportlab.virtual.supervisor", "--ready", str(write_end)]
    if die_with_parent:
        command += ["--parent", str(os.getpid())]
    try:
        process = _launch(command, spec.directory, write_end)
    except OSError as error:
        os.close(read_end)
        raise LabFault(
            f"{error.filename or spec.directory}: {error.strerror}",
            remedy="Make the folder writable, with room on its disk.",
            resource=f"rack {spec.name}",
        ) from None
    finally:
        os.close(write_end)
    try:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(spec.model_dump_json().encode())
        answer = _read_ready(read_end, spec)
        running = _running(spec.directory, answer, process)
        running.wait_booted()
        _refuse_faults(running)
    except BaseException:
        process.kill()
        process.wait(STOP_SECONDS)
        raise
    return running


def _launch(command: list[str], directory: Path, ready: int) -> subprocess.Popen[bytes]:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (directory / "rack.log").open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=[ready],
            cwd="/",
            start_new_session=True,  # Ctrl-C is for the harness, which still needs its rack to put it in order
        )


def attach(lab: Lab, rack: str, state_dir: Path | None = None) -> RunningRack | None:
    """The rack when it runs already, started by another process; None when it does not."""
    directory = rack_directory(state_dir or lab.state_dir, rack)
    try:
        answer = ask(directory, {"do": "describe"}, timeout=STOP_SECONDS)
    except NoSupervisor:
        return None
    return _running(directory, answer, None)


def rack_spec(
    rack: Rack,
    state_dir: Path,
    as_delivered: set[str],
    defects: dict[str, Iterable[str]],
    boot_seconds: float | None = None,
) -> RackSpec:
    """The rack of lab.yaml as the supervisor is told it, with secrets resolved. Raises ConfigFault."""
    if rack.virtual is None:
        raise ConfigFault(f"rack {rack.name} is not virtual", remedy="Add 'virtual:' to it in lab.yaml.")
    try:
        return RackSpec(
            name=rack.name,
            directory=rack_directory(state_dir, rack.name).absolute(),
            network=rack.virtual.network,
            harness=str(rack.network.harness),
            boot_seconds=rack.virtual.boot_seconds if boot_seconds is None else boot_seconds,
            flash_seconds=rack.virtual.flash_seconds,
            seconds_per_unit_minute=rack.virtual.seconds_per_unit_minute,
            units=tuple(
                UnitSpec(
                    name=unit.name,
                    model=unit.model,
                    firmware=unit.firmware,
                    address=unit.address,
                    netmask=str(rack.network.harness.netmask),
                    mac=unit.mac or derived_mac(rack.name, unit.name),
                    serial_number=derived_serial(rack.name, unit.name),
                    username=None if unit.name in as_delivered else unit.credentials.username,
                    password=None if unit.name in as_delivered else unit.credentials.password.resolve(state_dir),
                    defects=tuple(defects.get(unit.name, unit.defects)),
                    outlet=(unit.outlet.switch, unit.outlet.number) if unit.outlet else None,
                    reset_button=(unit.reset_button.switch, unit.reset_button.number) if unit.reset_button else None,
                    lines={number: plug for number, port in unit.ports.items() if (plug := _plug(port.line))},
                )
                for unit in rack.units.values()
            ),
            switches=tuple(
                SwitchSpec(
                    name=switch.name,
                    channels=switch.channels,
                    username=switch.username,
                    password=switch.password.resolve(state_dir) if switch.password else None,
                )
                for switch in rack.switches.values()
            ),
        )
    except ValueError as error:
        raise ConfigFault(f"rack {rack.name}: {error}", remedy="Correct lab.yaml.") from None


def _plug(line: Line) -> PlugSpec | None:
    match line.kind:
        case "none":
            return None
        case "crosslink":
            return PlugSpec(kind="crosslink", other=(line.unit or "", line.port or 0))
        case "pty":
            return PlugSpec(kind="pty", path=line.device)
        case kind:
            return PlugSpec(kind=kind)


def _running(directory: Path, answer: dict[str, Any], process: subprocess.Popen[bytes] | None) -> RunningRack:
    return RunningRack(
        name=answer["rack"],
        directory=directory,
        mode=answer["mode"],
        reason=answer["reason"],
        harness_address=answer["harness"],
        relay_urls=answer["relays"],
        supervisor=answer["pid"],
        boot_seconds=answer["boot_seconds"],
        process=process,
    )


def _read_ready(descriptor: int, spec: RackSpec) -> dict[str, Any]:
    data = b""
    deadline = time.monotonic() + START_SECONDS
    with os.fdopen(descriptor, "rb", buffering=0) as ready:
        while not data.endswith(b"\n"):
            left = deadline - time.monotonic()
            chunk = ready.read(65536) if left > 0 and select.select([ready], [], [], left)[0] else b""
            if not chunk:
                raise LabFault(
                    "the virtual rack did not start",
                    remedy=f"See {spec.directory / 'rack.log'}.",
                    resource=f"rack {spec.name}",
                )
            data += chunk
    answer = json.loads(data)
    if not answer["ok"]:
        kind = ConfigFault if answer.get("kind") == "config" else LabFault
        raise kind(answer["error"], remedy=answer.get("remedy", ""), resource=f"rack {spec.name}")
    return answer


def _refuse_faults(rack: RunningRack) -> None:
    faults = [f"{unit.name}: {fault}" for unit in rack.units.values() for fault in unit.faults]
    if faults:
        raise LabFault(
            f"services of the virtual rack could not be started: {'; '.join(faults)}",
            remedy="End what uses the address or port, or let the rack use namespaces.",
            resource=f"rack {rack.name}",
        )
