"""net-snmp's tools at the SNMP agent."""

from __future__ import annotations

import pytest

from selftests.clients.desk import Desk

IDENTITY = "1.3.6.1.4.1.8691.2.8.1.1"
MODEL, FIRMWARE, MAC = (f"{IDENTITY}.{number}.0" for number in (1, 3, 4))
V3 = ("-v3", "-u", "reader", "-l", "authPriv", "-a", "SHA", "-A", "ro-auth-key", "-x", "AES", "-X", "ro-priv-key")
ACCESS = {"v1": ("-v1", "-c", "public"), "v2c": ("-v2c", "-c", "public"), "v3": V3}


def ask(desk: Desk, tool: str, unit: str, access: tuple[str, ...], *objects: str, wait: float = 5.0) -> tuple[str, str]:
    """Output and complaint of a tool. wait: seconds for the one try it has."""
    place = f"udp:{desk.place(unit, 161, 'udp')}"
    done = desk.run(tool, "-r0", f"-t{wait}", "-On", "-m", "", *access, place, *objects)
    return done.stdout, done.stderr


@pytest.mark.parametrize("version", ACCESS)
def test_identity_when_on_and_silence_when_off(desk: Desk, plain: str, open_unit: str, version: str) -> None:
    unit = desk.rack.unit(open_unit)
    shown, complaint = ask(desk, "snmpget", open_unit, ACCESS[version], MODEL, FIRMWARE, MAC)
    assert complaint == ""
    assert shown.splitlines() == [
        f'.{MODEL} = STRING: "{unit.model}"',
        f'.{FIRMWARE} = STRING: "{unit.build}"',
        f".{MAC} = Hex-STRING: {unit.mac.replace(':', ' ')} ",
    ]
    shown, complaint = ask(desk, "snmpget", plain, ACCESS[version], MODEL, wait=0.3)
    assert shown == ""
    assert "No Response" in complaint or "Timeout" in complaint


def test_a_walk_over_the_identity(desk: Desk, open_unit: str) -> None:
    shown, _ = ask(desk, "snmpwalk", open_unit, ACCESS["v2c"], IDENTITY)
    assert [line.split(" = ")[0] for line in shown.splitlines()][:4] == [f".{IDENTITY}.{n}.0" for n in (1, 2, 3, 4)]


def test_a_wrong_community_gets_nothing(desk: Desk, open_unit: str) -> None:
    shown, complaint = ask(desk, "snmpget", open_unit, ("-v2c", "-c", "guess"), MODEL, wait=0.3)
    assert shown == ""
    assert "No Response" in complaint
