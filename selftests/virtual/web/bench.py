"""A web console under test: a device with a flash of its own, served in a thread on a 127/8 address of its own."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import requests
import urllib3

from nportlab.guide.family import model
from nportlab.guide.firmware import flavour, full_version
from nportlab.protocol.web_login import encode_1x, encode_2x
from nportlab.virtual.addressing import Addressing
from nportlab.virtual.unit.device import Device, Identity, RestartKind, Surroundings
from nportlab.virtual.unit.flash import Flash
from nportlab.virtual.unit.web.server import serve

USER, PASSWORD = "operator", "Secret-1234"
MINUTE = 1.0
"""Real seconds of a unit minute."""

_addresses = itertools.count(1)
_Result = TypeVar("_Result")


class Bench:
    """One unit whose web console runs; `restart` boots it again from the same flash."""

    def __init__(
        self,
        directory: Path,
        *,
        name: str = "NP6450",
        firmware: str = "2.3",
        values: dict[str, str] | None = None,
        defects: Iterable[str] = (),
        minute: float = MINUTE,
        account: bool = True,
    ) -> None:
        """values: settings the unit starts with. minute: seconds of a unit minute. account: USER exists already."""
        process, number = os.getpid(), next(_addresses)
        self.address = f"127.{100 + process // 250 % 100}.{process % 250}.{number % 250 + 1}"
        unit = model(name)
        build, family = full_version(firmware), flavour(firmware)
        self._identity = Identity("np", unit, firmware, build, family, "00:90:E8:12:34:56", 3938)
        self._flash = Flash(directory)
        self._surroundings = Surroundings(
            Addressing("loopback", self.address), seconds_per_minute=minute, defects=frozenset(defects)
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        if values:
            self._flash.commit("configuration", {"settings": values, "extra": {}})
        self.device: Device
        self._serving: Any = None
        self.restart()
        if account:
            user, password = ("admin", "moxa") if family == "1.x" else (USER, PASSWORD)
            self.device.accounts.create_first(user, password)

    def restart(self) -> None:
        """Stop the console and boot the unit from its flash."""

        async def boot() -> None:
            self._stop()
            self.device = Device(self._identity, self._flash, self._surroundings)
            self.device.restart_wanted = asyncio.get_running_loop().create_future()
            self.device.certificate.ensure(self.device.clock.utc())
            self._serving = await serve(self.device)

        self._run(boot())

    def restart_wanted(self) -> RestartKind | None:
        """What kind of restart somebody asked for, None when nobody did."""
        wanted = self.device.restart_wanted
        return wanted.result() if wanted is not None and wanted.done() else None

    def close(self) -> None:
        """Stop everything."""

        async def stop() -> None:
            self._stop()
            if ending := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(ending, timeout=2)

        self._run(stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def url(self, path: str = "/", port: int = 10443) -> str:
        """The URL of a path, on HTTPS unless the port is 10080."""
        return f"{'http' if port == 10080 else 'https'}://{self.address}:{port}{path}"

    def _stop(self) -> None:
        if self._serving is not None:
            self._serving.close()
            self._serving = None

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)


class Client:
    """A browser without JavaScript: keeps cookies, knows the login encoding."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.session = requests.Session()
        self.session.verify = False
        self.session.trust_env = False
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def get(self, path: str = "/", **more: Any) -> requests.Response:
        """GET a path."""
        return self.session.get(self.bench.url(path), timeout=10, **more)

    def post(self, path: str, data: dict[str, Any] | None = None, **more: Any) -> requests.Response:
        """POST a form."""
        return self.session.post(self.bench.url(path), data=data, timeout=10, **more)

    def login(self, user: str = USER, password: str = PASSWORD) -> requests.Response:
        """Log in on firmware 2.x and pass the login history."""
        challenge = hidden(self.get("/").text, "FakeChallenge")
        answer = self.post(
            "/",
            {
                "Username": "",
                "Password": "",
                "FakeChallenge": challenge,
                "EncUser": encode_2x(user, challenge),
                "EncPasswd": encode_2x(password, challenge),
            },
        )
        return self.get("/WebLogClr?op=0") if "WebLogClr" in answer.text else answer

    def login_1x(self, user: str = "admin", password: str = "moxa") -> requests.Response:
        """Log in on firmware 1.x."""
        challenge = hidden(self.get("/").text, "FakeChallenge")
        encoded = encode_1x(password, challenge)
        fields = {"Username": user, "Password": "", "MD5Password": encoded, "FakeChallenge": challenge}
        return self.post("/", {**fields, "Submit": "Login"})

    def submit(self, page: str, changes: dict[str, str], action: str | None = None, **more: Any) -> requests.Response:
        """Post the form of a page that leads to action (default: the page itself) with its token and some fields."""
        target = action or page
        shown = self.get(page).text
        return self.post(target, {"csrf_token": token(shown, target), "Submit": "Submit", **changes}, **more)

    def inside(self) -> bool:
        """Whether the unit shows us its menu."""
        return "LogoutAct.htm" in self.get("/main.htm").text


def hidden(page: str, name: str) -> str:
    """The value of a hidden field, written without quotes as the device does."""
    found = re.search(rf"name={name} value=([^\s>]+)>", page)
    assert found, f"no {name} in the page"
    return found[1]


def token(page: str, action: str) -> str:
    """The csrf token of the form with that action."""
    found = re.search(
        rf"action=/?{re.escape(action.lstrip('/'))}[^>]*><INPUT type=hidden name=csrf_token value=(\w+)", page
    )
    assert found, f"no form for {action} in the page"
    return found[1]


def refusal(page: str) -> str | None:
    """What the page marks as an error."""
    found = re.search(r"<B class=error>(.*?)</B>", page)
    return found[1] if found else None


def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether the condition came true within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()
