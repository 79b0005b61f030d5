"""lab.yaml -> typed objects: which racks, units, lines, outlets and peers there are.

`load_lab(path)` is the way in. The shapes of the file are in `shapes`, the objects the harness works with in `lab`.
"""

from nportlab.inventory.lab import Firmware, Lab, PortEntry, PortMap, Rack, UnitEntry
from nportlab.inventory.load import InventoryErrors, load_lab
from nportlab.inventory.secret import SecretRef

__all__ = ["Firmware", "InventoryErrors", "Lab", "PortEntry", "PortMap", "Rack", "SecretRef", "UnitEntry", "load_lab"]
