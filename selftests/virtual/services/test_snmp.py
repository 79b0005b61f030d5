from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.protocol.serial_wire import Flow, Input, LineFormat, Output
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.netstat import Socket
from nportlab.virtual.unit.serial_port import Counters
from nportlab.virtual.unit.services import snmp, snmp_ber
from nportlab.virtual.unit.services.snmp_agent import V1, V2C, V3, Agent, Engine, Tree
from nportlab.virtual.unit.services.snmp_security import localized_key
from selftests.virtual.services.bench import Bench, endpoint, make_device, program

MONITOR = "1.3.6.1.4.1.8691.2.8.1.6"
SYS_NAME = "1.3.6.1.2.1.1.5.0"
MODEL_NAME = "1.3.6.1.4.1.8691.2.8.1.1.1.0"
TELNET = "1.3.6.1.4.1.8691.2.8.1.5.3.1.3.0"
V3_SETTINGS = {
    "snmp.agent": "enable",
    "snmp.ro_user": "reader",
    "snmp.ro_auth": "md5",
    "snmp.ro_auth_key": "ro-auth-key",
    "snmp.ro_privacy": "des",
    "snmp.ro_privacy_key": "ro-priv-key",
    "snmp.rw_user": "writer",
    "snmp.rw_auth": "sha",
    "snmp.rw_auth_key": "rw-auth-key",
    "snmp.rw_privacy": "aes",
    "snmp.rw_privacy_key": "rw-priv-key",
}
READER = ["-v3", "-u", "reader", "-l", "authPriv", "-a", "MD5", "-A", "ro-auth-key", "-x", "DES", "-X", "ro-priv-key"]
WRITER = ["-v3", "-u", "writer", "-l", "authPriv", "-a", "SHA", "-A", "rw-auth-key", "-x", "AES", "-X", "rw-priv-key"]


def net_snmp(tool: str, device: Device, options: list[str], *objects: str) -> tuple[str, str]:
    """Output and complaint of one of the net-snmp tools. Silence costs 0.3 s."""
    host, port = endpoint(device, 161)
    command = [program(tool), "-r0", "-t0.3", "-On", "-m", "", *options, f"{host}:{port}", *objects]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return done.stdout, done.stderr


def test_identity_by_every_version(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, V3_SETTINGS)
    with bench.serving(device, snmp):
        for options in (["-v1", "-c", "public"], ["-v2c", "-c", "private"], READER, WRITER):
            out, complaint = net_snmp("snmpget", device, options, MODEL_NAME, SYS_NAME)
            assert out.splitlines() == [f'.{MODEL_NAME} = STRING: "NP6450"', f'.{SYS_NAME} = STRING: "NP6450_3938"']
            assert complaint == ""


@pytest.mark.parametrize(("tool", "version"), [("snmpwalk", "-v1"), ("snmpwalk", "-v2c"), ("snmpbulkwalk", "-v2c")])
def test_a_walk_ends_and_finds_everything(tmp_path: Path, bench: Bench, tool: str, version: str) -> None:
    values = {"snmp.agent": "enable", "console.telnet": "enable", "acl.2.active": "enable"}
    device = make_device(tmp_path, values, model_name="NP6150")
    with bench.serving(device, snmp):
        out, complaint = net_snmp(tool, device, [version, "-c", "public"], "1.3.6.1")
    assert complaint.strip() in ("", "End of MIB")
    assert f".{TELNET} = INTEGER: 1" in out
    assert ".1.3.6.1.4.1.8691.2.8.1.1.4.0 = Hex-STRING: 00 90 E8 15 1C 22" in out
    assert ".1.3.6.1.4.1.8691.2.8.1.3.3.0 = IpAddress: 255.255.255.0" in out
    assert ".1.3.6.1.4.1.8691.2.8.1.4.1.1.1.1.2.1 = INTEGER: 4\n" in out  # device control
    assert ".1.3.6.1.4.1.8691.2.8.1.4.1.1.1.1.3.1 = INTEGER: 2\n" in out  # Real COM
    assert ".1.3.6.1.4.1.8691.2.8.1.4.1.2.7.1.1.3.1 = INTEGER: 0\n" in out  # printer group 1
    assert ".1.3.6.1.4.1.8691.2.8.1.5.1.1.2.1.2.2 = INTEGER: 1\n" in out  # second row of the accessible IP list


