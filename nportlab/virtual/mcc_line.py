"""One unit as the stand-in for the CLI tool talks to it: TCP 4900, `virtual_dsci`, against a deadline."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from nportlab.guide.firmware import version_key
from nportlab.protocol.virtual_dsci import CHUNK, PORT, Code, Decoder, DsciError, Kind, Message, Operation, Tag, texts

POLL_SECONDS: Final = 0.1
CONNECT_SECONDS: Final = 2.0


class Failed(Exception):
    """A unit, or the whole command, ends with a code other than 0."""

    def __init__(self, code: Code, message: str = "") -> None:
        super().__init__(message or code.name.lower().replace("_", " "))
        self.code = code


@dataclass(frozen=True)
class Unit:
    """Who answered. firmware: full text, "2.3 Build 24101817"; accounts: any exists."""

    model: str
    name: str
    address: str
    mac: str
    firmware: str
    accounts: bool

    @property
    def version(self) -> str:
        """The firmware version without its build."""
        return ".".join(map(str, version_key(self.firmware)))


class Line:
    """A conversation with one unit. Everything raises Failed; with TIMEOUT after `timeout` seconds altogether."""

    def __init__(self, address: str, timeout: float) -> None:
        self.deadline = time.monotonic() + timeout
        self._address = address
        self._decoder = Decoder()
        self._transaction = 0
        try:
            self._link = socket.create_connection((address, PORT), min(timeout, CONNECT_SECONDS))
        except OSError as error:
            raise Failed(Code.NOT_FOUND, f"not found: {error}") from None

    @classmethod
    def again(cls, address: str, deadline: float, mac: str) -> Self:
        """The same unit after its restart (one that is about to restart does not say who it is), before `deadline`."""
        while (left := deadline - time.monotonic()) > 0:
            with suppress(Failed):
                line = cls(address, left)
                if line.identify().mac == mac:
                    return line
                line.close()
            time.sleep(POLL_SECONDS)
        raise Failed(Code.TIMEOUT, "it did not come back after the upgrade")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the conversation."""
        self._link.close()

    def identify(self) -> Unit:
        """Who is there. Needs no login."""
        reply = self._ask(Operation.IDENTIFY)
        return Unit(
            reply.text(Tag.MODEL),
            reply.text(Tag.NAME),
            self._address,
            reply.text(Tag.MAC),
            reply.text(Tag.FIRMWARE),
            bool(reply.number(Tag.ACCOUNTS)),
        )

    def login(self, user: str, password: str) -> None:
        """Log in on this conversation."""
        self._ask(Operation.LOGIN, texts(user=user, password=password))

    def upgrade(self, data: bytes, show: Callable[[str, int], None]) -> None:
        """Send an image and wait until the unit has switched over to it. show: told of stage and percent."""
        self._ask(Operation.FIRMWARE_BEGIN, {Tag.SIZE: len(data).to_bytes(4, "big")})
        for start in range(0, len(data), CHUNK):
            self._ask(Operation.FIRMWARE_DATA, {Tag.DATA: data[start : start + CHUNK]})
            show("receive", 100 * min(start + CHUNK, len(data)) // len(data))
        self._ask(Operation.FIRMWARE_END, show=show, lost=Code.UPGRADE_FAILED)

    def export(self, key: str) -> bytes:
        """The configuration as the unit exports it."""
        return self._ask(Operation.EXPORT, texts(key=key)).fields.get(Tag.DATA, b"")

    def import_(self, data: bytes, key: str, *, keep_network: bool) -> None:
        """Give it a configuration."""
        fields = {**texts(key=key), Tag.DATA: data, Tag.KEEP_NETWORK: bytes([keep_network])}
        self._ask(Operation.IMPORT, fields, lost=Code.IMPORT_FAILED)

    def password(self, user: str, old: str, new: str) -> None:
        """Change a password, or create the first account."""
        self._ask(Operation.PASSWORD, texts(user=user, password=old, new_password=new))

    def _ask(
        self,
        operation: Operation,
        fields: Mapping[Tag, bytes] | None = None,
        *,
        show: Callable[[str, int], None] = lambda stage, percent: None,
        lost: Code = Code.TIMEOUT,
    ) -> Message:
        """The reply to one request. lost: the code when the unit goes away instead."""
        self._transaction = (self._transaction + 1) & 0xFFFF
        request = Message(operation, fields or {}, transaction=self._transaction)
        try:
            self._link.settimeout(self._left())
            self._link.sendall(request.encode())
            while True:
                self._link.settimeout(self._left())
                data = self._link.recv(65536)
                if not data:
                    raise Failed(lost, "the unit ended the conversation")
                for message in self._decoder.feed(data):
                    if message.transaction != self._transaction:
                        continue
                    if message.kind == Kind.PROGRESS:
                        show(message.text(Tag.STAGE), message.number(Tag.PERCENT))
                    elif message.result:
                        raise Failed(message.result, message.text(Tag.MESSAGE))
                    else:
                        return message
        except TimeoutError:
            raise Failed(Code.TIMEOUT) from None
        except OSError as error:
            raise Failed(lost, f"the unit went away: {error.strerror}") from None
        except DsciError as error:
            raise Failed(Code.BLOCKED, f"the unit answers something else: {error}") from None

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left
