"""The services a virtual unit offers. Each is a module with

    def enabled(device: Device) -> bool          # by the running settings
    async def serve(device: Device) -> Closeable # listening when it returns

and is started at boot when enabled, closed at restart.
"""

from typing import Protocol


class Closeable(Protocol):
    """A running service; `close` stops listening and drops its connections, without waiting."""

    def close(self) -> None:
        """Stop at once."""
        ...
