"""The tool as a process: what it prints fills no disk, it outlives whoever started it, and no disk is full unsaid."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from nportlab.firmware.routes import tool_process
from nportlab.firmware.routes.mcc_tool import MccTool
from nportlab.firmware.routes.tool_process import run
from nportlab.verdicts.faults import LabFault
from selftests.firmware.test_routes_tool import ADDRESS, IMAGE, SECRET, program
from selftests.virtual.firmware.bench import until

ROOT = Path(__file__).parents[2]
MIB = 1 << 20


def test_one_that_prints_without_end_fills_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sees its own output being cut, again and again; its first and last words are kept, its secrets are not."""
    monkeypatch.setattr(tool_process, "_MOST_ON_DISK", MIB)
    tool = program(
        tmp_path,
        f"""
        print('first words', {SECRET!r}, flush=True)
        piece = ('noise {SECRET} ' * 50 + '\\n').encode()
        for _ in range(8):
            for _ in range(2 * {MIB} // len(piece)):
                os.write(1, piece)
            end = time.monotonic() + 30
            while os.fstat(1).st_size > {MIB}:
                assert time.monotonic() < end, 'nobody cuts it'
                time.sleep(0.001)
        print('what follows a cut may be half a line')
        print('last words')
        """,
    )
    ended = run([str(tool)], [SECRET], folder=tmp_path, deadline=120.0)
    assert ended.status == 0, ended.printed[-1000:]
    assert ended.printed.startswith("first words [redacted]\n")
    assert ended.printed.endswith("last words\n")
    assert "\n[...]\n" in ended.printed and len(ended.printed) < MIB
    assert SECRET not in ended.printed and SECRET[:-1] not in ended.printed


@pytest.mark.parametrize("cut", range(1, len(SECRET)))
def test_a_secret_at_a_cut_is_not_shown_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int) -> None:
    monkeypatch.setattr(tool_process, "_MOST_OUTPUT", 64)
    monkeypatch.setattr(tool_process, "_LAST", 64)
    text = "a" * 20 + "\n" + "b" * (64 - 21 - cut) + SECRET + "\n" + "c" * 40 + "\n"
    text += "d" * 40 + SECRET + "e" * (64 - 8 - (len(SECRET) - cut)) + "\nlast\n  \n"
    ended = run([sys.executable, "-c", f"print({text!r}, end='')"], [SECRET], folder=tmp_path, deadline=30.0)
    assert ended.printed == "a" * 20 + "\n[...]\nlast\n  \n"


@pytest.mark.parametrize("lock", [True, False], ids=["with a lock of ours", "without"])
def test_one_whose_starter_is_killed_goes_on(tmp_path: Path, lock: bool) -> None:
    """It prints more than a pipe would hold, after the one who would have read it is gone, and comes to its end."""
    tool = program(
        tmp_path,
        f"""
        open('began.new', 'w').write(str(os.getpid()))
        os.rename('began.new', 'began')
        end = time.monotonic() + 60
        while not os.path.exists('go on'):
            assert time.monotonic() < end
            time.sleep(0.01)
        for _ in range(300):
            print('writing' * 200, flush=True)
        held = {lock!r} and os.fstat(int(a[0])).st_ino
        open('ended', 'w').write(str(held))
        """,
    )
    starter = textwrap.dedent(
        f"""
        import os
        from pathlib import Path
        from nportlab.firmware.routes.tool_process import run
        lock = os.open({str(tmp_path / "lock")!r}, os.O_RDWR | os.O_CREAT)
        keep = (lock,) if {lock!r} else ()
        run([{str(tool)!r}, str(lock)], (), folder=Path({str(tmp_path)!r}), deadline=100.0, keep_open=keep)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", starter], env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        until((tmp_path / "began").exists)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(20)
    finally:
        process.kill()
        process.wait()
    (tmp_path / "go on").touch()
    until((tmp_path / "ended").exists)
    inode = (tmp_path / "lock").stat().st_ino if lock else False
    until(lambda: (tmp_path / "ended").read_text() == str(inode))


def test_it_is_not_started_without_room_for_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is the lab's, and said before anything is sent."""
    tool = MccTool((str(program(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w')\n")),))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def upgrade() -> None:
        tool.upgrade(ADDRESS, "admin", SECRET, IMAGE, "np", deadline=20.0)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(LabFault, match="the image cannot be put where the tool reads it: No space left"):
            upgrade()
        with pytest.raises(LabFault, match="the configuration cannot be put where the tool reads it"):
            tool.import_(ADDRESS, "admin", SECRET, "moxa", b"x", "np")
    for name, said in (("TemporaryDirectory", "no folder for the tool"), ("TemporaryFile", "what the tool prints")):
        with monkeypatch.context() as patch:
            patch.setattr(tempfile, name, full)
            with pytest.raises(LabFault, match=said) as fault:
                upgrade()
        assert "nothing was sent" in fault.value.remedy and SECRET not in fault.value.describe()
    assert not (tmp_path / "ran").exists()
    upgrade()
    assert (tmp_path / "ran").exists()
