"""The virtual rack started by a user without privileges: how it is networked, and that it is reached."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import nportlab
from selftests.clients.desk import program
from selftests.clients.printed import Family, foreground

NOBODY = 65534
NO_NAMESPACES = (
    "unshare",
    "--user",
    "--map-current-user",
    "--keep-caps",
    "sh",
    "-c",
    'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --ambient-caps=-all "$@"',
    "sh",
)
"""Starts a program in a user namespace that allows no further ones, which is as if the system allowed none."""


@dataclass
class Somebody:
    """A user without privileges. before: a command that starts programs as that user; directory: theirs."""

    before: tuple[str, ...]
    python: str
    environment: dict[str, str]
    directory: Path


@pytest.fixture
def somebody() -> Iterator[Somebody]:
    """The one who runs the tests, or nobody when that is root."""
    directory = Path(tempfile.mkdtemp(prefix="nportlab-selftest-"))  # pytest's own folders are closed to other users
    try:
        if os.geteuid() != 0:
            yield Somebody((), sys.executable, {"HOME": str(directory)}, directory)
            return
        os.chown(directory, NOBODY, NOBODY)
        before = (program("setpriv"), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        paths = [str(Path(nportlab.__file__).parents[1]), *(path for path in sys.path if path.endswith("-packages"))]
        environment = {"PYTHONPATH": ":".join(paths), "HOME": str(directory)}
        yield Somebody(before, _python(before, environment), environment, directory)
    finally:
        shutil.rmtree(directory)


def _python(before: tuple[str, ...], environment: dict[str, str]) -> str:
    """A Python of this version which that user may run, and which may read this code."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        command = [*before, "sh", "-c", '"$0" -c "import nportlab.virtual.client"', candidate]
        done = subprocess.run(command, capture_output=True, cwd="/", check=False, env={**os.environ, **environment})
        if done.returncode == 0:
            return candidate
    pytest.skip(f"no {version} that other users may run with this code: apt-get install {version}")


def _allowed(somebody: Somebody) -> bool:
    command = [*somebody.before, program("unshare"), "--user", "--net", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("network", ["auto", "user-namespaces"])
def test_in_a_user_namespace(somebody: Somebody, network: str) -> None:
    program("ip")
    if not _allowed(somebody):
        pytest.skip("this system allows no user namespaces")
    with foreground(
        somebody.directory, network, before=somebody.before, python=somebody.python, environment=somebody.environment
    ) as rack:
        assert (rack.said["mode"], rack.said["reason"]) == ("user-namespaces", "not root")
        assert rack.login_page(rack.unit["url"])
        inside = [*somebody.before, *rack.said["enter"].split()]
        assert rack.login_page(f"https://{rack.unit['address_inside']}/", before=inside)
        family = Family.of(rack.process.pid)
        assert family.namespaces
        rack.process.kill()
        family.wait_gone()


@pytest.mark.parametrize(
    ("network", "reason"),
    [("auto", "not root, and this system does not allow user namespaces"), ("loopback", "lab.yaml asks for loopback")],
)
def test_on_loopback_addresses(somebody: Somebody, network: str, reason: str) -> None:
    before = somebody.before
    if network == "auto":
        if not _allowed(somebody):
            pytest.skip("shown by a user namespace that allows no further ones, and this system allows none at all")
        before = (*before, *NO_NAMESPACES)
    with foreground(
        somebody.directory, network, before=before, python=somebody.python, environment=somebody.environment
    ) as rack:
        assert rack.said["mode"] == "loopback"
        assert rack.said["reason"].startswith(reason)
        assert rack.unit["address"].startswith("127.")
        assert rack.port(443) == 10443
        assert rack.login_page(rack.unit["url"])


def test_namespaces_that_turn_out_useless_are_left_again(tmp_path: Path) -> None:
    """As where namespaces may be made but no bridge: the addresses then must be those of this host."""
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "ip").write_text("#!/bin/sh\necho 'RTNETLINK answers: Operation not supported' >&2\nexit 2\n")
    (broken / "ip").chmod(0o755)
    path = f"{broken}:{os.environ['PATH']}"
    with foreground(tmp_path, environment={"PATH": path}) as rack:
        assert rack.said["mode"] == "loopback"
        assert "Operation not supported" in rack.said["reason"]
        assert rack.login_page(rack.unit["url"])
