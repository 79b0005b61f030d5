"""What goes wrong with an adapter, in words: whose fault it is, and what to do."""

from __future__ import annotations

import errno
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import serial

from nportlab.serial.channel import ChannelClosed
from nportlab.verdicts.faults import LabFault, NotApplicable

_MISSING = {errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR}
_FORBIDDEN = {errno.EACCES, errno.EPERM}
_TAKEN = {errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK}
_CANNOT = {errno.ENOTTY, errno.EINVAL, errno.EOPNOTSUPP}


class AdapterGone(LabFault, ChannelClosed):
    """An adapter was unplugged, or stopped working, while it was in use."""


def cannot_open(name: str, url: str, error: Exception) -> LabFault:
    """Why an adapter cannot be opened."""
    number = _number(error)
    if number in _MISSING:
        what, remedy = f"there is no {url}", "Plug the adapter in, or correct its device in lab.yaml."
    elif number in _FORBIDDEN:
        what = f"this user may not open {url}"
        remedy = "Add the user to the group that owns the device (dialout on most systems), and log in again."
    elif number in _TAKEN:
        what, remedy = f"{url} is open elsewhere", f"End the other program: `fuser -v {url}` names it."
    else:
        what, remedy = f"{url} cannot be opened: {error}", "Look at the adapter; `dmesg` may say more."
    return LabFault(what, remedy, name)


def gone(name: str, error: Exception | str) -> AdapterGone:
    """An adapter that was open does not answer any more."""
    return AdapterGone(f"unplugged, or its driver gave up ({error})", "Plug it in again and look at its cable.", name)


@contextmanager
def asking(name: str, what: str) -> Iterator[None]:
    """Around a request to an open adapter. Raises NotApplicable when it cannot do `what`, AdapterGone."""
    try:
        yield
    except (OSError, termios.error) as error:
        if _number(error) in _CANNOT:
            raise NotApplicable(f"{name} cannot {what}") from error
        raise gone(name, error) from error
    except (NotImplementedError, AttributeError) as error:
        raise NotApplicable(f"{name} cannot {what}") from error


def _number(error: Exception) -> int | None:
    """The errno; pyserial and termios put it in different places."""
    found = getattr(error, "errno", None)
    if isinstance(found, int):
        return found
    cause = error.__context__
    if isinstance(error, serial.SerialException) and isinstance(cause, (OSError, termios.error)):
        return _number(cause)
    return error.args[0] if error.args and isinstance(error.args[0], int) else None
