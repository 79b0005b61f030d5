"""The tick boxes of a port's page that copy its settings to further ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nportlab.guide.settings import Setting, concrete_id
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.web.markup import row, tag

_ALL_PORTS = "AllPorts"


def targets(port: int | None, ports: int) -> str:
    """The row `P1 P2 ... All ports`, the port itself ticked; nothing where there is no other port."""
    if port is None or ports < 2:
        return ""
    boxes = [
        f"{tag('INPUT', type='checkbox', name=f'P{number}', value=1, checked=number == port)}P{number} "
        for number in range(1, ports + 1)
    ]
    return row(
        "Apply the above settings to",
        "".join(boxes) + f"{tag('INPUT', type='checkbox', name=_ALL_PORTS, value=1)}All ports",
    )


def chosen(device: Device, port: int | None, submitted: Mapping[str, object]) -> Sequence[int | None]:
    """The ports that were ticked, or the one whose page it is; `[None]` for a page of the unit."""
    if port is None:
        return [None]
    everywhere = device.model.ports
    if _ALL_PORTS in submitted:
        return everywhere[:-1] if device.has_defect("apply-to-all-skips-the-last-port") else everywhere
    ticked = [number for number in everywhere if f"P{number}" in submitted]
    if ticked and device.has_defect("apply-to-chosen-changes-all"):
        return everywhere
    return ticked or [port]


def copied(setting: Setting, ports: Sequence[int | None]) -> list[str]:
    """The setting on every chosen port, by concrete id."""
    return [setting.id if port is None else concrete_id(setting.table_id, port) for port in ports]
