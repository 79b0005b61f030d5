"""What the pages for people show is tried: files are read, code runs, command lines exist, links lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from urllib.parse import parse_qs, urlsplit

import pytest

from nportlab.cli import _parser
from nportlab.inventory import load_lab
from nportlab.power import Outlet, SwitchChannel
from nportlab.verdicts.faults import LabFault
from nportlab.verdicts.verdict import ExitCode
from selftests.power.test_outlet import Relay

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of one language on a page of docs/."""
    text = (ROOT / "docs" / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def command_lines(program: str) -> list[list[str]]:
    """Every command line of docs/ that starts that program, without the program."""
    lines = [line for page in DOCS for block in blocks(page.name, "sh") for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith(f"{program} ")]


# lab.yaml -------------------------------------------------------------------------------------------------------------


def test_the_lab_of_a_real_rack_is_valid(tmp_path: Path) -> None:
    (example,) = blocks("bring-your-own-rack.md", "yaml")
    (tmp_path / "lab.yaml").write_text(example)
    lab = load_lab(tmp_path / "lab.yaml")
    assert list(lab.units) == ["np6450-a", "np6650-a"]
    assert lab.racks["cabinet"].virtual is None


# A switch driver ------------------------------------------------------------------------------------------------------


class Shelly(ThreadingHTTPServer):
    """Two channels that answer as the vendor documents it; `broken`: answers errors."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ShellyHandler)
        self.output = [False, False]
        self.broken = False


class ShellyHandler(BaseHTTPRequestHandler):
    server: Shelly  # type: ignore[assignment]

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(place.query).items()}
        channel = int(asked["id"])
        if place.path == "/rpc/Switch.Set":
            answer: dict[str, object] = {"was_on": self.server.output[channel]}
            self.server.output[channel] = json.loads(asked["on"])
        else:
            answer = {"id": channel, "source": "http", "output": self.server.output[channel]}
        data = json.dumps(answer).encode()
        self.send_response(500 if self.server.broken else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def answering(server: ThreadingHTTPServer) -> Iterator[None]:
    """The server answers while the block runs."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def shelly() -> Iterator[Shelly]:
    server = Shelly()
    with answering(server):
        yield server


def test_the_driver_drives(shelly: Shelly) -> None:
    driver = ModuleType("driver")
    exec(blocks("add-a-power-switch.md", "python")[0], driver.__dict__)
    channel = SwitchChannel("shelly/2", f"http://127.0.0.1:{shelly.server_address[1]}", 2, timeout=5)
    outlet = Outlet(channel, driver)  # type: ignore[arg-type]
    outlet.on()
    assert (outlet.is_on(), shelly.output) == (True, [False, True])
    outlet.off()
    assert (outlet.is_on(), shelly.output) == (False, [False, False])
    shelly.broken = True
    with pytest.raises(LabFault) as caught:
        outlet.on()
    assert caught.value.resource == "outlet shelly/2"


def test_the_driver_is_written_as_ours_are(tmp_path: Path) -> None:
    module = tmp_path / "shelly.py"
    module.write_text(blocks("add-a-power-switch.md", "python")[0])
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--config", str(ROOT / "pyproject.toml"), str(module)]
        done = subprocess.run(ruff, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_lamp_is_switched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Relay()
    lab = blocks("bring-your-own-rack.md", "yaml")[0].replace("http://192.0.2.9", server.url)
    (tmp_path / "lab.yaml").write_text(lab)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RELAY_PASSWORD", "not-so-secret")
    with answering(server):
        exec(blocks("add-a-power-switch.md", "python")[1].replace("off_seconds=2", "off_seconds=0"), {})
    assert capsys.readouterr().out == "True\n"
    assert server.orders == [(1, False), (1, True)]


# Commands -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", command_lines("nportlab"), ids=" ".join)
def test_commands_of_nportlab_exist(arguments: list[str]) -> None:
    _, rest = _parser().parse_known_args(arguments)
    assert rest == []


def test_options_of_pytest_exist() -> None:
    command = [sys.executable, "-m", "pytest", "--help"]
    known = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT).stdout
    used = {argument.partition("=")[0] for line in command_lines("pytest") for argument in line if argument[0] == "-"}
    assert {"--lab", "--unit", "--plan"} <= used
    assert [option for option in sorted(used) if not re.search(rf"(^|[\s,]){option}\b", known)] == []


def test_every_exit_code_is_explained() -> None:
    rows = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "run-nightly.md").read_text(), re.MULTILINE)
    assert [int(row) for row in rows] == sorted(ExitCode)


# Links ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []
