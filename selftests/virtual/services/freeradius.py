"""FreeRADIUS with a configuration of its own, in the foreground, on an address of 127/8."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selftests.virtual.services.bench import fresh_address, program

KEY = "k" * 64
USER, PASSWORD = "carol", "Only-radius1"

_CONFIGURATION = """
prefix = /usr
libdir = /usr/lib/freeradius
logdir = {directory}
raddbdir = {directory}
radacctdir = {directory}
run_dir = {directory}
pidfile = {directory}/pid
max_requests = 256
security {{
  allow_vulnerable_openssl = yes
}}
client lab {{
  ipaddr = 127.0.0.0/8
  secret = "{key}"
  require_message_authenticator = no
}}
modules {{
  pap {{
  }}
  chap {{
  }}
  mschap {{
    use_mppe = no
  }}
  detail {{
    filename = {directory}/detail
  }}
  files {{
    filename = {directory}/users
  }}
}}
server lab {{
  listen {{
    type = auth
    ipaddr = {address}
    port = {port}
  }}
  listen {{
    type = acct
    ipaddr = {address}
    port = {accounting}
  }}
  authorize {{
    chap
    mschap
    files
    pap
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
    }}
    Auth-Type CHAP {{
      chap
    }}
    Auth-Type MS-CHAP {{
      mschap
    }}
  }}
  accounting {{
    detail
  }}
}}
"""


@contextmanager
def freeradius(directory: Path, port: int = 1812) -> Iterator[str]:
    """The address of a server that knows USER with PASSWORD; accounting records go to `directory`/detail."""
    directory.mkdir()
    address = fresh_address()
    text = _CONFIGURATION.format(directory=directory, key=KEY, address=address, port=port, accounting=port + 1)
    (directory / "radiusd.conf").write_text(text)
    (directory / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
    (directory / "users").write_text(f'{USER} Cleartext-Password := "{PASSWORD}"\n')
    log = directory / "log"
    with log.open("wb") as output:
        command = [program("freeradius"), "-X", "-d", str(directory)]
        server = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        end = time.monotonic() + 20
        while b"Ready to process requests" not in log.read_bytes():
            assert server.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < end, "FreeRADIUS does not start"
            time.sleep(0.01)
        yield address
    finally:
        server.terminate()
        server.wait(10)
