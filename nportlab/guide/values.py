"""Checking a value against its setting, with messages a unit could show; and formulas in factory values."""

import ipaddress
import re
from typing import TYPE_CHECKING

from nportlab.guide.modes import command_port, data_port

if TYPE_CHECKING:
    from nportlab.guide.settings import Setting

_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*")
_FORMULA = re.compile(r"=(?P<base>\d+)(?:\+(?P<factor>\d+)?(?P<n>n))?(?:\+(?P<more>\d+))?")


def check(setting: "Setting", value: str) -> None:
    """Raise ValueError when `value` is not acceptable for `setting`; the message names the label and the rule."""
    if setting.kind == "readonly":
        raise ValueError(f"{setting.label} cannot be changed")
    if value == "" and setting.may_be_empty:
        return
    if setting.kind == "choice":
        if value not in setting.choices:
            raise ValueError(f"{setting.label}: choose one of {', '.join(setting.choices)}")
    elif setting.kind == "integer":
        _check_integer(setting, value)
    else:
        _check_text(setting, value)
        if setting.kind == "address":
            _check_address(setting, value)


def resolve(factory: str, port: int) -> str:
    """The value of a factory formula for a serial port: `=4000+n`, `=5000+10n+3`, `=data_port(n)`.

    Any other text is returned unchanged.
    """
    if factory == "=data_port(n)":
        return str(data_port(port))
    if factory == "=command_port(n)":
        return str(command_port(port))
    found = _FORMULA.fullmatch(factory)
    if found is None:
        return factory
    number = int(found["base"]) + int(found["more"] or 0)
    if found["n"]:
        number += int(found["factor"] or 1) * port
    return str(number)


def _check_integer(setting: "Setting", value: str) -> None:
    low, high = setting.minimum, setting.maximum
    rule = f"{setting.label} must be a number from {low} to {high}"
    if not re.fullmatch(r"0|[1-9][0-9]{0,9}", value):
        raise ValueError(rule)
    if (low is not None and int(value) < low) or (high is not None and int(value) > high):
        raise ValueError(rule)


def _check_text(setting: "Setting", value: str) -> None:
    if not re.fullmatch(r"[\x20-\x7e]*", value):
        raise ValueError(f"{setting.label}: only printable ASCII characters are allowed")
    if value == "":
        raise ValueError(f"{setting.label} must not be empty")
    if setting.min_length is not None and len(value) < setting.min_length:
        raise ValueError(f"{setting.label}: at least {setting.min_length} characters")
    if setting.max_length is not None and len(value) > setting.max_length:
        raise ValueError(f"{setting.label}: at most {setting.max_length} characters")
    if setting.pattern is not None and not re.fullmatch(setting.pattern, value):
        raise ValueError(f"{setting.label}: {setting.hint or 'not a valid value'}")


def _check_address(setting: "Setting", value: str) -> None:
    if not _ADDRESS_FORMS[setting.form](value):
        raise ValueError(f"{setting.label}: {value!r} is not a valid {_FORM_NAMES[setting.form]}")


def _is_ipv4(value: str) -> bool:
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        return False
    return True


def _is_ipv6(value: str) -> bool:
    try:
        ipaddress.IPv6Address(value)
    except ValueError:
        return False
    return "%" not in value


def _is_netmask(value: str) -> bool:
    if not _is_ipv4(value):
        return False
    holes = int(ipaddress.IPv4Address(value)) ^ 0xFFFFFFFF
    return holes & (holes + 1) == 0


def _is_prefix(value: str) -> bool:
    return value.isdecimal() and value.isascii() and len(value) <= 3 and int(value) <= 128


def _is_host(value: str) -> bool:
    if re.fullmatch(r"[0-9.]+", value):
        return _is_ipv4(value)
    return _is_ipv6(value) or _HOST_NAME.fullmatch(value) is not None


_ADDRESS_FORMS = {
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
    "ip": lambda value: _is_ipv4(value) or _is_ipv6(value),
    "host": _is_host,
    "netmask": _is_netmask,
    "netmask-or-prefix": lambda value: _is_netmask(value) or _is_prefix(value),
}
_FORM_NAMES = {
    "ipv4": "IP address",
    "ipv6": "IPv6 address",
    "ip": "IP address",
    "host": "IP address or host name",
    "netmask": "netmask",
    "netmask-or-prefix": "netmask or prefix",
}
