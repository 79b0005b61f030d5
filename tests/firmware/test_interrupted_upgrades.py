"""An upgrade is interrupted: the unit must come back on a whole image, old or new, with its configuration.

Not in the guide. Each place of an upgrade is cut once; a cut that missed its place makes the result inconclusive. What
comes before the switch-over is tried on the way there only, what comes after it on the way there and back.
"""

import re
import threading

import pytest

from fixtures.marks import control, flashing
from nportlab.firmware.routes.tool_errors import ToolCrashed, ToolError
from nportlab.unit.errors import SessionLimit, UnexpectedAnswer
from nportlab.unit.firmware import FirmwareRefused, TransferBroken
from nportlab.verdicts.faults import ConfigFault, Inconclusive, NotApplicable
from tests.firmware._interrupt import Meanwhile, Watched, drop_client, hang_up, kill_tool, step_by, until, whole
from tests.firmware._state import CARRYING, CONFIGURED, carries

pytestmark = [pytest.mark.firmware, CONFIGURED, CARRYING]

WRITING = 4.0
"""Seconds a virtual unit writes while something is asked of it."""
QUARTER = 25
"""Percent of the writing."""
AWAITED = ("receive", "verify")
"""Stages in which the web client waits for an answer."""
BY_TOOL_AWAITED = (*AWAITED, "erase", "write", "switch-over")

BEFORE_SWITCH_OVER = [
    ("receive", 0.25), ("receive", 0.8), ("verify", 0.5), ("erase", 0.5),
    ("write", 0.3), ("write", 0.8), ("switch-over", 0.25),
]  # fmt: skip
THERE_AND_BACK = [
    [("switch-over", 0.75), ("migrate", 0.4)],
    [("migrate", 0.7), ("cold start", 0.5)],
]
EACH_ROUTE = pytest.mark.parametrize("route", ["web", "tool"])


def named(place):
    """`write-60`."""
    return f"{place[0].replace(' ', '-')}-{100 * place[1]:.0f}"


@pytest.fixture
def running(held_unit):
    """The virtual rack; None for a real one."""
    return held_unit.bench.running


@pytest.fixture
def give(firmware, unit, port, carry, evidence):
    """`give(step, route, what)`: bring the image of the step, see that the unit is whole, with its configuration, and
    carries data; returns what came of it."""

    def act(step, route, what):
        old = firmware.present
        flashed = firmware.give(firmware.image(step.target), route)
        version = whole(unit, old, flashed, what)
        evidence.note(f"{what}, {old} -> {step.target} by {route.name}: runs {version}; {flashed.error or 'no error'}")
        carries(port, carry)
        return flashed

    return act


@pytest.fixture
def route_of(firmware, unit):
    """`route_of("tool")`; without a tool, or where it cannot reach the unit, the test does not apply."""

    def find(name):
        try:
            route = firmware.flasher().route(name)
            route.ready(unit)
        except ConfigFault as fault:
            raise NotApplicable(fault.message) from None
        return route

    return find


@pytest.fixture
def cut_at(power_cut, give, unit, firmware, route_of):
    """`cut_at(stage, fraction)`: upgrade, or go back, with a power cut there."""

    def act(stage, fraction):
        step = firmware.round_trip()
        waits = AWAITED if step.route == "web" else BY_TOOL_AWAITED
        with power_cut.at(stage, fraction) as cut:
            if stage in waits:
                cut.on_off = lambda: drop_client(unit)
            flashed = give(step, Watched(route_of(step.route), cut.sending), f"a power cut at {cut.place}")
        cut.proved()
        return flashed

    return act


@control("FWU-14")
@flashing("sacrificial", "power-cycle")
@pytest.mark.parametrize("place", BEFORE_SWITCH_OVER, ids=named)
def test_power_cut_before_the_switch_over(cut_at, place):
    cut_at(*place)


@control("FWU-14")
@flashing("sacrificial", "power-cycle")
@pytest.mark.parametrize("places", THERE_AND_BACK, ids=lambda places: "-and-".join(map(named, places)))
def test_power_cut_after_the_switch_over_there_and_back(cut_at, places):
    for place in places:
        cut_at(*place)


# ---- the transfer is broken off


@pytest.fixture
def unwedged(unit, request):
    """A unit that may take no image any more is given its power anew, so that no other test suffers from it."""
    yield
    if request.node.stash[TAKES_NOTHING]:
        unit.power_cycle()


TAKES_NOTHING = pytest.StashKey[bool]()


@pytest.fixture
def broken_off(give, firmware, unit, running, route_of, request, unwedged):
    """`broken_off(route, act, what)`: do `act` in the middle of the transfer; again: the next one must go through."""
    request.node.stash[TAKES_NOTHING] = False

    def run(name, act, what, *, seen_going=True, again=True):
        step = step_by(firmware, unit, name)
        between = Meanwhile(route_of(name), lambda image, lock: act(), running, seen_going=seen_going)
        flashed = give(step, between, what)
        if not between.done:
            raise Inconclusive("the transfer was over before it could be broken off")
        if flashed.error is None:
            return flashed
        request.node.stash[TAKES_NOTHING] = True  # nobody knows
        if again:
            error = once_more(step, name)
            request.node.stash[TAKES_NOTHING] = error is not None
            assert error is None, f"after {what} the unit takes no image any more: {error}"
        return flashed

    def once_more(step, name):
        try:
            return firmware.give(firmware.image(step.target), name).error
        except ToolError as error:
            if error.code != BLOCKED:
                raise
            return error

    return run


@control("FWU-14")
@flashing("sacrificial", "power-cycle")
def test_the_browser_goes_away_in_the_middle(broken_off, unit):
    flashed = broken_off("web", lambda: hang_up(unit.https), "the browser went away at half of the transfer")
    if not isinstance(flashed.error, TransferBroken):
        raise Inconclusive(f"the transfer was not broken off: {flashed.error or flashed.result}")


