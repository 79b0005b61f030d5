"""Accounts of a virtual unit, kept in its flash as salted hashes."""

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass

from nportlab.virtual.unit.flash import Flash

SHORTEST, LONGEST = 4, 16
"""Password length, first boot page of the guide (4-16 characters)."""

MOST_ACCOUNTS = 16


class AccountRefused(ValueError):
    """An account or password the unit does not take; the text is what the unit says."""


@dataclass(frozen=True)
class Account:
    """One account. changed: the unit's UTC time of the last password change, ISO 8601, or "" when unknown."""

    name: str
    salt: str
    digest: str
    group: str = "administrator"
    active: bool = True
    changed: str = ""


class Accounts:
    """The user table. Changes are committed to flash at once and need no restart."""

    def __init__(self, flash: Flash) -> None:
        self._flash = flash
        self._accounts = {row["name"]: Account(**row) for row in flash.read("accounts", [])}

    def exists(self) -> bool:
        """Whether any account was created; without one the unit shows its first boot page."""
        return bool(self._accounts)

    def names(self) -> list[str]:
        """Account names in the order they were created."""
        return list(self._accounts)

    def get(self, name: str) -> Account | None:
        """The account called `name`, or None."""
        return self._accounts.get(name)

    def create_first(self, name: str, password: str, changed: str = "") -> None:
        """Create the administrator of a new unit. Raises AccountRefused: bad name or password, or an account exists."""
        if self._accounts:
            raise AccountRefused("An account exists already.")
        self.put(name, password, changed=changed)

    def put(self, name: str, password: str, group: str = "administrator", changed: str = "") -> None:
        """Create the account or replace its password and group. Raises AccountRefused."""
        if not name or len(name) > LONGEST or not name.isprintable() or " " in name:
            raise AccountRefused(f"User name must have 1 to {LONGEST} characters.")
        if not SHORTEST <= len(password) <= LONGEST or not password.isascii() or not password.isprintable():
            raise AccountRefused(f"Password must have {SHORTEST} to {LONGEST} characters.")
        if name not in self._accounts and len(self._accounts) >= MOST_ACCOUNTS:
            raise AccountRefused(f"No more than {MOST_ACCOUNTS} accounts.")
        salt = secrets.token_hex(8)
        accounts = dict(self._accounts)
        accounts[name] = Account(name, salt, _digest(salt, password), group, True, changed)
        self._commit(accounts)

    def remove(self, name: str) -> None:
        """Delete an account; no error when there is none."""
        self._commit({key: account for key, account in self._accounts.items() if key != name})

    def verify(self, name: str, password: str) -> bool:
        """Whether `password` is that of the active account `name`."""
        account = self._accounts.get(name)
        # An unknown name costs as much as a known one: response time must not tell them apart.
        salt, digest = (account.salt, account.digest) if account else ("00", "")
        return hmac.compare_digest(_digest(salt, password), digest) and account is not None and account.active

    def _commit(self, accounts: dict[str, Account]) -> None:
        self._flash.commit("accounts", [asdict(account) for account in accounts.values()])
        self._accounts = accounts


def _digest(salt: str, password: str) -> str:
    data = password.encode("utf-8", "surrogateescape")
    return hashlib.scrypt(data, salt=bytes.fromhex(salt), n=1024, r=8, p=1).hex()
