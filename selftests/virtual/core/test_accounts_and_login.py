from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from nportlab.virtual.unit.accounts import AccountRefused, Accounts
from nportlab.virtual.unit.authentication import Answer, LoginResult
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.flash import Flash
from selftests.virtual.core.bench import ACCOUNT


def login(device: Device, password: str, user: str = "admin") -> LoginResult:
    return asyncio.run(device.authenticate(user, password, "web", "192.168.127.1"))


@pytest.mark.parametrize(
    ("name", "password"), [("", "good"), ("a b", "good"), ("a", "abc"), ("a", "x" * 17), ("a", "üüüü")]
)
def test_bad_accounts_are_refused(tmp_path: Path, name: str, password: str) -> None:
    accounts = Accounts(Flash(tmp_path))
    with pytest.raises(AccountRefused):
        accounts.create_first(name, password)
    assert not accounts.exists()


def test_accounts_survive_and_only_one_is_the_first(tmp_path: Path) -> None:
    Accounts(Flash(tmp_path)).create_first("boss", "four")
    accounts = Accounts(Flash(tmp_path))
    assert accounts.names() == ["boss"]
    assert accounts.verify("boss", "four")
    assert not accounts.verify("boss", "five")
    assert not accounts.verify("nobody", "four")
    with pytest.raises(AccountRefused):
        accounts.create_first("other", "four")


def test_no_password_is_in_the_flash(tmp_path: Path) -> None:
    Accounts(Flash(tmp_path)).create_first("boss", "Blue4Bird")
    assert all(b"Blue4Bird" not in path.read_bytes() for path in tmp_path.iterdir())


def test_right_and_wrong_passwords(device: Device) -> None:
    assert login(device, ACCOUNT[1]).ok
    assert not login(device, "wrong").ok
    assert device.log.lines()[-1].endswith("[Config] Login Fail")


def test_lockout_counts_per_account_and_ends(device: Device) -> None:
    device.clock.seconds_per_minute = 0.05
    device.running.update({"policy.lockout": "enable", "policy.retry_threshold": "2", "policy.lockout_time": "1"})
    assert not login(device, "wrong").locked
    assert login(device, "wrong").locked
    locked = login(device, ACCOUNT[1])
    assert locked.locked
    assert not locked.ok
    asyncio.run(asyncio.sleep(device.clock.minutes(1)))
    assert login(device, ACCOUNT[1]).ok


@pytest.mark.parametrize(
    ("kind", "try_next", "answer", "ok"),
    [
        ("radius", "disable", Answer.UNREACHABLE, False),
        ("radius-local", "disable", Answer.UNREACHABLE, True),
        ("radius-local", "disable", Answer.REJECT, False),
        ("radius-local", "enable", Answer.REJECT, True),
        ("local-radius", "disable", Answer.REJECT, True),
    ],
)
def test_authentication_types_are_asked_in_order(
    device: Device, kind: str, try_next: str, answer: Answer, ok: bool
) -> None:
    async def radius(user: str, password: str) -> Answer:
        return answer

    device.running.update({"console.authentication_type": kind, "console.try_next_type": try_next})
    device.authenticator.servers["radius"] = radius
    assert login(device, ACCOUNT[1]).ok is ok
