"""The SNMP agent on UDP 161: v1, v2c and v3 as ticked; identity of the unit, every setting that has an OID, and the
monitor columns of its serial ports.

An agent of its own rather than pysnmp's: pysnmp keeps the engine's boots counter in a directory outside the unit's
flash and answers the discovery of a version that is not ticked; and a manager built on pysnmp should meet foreign code.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from nportlab.guide.modes import modes
from nportlab.guide.settings import Setting, settings_table
from nportlab.virtual.unit.services import Closeable
from nportlab.virtual.unit.services import snmp_ber as ber
from nportlab.virtual.unit.services.listening import UdpListener
from nportlab.virtual.unit.services.planted import runs
from nportlab.virtual.unit.services.snmp_agent import V1, V2C, V3, Agent, Engine, Tree
from nportlab.virtual.unit.services.snmp_ber import Oid, Value
from nportlab.virtual.unit.services.snmp_monitor import monitor
from nportlab.virtual.unit.services.snmp_security import Authentication, Privacy, User, make_user

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

DISCOVERY_THOUGH_OFF = "snmp-discovery-answered-though-off"
PORT = 161
SYSTEM = ber.parse_oid("1.3.6.1.2.1.1")
NP6000 = ber.parse_oid("1.3.6.1.4.1.8691.2.8")
PORT_MODES = (*NP6000, 1, 4, 1, 1, 1, 1)
"""opModePortEntry: portIndex, portApplication (portMode is a setting)."""

ENTERPRISE = 8691
SERVICES_HOST = 72
"""sysServices of a host that offers applications (RFC 3418)."""

DEFAULT_USERS = {"snmp.ro_user": "rouser", "snmp.rw_user": "rwuser"}
"""Names of the v3 users while the name fields are empty (invented)."""

COUNTED_FROM_0 = {"port.raw_group"}
"""Numbers the MIB counts from 0 (group1 is 0)."""

_TABLE_ROW = re.compile(r"\.\d+\.")

VERSIONS = {"snmp.v1": V1, "snmp.v2": V2C, "snmp.v3": V3}

Read = Callable[[], Value]


def enabled(device: Device) -> bool:
    """Whether the agent is switched on."""
    return _on(device) or device.has_defect(DISCOVERY_THOUGH_OFF)


def _on(device: Device) -> bool:
    return runs(device, "snmp", wanted=device.running.on("snmp.agent"))


async def serve(device: Device) -> Closeable:
    """Answer on UDP 161."""
    agent = make_agent(device)
    if not _on(device):  # the seeded defect: discovery only
        agent = replace(agent, versions=frozenset({V3}), users={})
    return await UdpListener.open(device, PORT, lambda data, _: agent.answer(data))


def make_agent(device: Device) -> Agent:
    """The agent as the running settings want it; counts a boot of the SNMPv3 engine in flash."""
    boots = min(int(device.flash.read("snmp-engine", {"boots": 0})["boots"]) + 1, 0x7FFFFFFF)
    device.flash.commit("snmp-engine", {"boots": boots})
    # RFC 3411: enterprise number with the top bit set, format 3 (MAC address).
    engine_id = (0x80000000 | ENTERPRISE).to_bytes(4, "big") + b"\x03" + bytes.fromhex(device.mac.replace(":", ""))
    versions = frozenset(version for setting, version in VERSIONS.items() if device.running.on(setting))
    # The read community comes last: a string used for both does not become writable.
    communities = {
        device.running["snmp.write_community"].encode(): True,
        device.running["snmp.read_community"].encode(): False,
    }
    users = {user.name: user for user in (_user(device, "rw", engine_id), _user(device, "ro", engine_id)) if user}
    engine = Engine(engine_id, boots, lambda: int(device.clock.uptime()))
    return Agent(make_tree(device), versions, communities, users, engine)


def _user(device: Device, kind: str, engine_id: bytes) -> User | None:
    """The v3 user of the read (`ro`) or write (`rw`) block; None if it wants protection but has no key for it."""
    running = device.running
    authentication = cast(Authentication, running[f"snmp.{kind}_auth"])
    privacy = cast(Privacy, running[f"snmp.{kind}_privacy"])
    keys = (running[f"snmp.{kind}_auth_key"], running[f"snmp.{kind}_privacy_key"])
    if (authentication != "disable" and not keys[0]) or (privacy != "disable" and not keys[1]):
        return None
    name = running.get(f"snmp.{kind}_user") or DEFAULT_USERS[f"snmp.{kind}_user"]
    return make_user(name, kind == "rw", authentication, keys[0], privacy, keys[1], engine_id)


def make_tree(device: Device) -> Tree:
    """Every object instance of this unit."""
    objects: dict[Oid, Read] = {}
    _add_system(device, objects)
    _add_identity(device, objects)
    objects.update(monitor(device))
    for setting_id, setting in settings_table().for_model(device.model, device.firmware):
        read = _setting_reader(device, setting_id, setting)
        for column in dict.fromkeys([setting.snmp, *setting.snmp_by_mode.values()]):
            if column:
                objects[_instance(setting, column)] = read
    return Tree(objects)


def _instance(setting: Setting, oid: str) -> Oid:
    """Where the setting is: scalars end in 0, port columns in the port; rows of a unit's tables hold their number."""
    column = ber.parse_oid(oid)
    if setting.port:
        return (*column, setting.port)
    return column if _TABLE_ROW.search(setting.id) else (*column, 0)


