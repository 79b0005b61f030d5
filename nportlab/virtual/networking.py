"""The rack's network: namespaces joined by a bridge, or addresses of 127/8 with mapped ports.

Namespaces are unnamed: they exist as long as a process or an open descriptor of the supervisor refers to them, so
nothing is left behind whatever ends the supervisor.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Protocol

from nportlab.virtual import kernel
from nportlab.virtual.addressing import Addressing, Mode, mapped
from nportlab.virtual.spec import RackSpec, UnitSpec

BRIDGE = "br0"
BRIDGE_MAC = "02:4E:50:4C:41:42"
"""Fixed: left to itself a bridge changes its address with its ports, and units would talk to the former one."""

UNIT_INTERFACE = "eth0"
ARP_RETRY_MS = 50
"""A unit that boots is found at once instead of after the kernel's second."""

LINK_SECONDS = 1.0
"""As long a unit waits for its link when it boots; it goes on without one when the cable is pulled."""

IP_SECONDS = 10.0

RESERVED_PORT = 1
"""No unit uses it; who has it bound on an address of 127/8 has the address."""


class NetworkUnavailable(Exception):
    """The rack cannot be networked this way; the text is the reason."""


@dataclass(frozen=True)
class Reservation:
    """An address of 127/8, ours as long as `holder` is open."""

    address: str
    holder: socket.socket


class UnitNetwork(Protocol):
    """One power-on's worth of network for one unit."""

    addressing: Addressing

    def enter(self) -> None:
        """Move the calling process, the freshly forked unit, into the unit's network; the link is down."""

    def link_up(self, address: str, netmask: str, gateway: str) -> None:
        """In the unit: take the address and switch the link on."""

    def link_down(self) -> None:
        """In the unit: switch the link off, so that what is still open dies in silence."""


class RackNetwork(Protocol):
    """The network of a rack. mode: how; reason: why not a better one, "" for the best."""

    mode: Mode
    reason: str

    def plug(self, number: int, unit: UnitSpec) -> UnitNetwork:
        """A fresh network for unit `number`, in place of its former one."""
        ...

    def cut(self, number: int) -> None:
        """Take the link of unit `number` down, at once; no error when it has none."""
        ...

    def set_link(self, number: int, up: bool) -> None:
        """Pull the cable of unit `number`, or plug it in again; no error when it has none."""
        ...

    def harness_address(self) -> str:
        """Where the rack's own servers (relay boards) listen."""
        ...


def open_network(rack: RackSpec) -> RackNetwork:
    """The best network this process may have, or the one the rack names. Raises NetworkUnavailable for a named one."""
    if rack.network == "loopback":
        return LoopbackNetwork(rack, "lab.yaml asks for loopback")
    as_root = os.geteuid() == 0 and rack.network != "user-namespaces"
    if rack.network == "namespaces" and not as_root:
        raise NetworkUnavailable("network namespaces without a user namespace need root")
    if rack.network == "auto" and (reason := _why_not(lambda: _rehearse(rack, not as_root))):
        return LoopbackNetwork(rack, reason)
    try:
        return NamespaceNetwork(rack, user_namespace=not as_root)
    except OSError as error:
        raise NetworkUnavailable(str(error)) from None


def _rehearse(rack: RackSpec, user_namespace: bool) -> None:
    """Build the network as far as one unit."""
    network = NamespaceNetwork(rack, user_namespace)
    for unit in rack.units[:1]:
        network.plug(0, unit)


