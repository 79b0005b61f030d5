"""How an image gets into a unit: the web console, or the vendor's command-line tool."""

from nportlab.firmware.routes.route import Handed, Route
from nportlab.firmware.routes.web import WebRoute

__all__ = ["Handed", "Route", "WebRoute"]