@control("FWU-14")
@flashing("sacrificial", "power-cycle")
def test_the_tool_is_killed_in_the_middle(broken_off, unit):
    flashed = broken_off("tool", lambda: kill_tool(unit), "the tool was killed at half of the transfer")
    if not isinstance(flashed.error, ToolCrashed):
        raise Inconclusive(f"the tool was not killed in the middle: {flashed.error or flashed.result}")


@pytest.fixture
def pulled(running, unit):
    """`pulled()`: take the unit's link down; it comes back after one and a half minutes of the unit."""
    if running is None:
        raise NotApplicable("nothing in lab.yaml pulls the network cable of a real unit")
    if running.mode == "loopback":
        raise NotApplicable("a virtual rack without network namespaces has no cables to pull")
    timer = threading.Timer(1.5 * unit.minute, running.set_link, (unit.name, True))

    def pull():
        running.set_link(unit.name, False)
        timer.start()

    yield pull
    timer.cancel()
    running.set_link(unit.name, True)


@control("FWU-14")
@flashing("sacrificial", "power-cycle")
@EACH_ROUTE
def test_the_network_fails_in_the_middle(broken_off, pulled, route):
    broken_off(route, pulled, "the network failed at half of the transfer", seen_going=False, again=False)


# ---- somebody asks for something meanwhile


@pytest.fixture
def meanwhile(give, firmware, unit, running, route_of):
    """`meanwhile(act, what, fraction)`: `act(image, lock)` while the unit gets, or (None) writes, an image by web."""

    def run(act, what, fraction=0.5):
        step = step_by(firmware, unit, "web")
        if fraction is None and running is not None:
            running.set_flash_seconds(unit.name, WRITING)
        between = Meanwhile(route_of("web"), act, running, fraction)
        flashed = give(step, between, what)
        if not between.done:
            raise Inconclusive("the transfer was over before anything could be asked")
        if between.trouble is not None:
            raise Inconclusive(f"what became of {what} is not known: {between.trouble}")
        return flashed

    return run


@pytest.fixture
def writes(running, unit, lab):
    """`writes()`: wait until the unit writes; a real one is believed to after half of what lab.yaml says it takes."""

    def in_the_middle():
        now = running.firmware(unit.name)
        return now.stage == "write" and now.percent >= QUARTER

    def wait():
        if running is None:
            threading.Event().wait(0.5 * lab.flash_seconds(unit.name))
        elif not until(in_the_middle, 2 * WRITING):
            raise Inconclusive("the unit never came to write the image")

    return wait


@pytest.fixture
def second_console(unit, evidence):
    """`second_console()`: another login; None where the unit knows one session only (firmware 1.x)."""
    opened = []

    def open_():
        console = unit.new_console()
        try:
            console.login()
        except SessionLimit as limit:
            evidence.note(f"the second login is refused: {limit.message}")
            return None
        opened.append(console)
        return console

    yield open_
    for console in opened:
        console.logout()


@pytest.fixture
def second_upload(second_console, unit, evidence, route_of):
    """What came of a second upload: `.web(image, lock)` or `.tool(...)`, then `.taken` is empty when it was refused."""

    class Second:
        taken = ""

        def web(self, image, lock):
            console = second_console()
            if console is None:
                return
            try:
                said = unit.firmware.upload(image.name, image.data, console=console)
            except (FirmwareRefused, UnexpectedAnswer) as refused:
                evidence.note(f"the second upload is refused: {refused.message}")
                return
            self.taken = f"by web; the unit says {said!r}"

        def tool(self, image, lock):
            try:
                said = route_of("tool").send(unit, image, 20.0, lock)
            except ToolError as error:
                if error.code != BLOCKED and not isinstance(error, FirmwareRefused):
                    raise
                evidence.note(f"the second upload ends: {error.message}; {error.printed}")
                if farthest(error.printed) >= HALF:
                    self.taken = f"by the tool, which came to {farthest(error.printed)} % before {error.message!r}"
                return
            self.taken = f"by the tool, which says {said!r}"

    return Second()


def farthest(printed):
    """The highest percentage in what a tool has printed."""
    return max((int(number) for number in re.findall(r"(\d{1,3})\s*%", printed)), default=0)


HALF = 50
"""Percent. A tool that was refused at once prints nothing of the kind."""

BLOCKED = -15
"""What the tool ends with when the unit is busy (invented)."""


@control("FWU-14")
@flashing("sacrificial", "power-cycle")
@pytest.mark.parametrize(("route", "fraction"), [("web", 0.5), ("tool", None)], ids=["by-web", "by-tool-in-write"])
def test_a_second_upload_is_refused_and_the_first_goes_through(meanwhile, second_upload, route_of, route, fraction):
    route_of(route)
    flashed = meanwhile(getattr(second_upload, route), "a second upload at the same time", fraction)
    assert not second_upload.taken, f"a second upload was taken while the first was going on, {second_upload.taken}"
    assert flashed.error is None, f"the first upload did not go through beside a second one: {flashed.error}"


@control("FWU-14")
@flashing("sacrificial", "power-cycle", "restart")
@pytest.mark.parametrize("fraction", [0.5, None], ids=["in-transfer", "in-write"])
def test_a_restart_asked_for_meanwhile_does_no_harm(meanwhile, second_console, unit, fraction, writes):
    def restart(image, lock):
        if fraction is None:
            writes()
        console = second_console()
        if console is not None:
            console.restart()
        else:  # firmware 1.x: from the session that sends
            unit.console.session.get(unit.console.session.flavour.restart_path)

    meanwhile(restart, "a restart asked for meanwhile", fraction)
