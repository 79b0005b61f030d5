"""Client of the Moxa service on UDP 4800: search, identity, live connections. No login (nport-facts 2)."""

from __future__ import annotations

import secrets
import socket
import time
from dataclasses import dataclass
from typing import TypeVar

from nportlab.protocol import moxa_service as codec
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import NotReachable, UnexpectedAnswer
from nportlab.verdicts.faults import LabFault
from nportlab.verdicts.recorder import NullRecorder, Recorder

_LARGEST = 65535
_PAGES = 64
_Reply = TypeVar("_Reply")


@dataclass(frozen=True)
class ServiceIdentity:
    """What a unit tells anybody who asks. firmware: `2.3`; address, netmask, gateway: as text."""

    hardware_id: int
    mac: str
    name: str
    firmware: str
    serial_number: int
    address: str
    netmask: str
    gateway: str
    password_set: bool


class MoxaServiceClient:
    """Asks one unit, by unicast."""

    def __init__(
        self,
        endpoint: Endpoint,
        recorder: Recorder | None = None,
        *,
        timeout: float = 0.5,
        tries: int = 3,
        source_address: str | None = None,
    ) -> None:
        """timeout: seconds for each try; tries: datagrams get lost."""
        self._endpoint = endpoint
        self._recorder: Recorder = recorder or NullRecorder()
        self._timeout = timeout
        self._tries = tries
        self._source = source_address or ""

    def search(self) -> codec.SearchReply:
        """Opcode 01, sent to the unit itself. Raises NotReachable when it stays silent."""
        return self._ask(codec.SearchRequest(_transaction()), codec.SearchReply)

    def kernel(self, device: codec.DeviceId | None = None) -> codec.KernelReply:
        """Opcode 16: firmware and serial number."""
        return self._ask(codec.Request(codec.Opcode.KERNEL, self._id(device), _transaction()), codec.KernelReply)

    def server_name(self, device: codec.DeviceId | None = None) -> str:
        """Opcode 10."""
        request = codec.Request(codec.Opcode.SERVER_NAME, self._id(device), _transaction())
        return self._ask(request, codec.ServerNameReply).name

    def address(self, opcode: codec.Opcode, device: codec.DeviceId | None = None) -> str:
        """Opcodes 21, 22, 23: IP address, netmask, gateway."""
        return self._ask(codec.Request(opcode, self._id(device), _transaction()), codec.AddressReply).address

    def identity(self) -> ServiceIdentity:
        """Everything the service says about the unit."""
        device = self.search().device
        kernel = self.kernel(device)
        return ServiceIdentity(
            hardware_id=device.hw_id,
            mac=device.mac,
            name=self.server_name(device),
            firmware=kernel.version,
            serial_number=kernel.serial_number,
            address=self.address(codec.Opcode.IP_ADDRESS, device),
            netmask=self.address(codec.Opcode.NETMASK, device),
            gateway=self.address(codec.Opcode.GATEWAY, device),
            password_set=kernel.password_set,
        )

    def netstat(self) -> list[codec.Entry]:
        """Listeners and connections, page by page (opcode 1D); units that do not know it are asked with opcode 14."""
        device = self.search().device
        entries: list[codec.Entry] = []
        start = 0
        for _ in range(_PAGES):
            reply = self._exchange(codec.NetstatExRequest(device, start, transaction=_transaction()))
            if isinstance(reply, codec.ErrorReply) and reply.result == codec.Result.UNSUPPORTED:
                request = codec.NetstatRequest(device, transaction=_transaction())
                return list(self._ask(request, codec.NetstatReply).entries)
            if not isinstance(reply, codec.NetstatExReply):
                raise self._unexpected(reply)
            entries += reply.entries
            if reply.next <= start:
                return entries
            start = reply.next
        raise UnexpectedAnswer(f"netstat does not end after {_PAGES} pages", resource="Moxa service")

    def raw(self, datagram: bytes) -> bytes | None:
        """Send any datagram; the first answer from the unit, None when it stays silent."""
        for _ in range(self._tries):
            with self._socket() as sock:
                sock.sendto(datagram, self._endpoint)
                answer = _receive(sock, time.monotonic() + self._timeout, self._endpoint.host)
            summary = "answered" if answer else "silent"
            self._recorder.exchange(f"udp {self._endpoint}", f"Moxa service: {summary}", datagram, answer)
            if answer is not None:
                return answer
        return None

    def _id(self, device: codec.DeviceId | None) -> codec.DeviceId:
        return device or self.search().device

    def _ask(self, request: codec.AnyRequest, kind: type[_Reply]) -> _Reply:
        reply = self._exchange(request)
        if isinstance(reply, kind):
            return reply
        raise self._unexpected(reply)

    def _exchange(self, request: codec.AnyRequest) -> codec.AnyReply:
        answer = self.raw(request.encode())
        if answer is None:
            raise NotReachable(
                f"no answer from udp {self._endpoint} to {self._tries} requests (opcode {request.opcode:02X})",
                remedy="Check that Moxa Service is enabled on the unit.",
                resource="Moxa service",
            )
        try:
            reply = codec.decode_reply(answer)
        except codec.MoxaServiceError as error:
            raise UnexpectedAnswer(f"unreadable reply: {error}", resource="Moxa service") from None
        if reply.transaction != request.transaction:
            raise UnexpectedAnswer("the reply carries another transaction id", resource="Moxa service")
        return reply

    def _socket(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((self._source, 0))
        return sock

    @staticmethod
    def _unexpected(reply: codec.AnyReply) -> UnexpectedAnswer:
        return UnexpectedAnswer(f"the unit answered {reply!r}", resource="Moxa service")


def search_rack(
    source_address: str, broadcast: str, *, seconds: float = 1.0, port: int = codec.PORT
) -> list[codec.SearchReply]:
    """Who answers a broadcast search? One reply for each unit, by address.

    source_address: this host's address in the rack's network (it must be bound: without it a host with two networks
    searches the wrong one). broadcast: `192.168.127.255` or `255.255.255.255`. seconds: how long to listen.
    Raises LabFault when this host can not broadcast there.
    """
    replies: dict[tuple[str, str], codec.SearchReply] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        try:
            sock.bind((source_address, 0))
            sock.sendto(codec.SearchRequest(0).encode(), (broadcast, port))
        except OSError as error:
            raise LabFault(
                f"can not broadcast from {source_address} to {broadcast}: {error.strerror}",
                remedy="Check harness_address of the rack in lab.yaml.",
                resource="network",
            ) from None
        end = time.monotonic() + seconds
        while (answer := _receive(sock, end, None)) is not None:
            try:
                reply = codec.decode_reply(answer)
            except codec.MoxaServiceError:
                continue
            if isinstance(reply, codec.SearchReply):
                replies[reply.address, reply.device.mac] = reply
    return [replies[key] for key in sorted(replies)]


def _receive(sock: socket.socket, end: float, host: str | None) -> bytes | None:
    """The next datagram before `end`, from `host` when given."""
    while (left := end - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            data, sender = sock.recvfrom(_LARGEST)
        except TimeoutError:
            return None
        except ConnectionError:
            continue
        if host is None or sender[0] == host:
            return data
    return None


def _transaction() -> int:
    return secrets.randbits(32)
