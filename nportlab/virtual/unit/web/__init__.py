"""The web console of a virtual unit: HTTPS on 443, and on 80 a redirect there (firmware 1.x: the console itself).

A service like the others: `enabled` says whether anything listens, `serve` starts it.
"""

from nportlab.virtual.unit.web.server import enabled, serve

__all__ = ["enabled", "serve"]
