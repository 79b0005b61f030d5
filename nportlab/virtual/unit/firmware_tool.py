"""The unit's side of the tool port: who it is, other firmware, export, import, password (see `virtual_dsci`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from nportlab.guide.firmware import version_key
from nportlab.protocol import configuration_container as container
from nportlab.protocol.virtual_dsci import Code, Decoder, DsciError, Kind, Message, Operation, Tag, texts
from nportlab.virtual.unit.accounts import LONGEST, AccountRefused
from nportlab.virtual.unit.firmware_rules import FirmwareRefused
from nportlab.virtual.unit.web.configuration_file import ConfigurationRefused, export_text, import_text
from nportlab.virtual.unit.web.permissions import may_upgrade
from nportlab.virtual.waiting import within

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.firmware_upgrade import Upload

FIRMWARE_1_USER: Final = "admin"
"""Whom firmware 1.x means when no user is named."""

LAST_WITHOUT_USER: Final = (1, 17)
"""Up to this version naming a user is refused as a bad login (nport-facts 4, seen with 1.17; 1.21 is not known)."""

IDLE_MINUTES: Final = 1
"""Unit minutes after which a silent conversation ends (invented)."""


async def converse(device: Device, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one connection until it ends, or says something else; then the caller has it."""
    talk = _Conversation(device, writer)
    try:
        await talk.listen(reader)
    finally:
        talk.end()


class Refused(Exception):
    """A request is refused. code: what the tool makes of it."""

    def __init__(self, code: Code, message: str = "") -> None:
        super().__init__(message)
        self.code = code


