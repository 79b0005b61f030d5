"""The few Linux calls the standard library lacks: namespaces, parent death signal, link state."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
from pathlib import Path

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_IFF_RUNNING = 0x40


def unshare(flags: int) -> None:
    """Give the calling thread new namespaces; raises OSError (EPERM, EINVAL, ENOSPC ...)."""
    _call("unshare", flags)


def setns(descriptor: int, flags: int) -> None:
    """Move the calling thread into the namespace `descriptor` refers to; raises OSError."""
    _call("setns", descriptor, flags)


def become_namespace_root(uid: int, gid: int) -> None:
    """Map root of a just created user namespace to the user who made it. uid, gid: his ids, read before."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def die_with_parent(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Have this process killed when its parent process `parent` ends, also if it has ended already.

    The parent must be single-threaded: the kernel means the thread that forked.
    """
    _call("prctl", _PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def set_process_name(name: str) -> None:
    """Name shown by ps and top, 15 bytes at most."""
    _call("prctl", _PR_SET_NAME, ctypes.c_char_p(name.encode()[:15]), 0, 0, 0)


def set_link(interface: str, up: bool) -> None:
    """Switch a network interface of the current network namespace on or off; raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        flags = _link_flags(handle, interface)
        flags = flags | _IFF_UP if up else flags & ~_IFF_UP
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sH14x", interface.encode(), flags))


def link_is_running(interface: str) -> bool:
    """Whether a network interface of the current network namespace is up and its link, too; raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        return bool(_link_flags(handle, interface) & _IFF_RUNNING)


def close_all_but(keep: set[int]) -> None:
    """Close every file descriptor of this process that is not in `keep`."""
    for descriptor in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if descriptor not in keep:
            try:
                os.close(descriptor)
            except OSError:
                continue  # the one that listed the directory


def process_is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def thread_count() -> int:
    """Threads of this process, those of libraries included."""
    return len(list(Path("/proc/self/task").iterdir()))


def _link_flags(handle: socket.socket, interface: str) -> int:
    request = struct.pack("16sH14x", interface.encode(), 0)
    (flags,) = struct.unpack_from("H", fcntl.ioctl(handle, _SIOCGIFFLAGS, request), 16)
    return int(flags)


def _call(name: str, *arguments: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