def test_a_value_is_in_the_column_of_every_mode_that_has_it(tmp_path: Path, bench: Bench) -> None:
    changed = {"port.2.max_connection": "5", "port.2.connection_down_rts": "low", "port.2.delimiter_1": "0d"}
    changed |= {"port.2.destination_address": "10.0.0.9", "port.2.connection_control": "dsr-on-off"}
    device = make_device(tmp_path, {"snmp.agent": "enable", **changed})
    with bench.serving(device, snmp):
        out, _ = net_snmp("snmpbulkwalk", device, ["-v2c", "-c", "public"], "1.3.6.1.4.1.8691.2.8.1.4.1")
    modes = ".1.3.6.1.4.1.8691.2.8.1.4.1.2"
    assert {f"{modes}.1.1.1.2.2 = INTEGER: 5", f"{modes}.2.1.1.3.2 = INTEGER: 5"} <= set(out.splitlines())
    assert {f"{modes}.1.1.1.7.2 = INTEGER: 1", f"{modes}.2.1.1.10.2 = INTEGER: 1"} <= set(out.splitlines())
    address = 'STRING: "10.0.0.9"'
    assert {f"{modes}.2.1.1.14.2 = {address}", f"{modes}.3.1.1.3.2 = {address}"} <= set(out.splitlines())
    assert f"{modes}.2.1.1.26.2 = INTEGER: 1028\n" in out
    assert '.1.3.6.1.4.1.8691.2.8.1.4.1.3.1.1.3.2 = STRING: "0d"\n' in out


def test_the_monitor_columns_follow_the_line(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, {"snmp.agent": "enable", "port.2.fifo": "disable"})
    port = device.serial[2]
    port.format = LineFormat(38400, 7, "even", 2, Flow.DTR | Flow.DSR, interface="rs-422")
    port.inputs, port.outputs = Input.DSR | Input.DCD, Output.RTS
    port.counters = Counters(tx=0x80000005, rx=11, frame=2, parity=3, overrun=4, breaks=5)
    port.buffered = 77
    for peer, role_port in (("10.0.0.7", 951), ("10.0.0.7", 967), ("10.0.0.8", 951)):
        device.netstat.add(Socket("tcp", "connected", role_port, device.address, peer, 5000, serial_port=2))
    device.netstat.add(Socket("tcp", "listen", 951, serial_port=2))
    with bench.serving(device, snmp):
        out, _ = net_snmp("snmpbulkwalk", device, ["-v2c", "-c", "public"], MONITOR)
    seen = dict(line.split(" = ", 1) for line in out.splitlines())

    def row(table: int, number: int) -> list[str]:
        columns = (f".{MONITOR}.{table}.1.1.{column}.{number}" for column in range(1, 11))
        return [seen[name].partition(": ")[2].strip('"') for name in columns if name in seen]

    assert row(1, 2) == ["2", "10.0.0.7, 10.0.0.8"]
    assert row(2, 2) == ["5", "11", "5", "11", "1", "0", "1", "0", "1"]
    assert row(3, 2) == ["2", "3", "4", "5"]
    assert row(4, 2) == ["38400", "2", "2", "24", "0", "0", "1", "0", "0", "1"]
    assert row(5, 2) == ["77"]
    assert row(4, 1) == ["115200", "3", "1", "0", "0", "0", "0", "0", "1", "0"]
    assert row(1, 1) == ["1", ""]


def test_secrets_are_not_readable(tmp_path: Path, bench: Bench) -> None:
    secret = "radius-secret-77"
    device = make_device(tmp_path, {"snmp.agent": "enable", "radius.key": secret, "snmp.write_community": "hidden-9"})
    with bench.serving(device, snmp):
        out, _ = net_snmp("snmpbulkwalk", device, ["-v2c", "-c", "public"], "1.3.6.1")
    assert secret not in out
    assert "hidden-9" not in out


