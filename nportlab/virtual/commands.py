"""Commands of the control socket, by their `do`:

describe; ports; power {unit, on}; defects {unit, defects}; hosts {unit, hosts}; button {unit, down}; press {unit,
seconds}; erase {unit, provisioned[, firmware]}; cut {unit, stage, fraction}; hold {unit, stage, fraction}; release
{unit}; link {unit, up}; flash-seconds {unit, seconds}; account {unit, name, password, group}; account-gone {unit,
name}; relay {switch, channel[, on]}; relay-fault {switch, channel, fault}; shutdown.

Every answer has `ok`; a refused command has `error`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nportlab.guide.defects import defects
from nportlab.guide.firmware import version_key
from nportlab.virtual.relays import UnknownRelay
from nportlab.virtual.unit.firmware import STAGES

if TYPE_CHECKING:
    from nportlab.virtual.supervisor import Supervisor
    from nportlab.virtual.unit_slot import UnitSlot

Command = dict[str, Any]
Answer = dict[str, Any]

LONGEST_PRESS = 600.0
LONGEST_FLASH = 600.0


def obey(rack: Supervisor, command: Command) -> Answer:
    """Carry out one command; the answer says whether it could be done."""
    action = _ACTIONS.get(command.get("do", ""))
    if action is None:
        return {"ok": False, "error": f"unknown command; known: {', '.join(_ACTIONS)}"}
    try:
        return {"ok": True, **action(rack, command)}
    except UnknownRelay as error:
        return {"ok": False, "error": f"there is no relay {error.args[0]}"}
    except KeyError as error:
        return {"ok": False, "error": f"{command['do']}: {error.args[0]} is missing or unknown"}
    except (ValueError, TypeError) as error:
        return {"ok": False, "error": str(error)}


def _describe(rack: Supervisor, command: Command) -> Answer:
    return {
        "rack": rack.rack.name,
        "pid": os.getpid(),
        "mode": rack.network.mode,
        "reason": rack.network.reason,
        "harness": rack.network.harness_address(),
        "relays": rack.relay_urls,
        "boot_seconds": rack.rack.boot_seconds,
        "units": {name: slot.describe() for name, slot in rack.units.items()},
    }


def _ports(rack: Supervisor, command: Command) -> Answer:
    return {"units": {name: {"address": slot.address, **slot.ports()} for name, slot in rack.units.items()}}


def _power(rack: Supervisor, command: Command) -> Answer:
    slot = _unit(rack, command)
    rack.set_power(slot, bool(command["on"]))
    return {"boots": slot.boots}


def _defects(rack: Supervisor, command: Command) -> Answer:
    slot = _unit(rack, command)
    wanted = tuple(str(defect) for defect in command["defects"])
    unknown = [defect for defect in wanted if defect not in defects()]
    if unknown:
        raise ValueError(f"unknown defects: {', '.join(unknown)}")
    slot.defects = wanted
    slot.tell({"defects": list(wanted)})
    return {}


def _hosts(rack: Supervisor, command: Command) -> Answer:
    slot = _unit(rack, command)
    slot.hosts = tuple(str(host) for host in command["hosts"])
    slot.tell({"hosts": list(slot.hosts)})
    return {}


def _button(rack: Supervisor, command: Command) -> Answer:
    rack.press(_unit(rack, command), bool(command["down"]))
    return {}


def _press(rack: Supervisor, command: Command) -> Answer:
    slot = _unit(rack, command)
    seconds = float(command["seconds"])
    if not 0 <= seconds <= LONGEST_PRESS:
        raise ValueError(f"a press takes 0 to {LONGEST_PRESS:g} s")
    rack.press(slot, True)
    rack.later(seconds, lambda: rack.press(slot, False))
    return {}


def _erase(rack: Supervisor, command: Command) -> Answer:
    firmware = command.get("firmware")
    if firmware is not None:
        version_key(str(firmware))
    _unit(rack, command).erase(bool(command["provisioned"]), firmware)
    return {}


def _cut(rack: Supervisor, command: Command) -> Answer:
    stage, fraction = command["stage"], float(command["fraction"])
    if stage is not None and stage not in STAGES:
        raise ValueError(f"no stage {stage!r}; there are {', '.join(STAGES)}")
    if not 0 <= fraction <= 1:
        raise ValueError("a fraction is 0 to 1")
    _unit(rack, command).plan_cut(stage, fraction)
    return {}


def _hold(rack: Supervisor, command: Command) -> Answer:
    stage, fraction = command["stage"], float(command["fraction"])
    if stage is not None and stage not in STAGES:
        raise ValueError(f"no stage {stage!r}; there are {', '.join(STAGES)}")
    _unit(rack, command).plan_hold(stage, fraction)
    return {}


def _release(rack: Supervisor, command: Command) -> Answer:
    _unit(rack, command).release()
    return {}


def _link(rack: Supervisor, command: Command) -> Answer:
    rack.network.set_link(_unit(rack, command).number, bool(command["up"]))
    return {}


def _flash_seconds(rack: Supervisor, command: Command) -> Answer:
    seconds = float(command["seconds"])
    if not 0 <= seconds <= LONGEST_FLASH:
        raise ValueError(f"a flash takes 0 to {LONGEST_FLASH:g} s")
    _unit(rack, command).tell({"flash_seconds": seconds})
    return {}


def _account(rack: Supervisor, command: Command) -> Answer:
    slot = _unit(rack, command)
    if slot.booted is None:
        raise ValueError(f"{slot.spec.name} does not run")
    slot.tell({"account": {key: str(command[key]) for key in ("name", "password", "group")}})
    return {}


def _account_gone(rack: Supervisor, command: Command) -> Answer:
    slot = _unit(rack, command)
    if slot.booted is None:
        raise ValueError(f"{slot.spec.name} does not run")
    slot.tell({"account_gone": str(command["name"])})
    return {}


def _relay(rack: Supervisor, command: Command) -> Answer:
    switch, channel = str(command["switch"]), int(command["channel"])
    fault = rack.relays.fault(switch, channel)
    if fault in ("error", "silent"):
        return {"fault": fault}
    if "on" in command:
        return {"on": rack.relays.set(switch, channel, bool(command["on"]))}
    return {"on": rack.relays.get(switch, channel)}


def _relay_fault(rack: Supervisor, command: Command) -> Answer:
    rack.relays.set_fault(str(command["switch"]), int(command["channel"]), command.get("fault"))
    return {}


def _shutdown(rack: Supervisor, command: Command) -> Answer:
    rack.stopping = True
    return {}


def _unit(rack: Supervisor, command: Command) -> UnitSlot:
    name = command["unit"]
    if name not in rack.units:
        raise ValueError(f"no unit {name!r}; there are {', '.join(rack.units)}")
    return rack.units[name]


_ACTIONS: dict[str, Callable[[Supervisor, Command], Answer]] = {
    "describe": _describe,
    "ports": _ports,
    "power": _power,
    "defects": _defects,
    "hosts": _hosts,
    "button": _button,
    "press": _press,
    "erase": _erase,
    "cut": _cut,
    "hold": _hold,
    "release": _release,
    "link": _link,
    "flash-seconds": _flash_seconds,
    "account": _account,
    "account-gone": _account_gone,
    "relay": _relay,
    "relay-fault": _relay_fault,
    "shutdown": _shutdown,
}
