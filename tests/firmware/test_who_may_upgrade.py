"""Guide 3.3 and 4.2: upgrading takes rights on System Configuration; a guest has none."""

import secrets

import pytest

from fixtures.marks import control, flashing
from nportlab.firmware.routes.mcc_tool import ToolRoute, knows_users, tool_of
from nportlab.unit.endpoint import Account
from nportlab.verdicts.faults import NotApplicable
from tests.firmware._images import as_before, refused, taken_by
from tests.firmware._routes import ByToolAs, ByWebAs
from tests.firmware._state import CARRYING, CONFIGURED

pytestmark = [pytest.mark.firmware, CONFIGURED, CARRYING]

NAME = "lab-guest"


@pytest.fixture
def guest(held_unit, unit, lab):
    """An account of the group guest. A virtual unit has it only as long as the test lasts."""
    known = unit.entry.guest
    name = known.username if known else NAME
    password = known.password.resolve(lab.state_dir) if known else secrets.token_hex(6)
    running = held_unit.bench.running
    if running is None:
        if known is None:
            raise NotApplicable(
                f"the harness cannot make accounts: make one of the group guest on {unit.name} and name it in "
                f"lab.yaml (racks.{unit.entry.rack}.units.{unit.name}.guest: {{username: ..., password: ...}})"
            )
        yield Account(name, password)
        return
    running.add_account(unit.name, name, password, "guest")
    yield Account(name, password)
    running.remove_account(unit.name, name)


@control("FWU-06")
@flashing()
def test_a_guest_cannot_upgrade_by_web(guest, unit, firmware, evidence):
    """That the guest gets in at all is shown by the menu it sees; that the page takes files, by the administrator's."""
    image = next(iter(taken_by(firmware, unit, "web").values()))
    route = ByWebAs(guest)
    flashed = firmware.give(image, route)
    evidence.positive_control(f"the guest logs in and sees {len(route.pages)} pages: {', '.join(route.pages[:5])}")
    evidence.note(f"the guest's image: {refused(flashed, f'the image of {image.version} from a guest')}")
    assert route.pages, "the guest sees no page at all"
    as_before(unit, firmware, flashed)


@control("FWU-06")
@flashing()
def test_a_guest_cannot_upgrade_by_tool(guest, unit, firmware, lab, evidence):
    """The same account logs in by web; a tool that says it found no unit, or broke down, leaves this open."""
    images = taken_by(firmware, unit, "tool")
    if not knows_users(firmware.present):
        raise NotApplicable(f"to the tool firmware {firmware.present} has one user only")
    console = unit.new_console(guest)
    unit.console.logout()  # 1.x knows one session only
    console.login()
    console.logout()
    evidence.positive_control("the guest logs in by web")
    image = next(iter(images.values()))
    route = ByToolAs(ToolRoute(tool_of(lab.firmware, unit.recorder)), guest)
    flashed = firmware.give(image, route)
    evidence.note(f"the guest's image: {refused(flashed, f'the image of {image.version} from a guest')}")
    as_before(unit, firmware, flashed)
