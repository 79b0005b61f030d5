"""An image through the web console, the version by each channel, and the default account of firmware 1.x."""

from __future__ import annotations

import hashlib
import socket
import threading
from typing import Any
from unittest.mock import MagicMock

import pytest

from nportlab.protocol.web_login import decode_1x
from nportlab.unit.console import WebConsole
from nportlab.unit.document import Field, Form
from nportlab.unit.endpoint import Account, Endpoint
from nportlab.unit.errors import LockedOut, LoginRefused, NotReachable, PageNotFound
from nportlab.unit.firmware import FirmwareRefused, TransferBroken, UnitFirmware, same_version
from nportlab.unit.first_account import ensure_account
from nportlab.unit.flavour_1x import Flavour1x
from nportlab.unit.https import HttpsClient
from nportlab.unit.identity import Identity
from nportlab.unit.sending import Body
from nportlab.unit.web_session import WebSession
from nportlab.verdicts.faults import ConfigFault
from selftests.unit.fake_web import MENU, Console2x, FakeWeb, Reply, Request, fake_web

PAGE = (
    "<UL><LI>System Configuration<UL><LI><A href=/f.htm>Firmware Upgrade</A></UL></UL>"
    "<FORM method=post action=/f.htm enctype=multipart/form-data><INPUT type=hidden name=csrf_token value=t0k>"
    "<TABLE><TR><TD>Firmware file<TD><INPUT type=file name=F></TABLE><INPUT type=submit value=Submit></FORM>"
)
IMAGE = bytes(range(256)) * 1024


class Upgrading(Console2x):
    """A console with the page Firmware Upgrade. answer: to an upload."""

    answer = "<P>The firmware is being upgraded."

    def page(self, request: Request) -> Reply:
        if request.path == "/f.htm" and request.method == "POST":
            return Reply(self.answer)
        return Reply(PAGE)


def unit_at(web: FakeWeb | Endpoint) -> Any:
    unit = MagicMock()
    unit.name = "np6150"
    endpoint = web if isinstance(web, Endpoint) else web.endpoint
    unit.console = WebConsole(WebSession(endpoint, Account("admin", "password"), connect_timeout=2.0, read_timeout=5.0))
    unit.rack.virtual = None
    unit.state = {}
    unit.written_secrets = {}
    return unit


def test_an_upload_says_how_far_it_is() -> None:
    told: list[tuple[int, int]] = []
    with fake_web(Upgrading()) as web:
        said = UnitFirmware(unit_at(web)).upload(
            "NP6150_2.3.rom", IMAGE, lambda sent, total: told.append((sent, total))
        )
        posted = [request for request in web.requests if request.path == "/f.htm" and request.method == "POST"]
    assert said == "The firmware is being upgraded."
    assert len(posted) == 1
    assert told[0][0] == 0 and told[-1][0] == told[-1][1] > len(IMAGE)
    assert told == sorted(told)


def test_a_refusal_has_the_units_words() -> None:
    console = Upgrading()
    console.answer = PAGE + "<P><FONT color=red>The file is damaged.</FONT>"
    with fake_web(console) as web:
        unit = unit_at(web)
        with pytest.raises(FirmwareRefused, match=r"The file is damaged\.") as refused:
            UnitFirmware(unit).upload("x.rom", IMAGE)
        assert refused.value.said == "The file is damaged."
        assert unit.console.alive(), "the login is still good"


def test_without_the_page_there_is_nothing_to_send() -> None:
    class Without(Console2x):
        def page(self, request: Request) -> Reply:
            return Reply(MENU)

    with fake_web(Without()) as web, pytest.raises(PageNotFound):
        UnitFirmware(unit_at(web)).upload("x.rom", IMAGE)


def test_a_connection_that_ends_early_is_no_upgrade() -> None:
    """After the last byte it is what a unit that restarts looks like."""
    with fake_web(Upgrading()) as web:
        unit = unit_at(web)
        unit.console.login()
        real = unit.console.session.post
        for after, whole in ((100, False), (None, True)):

            def post(path: str, fields: Any, files: Any, sent: Any, after: int | None = after) -> Any:
                sent(0, 1000)
                sent(after if after is not None else 1000, 1000)
                raise NotReachable("connection reset")

            unit.console.session.post = post
            if whole:
                assert UnitFirmware(unit).upload("x.rom", IMAGE) == ""
            else:
                with pytest.raises(TransferBroken, match="ended after 100 of 1000 bytes") as error:
                    UnitFirmware(unit).upload("x.rom", IMAGE)
                assert (error.value.sent, error.value.total) == (100, 1000)
        unit.console.session.post = real