def test_wrong_community_is_met_with_silence(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, V3_SETTINGS)
    with bench.serving(device, snmp):
        _, complaint = net_snmp("snmpget", device, ["-v2c", "-c", "wrong"], SYS_NAME)
    assert "No Response" in complaint


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"-A": "wrong-auth-key"}, "incorrect password"),
        ({"-X": "wrong-priv-key"}, "Decryption error"),
        ({"-u": "nobody"}, "Unknown user name"),
        ({"-l": "authNoPriv"}, "authorizationError"),
    ],
)
def test_wrong_v3_credentials(tmp_path: Path, bench: Bench, change: dict[str, str], complaint: str) -> None:
    options = list(READER)
    for flag, value in change.items():
        options[options.index(flag) + 1] = value
    device = make_device(tmp_path, V3_SETTINGS)
    with bench.serving(device, snmp):
        out, said = net_snmp("snmpget", device, options, SYS_NAME)
    assert out == ""
    assert complaint in said


@pytest.mark.parametrize("ticked", ["v1", "v2", "v3"])
def test_versions_are_ticked_one_by_one(tmp_path: Path, bench: Bench, ticked: str) -> None:
    versions = {f"snmp.{version}": "enable" if version == ticked else "disable" for version in ("v1", "v2", "v3")}
    device = make_device(tmp_path, {**V3_SETTINGS, **versions})
    ways = {"v1": ["-v1", "-c", "public"], "v2": ["-v2c", "-c", "public"], "v3": READER}
    with bench.serving(device, snmp):
        answered = {version for version, options in ways.items() if net_snmp("snmpget", device, options, SYS_NAME)[0]}
    assert answered == {ticked}


def test_nothing_can_be_written(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, V3_SETTINGS)
    with bench.serving(device, snmp):
        _, said = net_snmp("snmpset", device, ["-v2c", "-c", "private"], SYS_NAME, "s", "x")
        assert "notWritable" in said
        _, said = net_snmp("snmpset", device, ["-v2c", "-c", "public"], SYS_NAME, "s", "x")
        assert "noAccess" in said
    assert device.saved["basic.server_name"] == "NP6450_3938"


def test_a_restart_counts_a_boot_of_the_engine(tmp_path: Path) -> None:
    first = snmp.make_agent(make_device(tmp_path)).engine
    second = snmp.make_agent(make_device(tmp_path)).engine
    assert (second.id, second.boots) == (first.id, first.boots + 1)


def test_defect_discovery_answered_though_off(tmp_path: Path, bench: Bench) -> None:
    off = {**V3_SETTINGS, "snmp.agent": "disable"}
    assert not snmp.enabled(make_device(tmp_path, off))
    device = make_device(tmp_path, off, defects=("snmp-discovery-answered-though-off",))
    with bench.serving(device, snmp):
        # The tool only learns that its user is unknown because discovery was answered.
        assert "Unknown user name" in net_snmp("snmpget", device, READER, SYS_NAME)[1]
        assert "No Response" in net_snmp("snmpget", device, ["-v2c", "-c", "public"], SYS_NAME)[1]


def test_keys_of_rfc_3414() -> None:
    engine = bytes.fromhex("000000000000000000000002")
    assert localized_key("md5", b"maplesyrup", engine).hex() == "526f5eed9fcce26f8964c2930787d82b"
    assert localized_key("sha", b"maplesyrup", engine).hex() == "6695febc9288e36282235fc7151f128497b38f3f"


@given(st.integers(-(2**31), 2**31 - 1))
def test_integers_come_back(number: int) -> None:
    assert snmp_ber.decode(snmp_ber.integer(number).encode()).as_integer() == number


@given(st.tuples(st.integers(0, 2), st.integers(0, 39)), st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_object_identifiers_come_back(start: tuple[int, int], rest: list[int]) -> None:
    name = (*start, *rest)
    assert snmp_ber.decode(snmp_ber.oid(name).encode()).as_oid() == name


@given(st.binary(max_size=200))
def test_no_datagram_upsets_the_agent(data: bytes) -> None:
    engine = Engine(b"engine", 1, lambda: 0)
    agent = Agent(Tree({}), frozenset({V1, V2C, V3}), {b"public": False}, {}, engine)
    header = snmp_ber.sequence(snmp_ber.integer(1), snmp_ber.octets(b"public"), snmp_ber.Value(0xA0, data)).encode()
    agent.answer(data)
    agent.answer(header)
