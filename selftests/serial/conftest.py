"""The cables of a virtual rack, a unit plugged into them, and the adapter at its port."""

from selftests.virtual.serial.conftest import adapter, cables, unit

__all__ = ["adapter", "cables", "unit"]