def _add_system(device: Device, objects: dict[Oid, Read]) -> None:
    object_id = ber.oid(NP6000)
    rows: dict[int, Read] = {
        1: lambda: ber.octets(f"NPort {device.model.name.removeprefix('NP')}"),
        2: lambda: object_id,
        3: lambda: ber.integer(int(device.clock.uptime() * 100), ber.TIME_TICKS),
        4: lambda: ber.octets(device.running.get("snmp.contact_name") or ""),
        5: lambda: ber.octets(device.running["basic.server_name"]),
        6: lambda: ber.octets(device.running["basic.server_location"]),
        7: lambda: ber.integer(SERVICES_HOST),
    }
    objects.update({(*SYSTEM, column, 0): read for column, read in rows.items()})


def _add_identity(device: Device, objects: dict[Oid, Read]) -> None:
    mac = bytes.fromhex(device.mac.replace(":", ""))
    rows: dict[int, Read] = {
        1: lambda: ber.octets(device.model.name),
        2: lambda: ber.integer(device.serial_number),
        3: lambda: ber.octets("2.3.99" if device.has_defect("version-differs-between-channels") else device.build),
        4: lambda: ber.octets(mac),
        5: lambda: ber.octets("100M/Link"),
        7: lambda: ber.octets(uptime_text(device.clock.uptime())),
        10: lambda: ber.octets(device.address),
    }
    objects.update({(*NP6000, 1, 1, column, 0): read for column, read in rows.items()})
    for port in device.model.ports:
        objects[*PORT_MODES, 1, port] = partial(ber.integer, port)
        objects[*PORT_MODES, 2, port] = partial(_application, device, port)


def _application(device: Device, port: int) -> Value:
    return ber.integer(modes()[device.running[f"port.{port}.operation_mode"]].application)


def uptime_text(seconds: float) -> str:
    """`2 days, 03h:04m:05s`, as the Overview shows it (invented)."""
    whole = int(seconds)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    return f"{days} days, {hours:02}h:{minutes:02}m:{whole % 60:02}s"


def _setting_reader(device: Device, setting_id: str, setting: Setting) -> Read:
    """How the setting is read over SNMP; secrets are shown as empty strings."""
    codes = setting.snmp_codes or _codes(setting)

    def read() -> Value:
        value = device.running[setting_id]
        if setting.kind == "secret":
            return ber.octets("")
        if setting.id == "basic.local_time":
            return ber.octets(f"{device.clock.now():%Y/%m/%d %H:%M:%S}")
        if codes:
            return ber.integer(codes.get(value, 0))
        if setting.kind == "integer":
            return ber.integer(int(value or 0) - (setting.table_id in COUNTED_FROM_0))
        if setting.kind == "address" and setting.form in ("ipv4", "netmask"):
            return ber.ip_address(value)
        return ber.octets(value)

    return read


def _codes(setting: Setting) -> dict[str, int]:
    """Integers of a choice: the row's own, or those of the configuration file, which uses the MIB's numbers."""
    configuration = setting.configuration
    if setting.kind != "choice":
        return {}
    if configuration and configuration.encoding == "codes":
        return {value: int(code) for value, code in configuration.codes.items() if code.lstrip("-").isdigit()}
    if set(setting.choices) == {"enable", "disable"}:
        return {"enable": 1, "disable": 0}
    return {value: number for number, value in enumerate(setting.choices)}