def _why_not(attempt: Callable[[], None]) -> str:
    """Why `attempt` fails, "" when it works. Made in a child, for there is no way back out of a user namespace."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        answer = "namespaces were tried in a process that came to harm"
        try:
            attempt()
            answer = "works"
        except (OSError, NetworkUnavailable) as error:
            answer = str(error)
        finally:
            os.write(write_end, answer.encode())
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as channel:
        answer = channel.read().decode()
    os.waitpid(pid, 0)
    return "" if answer == "works" else answer or "namespaces were tried in a process that was killed"


class NamespaceNetwork:
    """A lab namespace with a bridge, where the calling process stays; each unit in its own one behind a veth pair."""

    def __init__(self, rack: RackSpec, user_namespace: bool) -> None:
        if shutil.which("ip", path=_search_path()) is None:
            raise NetworkUnavailable("the program ip (package iproute2) is not installed")
        self.mode: Mode = "user-namespaces" if user_namespace else "namespaces"
        self.reason = "" if not user_namespace else "lab.yaml asks for it" if os.geteuid() == 0 else "not root"
        self._harness = IPv4Interface(rack.harness)
        self._enter_lab(user_namespace)
        self._lab = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._units: dict[int, int] = {}
        _quieten()
        run_ip(
            "link set lo up",
            f"link add {BRIDGE} address {BRIDGE_MAC} type bridge forward_delay 0 mcast_snooping 0",
            f"addr add {self._harness} broadcast + dev {BRIDGE}",
            f"link set {BRIDGE} up",
            f"ntable change name arp_cache dev {BRIDGE} retrans {ARP_RETRY_MS}",
        )

    @staticmethod
    def _enter_lab(user_namespace: bool) -> None:
        if not user_namespace:
            kernel.unshare(kernel.CLONE_NEWNET)
            return
        uid, gid = os.geteuid(), os.getegid()
        try:
            kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET)
        except OSError as error:
            if error.errno in (errno.EPERM, errno.ENOSPC, errno.EINVAL, errno.EACCES):
                raise NetworkUnavailable(
                    f"not root, and this system does not allow user namespaces ({error.strerror})"
                ) from None
            raise
        kernel.become_namespace_root(uid, gid)

    def plug(self, number: int, unit: UnitSpec) -> UnitNetwork:
        """A new namespace for the unit, joined to the bridge; what was open in the former one is gone with it."""
        self.unplug(number)
        kernel.unshare(kernel.CLONE_NEWNET)
        try:
            namespace = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            _quieten()
        finally:
            kernel.setns(self._lab, kernel.CLONE_NEWNET)
        self._units[number] = namespace
        inside = f"/proc/{os.getpid()}/fd/{namespace}"
        run_ip(
            f"link add {_outer(number)} type veth peer name {UNIT_INTERFACE} address {unit.mac} netns {inside}",
            f"link set {_outer(number)} master {BRIDGE} up",
        )
        return NamespaceUnit(self.mode, namespace)

    def unplug(self, number: int) -> None:
        """Remove the unit's network; no error when it has none."""
        namespace = self._units.pop(number, None)
        if namespace is not None:
            with suppress(NetworkUnavailable):
                run_ip(f"link del {_outer(number)}")
            os.close(namespace)

    def cut(self, number: int) -> None:
        """Pull the cable."""
        self.set_link(number, False)

    def set_link(self, number: int, up: bool) -> None:
        """Pull the cable or plug it in."""
        if number in self._units:
            with suppress(OSError):
                kernel.set_link(_outer(number), up=up)

    def harness_address(self) -> str:
        """The bridge's address."""
        return str(self._harness.ip)


class NamespaceUnit:
    """A unit's own network namespace."""

    def __init__(self, mode: Mode, namespace: int) -> None:
        self.addressing = Addressing(mode)
        self._namespace = namespace

    def enter(self) -> None:
        """Move into it."""
        kernel.setns(self._namespace, kernel.CLONE_NEWNET)
        os.close(self._namespace)

    def link_up(self, address: str, netmask: str, gateway: str) -> None:
        """Address, link, route; the neighbours are told by a gratuitous ARP."""
        interface = IPv4Interface(f"{address}/{netmask}")
        commands = [
            "link set lo up",
            f"addr add {interface} broadcast + dev {UNIT_INTERFACE}",
            f"link set {UNIT_INTERFACE} up",
            f"ntable change name arp_cache dev {UNIT_INTERFACE} retrans {ARP_RETRY_MS}",
        ]
        if gateway and IPv4Address(gateway) in interface.network and IPv4Address(gateway) != interface.ip:
            commands.append(f"route add default via {gateway}")
        run_ip(*commands)
        # The kernel tells the bridge of a new link a little later; what is sent before is lost.
        end = time.monotonic() + LINK_SECONDS
        while not kernel.link_is_running(UNIT_INTERFACE) and time.monotonic() < end:
            time.sleep(0.001)

    def link_down(self) -> None:
        """Link off."""
        with suppress(OSError):
            kernel.set_link(UNIT_INTERFACE, up=False)


