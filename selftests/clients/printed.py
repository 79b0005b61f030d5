"""`nportlab virtual --json` as a program of its own, perhaps as another user, and what it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from selftests.clients.desk import NOWHERE, REPOSITORY, SECONDS, lab_text, program, wait_until


@dataclass
class Printed:
    """A rack in the foreground. said: the JSON it printed."""

    process: subprocess.Popen[str]
    said: dict[str, Any]

    @property
    def unit(self) -> dict[str, Any]:
        """The first unit."""
        return self.said["units"][0]

    def port(self, number: int, transport: str = "tcp") -> int:
        """Where a port of the first unit is reached on this host."""
        return self.unit["port_map"][transport][str(number)]

    def run(self, name: str, *arguments: str, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """A client program on this host. before: a command that starts it."""
        command = [*before, program(name), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, check=False, env={**os.environ, **NOWHERE}
        )

    def login_page(self, url: str, before: Sequence[str] = ()) -> bool:
        """Whether curl finds the login page there."""
        return "FakeChallenge" in self.run("curl", "--disable", "-ksS", "-m", "10", url, before=before).stdout


@contextmanager
def foreground(
    directory: Path,
    network: str = "auto",
    *,
    before: Sequence[str] = (),
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
    document: Mapping[str, Any] | None = None,
) -> Iterator[Printed]:
    """Run it with a rack below `directory`. before: a command that starts it; python: the interpreter; document: its
    lab.yaml, by default with one unit."""
    lab = directory / "lab.yaml"
    lab.write_text(yaml.safe_dump(document) if document else lab_text({"unit": "NP6150"}, network))
    command = [*before, python, "-m", "nportlab.cli", "virtual", "--json", "--lab", str(lab)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/" if environment else REPOSITORY,
        env={**os.environ, **(environment or {})},
    ) as process:
        try:
            yield Printed(process, _read(process))
        finally:
            process.terminate()
            try:
                process.communicate(timeout=SECONDS)
            finally:
                process.kill()


def _read(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The object it prints; it ends with a line that holds nothing but a brace."""
    assert process.stdout is not None
    assert process.stderr is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line == "}\n":
            return json.loads("".join(lines))
    raise AssertionError(f"it printed no object: {''.join(lines)}{process.stderr.read()}")


@dataclass(frozen=True)
class Family:
    """A process and its descendants (pid, start time), and the network namespaces they live in that are not ours.

    held: open namespaces. As long as they are, no new namespace can get the number of one of them.
    """

    members: frozenset[tuple[int, str]]
    namespaces: frozenset[str]
    held: tuple[int, ...]

    @classmethod
    def of(cls, pid: int) -> Family:
        """As it is now."""
        known = _processes()
        members = {pid}
        while more := {child for child, (parent, _) in known.items() if parent in members} - members:
            members |= more
        elsewhere = {_namespace(member): member for member in members if _namespace(member) != _namespace(os.getpid())}
        held = tuple(os.open(f"/proc/{member}/ns/net", os.O_RDONLY) for member in elsewhere.values())
        return cls(frozenset((member, known[member][1]) for member in members), frozenset(elsewhere), held)

    def left(self) -> list[int]:
        """Pids of members that still run, and of any process in one of the namespaces."""
        now = _processes()
        alive = {pid for pid, start in self.members if pid in now and now[pid][1] == start}
        return sorted(alive | {pid for pid in now if _namespace(pid) in self.namespaces})

    def wait_gone(self) -> None:
        """Return once nothing is left; fails when something stays."""
        try:
            wait_until(lambda: not self.left(), "the end of every process of the rack")
        finally:
            for namespace in self.held:
                os.close(namespace)


def _processes() -> dict[int, tuple[int, str]]:
    """Parent and start time of every process that is not a zombie."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                found[int(entry.name)] = (int(fields[1]), fields[19])
    return found


def _namespace(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""
