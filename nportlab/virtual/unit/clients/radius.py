"""RADIUS client (RFC 2865, RFC 2866): asks a server about a login and reports sessions to it.

Not public and chosen here: tries, waiting time, NAS-Port and Service-Type; no Message-Authenticator is sent.
"""

from __future__ import annotations

import hashlib
import secrets
import socket
from dataclasses import dataclass

from pyrad.packet import (
    AccessAccept,
    AccessChallenge,
    AccessReject,
    AccountingResponse,
    AcctPacket,
    AuthPacket,
    Packet,
    PacketError,
)

from nportlab.virtual.unit.clients import mschap
from nportlab.virtual.unit.clients.server_verdict import Asker, ServerVerdict
from nportlab.virtual.unit.clients.udp_exchange import Address, NoAnswer, ask

USER_NAME, USER_PASSWORD, CHAP_PASSWORD, NAS_IP_ADDRESS, SERVICE_TYPE = 1, 2, 3, 4, 6
CALLING_STATION_ID, NAS_IDENTIFIER, ACCT_STATUS_TYPE, ACCT_SESSION_ID = 31, 32, 40, 44
MS_CHAP_CHALLENGE, MS_CHAP2_RESPONSE = (311, 11), (311, 25)
ADMINISTRATIVE = (6).to_bytes(4, "big")

TIMEOUT, TRIES = 1.0, 3
LONGEST_PASSWORD = 128


@dataclass(frozen=True)
class Server:
    """Where to ask. address: numeric, of the authentication port; accounting: of the accounting port."""

    address: Address
    accounting: Address
    key: str
    local_host: str = "0.0.0.0"


async def authenticate(server: Server, asker: Asker, user: str, password: str, method: str) -> ServerVerdict:
    """Ask whether `user` may log in. method: `pap`, `chap` or `ms-chap-v2`.

    A reply whose authenticator does not fit the shared key is no reply. An Access-Challenge counts as denied: a console
    login has nothing to answer it with.
    """
    if len(password.encode()) > LONGEST_PASSWORD:
        return ServerVerdict.DENIED
    request = access_request(server.key, asker, user, password, method)
    wanted = {AccessAccept, AccessReject, AccessChallenge}
    code = await _exchange(request, server.address, server.local_host, wanted)
    if code is None:
        return ServerVerdict.UNAVAILABLE
    return ServerVerdict.ACCEPTED if code == AccessAccept else ServerVerdict.DENIED


def access_request(key: str, asker: Asker, user: str, password: str, method: str) -> AuthPacket:
    """The Access-Request for a login."""
    request = AuthPacket(secret=key.encode(), authenticator=AuthPacket.CreateAuthenticator())
    _describe(request, asker, user)
    if method == "chap":
        request[CHAP_PASSWORD] = [_chap(request.id, password, request.authenticator or b"")]
    elif method == "ms-chap-v2":
        challenge, peer_challenge = secrets.token_bytes(16), secrets.token_bytes(16)
        answer = mschap.response(challenge, peer_challenge, user, password)
        request[MS_CHAP_CHALLENGE] = [challenge]
        request[MS_CHAP2_RESPONSE] = [bytes([request.id, 0]) + peer_challenge + bytes(8) + answer]
    else:
        request[USER_PASSWORD] = [request.PwCrypt(password)]
    request[SERVICE_TYPE] = [ADMINISTRATIVE]
    return request


async def account(server: Server, asker: Asker, user: str, session: str, *, start: bool) -> bool:
    """Report that a session began or ended; True if the server confirmed it."""
    request = AcctPacket(secret=server.key.encode())
    _describe(request, asker, user)
    request[ACCT_STATUS_TYPE] = [(1 if start else 2).to_bytes(4, "big")]
    request[ACCT_SESSION_ID] = [session.encode()]
    return await _exchange(request, server.accounting, server.local_host, {AccountingResponse}) is not None


async def _exchange(
    request: AuthPacket | AcctPacket, address: Address, local_host: str, wanted: set[int]
) -> int | None:
    """Code of the first proper reply, None if none came."""
    # Encoding fixes the request authenticator, which the check of the reply needs.
    datagram = request.RequestPacket()

    def read(data: bytes) -> int | None:
        try:
            reply = request.CreateReply(packet=data)
            proper = reply.code in wanted and request.VerifyReply(reply, data)
        except (PacketError, ValueError, IndexError):
            return None
        return reply.code if proper else None

    try:
        return await ask(address, datagram, read, local_host=local_host, timeout=TIMEOUT, tries=TRIES)
    except NoAnswer:
        return None


def _describe(request: Packet, asker: Asker, user: str) -> None:
    request[USER_NAME] = [user.encode()[:253]]
    request[NAS_IP_ADDRESS] = [socket.inet_aton(asker.address)]
    request[NAS_IDENTIFIER] = [asker.name.encode()[:253]]
    if asker.source:
        request[CALLING_STATION_ID] = [asker.source.encode()[:253]]


def _chap(identifier: int, password: str, challenge: bytes) -> bytes:
    """CHAP-Password (RFC 2865 5.3) with the request authenticator as the challenge."""
    tag = bytes([identifier])
    return tag + hashlib.md5(tag + password.encode() + challenge).digest()