class LoopbackNetwork:
    """No namespaces: unit k sits on an address of 127/8 that is free on this host, low ports moved up.

    There are no broadcasts, MAC addresses, link states or DHCP in this mode, and units cannot change their address.
    """

    mode: Mode = "loopback"

    def __init__(self, rack: RackSpec, reason: str) -> None:
        self.reason = reason
        self._reserved = reserve_addresses([IPv4Address(unit.address) for unit in rack.units])

    def plug(self, number: int, unit: UnitSpec) -> UnitNetwork:
        """The unit's address."""
        return LoopbackUnit(Addressing("loopback", self._reserved[number].address))

    def cut(self, number: int) -> None:
        """There is no cable."""

    def set_link(self, number: int, up: bool) -> None:
        """There is no cable."""

    def harness_address(self) -> str:
        """This host."""
        return "127.0.0.1"


class LoopbackUnit:
    """A unit without a network of its own."""

    def __init__(self, addressing: Addressing) -> None:
        self.addressing = addressing

    def enter(self) -> None:
        """Nothing to enter."""

    def link_up(self, address: str, netmask: str, gateway: str) -> None:
        """There is no link."""

    def link_down(self) -> None:
        """There is no link."""


def _outer(number: int) -> str:
    return f"unit{number}"


def _quieten() -> None:
    """No IPv6 chatter in the current namespace, and neighbours learn of a link that comes up."""
    for name, value in (("ipv6/conf/all/disable_ipv6", "1"), ("ipv6/conf/default/disable_ipv6", "1")):
        with suppress(OSError):
            Path("/proc/sys/net", name).write_text(value)
    for name in ("all", "default"):
        with suppress(OSError):
            Path(f"/proc/sys/net/ipv4/conf/{name}/arp_notify").write_text("1")


def run_ip(*commands: str) -> None:
    """Run commands of iproute2 in the current network namespace; raises NetworkUnavailable with its message."""
    try:
        done = subprocess.run(
            ["ip", "-batch", "-"],
            input="\n".join(commands) + "\n",
            capture_output=True,
            text=True,
            timeout=IP_SECONDS,
            check=False,
            env={"PATH": _search_path()},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NetworkUnavailable(f"ip: {error}") from None
    if done.returncode != 0:
        raise NetworkUnavailable(f"ip: {done.stderr.strip().splitlines()[0] if done.stderr.strip() else 'failed'}")


def _search_path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def reserve_addresses(wanted: Sequence[IPv4Address]) -> list[Reservation]:
    """For each wanted address one of 127/8 with the same last two bytes, for this process alone.

    Raises NetworkUnavailable when so many racks run that nothing is free.
    """
    for second in range(100, 228):
        candidates = [f"127.{second}.{address.packed[2]}.{address.packed[3]}" for address in wanted]
        if len(set(candidates)) == len(candidates) and (reserved := _reserve(candidates)):
            return reserved
    raise NetworkUnavailable("no free range in 127.100/16 to 127.227/16; end other virtual racks")


def _reserve(addresses: list[str]) -> list[Reservation] | None:
    """All of `addresses`, or None: a rack holds each of its addresses by a bound socket, so the kernel is the judge."""
    reserved: list[Reservation] = []
    try:
        for address in addresses:
            holder = socket.socket()
            reserved.append(Reservation(address, holder))
            holder.bind((address, mapped(RESERVED_PORT)))
    except OSError:
        for reservation in reserved:
            reservation.holder.close()
        return None
    return reserved
