"""Power: outlets of switches, and relays that press a unit's reset button.

A driver is one module in `drivers` with two functions, `switch(channel, on)` and `is_on(channel)`. What a switch was
told is never taken for what it did: every change is read back.
"""

from nportlab.power.outlet import Outlet, ResetButton
from nportlab.power.switch import SwitchChannel, open_channel

__all__ = ["Outlet", "ResetButton", "SwitchChannel", "open_channel"]
