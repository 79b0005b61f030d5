"""The HTTP/JSON interface of the rack's relay boards, in a process of its own (docs/virtual-rack.md).

GET  <board>/relay          {"relays": [{"relay": 1, "on": true}, ...]}
GET  <board>/relay/<n>      {"relay": n, "on": true}
PUT  <board>/relay/<n>      body {"on": false}; answers like GET
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from nportlab.virtual.spec import SwitchSpec

Ask = Callable[[dict[str, Any]], dict[str, Any]]
"""Sends one command to the supervisor and returns its answer."""

LONGEST_BODY = 4096
IDLE_SECONDS = 10
SILENCE_SECONDS = 60


def serve_relays(boards: list[tuple[SwitchSpec, socket.socket]], ask: Ask) -> None:
    """Serve each board on its listening socket; never returns."""
    threads = []
    for switch, listener in boards:
        server = RelayServer(switch, listener, ask)
        threads.append(threading.Thread(target=server.serve_forever, daemon=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class RelayServer(ThreadingHTTPServer):
    """One board."""

    daemon_threads = True

    def __init__(self, switch: SwitchSpec, listener: socket.socket, ask: Ask) -> None:
        super().__init__(listener.getsockname(), RelayHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.switch = switch
        self.ask = ask

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class RelayHandler(BaseHTTPRequestHandler):
    """One request."""

    server: RelayServer  # type: ignore[assignment]
    server_version = "relay-board"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        """Read one relay or all."""
        self._answer(None)

    def do_PUT(self) -> None:
        """Move one relay."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LONGEST_BODY:
            self.close_connection = True
            self._send(400, {"error": "a JSON body is needed"})
            return
        try:
            body = json.loads(self.rfile.read(int(length)))
        except ValueError:
            body = None
        if not isinstance(body, dict) or not isinstance(body.get("on"), bool):
            self._send(400, {"error": 'the body must be {"on": true} or {"on": false}'})
            return
        self._answer(body["on"])

    def _answer(self, order: bool | None) -> None:
        if not self._authorized():
            self._send(401, {"error": "user name and password are needed"})
            return
        found = re.fullmatch(r"/relay(?:/(\d{1,4}))?/?", self.path)
        if not found or (order is not None and not found[1]):
            self._send(404, {"error": "there is /relay and /relay/<number>"})
            return
        name = self.server.switch.name
        if not found[1]:
            answers = {n: self.server.ask({"do": "relay", "switch": name, "channel": n}) for n in self._channels()}
            self._send(200, {"relays": [{"relay": n, "on": answer.get("on")} for n, answer in answers.items()]})
            return
        channel = int(found[1])
        command = {"do": "relay", "switch": name, "channel": channel}
        if order is not None:
            command["on"] = order
        answer = self.server.ask(command)
        if answer.get("fault") == "silent":
            self.close_connection = True
            threading.Event().wait(SILENCE_SECONDS)
        elif answer.get("fault") == "error":
            self._send(500, {"error": "internal error"})
        elif not answer.get("ok"):
            self._send(404, {"error": f"there is no relay {channel}"})
        else:
            self._send(200, {"relay": channel, "on": answer["on"]})

    def _channels(self) -> range:
        return range(1, self.server.switch.channels + 1)

    def _authorized(self) -> bool:
        switch = self.server.switch
        if switch.username is None:
            return True
        wanted = base64.b64encode(f"{switch.username}:{switch.password or ''}".encode()).decode()
        return hmac.compare_digest(self.headers.get("Authorization", "").encode(), f"Basic {wanted}".encode())

    def _send(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="relay board"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged; the supervisor logs what moved."""
