"""The SNMP client against Net-SNMP's agent, dressed up as an NPort."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import NotReachable
from nportlab.unit.snmp import FIRMWARE_VERSION, MODEL_NAME, NP6000, Community, SnmpClient, SnmpRefused, User

SNMPD = shutil.which("snmpd", path="/usr/sbin:/sbin")
pytestmark = pytest.mark.skipif(SNMPD is None, reason="snmpd is not installed")

CONFIGURATION = f"""
rocommunity read 127.0.0.1
rouser plain auth
rouser private priv
createUser plain MD5 auth-key-plain
createUser private SHA auth-key-private AES priv-key-private
override -rw {NP6000}.1.1.1.0 octet_str "NP6150"
override -rw {NP6000}.1.1.2.0 integer 3938
override -rw {NP6000}.1.1.3.0 octet_str "2.3 Build 24101817"
override -rw {NP6000}.1.1.4.0 octet_str 0x0090e8112233
"""


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    folder: Path = tmp_path_factory.mktemp("snmpd")
    (folder / "snmpd.conf").write_text(CONFIGURATION)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    environment = {**os.environ, "SNMP_PERSISTENT_DIR": str(folder), "MIBS": ""}
    command = (str(SNMPD), "-f", "-Lo", "-C", "-c", str(folder / "snmpd.conf"), "-r", f"udp:127.0.0.1:{port}")
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = Endpoint("127.0.0.1", port)
    try:
        end = time.monotonic() + 15
        while True:
            try:
                SnmpClient(endpoint, Community("read"), timeout=0.2, retries=0).get(MODEL_NAME)
                break
            except (NotReachable, SnmpRefused):
                assert process.poll() is None
                assert time.monotonic() < end
        yield endpoint
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize(
    "access",
    [
        Community("read", "1"),
        Community("read", "2c"),
        User("plain", "md5", "auth-key-plain"),
        User("private", "sha", "auth-key-private", "aes", "priv-key-private"),
    ],
)
def test_identity_over_every_version(agent: Endpoint, access: Community | User) -> None:
    assert SnmpClient(agent, access).identity() == {
        "model": "NP6150",
        "serial": "3938",
        "firmware": "2.3 Build 24101817",
        "mac": "00:90:E8:11:22:33",
    }


@pytest.mark.parametrize("version", ["1", "2c"])
def test_walk_stays_below_its_root(agent: Endpoint, version: str) -> None:
    found = SnmpClient(agent, Community("read", version)).walk(f"{NP6000}.1.1")  # type: ignore[arg-type]
    assert list(found) == [f"{NP6000}.1.1.{n}.0" for n in (1, 2, 3, 4)]
    assert found[FIRMWARE_VERSION] == "2.3 Build 24101817"


@pytest.mark.parametrize("version", ["1", "2c"])
def test_what_the_agent_does_not_have(agent: Endpoint, version: str) -> None:
    with pytest.raises(SnmpRefused, match="no "):
        SnmpClient(agent, Community("read", version)).get(f"{NP6000}.9.9.0")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "access",
    [
        User("plain", "md5", "another-auth-key"),
        User("nobody", "md5", "auth-key-plain"),
        User("private", "sha", "auth-key-private"),
    ],
)
def test_wrong_key_unknown_user_and_too_little_protection(agent: Endpoint, access: User) -> None:
    with pytest.raises(SnmpRefused) as caught:
        SnmpClient(agent, access, timeout=0.5, retries=0).get(MODEL_NAME)
    assert "auth-key" not in str(caught.value)


def test_silence(agent: Endpoint) -> None:
    with pytest.raises(NotReachable):
        SnmpClient(agent, Community("not the community"), timeout=0.2, retries=0).get(MODEL_NAME)
    assert "not the community" not in repr(Community("not the community"))
