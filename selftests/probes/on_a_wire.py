"""Run a module function inside a network namespace of its own, with a wire between `left` and `right`.

A namespace of its own keeps broadcasts and captures away from the host. Both ends lie in the same namespace; frames
that leave one arrive at the other. `left` has 10.91.0.1/24, `right` has no address: nothing answers unless a test does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_WIRE = """
ip link set lo up
ip link add left address 02:00:00:00:00:01 type veth peer name right address 00:90:e8:12:34:56
sysctl -qw net.ipv6.conf.left.disable_ipv6=1 net.ipv6.conf.right.disable_ipv6=1
ip address add 10.91.0.1/24 broadcast + dev left
ip link set left up
ip link set right up
exec "$@"
"""


def run_on_a_wire(module: str, function: str, directory: Path) -> None:
    """Call `function(directory)` there; its failed assertion fails the calling test. Skips where that is forbidden."""
    missing = [program for program in ("unshare", "ip", "sysctl") if _which(program) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    mode = ["-n"] if os.geteuid() == 0 else ["-Urn"]
    if subprocess.run(["unshare", *mode, "true"], capture_output=True).returncode:
        pytest.skip("no right to make a network namespace, not even inside a user namespace")
    code = f"import sys, pathlib, {module} as m; m.{function}(pathlib.Path(sys.argv[1]))"
    command = ["unshare", *mode, "sh", "-ec", _WIRE, "sh", sys.executable, "-c", code, str(directory)]
    environment = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr


def _which(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
