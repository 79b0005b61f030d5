"""Security advisories that concern the series."""

from datetime import date
from functools import cache

from nportlab.guide.firmware import version_key
from nportlab.guide.rows import Row, SourcedRow, read_yaml, unique


class Advisory(SourcedRow):
    """One flaw. notice: where it is published; fixed: first version without it."""

    id: str
    notice: str
    what: str
    fixed: str

    def concerns(self, firmware: str) -> bool:
        """Whether a unit with that firmware has the flaw."""
        return version_key(firmware) < version_key(self.fixed)


class AdvisoryList(Row):
    """The list and the day it was last brought up to date. page: where the vendor publishes its notices."""

    checked: date
    page: str
    advisories: tuple[Advisory, ...]


@cache
def advisory_list() -> AdvisoryList:
    """The list, loaded once."""
    loaded = AdvisoryList(**read_yaml("advisories.yaml"))
    unique(list(loaded.advisories), "advisories.yaml")
    return loaded


def advisories_for(firmware: str) -> list[Advisory]:
    """The flaws a unit with that firmware has."""
    return [advisory for advisory in advisory_list().advisories if advisory.concerns(firmware)]
