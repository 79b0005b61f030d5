"""The account of lab.yaml on a unit that does not have it yet.

From firmware 2.0 on a new unit has no account and asks for one (first boot page). One of 1.x has a default account,
whose password is replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nportlab.unit.endpoint import Account
from nportlab.unit.errors import LockedOut, LoginRefused
from nportlab.unit.flavour_1x import DEFAULT_ACCOUNT
from nportlab.verdicts.faults import ConfigFault

if TYPE_CHECKING:
    from nportlab.unit.unit import Unit


def ensure_account(unit: Unit, fresh: bool) -> bool:
    """Give the unit the account of lab.yaml; whether it did not have it.

    fresh: it was just reset, so on 1.x the default account is tried first; otherwise that of lab.yaml is. Each is tried
    once. Raises LoginRefused when the unit takes neither, ConfigFault when lab.yaml names a user 1.x does not have.
    """
    if unit.console.needs_first_boot():
        unit.console.first_boot(unit.account.username, unit.account.password)
        return True
    if unit.console.alive() or unit.console.session.flavour.name != "1.x":
        return False
    if fresh and _replace_default(unit):
        return True
    try:
        unit.console.login()
    except LockedOut:
        raise
    except LoginRefused:
        if not fresh and _replace_default(unit):
            return True
        raise
    return False


def _replace_default(unit: Unit) -> bool:
    """Whether the default account of 1.x was there; it has the password of lab.yaml then."""
    user, password = DEFAULT_ACCOUNT
    if unit.account.username != user:
        raise ConfigFault(
            f"firmware 1.x has the user {user}; lab.yaml names {unit.account.username!r}",
            remedy=f"Name {user} in the credentials of {unit.name}.",
            resource=f"unit {unit.name}",
        )
    console = unit.new_console(Account(user, password))
    try:
        console.login()
    except LoginRefused:
        return False
    if unit.account.password != password:
        console.change_password_1x(password, unit.account.password)
    console.logout()
    unit.account.accepted()
    return True
