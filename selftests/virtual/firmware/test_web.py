"""The upload page of both flavours, with curl as a client nobody here wrote."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nportlab.protocol.virtual_image import damaged
from selftests.virtual.firmware.bench import image
from selftests.virtual.web.bench import Bench, Client, refusal, token, wait_for

PAGE = "/Firmware.htm"
BUSY = "A firmware upgrade is in progress"


@pytest.fixture
def boot(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def make(**options: object) -> Bench:
        benches.append(Bench(tmp_path / f"flash{len(benches)}", **options))  # type: ignore[arg-type]
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()


def inside(bench: Bench) -> Client:
    client = Client(bench)
    client.login_1x() if bench.device.flavour == "1.x" else client.login()
    return client


def upload(client: Client, data: bytes, **fields: str) -> str:
    shown = client.get(PAGE).text
    posted = {"Submit": "Submit", **({"csrf_token": token(shown, PAGE)} if "csrf_token" in shown else {}), **fields}
    return client.post(PAGE, posted, files={"FirmwareFile": ("fw.rom", data)}).text


def curl(bench: Bench, client: Client, path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.session.cookies)
    command = ["curl", "-sk", "--noproxy", "*", "-b", cookies, "-F", f"FirmwareFile=@{path}", *more, bench.url(PAGE)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("firmware", "to", "name"), [("2.1", "2.3", "NP6450"), ("1.21", "2.0", "NP6150")])
def test_curl_upgrades(boot: Callable[..., Bench], tmp_path: Path, firmware: str, to: str, name: str) -> None:
    bench = boot(firmware=firmware, name=name)
    client = inside(bench)
    path = tmp_path / "fw.rom"
    path.write_bytes(image(to, name))
    shown = client.get(PAGE).text
    more = ["-F", f"csrf_token={token(shown, PAGE)}"] if "csrf_token" in shown else []  # behind the file: any order
    assert ("csrf_token" in shown) == (firmware == "2.1")
    assert BUSY in curl(bench, client, path, *more).stdout
    assert wait_for(lambda: bench.restart_wanted() == "cold")  # type: ignore[comparison-overlap]
    assert bench.device.flash.read("firmware")["version"] == to


def test_a_form_without_its_token_is_refused(boot: Callable[..., Bench], tmp_path: Path) -> None:
    bench = boot()
    client = inside(bench)
    path = tmp_path / "fw.rom"
    path.write_bytes(image("2.3.9"))
    assert "expired" in curl(bench, client, path).stdout
    assert not bench.device.upgrade.busy
    assert "password" in curl(bench, Client(bench), path).stdout, "a stranger sees the login page"
    assert not bench.device.upgrade.busy


def test_refusals_say_why(boot: Callable[..., Bench]) -> None:
    bench = boot(firmware="1.21")
    client = inside(bench)
    cases = {
        "memory": image("2.0"),
        "another model": image("1.21", "NP6150"),
        "digest": damaged(image("1.21"), "flip"),
        "bytes of": damaged(image("1.21"), "truncate"),
        "not a firmware image": b"\x7fELF" * 100,
        "Choose a file": b"",
        "too large": damaged(image("1.21"), "too-large"),
    }
    for word, data in cases.items():
        assert word in (refusal(upload(client, data)) or "no refusal")
        assert not bench.device.upgrade.busy
    assert bench.restart_wanted() is None
    assert BUSY in upload(client, image("1.21")), "and still takes a good one"


def test_nothing_else_goes_on_meanwhile(boot: Callable[..., Bench]) -> None:
    """A second upload, a restart and a factory reset are refused, and the page tells how far it is."""
    bench = boot()
    first, second = inside(bench), inside(bench)
    bench.device.surroundings.flash_seconds = 30
    shown, restart, factory = (
        second.get(PAGE).text,
        second.get("/SaveRestart.htm").text,
        second.get("/LoadDefault.htm").text,
    )
    begun = bench.device.upgrade.begin("somebody", "tool")
    form = {"Submit": "Submit", "csrf_token": token(shown, PAGE)}
    answer = second.post(PAGE, form, files={"FirmwareFile": ("fw.rom", image("2.3.9"))}).text
    assert BUSY in (refusal(answer) or "")
    for page, seen in (("/SaveRestart.htm", restart), ("/LoadDefault.htm", factory)):
        answer = second.post(page, {"Submit": "Submit", "csrf_token": token(seen, page)}).text
        assert BUSY in (refusal(answer) or "")
    assert "receive 0 %" in first.get(PAGE).text
    assert bench.restart_wanted() is None
    assert bench.device.flash.read("reset") is None
    begun.abandon()
    assert BUSY in upload(first, image("2.3.9"))


def test_the_second_upload_is_taken_with_the_defect(boot: Callable[..., Bench]) -> None:
    bench = boot(defects=["second-upload-accepted-meanwhile"])
    client = inside(bench)
    shown = client.get(PAGE).text
    bench.device.upgrade.begin("somebody", "tool")
    form = {"Submit": "Submit", "csrf_token": token(shown, PAGE)}
    answer = client.post(PAGE, form, files={"FirmwareFile": ("fw.rom", image("2.3.9"))}).text
    assert refusal(answer) is None


def test_guests_cannot_upgrade(boot: Callable[..., Bench]) -> None:
    bench = boot()
    bench.device.accounts.put("reader", "Read1234", "guest")
    guest = Client(bench)
    guest.login("reader", "Read1234")
    assert "no permission" in upload(guest, image("2.3.9"))
    bench.device.surroundings.defects = frozenset(["guest-can-upgrade"])
    assert BUSY in upload(guest, image("2.3.9"))


def test_a_sender_that_goes_away_leaves_the_unit_ready(boot: Callable[..., Bench]) -> None:
    bench = boot()
    client = inside(bench)
    half(bench, client).close()
    assert wait_for(lambda: not bench.device.upgrade.busy)
    assert BUSY in upload(client, image("2.3.9"))


def test_a_sender_that_falls_silent_is_given_up(boot: Callable[..., Bench]) -> None:
    bench = boot()
    client = inside(bench)
    link = half(bench, client)
    assert wait_for(lambda: not bench.device.upgrade.busy), "after a unit minute"
    link.close()


def half(bench: Bench, client: Client) -> socket.socket:
    """Half of an upload, in a connection that stays open; the unit is receiving when this returns."""
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.session.cookies)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    link = context.wrap_socket(socket.create_connection((bench.address, 10443), 5))
    head = (
        f"POST {PAGE} HTTP/1.1\r\nHost: {bench.address}\r\nCookie: {cookies}\r\nContent-Length: 100000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
        'Content-Disposition: form-data; name="FirmwareFile"; filename="a"\r\n\r\n'
    )
    link.sendall(head.encode() + bytes(2000))
    assert wait_for(lambda: bench.device.upgrade.busy)
    return link