def test_a_unit_that_stops_listening_is_not_waited_for_for_ever() -> None:
    """It takes the connection and then not a byte more."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []
    thread = threading.Thread(target=lambda: taken.append(listener.accept()[0]), daemon=True)
    thread.start()
    client = HttpsClient(Endpoint("127.0.0.1", listener.getsockname()[1]), connect_timeout=1.0, read_timeout=0.5)
    with listener, pytest.raises(NotReachable):
        client.post("/f.htm", [], {"F": ("x.rom", bytes(4 << 20))}, sent=lambda sent, total: None)
    thread.join(5)
    for sock in taken:
        sock.close()


def test_the_body_is_a_form_with_a_file() -> None:
    told: list[int] = []
    body = Body([("csrf_token", "t0k")], {"F": ("x.rom", b"image")}, lambda sent, _: told.append(sent))
    whole = b"".join(iter(lambda: body.read(16), b""))
    assert len(whole) == len(body) and b'filename="x.rom"' in whole and b"image" in whole and b"t0k" in whole
    assert told[-1] == len(body)
    body.seek(0)
    assert body.read() == whole and body.type.startswith("multipart/form-data; boundary=")


# ---- versions


def test_every_channel_is_asked() -> None:
    unit = unit_at(Endpoint("127.0.0.1", 1))
    unit.state = {"snmp.agent": "enable", "snmp.v2": "enable"}
    unit.moxa_service.identity.return_value = MagicMock(
        hardware_id=0x6150, firmware="2.3", mac="00:90:E8:00:00:01", serial_number=17
    )
    unit.management.return_value.identity.return_value = Identity("web overview", firmware="2.3 Build 24101817")
    unit.snmp.return_value.identity.return_value = {"firmware": "2.3"}
    firmware = UnitFirmware(unit).read()
    assert firmware.versions == {"Moxa service": "2.3", "web overview": "2.3", "SNMP": "2.3"}
    assert firmware.version == "2.3"
    unit.snmp.return_value.identity.return_value = {"firmware": "2.1"}
    firmware = UnitFirmware(unit).read()
    assert firmware.version is None and "2.1 (SNMP)" in str(firmware)


def test_a_silent_channel_is_named() -> None:
    unit = unit_at(Endpoint("127.0.0.1", 1))
    unit.state = {"console.moxa_service": "disable"}
    unit.management.side_effect = NotReachable("no console answers")
    firmware = UnitFirmware(unit).read()
    assert firmware.version is None and firmware.silent == {"console": "no console answers"}
    unit.moxa_service.identity.assert_not_called()


@pytest.mark.parametrize(
    ("left", "right", "same"), [("2.3", "2.3.0", True), ("2.3", "2.3.9", False), ("2.0", "2.1", False)]
)
def test_versions(left: str, right: str, same: bool) -> None:
    assert same_version(left, right) is same


# ---- the default account of 1.x


def test_the_new_password_is_hidden_by_the_old_one() -> None:
    form = Form("/ChPassword.htm", "post", "", {"pwd": "", "newpwd": ""}, [Field("password", "old_passwd")])
    sent = dict(Flavour1x().change_password(form, "moxa", "better-one"))
    assert sent["old_passwd"] == ""
    assert sent["pwd"] == hashlib.md5(b"moxa").hexdigest()
    assert decode_1x(sent["newpwd"], "moxa") == "better-one"


def one_x(logins: list[Exception | None], default: list[Exception | None]) -> Any:
    unit = MagicMock()
    unit.name, unit.account = "old", Account("admin", "better-one")
    unit.console.needs_first_boot.return_value = False
    unit.console.alive.return_value = False
    unit.console.session.flavour.name = "1.x"
    unit.console.login.side_effect = logins
    unit.new_console.return_value.login.side_effect = default
    return unit


def test_the_default_account_is_replaced_once_the_own_is_refused() -> None:
    unit = one_x([LoginRefused("no")], [None])
    assert ensure_account(unit, fresh=False) is True
    assert unit.new_console.call_args.args[0] == Account("admin", "moxa")
    unit.new_console.return_value.change_password_1x.assert_called_once_with("moxa", "better-one")


def test_after_a_reset_the_default_account_comes_first() -> None:
    unit = one_x([], [None])
    assert ensure_account(unit, fresh=True) is True
    unit.console.login.assert_not_called()


def test_neither_account_is_tried_twice() -> None:
    unit = one_x([LoginRefused("no")], [LoginRefused("no")])
    with pytest.raises(LoginRefused):
        ensure_account(unit, fresh=False)
    assert unit.console.login.call_count == unit.new_console.return_value.login.call_count == 1
    unit = one_x([LockedOut("locked")], [])
    with pytest.raises(LockedOut):
        ensure_account(unit, fresh=False)
    unit.new_console.assert_not_called()


def test_a_unit_that_knows_the_account_is_left_alone() -> None:
    unit = one_x([None], [])
    assert ensure_account(unit, fresh=False) is False
    unit.new_console.assert_not_called()


def test_1x_has_no_user_of_another_name() -> None:
    unit = one_x([LoginRefused("no")], [])
    unit.account.username = "root"
    with pytest.raises(ConfigFault, match=r"firmware 1\.x has the user admin"):
        ensure_account(unit, fresh=False)
