"""SNMP client: get and walk, versions 1, 2c and 3, as plain calls over pysnmp."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from pysnmp.hlapi.v3arch import asyncio as hlapi
from pysnmp.proto import rfc1905

from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import NotReachable, UnexpectedAnswer
from nportlab.verdicts.recorder import NullRecorder, Recorder

NP6000: Final = "1.3.6.1.4.1.8691.2.8"
MODEL_NAME: Final = f"{NP6000}.1.1.1.0"
SERIAL_NUMBER: Final = f"{NP6000}.1.1.2.0"
FIRMWARE_VERSION: Final = f"{NP6000}.1.1.3.0"
MAC_ADDRESS: Final = f"{NP6000}.1.1.4.0"

_LONGEST_WALK = 5000
_AUTH = {"md5": hlapi.USM_AUTH_HMAC96_MD5, "sha": hlapi.USM_AUTH_HMAC96_SHA}
_PRIVACY = {"des": hlapi.USM_PRIV_CBC56_DES, "aes": hlapi.USM_PRIV_CFB128_AES}
_T = TypeVar("_T")


@dataclass(frozen=True)
class Community:
    """Versions 1 and 2c."""

    name: str = field(repr=False)
    version: Literal["1", "2c"] = "2c"


@dataclass(frozen=True)
class User:
    """Version 3. Without auth the keys are not used; privacy needs auth."""

    name: str
    auth: Literal["md5", "sha"] | None = None
    auth_key: str = field(default="", repr=False)
    privacy: Literal["des", "aes"] | None = None
    privacy_key: str = field(default="", repr=False)


class SnmpRefused(UnexpectedAnswer):
    """The agent answered with an error: no such name, no access, wrong user or key."""


class SnmpClient:
    """Asks one agent."""

    def __init__(
        self,
        endpoint: Endpoint,
        access: Community | User,
        recorder: Recorder | None = None,
        *,
        timeout: float = 1.0,
        retries: int = 2,
    ) -> None:
        """timeout: seconds for each try; retries: further tries after the first."""
        self._endpoint = endpoint
        self._access = access
        self._recorder: Recorder = recorder or NullRecorder()
        self._timeout = timeout
        self._retries = retries

    def get(self, oid: str) -> str:
        """One value as text. Raises NotReachable on silence, SnmpRefused."""
        return self.get_many([oid])[oid]

    def get_many(self, oids: list[str]) -> dict[str, str]:
        """Several values in one request."""

        async def ask(engine: hlapi.SnmpEngine, transport: Any) -> dict[str, str]:
            reply = await hlapi.get_cmd(engine, self._auth(), transport, hlapi.ContextData(), *map(_variable, oids))
            return self._values(reply)

        return dict(zip(oids, self._run(ask).values(), strict=True))

    def walk(self, root: str) -> dict[str, str]:
        """Every value below an OID, in order."""

        async def ask(engine: hlapi.SnmpEngine, transport: Any) -> dict[str, str]:
            found: dict[str, str] = {}
            at = root
            while len(found) < _LONGEST_WALK:
                reply = await hlapi.next_cmd(engine, self._auth(), transport, hlapi.ContextData(), _variable(at))
                try:
                    step = self._values(reply)
                except _End:
                    break
                at, value = next(iter(step.items()))
                if not at.startswith(f"{root}.") or at in found:
                    break
                found[at] = value
            return found

        return self._run(ask)

    def identity(self) -> dict[str, str]:
        """Model name, serial number, firmware version and MAC address of an NPort 6000."""
        names = {"model": MODEL_NAME, "serial": SERIAL_NUMBER, "firmware": FIRMWARE_VERSION, "mac": MAC_ADDRESS}
        values = self.get_many(list(names.values()))
        return {name: values[oid] for name, oid in names.items()}

    def _run(self, ask: Callable[[hlapi.SnmpEngine, Any], Awaitable[_T]]) -> _T:
        async def session() -> _T:
            engine = hlapi.SnmpEngine()
            try:
                transport = await hlapi.UdpTransportTarget.create(
                    (self._endpoint.host, self._endpoint.port), timeout=self._timeout, retries=self._retries
                )
                return await ask(engine, transport)
            finally:
                engine.close_dispatcher()

        result = asyncio.run(session())
        self._recorder.exchange(f"snmp {self._endpoint}", f"{type(self._access).__name__.lower()}", None, repr(result))
        return result

    def _auth(self) -> Any:
        access = self._access
        if isinstance(access, Community):
            return hlapi.CommunityData(access.name, mpModel=0 if access.version == "1" else 1)
        return hlapi.UsmUserData(
            access.name,
            access.auth_key or None,
            access.privacy_key or None,
            authProtocol=_AUTH[access.auth] if access.auth else hlapi.USM_AUTH_NONE,
            privProtocol=_PRIVACY[access.privacy] if access.privacy else hlapi.USM_PRIV_NONE,
        )

    def _values(self, reply: Any) -> dict[str, str]:
        indication, status, _, bindings = reply
        if indication:
            text = str(indication)
            if "timeout" in text.casefold() or "before" in text.casefold():
                raise NotReachable(
                    f"no SNMP answer from udp {self._endpoint}: {text}",
                    remedy="Check that the SNMP agent is enabled and takes this community or user.",
                    resource="SNMP agent",
                )
            raise SnmpRefused(f"the SNMP agent refused: {text}", resource="SNMP agent")
        if status:
            if int(status) == 2:  # noSuchName, which also ends a version 1 walk
                raise _End("the SNMP agent has no such object", resource="SNMP agent")
            raise SnmpRefused(f"the SNMP agent refused: {status.prettyPrint()}", resource="SNMP agent")
        values: dict[str, str] = {}
        for name, value in bindings:
            if isinstance(value, rfc1905.EndOfMibView | rfc1905.NoSuchObject | rfc1905.NoSuchInstance):
                raise _End(f"the SNMP agent has no object {name}", resource="SNMP agent")
            values[str(name)] = _text(value)
        return values


class _End(SnmpRefused):
    """No such object, or the end of what the agent shows."""


def _variable(oid: str) -> hlapi.ObjectType:
    return hlapi.ObjectType(hlapi.ObjectIdentity(oid))


def _text(value: Any) -> str:
    """Text as text, a six-byte binary string as a MAC address, numbers as digits."""
    try:
        raw = value.asOctets()
    except AttributeError:
        return value.prettyPrint()
    if (len(raw) == 6 and not raw.isascii()) or any(octet < 9 for octet in raw):
        return raw.hex(":").upper()
    return raw.decode("utf-8", "replace")
