"""What else the vendor's tool is used for, by MccTool against virtual units: find, export, import, passwords."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nportlab.firmware.graph import Edge
from nportlab.firmware.paths import Step
from nportlab.firmware.routes.mcc_tool import VIRTUAL, MccTool, ToolRoute
from nportlab.firmware.routes.tool_errors import ToolError
from nportlab.firmware.routes.tool_log import read_lines
from nportlab.inventory import Lab
from nportlab.inventory.lab import PortMap
from nportlab.protocol import configuration_container as container
from nportlab.protocol.configuration_text import ConfigurationText, parse
from nportlab.unit.errors import ConfigurationRefused, FirstBootPending, LoginRefused, NotReachable
from nportlab.unit.flavour_1x import DEFAULT_ACCOUNT
from nportlab.verdicts.faults import ConfigFault
from nportlab.virtual.client import RunningRack
from nportlab.virtual.mcc_list import Row, list_text
from selftests.firmware.site import entry, held, running, write_lab
from selftests.virtual.firmware.bench import code_of, tool, until

USER = "admin"
MCC = MccTool(VIRTUAL)
WRONG = "Wrong1234"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    units = {
        "kept": entry(1, "2.3", "NP6150"),
        "keyed": entry(2, "2.3", "NP6150"),
        "changed": entry(3, "2.3", "NP6150"),
        "new": entry(4, "2.3", "NP6150"),
        "off": entry(5, "2.3", "NP6150"),
        "old": entry(6, "1.21", "NP6150"),
        "older": entry(7, "1.17", "NP6150"),
    }
    return write_lab(tmp_path_factory.mktemp("tool"), units)


@pytest.fixture(scope="module")
def rack(lab: Lab) -> Iterator[RunningRack]:
    with running(lab) as rack:
        rack.power("off", False)
        yield rack


@pytest.fixture
def password(lab: Lab) -> Callable[[str], str]:
    return lambda unit: lab.units[unit].credentials.password.resolve(lab.state_dir)


def export(rack: RunningRack, unit: str, password: str, key: str = "moxa", user: str = USER) -> ConfigurationText:
    return parse(MCC.export(rack.unit(unit).address, user, password, key, unit))


def booted_again(rack: RunningRack, unit: str, restarts: int) -> None:
    until(lambda: rack.restarts(unit) == restarts and rack.unit(unit).booted)


# ---- find


def test_a_unit_is_found(rack: RunningRack) -> None:
    unit = rack.unit("kept")
    (line,) = MCC.find(unit.address, "kept")
    assert (line.address, line.values["Model"], line.values["MAC"]) == (unit.address, "NP6150", unit.mac)
    assert line.values["FwVer"].startswith("2.3") and line.code is None


def test_a_unit_that_is_off_is_found_by_nothing(rack: RunningRack) -> None:
    address = rack.unit("off").address
    calls: list[Callable[[], object]] = [
        lambda: MCC.find(address, "off", 1.0),
        lambda: MCC.export(address, USER, WRONG, "moxa", "off", seconds=1.0),
        lambda: MCC.import_(address, USER, WRONG, "moxa", b"x", "off", seconds=1.0),
        lambda: MCC.change_password(address, USER, WRONG, "Green4Bird", "off"),
    ]
    for call in calls:
        with pytest.raises(NotReachable, match="found no unit at this address") as error:
            call()
        assert isinstance(error.value, ToolError) and error.value.code == -1 and not error.value.touched


# ---- export and import


def test_what_was_exported_can_be_imported_and_nothing_is_changed_by_that(
    rack: RunningRack, password: Callable[[str], str]
) -> None:
    secret, restarts = password("kept"), rack.restarts("kept")
    before = export(rack, "kept", secret)
    changed = before.copy()
    changed.set("Basic Settings", "Server Location", "cellar 2; left = wet")
    MCC.import_(rack.unit("kept").address, USER, secret, "moxa", changed.dump(), "kept")
    booted_again(rack, "kept", restarts + 1)
    assert export(rack, "kept", secret) == changed
    MCC.import_(rack.unit("kept").address, USER, secret, "moxa", before.dump(), "kept", keep_network=False)
    booted_again(rack, "kept", restarts + 2)
    assert export(rack, "kept", secret).changes(before) == [], "the account, which is not in the file, still holds"


def test_network_settings_are_kept_unless_they_are_asked_for(rack: RunningRack, password: Callable[[str], str]) -> None:
    secret, restarts = password("keyed"), rack.restarts("keyed")
    before = export(rack, "keyed", secret)
    other = before.copy()
    key = "IPv4 DNS Server 1"
    other.set("Network Settings", key, "192.168.127.99")
    for keep, expected in ((True, before), (False, other)):
        MCC.import_(rack.unit("keyed").address, USER, secret, "moxa", other.dump(), "keyed", keep_network=keep)
        restarts += 1
        booted_again(rack, "keyed", restarts)
        assert export(rack, "keyed", secret).get("Network Settings", key) == expected.get("Network Settings", key)


def test_keys(rack: RunningRack, password: Callable[[str], str]) -> None:
    """A file is opened with the key it was closed with; a key no unit takes is refused before that."""
    address, secret, restarts = rack.unit("keyed").address, password("keyed"), rack.restarts("keyed")
    plain = export(rack, "keyed", secret, "another key")
    closed = container.encrypt(plain.dump(), "another key")
    for call in (
        lambda: MCC.import_(address, USER, secret, "moxa", closed, "keyed"),
        lambda: MCC.export(address, USER, secret, "k" * 33, "keyed"),
    ):
        with pytest.raises(ConfigFault, match="the pre-shared key does not fit") as error:
            call()
        assert isinstance(error.value, ToolError) and error.value.code == -10
    assert rack.restarts("keyed") == restarts
    MCC.import_(address, USER, secret, "another key", closed, "keyed")
    booted_again(rack, "keyed", restarts + 1)


@pytest.mark.parametrize("damage", [lambda text: b"nonsense", lambda text: text.replace(b"NP6150", b"NP6650-16")])
def test_what_is_no_configuration_of_this_unit_changes_nothing(
    rack: RunningRack, password: Callable[[str], str], damage: Callable[[bytes], bytes]
) -> None:
    secret, restarts = password("kept"), rack.restarts("kept")
    before = export(rack, "kept", secret)
    with pytest.raises(ConfigurationRefused, match="did not take the configuration file") as error:
        MCC.import_(rack.unit("kept").address, USER, secret, "moxa", damage(before.dump()), "kept")
    assert isinstance(error.value, ToolError) and error.value.code == -6
    assert export(rack, "kept", secret) == before
    assert rack.restarts("kept") == restarts


def test_firmware_1_exports_plain_text(rack: RunningRack) -> None:
    user, secret = DEFAULT_ACCOUNT
    data = MCC.export(rack.unit("old").address, user, secret, "any key", "old")
    assert not container.is_container(data) and b"\r\n" in data
    assert parse(data).get("Overview", "Model Name") == "NP6150"
    assert export(rack, "old", secret, user="") == parse(data)


def test_firmware_that_knows_no_user_names_is_told_none(rack: RunningRack) -> None:
    user, secret = DEFAULT_ACCOUNT
    with pytest.raises(LoginRefused):
        export(rack, "older", secret, user=user)
    assert export(rack, "older", secret, user="").get("Overview", "Model Name") == "NP6150"


def test_the_name_of_a_unit_is_no_path(lab: Lab, rack: RunningRack, password: Callable[[str], str]) -> None:
    with held(lab, rack, "kept") as h:
        h.unit.apply({"basic.server_name": "../rack 3/door"})
    assert export(rack, "kept", password("kept")).get("Basic Settings", "Server Name") == "../rack 3/door"


# ---- passwords


def test_another_password(rack: RunningRack, password: Callable[[str], str]) -> None:
    address, old = rack.unit("changed").address, password("changed")
    with pytest.raises(LoginRefused) as error:
        MCC.change_password(address, USER, WRONG, "Green4Bird", "changed")
    assert isinstance(error.value, ToolError) and error.value.code == -2
    with pytest.raises(ConfigFault, match="the new password is too long"):
        MCC.change_password(address, USER, old, "x" * 17, "changed")
    MCC.change_password(address, USER, old, "Green4Bird", "changed")
    with pytest.raises(LoginRefused):
        export(rack, "changed", old)
    assert export(rack, "changed", "Green4Bird").get("Overview", "Model Name") == "NP6150"
    with pytest.raises(ConfigFault, match="the password is too long"):
        export(rack, "changed", "x" * 17)


def test_the_first_account(rack: RunningRack) -> None:
    """From 2.0 on a unit has none when it is new; an empty old password makes it, and only the first time."""
    rack.erase("new", provisioned=False)
    rack.wait_booted(["new"])
    address = rack.unit("new").address
    with pytest.raises(FirstBootPending) as error:
        export(rack, "new", "")
    assert isinstance(error.value, ToolError) and error.value.code == -17
    with pytest.raises(LoginRefused):
        MCC.change_password(address, USER, "moxa", "Green4Bird", "new")
    MCC.change_password(address, USER, "", "Green4Bird", "new")
    with pytest.raises(LoginRefused):
        MCC.change_password(address, USER, "", "Brown4Bear", "new")
    assert export(rack, "new", "Green4Bird").get("Overview", "Model Name") == "NP6150"


# ---- as a route


def test_a_unit_without_user_names_is_upgraded_by_the_tool(lab: Lab, rack: RunningRack) -> None:
    with held(lab, rack, "older") as h:
        result = h.flasher("1.21").flash(Step(Edge("1.17", "1.21", ("tool",), "upgrade"), "tool"))
        assert result.target == "1.21" and h.unit.firmware.read().version == "1.21"


def test_a_moved_port_is_said_before_anything_is_sent(lab: Lab, rack: RunningRack) -> None:
    with held(lab, rack, "kept") as h:
        unit = h.bench.unit(replace(h.unit.entry, port_map=PortMap({**h.unit.entry.port_map.tcp, 4900: 14900})))
        with pytest.raises(ConfigFault, match=r"TCP 4900 of kept is reached as .*:14900"):
            ToolRoute(MCC).ready(unit)


# ---- the program's lists and ranges


def test_ranges_and_lists(rack: RunningRack, tmp_path: Path, password: Callable[[str], str]) -> None:
    names = ("kept", "keyed", "changed", "new", "off")
    addresses = [rack.unit(name).address for name in names]
    head, first = addresses[0].rsplit(".", 1)
    assert addresses == [f"{head}.{int(first) + n}" for n in range(5)]
    found = tool("-fw", "-r", "-i", f"{head}.{first}-{int(first) + 4}", "-o", tmp_path / "found", "-t", 1)
    assert found.returncode == 0, found
    assert [line.address for line in read_lines((tmp_path / "found").read_text())] == addresses[:4]
    rows = [
        Row(address=addresses[0], user=USER, password=password("kept"), key="k" * 33),
        Row(address=addresses[1], user=USER, password=password("keyed")),
        Row(address=addresses[4], user=USER, password="any"),
    ]
    (tmp_path / "list").write_text(list_text(rows))
    done = tool("-cfg", "-ex", "-d", tmp_path / "list", "-t", 5, "-l", tmp_path / "log", folder=tmp_path)
    assert code_of(done.returncode) == -10, "of the first that failed"
    log = (tmp_path / "log").read_text()
    assert [line.code for line in read_lines(log)] == [-10, 0, -1]
    assert password("keyed") not in log + done.stdout + done.stderr
    assert len(list(tmp_path.glob("*.ini"))) == 1


@pytest.mark.parametrize("text", ["10.0.0.9-3", "10.0.0.250-300", "10.0.0.1,", "10.0.0.0-99999999999", "10.0.0.1-", ""])
def test_what_is_no_range(text: str) -> None:
    began = time.monotonic()
    assert code_of(tool("-fw", "-r", "-i", text).returncode) == -11
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("verb", [("-cfg", "-ex"), ("-cfg", "-im"), ("-pw", "-ch", "-npw", "Green4Bird")])
def test_a_list_that_is_not_there(verb: tuple[str, ...], tmp_path: Path) -> None:
    assert code_of(tool(*verb, "-d", tmp_path / "none").returncode) == -4
