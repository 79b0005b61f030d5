"""A RADIUS server (RFC 2865, 2866) that accepts, rejects, stays silent, or answers with a wrong authenticator."""

from __future__ import annotations

import hashlib
import hmac
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nportlab.peers.peer import Address, UdpPeer
from nportlab.verdicts.recorder import Recorder

PORT, ACCOUNTING_PORT = 1812, 1813
ACCESS_REQUEST, ACCESS_ACCEPT, ACCESS_REJECT, ACCOUNTING_REQUEST, ACCOUNTING_RESPONSE = range(1, 6)

Way = Literal["pap", "chap", "mschap", "none"]
Mode = Literal["users", "accept", "reject", "silent", "wrong-authenticator"]

_USER_NAME, _USER_PASSWORD, _CHAP_PASSWORD, _CHAP_CHALLENGE = 1, 2, 3, 60
_REPLY_MESSAGE, _STATUS_TYPE, _VENDOR, _MESSAGE_AUTHENTICATOR = 18, 40, 26, 80
_HIDDEN = {_USER_PASSWORD, _CHAP_PASSWORD, _MESSAGE_AUTHENTICATOR}
_MICROSOFT = 311


@dataclass(frozen=True)
class RadiusRequest:
    """One request, without its password.

    code: 1 access, 4 accounting; authentication: how the password came; correct: whether it is the one of `users`;
    message_authenticator: whether attribute 80 was there (Blast-RADIUS); status_type: 1 start, 2 stop of accounting.
    """

    when: float
    source: Address
    code: int
    user: str
    authentication: Way
    correct: bool
    message_authenticator: bool
    status_type: int | None = None
    attributes: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class _Packet:
    code: int
    ident: int
    authenticator: bytes
    attributes: dict[int, bytes]
    raw: bytes


class RadiusServer(UdpPeer[RadiusRequest]):
    """One port of a RADIUS server; authentication and accounting are two of them with the same class.

    mode, users, secret may be changed while it runs.
    """

    kind = "radius"

    def __init__(
        self,
        address: str,
        port: int = PORT,
        recorder: Recorder | None = None,
        *,
        secret: str,
        users: Mapping[str, str] | None = None,
        mode: Mode = "users",
    ) -> None:
        """secret: shared with the unit. users: name -> password, judged in mode `users`."""
        super().__init__(address, port, recorder)
        self.secret = secret
        self.users = dict(users or {})
        self.mode: Mode = mode

    def _handle(self, data: bytes, sender: Address) -> bytes | None:
        request = _parse(data)
        if request is None:
            return None
        if request.code == ACCOUNTING_REQUEST:
            return self._account(request, sender)
        return self._judge(request, sender) if request.code == ACCESS_REQUEST else None

    def _judge(self, request: _Packet, sender: Address) -> bytes | None:
        user = request.attributes.get(_USER_NAME, b"").decode("utf-8", "replace")
        way, correct = self._password(request, user)
        self._keep(self._seen(request, sender, user, way, correct))
        if self.mode == "silent":
            return None
        accepted = correct if self.mode == "users" else self.mode != "reject"
        code = ACCESS_ACCEPT if accepted else ACCESS_REJECT
        message = b"" if accepted else b"Access denied"
        reply = self._reply(code, request, message)
        if self.mode == "wrong-authenticator":
            return reply[:4] + bytes(octet ^ 0xFF for octet in reply[4:20]) + reply[20:]
        return reply

    def _account(self, request: _Packet, sender: Address) -> bytes | None:
        zeroed = request.raw[:4] + bytes(16) + request.raw[20:]
        expected = hashlib.md5(zeroed + self.secret.encode(), usedforsecurity=False).digest()
        correct = hmac.compare_digest(expected, request.authenticator)
        user = request.attributes.get(_USER_NAME, b"").decode("utf-8", "replace")
        self._keep(self._seen(request, sender, user, "none", correct))
        if self.mode == "silent" or not correct:
            return None
        head = struct.pack(">BBH", ACCOUNTING_RESPONSE, request.ident, 20)
        return head + hashlib.md5(head + request.authenticator + self.secret.encode(), usedforsecurity=False).digest()

    def _reply(self, code: int, request: _Packet, message: bytes) -> bytes:
        """Reply with Message-Authenticator first, as clients hardened against Blast-RADIUS want it."""
        secret = self.secret.encode()
        text = struct.pack(">BB", _REPLY_MESSAGE, len(message) + 2) + message if message else b""
        head = struct.pack(">BBH", code, request.ident, 20 + 18 + len(text))
        unsigned = struct.pack(">BB", _MESSAGE_AUTHENTICATOR, 18) + bytes(16)
        signature = hmac.new(secret, head + request.authenticator + unsigned + text, "md5").digest()
        body = unsigned[:2] + signature + text
        response = hashlib.md5(head + request.authenticator + body + secret, usedforsecurity=False).digest()
        return head + response + body

    def _password(self, request: _Packet, user: str) -> tuple[Way, bool]:
        known = self.users.get(user)
        if hidden := request.attributes.get(_USER_PASSWORD, b""):
            given = self._shown(hidden, request.authenticator)
            return "pap", known is not None and hmac.compare_digest(given, known.encode())
        if chap := request.attributes.get(_CHAP_PASSWORD, b""):
            challenge = request.attributes.get(_CHAP_CHALLENGE, b"") or request.authenticator
            right = hashlib.md5(chap[:1] + (known or "").encode() + challenge, usedforsecurity=False).digest()
            return "chap", known is not None and hmac.compare_digest(right, chap[1:])
        if request.attributes.get(_VENDOR, b"")[:4] == struct.pack(">I", _MICROSOFT):
            return "mschap", False
        return "none", False

    def _shown(self, hidden: bytes, authenticator: bytes) -> bytes:
        """User-Password as typed (RFC 2865 5.2)."""
        plain, last = b"", authenticator
        for place in range(0, len(hidden), 16):
            mask = hashlib.md5(self.secret.encode() + last, usedforsecurity=False).digest()
            block = hidden[place : place + 16]
            plain += bytes(left ^ right for left, right in zip(block, mask, strict=False))
            last = block
        return plain.rstrip(b"\0")

    @staticmethod
    def _seen(request: _Packet, sender: Address, user: str, way: Way, correct: bool) -> RadiusRequest:
        attributes = {code: value for code, value in request.attributes.items() if code not in _HIDDEN}
        status = request.attributes.get(_STATUS_TYPE, b"")
        return RadiusRequest(
            time.time(),
            sender,
            request.code,
            user,
            way,
            correct,
            _MESSAGE_AUTHENTICATOR in request.attributes,
            int.from_bytes(status) if status else None,
            attributes,
        )


def _parse(data: bytes) -> _Packet | None:
    """Header and attributes (the first of each kind); None for what is no RADIUS packet."""
    if len(data) < 20:
        return None
    code, ident, length = struct.unpack_from(">BBH", data)
    if not 20 <= length <= len(data):
        return None
    attributes: dict[int, bytes] = {}
    place = 20
    while place < length:
        if place + 2 > length or not 2 <= data[place + 1] <= length - place:
            return None
        attributes.setdefault(data[place], data[place + 2 : place + data[place + 1]])
        place += data[place + 1]
    return _Packet(code, ident, data[4:20], attributes, data[:length])
