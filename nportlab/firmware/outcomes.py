"""How an upgrade can end, besides well and besides refused (FirmwareRefused)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nportlab.firmware.kept import Lost
from nportlab.unit.errors import NeverCameBack
from nportlab.verdicts.faults import UnitBehaviour
from nportlab.verdicts.verdict import Verdict


@dataclass(frozen=True, repr=False)
class Upgraded:
    """A unit that runs the new firmware.

    said: by the unit or the tool, when it got the image; proof: why we know that it booted; versions: by channel;
    first_account: whether it had to be created; lost: settings that are not as before although nothing known says so;
    log: lines of its log since; note: how it came to this in spite of an error on the way.
    """

    unit: str
    source: str
    target: str
    route: str
    seconds: float
    said: str = ""
    proof: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    first_account: bool = False
    lost: tuple[Lost, ...] = ()
    log: tuple[str, ...] = ()
    note: str = ""

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        account = "; first account created" if self.first_account else ""
        lost = f"; NOT KEPT: {', '.join(map(str, self.lost[:5]))}" if self.lost else ""
        note = f"; {self.note}" if self.note else ""
        return f"{self.source} -> {self.target} by {self.route} in {self.seconds:.1f} s{account}{lost}{note}"


class CameBackOld(UnitBehaviour):
    """It took the image, and runs the firmware it had."""

    verdict = Verdict.FAIL


class CameBackOther(UnitBehaviour):
    """It runs neither the firmware it had nor that of the image, or its channels tell different versions.

    versions: by channel.
    """

    verdict = Verdict.FAIL
    versions: Mapping[str, str] = {}


class DidNotComeBack(NeverCameBack):
    """It was given an image and does not answer; power and link are good."""


class AccountLost(UnitBehaviour):
    """After the upgrade the unit refuses the account it had."""

    verdict = Verdict.FAIL


def what_to_do(unit: str, address: str, minutes: float) -> str:
    """What a person does with a unit that does not answer after a flash. What of it helps a real unit is not public."""
    return (
        f"1. Leave the power of {unit} on for {minutes:.0f} more minutes; it may still be writing. "
        "2. If its Ready LED is not green then, switch it off and on once. "
        f"3. If {address} stays silent, hold its reset button 5 s until Ready blinks: it comes back with factory "
        "values, perhaps at 192.168.127.254. "
        f"4. If it answers, run: nportlab recover --unit {unit}. If it does not, it needs the vendor's service."
    )