class _Conversation:
    """One connection. _user: who logged in on it."""

    def __init__(self, device: Device, writer: asyncio.StreamWriter) -> None:
        self._device = device
        self._writer = writer
        self._user: str | None = None
        self._upload: Upload | None = None
        self._actions: Mapping[Operation, Callable[[Message], Awaitable[Message]]] = {
            Operation.IDENTIFY: self._identify,
            Operation.LOGIN: self._login,
            Operation.FIRMWARE_BEGIN: self._begin,
            Operation.FIRMWARE_DATA: self._take,
            Operation.FIRMWARE_END: self._finish,
            Operation.EXPORT: self._export,
            Operation.IMPORT: self._import,
            Operation.PASSWORD: self._password,
        }

    async def listen(self, reader: asyncio.StreamReader) -> None:
        """Answer what comes; returns when something else comes, or nothing any more."""
        decoder = Decoder()
        idle = self._device.clock.minutes(IDLE_MINUTES)
        while data := await within(idle, reader.read(65536)):
            try:
                for message in decoder.feed(data):
                    if message.kind == Kind.REQUEST:
                        await self._answer(message)
            except DsciError:
                return

    def end(self) -> None:
        """The connection is over, and an upload that was not finished with it."""
        if self._upload is not None:
            self._upload.abandon()

    async def _answer(self, message: Message) -> None:
        try:
            reply = await self._actions[message.operation](message)
        except Refused as refused:
            reply = message.reply(texts(message=str(refused)), refused.code)
        except FirmwareRefused as refused:
            self.end()
            self._upload = None
            reply = message.reply(texts(message=str(refused)), refused.code)
        await self._send(reply)

    async def _send(self, message: Message) -> None:
        self._writer.write(message.encode())
        await self._writer.drain()

    # Who ----------------------------------------------------------------------------------------------------------

    async def _identify(self, message: Message) -> Message:
        device = self._device
        if device.restarting:
            raise Refused(Code.BLOCKED, "It restarts.")
        fields = texts(
            model=device.model.name,
            name=device.running["basic.server_name"],
            address=device.address,
            mac=device.mac,
            firmware=device.build,
        )
        return message.reply({**fields, Tag.ACCOUNTS: bytes([device.accounts.exists()])})

    async def _login(self, message: Message) -> Message:
        self._user = await self._checked(message)
        return message.reply()

    async def _checked(self, message: Message) -> str:
        """Who proves to be whom. Raises Refused."""
        device = self._device
        user, password = message.text(Tag.USER), message.text(Tag.PASSWORD)
        if not device.accounts.exists():
            raise Refused(Code.PASSWORD_FIRST, "An account has to be created first.")
        if len(password) > LONGEST:
            raise Refused(Code.PASSWORD_TOO_LONG)
        if device.flavour == "1.x":
            if user and version_key(device.firmware) <= LAST_WITHOUT_USER:
                raise Refused(Code.BAD_LOGIN)
            user = user or FIRMWARE_1_USER
        peer = self._writer.get_extra_info("peername") or ("", 0)
        result = await device.authenticate(user, password, "tool", str(peer[0]))
        if not result.ok:
            raise Refused(Code.BAD_LOGIN, result.message)
        return result.user

    def _administrator(self) -> str:
        """Who is logged in and may change the unit. Raises Refused."""
        if self._user is None:
            raise Refused(Code.BAD_LOGIN)
        if not may_upgrade(self._device, self._user):
            raise Refused(Code.BLOCKED, "No permission.")
        return self._user

    # Firmware -----------------------------------------------------------------------------------------------------

    async def _begin(self, message: Message) -> Message:
        by = f"{self._administrator()} via tool"
        if self._upload is not None:
            self._upload.abandon()
        self._upload = self._device.upgrade.begin(by, "tool")
        self._upload.announce(message.number(Tag.SIZE))
        return message.reply()

    async def _take(self, message: Message) -> Message:
        self._begun().feed(message.fields.get(Tag.DATA, b""))
        return message.reply()

    async def _finish(self, message: Message) -> Message:
        upload = self._begun()

        async def report(stage: str, percent: int) -> None:
            with contextlib.suppress(ConnectionError):  # nobody has to watch
                await self._send(message.progress(stage, percent))

        head = await upload.verify(report)
        try:
            await upload.install(report)
        except OSError as error:
            raise Refused(Code.UPGRADE_FAILED, error.strerror or "") from None
        if self._device.has_defect("tool-hears-that-the-upgrade-failed"):
            raise Refused(Code.UPGRADE_FAILED, "It failed.")
        return message.reply(texts(firmware=head.version))

    def _begun(self) -> Upload:
        self._administrator()
        if self._upload is None:
            raise Refused(Code.BLOCKED, "No upload was begun.")
        return self._upload

    # Configuration and password -----------------------------------------------------------------------------------

    async def _export(self, message: Message) -> Message:
        device, user = self._device, self._administrator()
        data = export_text(device)
        if device.flavour == "2.x":
            try:
                data = container.encrypt(data, message.text(Tag.KEY) or container.DEFAULT_PSK)
            except ValueError:
                raise Refused(Code.KEY_MISMATCH) from None
        device.log.add("Config", "Config Export", f"{user} via tool")
        return message.reply({Tag.DATA: data})

    async def _import(self, message: Message) -> Message:
        """Take a configuration over and restart. That it restarts by itself is invented."""
        device, user = self._device, self._administrator()
        if device.upgrade.busy:
            raise Refused(Code.BLOCKED)
        data = message.fields.get(Tag.DATA, b"")
        try:
            if container.is_container(data):
                data = container.decrypt(data, message.text(Tag.KEY) or container.DEFAULT_PSK).text
            import_text(device, data, f"{user} via tool", keep_network=bool(message.number(Tag.KEEP_NETWORK)))
        except container.WrongKeyOrDamaged:
            raise Refused(Code.KEY_MISMATCH) from None
        except (ConfigurationRefused, ValueError) as error:
            raise Refused(Code.IMPORT_FAILED, str(error)) from None
        device.request_restart()
        return message.reply()

    async def _password(self, message: Message) -> Message:
        """Change a password, or create the first account of a unit that has none with an empty old one."""
        device, user, new = self._device, message.text(Tag.USER), message.text(Tag.NEW_PASSWORD)
        changed = device.clock.utc().isoformat(timespec="seconds")
        if len(new) > LONGEST:
            raise Refused(Code.NEW_PASSWORD_TOO_LONG)
        try:
            if not device.accounts.exists():
                if message.text(Tag.PASSWORD):
                    raise Refused(Code.BAD_LOGIN)
                device.accounts.create_first(user, new, changed)
            else:
                user = await self._checked(message)
                account = device.accounts.get(user)
                if account is None:
                    raise Refused(Code.BAD_LOGIN)
                device.accounts.put(user, new, account.group, changed)
        except AccountRefused as refused:
            raise Refused(Code.BLOCKED, str(refused)) from None
        device.log.add("Config", "Password Changed", user)
        return message.reply()
