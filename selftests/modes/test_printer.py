"""The printer clients against BSD's lpd and p910nd, and against servers that misbehave."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nportlab.modes.errors import CommandRefused, NotInTime, PortRefused
from nportlab.modes.printer import LpdClient, Step, raw_job
from nportlab.unit.endpoint import Endpoint
from nportlab.verdicts.faults import LabFault
from selftests.modes.foreign import LOCAL, free_port, line, program, running, wait_until

PAGE = bytes(range(1, 256)) * 300


@contextmanager
def lpd(folder: Path) -> Iterator[tuple[Endpoint, Path]]:
    """BSD's print spooler with a file for a printer; its own /etc and spool, in a mount namespace."""
    daemon = program("lpd")
    if os.geteuid() != 0:
        pytest.skip("needs a mount namespace")
    etc, spool, run = (folder / name for name in ("etc", "spool", "run"))
    for directory in (etc, spool, run):
        directory.mkdir()
    for name in ("passwd", "group", "services", "protocols", "nsswitch.conf", "host.conf"):
        if (Path("/etc") / name).exists():
            shutil.copy(f"/etc/{name}", etc / name)
    (etc / "hosts").write_text(f"{LOCAL} localhost\n")
    (etc / "hosts.lpd").write_text("localhost\n")
    (etc / "printcap").write_text("lp:lp=/mnt/paper:sd=/mnt:mx#0:sh:sf:\n")
    paper = spool / "paper"
    paper.touch()
    for place in (spool, paper):
        shutil.chown(place, "daemon", "lp")
        place.chmod(0o770)
    port = free_port()
    # The daemon's user may not walk to the test's folder, but to /mnt.
    binds = " && ".join(f"mount --bind {a} {b}" for a, b in ((etc, "/etc"), (run, "/run"), (spool, "/mnt")))
    # It makes itself a daemon; with its process namespace it ends.
    command = f"{binds} && {daemon} -l -b {LOCAL} {port} && exec sleep infinity"
    with running(["unshare", "-mp", "--fork", "--kill-child", "sh", "-c", command], port):
        yield Endpoint(LOCAL, port), paper


def test_bsd_lpd_prints_what_it_is_sent(tmp_path: Path) -> None:
    with lpd(tmp_path) as (endpoint, paper):
        client = LpdClient(endpoint, label="np6650 port 5", privileged=True, host="localhost", user="root")
        assert client.name == "np6650 port 5 printer LPD"
        steps = client.print_job("lp", PAGE)
        assert [step.answer for step in steps] == [0, 0, 0, 0, 0], steps
        wait_until(lambda: paper.read_bytes() == PAGE)
        assert "no entries" in client.queue_state("lp")
        with pytest.raises(CommandRefused, match="queue none"):
            client.print_or_raise("none", b"x")


def test_p910nd_takes_a_raw_job(tmp_path: Path) -> None:
    daemon = program("p910nd")
    if os.geteuid() != 0:
        pytest.skip("needs a mount namespace")
    (tmp_path / "p910nd").mkdir()
    with line() as printer:
        number = next(one for one in range(10) if _is_free(9100 + one))
        command = f"mount --bind {tmp_path} /run/lock && exec {daemon} -d -i {LOCAL} -f {printer.path} {number}"
        with running(["unshare", "-m", "sh", "-c", command], 9100 + number):
            raw_job(Endpoint(LOCAL, 9100 + number), PAGE[:3000], label="np6650 port 5")
            assert printer.read(3000) == PAGE[:3000]


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((LOCAL, port)) != 0


# ---- servers that misbehave


@contextmanager
def server(*answers: bytes | None) -> Iterator[tuple[LpdClient, list[bytes]]]:
    """One connection; each answer follows one read, None hangs up."""
    got: list[bytes] = []
    with socket.create_server((LOCAL, 0)) as listener:

        def serve() -> None:
            sock, _ = listener.accept()
            with sock:
                for answer in answers:
                    got.append(sock.recv(65536))
                    if answer is None:
                        return
                    sock.sendall(answer)
                while more := sock.recv(65536):
                    got.append(more)

        thread = threading.Thread(target=serve)
        thread.start()
        yield LpdClient(Endpoint(*listener.getsockname()), timeout=0.3, host="here", user="joe"), got
        thread.join()


def test_the_octets_of_a_job() -> None:
    with server(*[b"\0"] * 5) as (client, got):
        steps = client.print_job("lab", b"page", title="t", data_first=True)
        assert all(step.accepted for step in steps)
    assert got[:3] == [b"\x02lab\n", b"\x034 dfA001here\n", b"page\0"]
    control = b"Hhere\nPjoe\nJt\nldfA001here\nUdfA001here\nNt\n"
    assert got[3:] == [b"\x02%d cfA001here\n" % len(control), control + b"\0"]


def test_a_job_of_unknown_length_ends_when_we_stop_sending() -> None:
    with server(*[b"\0"] * 5) as (client, got):
        steps = client.print_job("lab", b"page", unknown_length=True)
        assert steps[-1].accepted
    assert got[-2:] == [b"\x030 dfA001here\n", b"page"]


def test_it_stops_at_the_first_step_that_is_not_accepted() -> None:
    with server(b"\0", b"\x03") as (client, _):
        assert client.print_job("lab", b"page") == [Step("job for lab", 0), Step("cfA001here begins", 3)]
    with server(b"\0", None) as (client, _), pytest.raises(CommandRefused, match="closed the connection"):
        client.print_or_raise("lab", b"page")


def test_an_answer_that_never_comes() -> None:
    with server(b"") as (client, _), pytest.raises(NotInTime, match="0 of 1 bytes"):
        client.print_waiting("lab")
    with server(b"a state without an end") as (client, _), pytest.raises(NotInTime) as caught:
        client.queue_state("lab", long=True, operands=["joe"])
    assert caught.value.received == b"a state without an end"


def test_orders_and_what_is_none() -> None:
    with server(b"\0") as (client, got):
        assert client.print_waiting("lab")
    with server(b"\1") as (client, more):
        assert not client.remove_jobs("lab", "root", ["7"])
    with server(b"\1", None) as (client, rest):
        assert client.exchange(b"\x09nonsense\n") == b"\1"
    assert (got, more, rest[:1]) == ([b"\x01lab\n"], [b"\x05lab root 7\n"], [b"\x09nonsense\n"])
    with server(None) as (client, _):
        assert client.exchange(b"\x09\n", answers=5) == b""


def test_refused_and_no_source_port_left(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Endpoint(LOCAL, free_port())
    with pytest.raises(PortRefused) as refused:
        LpdClient(nowhere, label="np6150 port 1").queue_state("lab")
    assert refused.value.resource == "np6150 port 1 printer LPD"
    client = LpdClient(nowhere)
    client._sources = [("192.0.2.1", 721)]
    with pytest.raises(LabFault, match="none of the source ports"):
        client.print_waiting("lab")
    with pytest.raises(PortRefused) as raw:
        raw_job(nowhere, b"x", label="np6150 port 1")
    assert raw.value.resource == "np6150 port 1 printer RAW"
