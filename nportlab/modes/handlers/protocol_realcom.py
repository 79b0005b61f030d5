"""pyserial's `realcom://` scheme: realcom://host:data port[:command port][?tls]; see `real_com_serial`."""

from nportlab.modes.real_com_serial import RealComSerial as Serial

__all__ = ["Serial"]
