"""The models of the NPort 6000 series."""

from functools import cache

from nportlab.guide.rows import SourcedRow, read_yaml, unique

AP_ID = 0x80006000
"""Application id of the whole series in the Moxa service (nport-facts 2.2, verified)."""

MAC_PREFIX = "00:90:E8"
"""Vendor part of every unit's MAC address."""


class Model(SourcedRow):
    """One model.

    hw_id: hardware id in Moxa service replies (16 bit). lan_ports: Ethernet ports incl. those of an option module.
    relay: has a relay (alarm) output. option_slot: takes an option module (fibre, V.92, cellular, RSTP).
    sd_card: serial data can be buffered to an SD card. line: product line its firmware files belong to.
    """

    name: str
    serial_ports: int
    hw_id: int
    lan_ports: int = 1
    relay: bool = False
    option_slot: bool = False
    sd_card: bool = False
    interfaces: tuple[str, ...] = ("rs-232", "rs-422", "rs-485-2w", "rs-485-4w")
    line: str

    @property
    def ports(self) -> range:
        """Serial port numbers, counted from 1."""
        return range(1, self.serial_ports + 1)


@cache
def models() -> dict[str, Model]:
    """All models by name, e.g. `models()["NP6650-16"]`."""
    return unique([Model(**row) for row in read_yaml("family.yaml")["models"]], "family.yaml", "name")


def model(name: "str | Model") -> Model:
    """The model called `name` (a Model passes through); raises KeyError with the known names."""
    if isinstance(name, Model):
        return name
    try:
        return models()[name]
    except KeyError:
        raise KeyError(f"unknown model {name!r}; known: {', '.join(models())}") from None
