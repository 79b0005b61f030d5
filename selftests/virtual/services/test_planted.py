from __future__ import annotations

import socket
from pathlib import Path

from nportlab.guide.defects import defects
from nportlab.guide.services import services
from nportlab.virtual.unit.netstat import Socket
from nportlab.virtual.unit.services import listeners, planted
from selftests.virtual.services.bench import Bench, endpoint, make_device


def test_defect_undocumented_listener(tmp_path: Path, bench: Bench) -> None:
    assert not planted.enabled(make_device(tmp_path / "healthy"))
    device = make_device(tmp_path / "defect", defects=("undocumented-listener",))
    with bench.serving(device, planted):
        socket.create_connection(endpoint(device, 2323), 5).close()
        assert Socket("tcp", "listen", 2323) in device.netstat.rows()
    assert "planted listeners" in listeners()


def test_services_named_by_defects_exist() -> None:
    named = {name for defect in defects().values() for name in (*defect.runs_though_off, *defect.dead)}
    assert named <= set(services())
