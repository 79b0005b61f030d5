"""Which program has a port, so that "address in use" can say by whom."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def owner(transport: str, port: int) -> str | None:
    """`dnsmasq (pid 812)`, None when it can not be found out. transport: tcp or udp."""
    inodes = _inodes(transport, port)
    if not inodes:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone meanwhile, or not ours to look at
            if any(_link(entry) in inodes for entry in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
    return None


def _link(entry: Path) -> str | None:
    try:
        return str(entry.readlink())
    except OSError:
        return None


def _inodes(transport: str, port: int) -> set[str]:
    found: set[str] = set()
    for name in (transport, f"{transport}6"):
        try:
            lines = Path(f"/proc/thread-self/net/{name}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            listening = transport == "udp" or columns[3] == "0A"
            if listening and int(columns[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{columns[9]}]")
    return found
