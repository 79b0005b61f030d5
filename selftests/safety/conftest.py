from __future__ import annotations

from pathlib import Path

import pytest

from nportlab.inventory import Lab, load_lab
from nportlab.safety import locks

LAB = """
lab: bench
racks:
  bench:
    network: {harness_address: 192.0.2.1/24}
    switches:
      pdu: {driver: http_relay, channels: 4, url: "http://192.0.2.2"}
    units:
      np6150:
        model: NP6150
        firmware: "2.3"
        address: 192.0.2.11
        credentials: {username: admin, password: {env: NPORT_PASSWORD}}
        allow: [restart, power-cycle, factory-reset]
        outlet: pdu/1
      np6450:
        model: NP6450
        firmware: "2.3"
        address: 192.0.2.12
        credentials: {username: admin, password: {env: NPORT_PASSWORD}}
        allow: []
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("NPORT_PASSWORD", "secret-of-the-bench")
    monkeypatch.setattr(locks, "_machine_folder", lambda: tmp_path / "machine-locks")
    path = tmp_path / "lab.yaml"
    path.write_text(LAB)
    return load_lab(path)
