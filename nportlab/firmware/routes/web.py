"""The web console: System Configuration > Firmware Upgrade > Choose File > Submit (guide lines 503-505)."""

from __future__ import annotations

from nportlab.firmware.routes.route import Handed
from nportlab.guide.firmware import Route as RouteName
from nportlab.unit.management import HTTPS_PORT, is_open
from nportlab.unit.sending import Sent
from nportlab.unit.unit import Unit
from nportlab.verdicts.faults import ConfigFault


class WebRoute:
    """An upload in the browser the harness is."""

    name: RouteName = "web"
    watched: bool = False

    def ready(self, unit: Unit) -> str:
        """See that the HTTPS console is open."""
        if not is_open(unit.tcp(HTTPS_PORT)):
            raise ConfigFault(
                f"the HTTPS console of {unit.name} is off; an image cannot be uploaded to it",
                "Switch it on, or take the route tool.",
                f"unit {unit.name}",
            )
        return "web console"

    def send(self, unit: Unit, image: Handed, deadline: float, lock: int, progress: Sent | None = None) -> str:
        """Upload; returns what the unit says."""
        return unit.firmware.upload(image.name, image.data, progress)
