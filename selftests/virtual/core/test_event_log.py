from __future__ import annotations

import re
from pathlib import Path

import pytest

from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.event_log import CAPACITY
from selftests.virtual.core.bench import boot_device


def test_lines_look_as_in_the_guide_and_survive(device: Device, flash_directory: Path) -> None:
    device.log.add("System", "System Cold Start")
    (line,) = boot_device(flash_directory).log.lines()
    assert re.fullmatch(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[System\] System Cold Start", line)


def test_a_group_that_is_switched_off_is_not_kept_but_told(device: Device) -> None:
    heard: list[str] = []
    device.log.subscribe(lambda moment, group, event, detail: heard.append(event))
    device.running.update({"log.local_opmode": "disable"})
    device.log.add("OpMode", "Connect")
    assert device.log.lines() == []
    assert heard == ["Connect"]


def test_late_subscribers_hear_of_the_boot(device: Device) -> None:
    device.log.add("System", "System Warm Start")
    heard: list[str] = []
    device.log.subscribe(lambda moment, group, event, detail: heard.append(event))
    assert heard == ["System Warm Start"]


def test_the_oldest_lines_go_first(device: Device, flash_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    for number in range(CAPACITY + 5):
        device.log.add("Config", f"event {number}")
    lines = boot_device(flash_directory).log.lines()
    assert len(lines) <= CAPACITY
    assert lines[-1].endswith(f"event {CAPACITY + 4}")


def test_clearing(device: Device, flash_directory: Path) -> None:
    device.log.add("Config", "Config Changed")
    device.log.clear()
    assert boot_device(flash_directory).log.lines() == []
