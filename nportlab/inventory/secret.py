"""Secrets by reference: lab.yaml says where a secret is, never what it is."""

from __future__ import annotations

import os
import secrets
import stat
import string
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from nportlab.verdicts.faults import ConfigFault

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 14  # a unit takes 4 to 16 characters


@dataclass(frozen=True)
class SecretRef:
    """The place of a secret. Printing it never shows the value; `resolve` reads it, each time anew."""

    where: str
    """`lab.yaml:23: racks.desk.units.np6150.credentials.password`, for messages."""
    name: str
    """Unique in the lab; names the file a generated secret is kept in."""
    env: str | None = None
    file: Path | None = None
    key: str | None = None
    generated: bool = False
    _value: str | None = field(default=None, repr=False)

    @classmethod
    def literal(cls, value: str, where: str = "built in") -> SecretRef:
        """A value that is public or comes from the harness itself (the factory pre-shared key, selftests)."""
        return cls(where=where, name="literal", _value=value)

    def __str__(self) -> str:
        if self.env:
            return f"secret in environment variable {self.env}"
        if self.file:
            return f"secret in {self.file}" + (f", key {self.key}" if self.key else "")
        return "generated secret" if self.generated else "secret"

    def resolve(self, state_dir: Path) -> str:
        """The secret. state_dir: the `.nportlab` folder, where generated secrets are kept with mode 0600.

        Raises ConfigFault, naming the line of lab.yaml, when the secret is not where it should be or is empty.
        """
        if self._value is not None:
            return self._value
        if self.env:
            value = os.environ.get(self.env)
            if not value:
                raise self._fault(f"environment variable {self.env} is not set", f"export {self.env}=...")
            return value
        if self.file:
            return self._from_file(self.file)
        return _generated(state_dir / "secrets" / self.name)

    def _from_file(self, path: Path) -> str:
        try:
            mode = path.stat().st_mode
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise self._fault(f"secret file {path} cannot be read: {reason}", "Create it, mode 0600.") from None
        if mode & stat.S_IROTH:
            raise self._fault(f"secret file {path} is readable by everybody", f"chmod 600 {path}")
        value = text.strip("\r\n") if self.key is None else self._of_key(path, text)
        if not value:
            raise self._fault(f"secret file {path} is empty", "Write the secret into it.")
        return value

    def _of_key(self, path: Path, text: str) -> str:
        try:
            values = yaml.safe_load(text)
        except yaml.YAMLError:
            # The parser's message quotes the file, and the file holds secrets.
            raise self._fault(f"secret file {path} is not valid YAML", "Lines of the form name: value.") from None
        if not isinstance(values, dict) or values.get(self.key) in (None, ""):
            raise self._fault(f"secret file {path} has no key '{self.key}'", f"Add a line `{self.key}: ...`.")
        return str(values[self.key])

    def _fault(self, message: str, remedy: str) -> ConfigFault:
        return ConfigFault(f"{self.where}: {message}", remedy, resource=None)


def _generated(path: Path) -> str:
    """Read the kept secret, or make one. Processes that start together get the same one: the first link wins."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(_new_secret())
            try:
                os.link(fresh, path)
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        return path.read_text()
    except OSError as error:
        raise ConfigFault(
            f"a generated secret cannot be kept in {path.parent}: {error.strerror}", "Make the folder writable."
        ) from None


def _new_secret() -> str:
    """Letters of both cases and digits, so that any password policy of a unit is met."""
    while True:
        value = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        if any(c.islower() for c in value) and any(c.isupper() for c in value) and any(c.isdigit() for c in value):
            return value
