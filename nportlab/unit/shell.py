"""The two ways to a unit's text console."""

from __future__ import annotations

from nportlab.unit.endpoint import Account, Address
from nportlab.unit.ssh import SshConnection
from nportlab.unit.telnet import TelnetConnection
from nportlab.unit.text_console import TextConsole
from nportlab.verdicts.recorder import Recorder

SSH_PORT = 22
TELNET_PORT = 23


class Shell:
    """Opens text consoles of one unit. Each is closed by leaving its `with` block."""

    def __init__(self, address: Address, account: Account, recorder: Recorder, *, timeout: float = 10.0) -> None:
        """timeout: seconds for connecting and for each prompt."""
        self._address = address
        self._account = account
        self._recorder = recorder
        self._timeout = timeout

    def ssh(self, account: Account | None = None) -> TextConsole:
        """Log in by SSH. Raises NotReachable, LoginRefused, FirstBootPending, UnexpectedAnswer."""
        connection = SshConnection(self._address.tcp(SSH_PORT), account or self._account, timeout=self._timeout)
        return self._started(TextConsole(connection, self._recorder, timeout=self._timeout), None)

    def telnet(self, account: Account | None = None) -> TextConsole:
        """Log in by Telnet. Raises NotReachable, LoginRefused, LockedOut, FirstBootPending, UnexpectedAnswer."""
        used = account or self._account
        used.check()
        connection = TelnetConnection(self._address.tcp(TELNET_PORT), timeout=self._timeout)
        return self._started(TextConsole(connection, self._recorder, timeout=self._timeout), used)

    @staticmethod
    def _started(console: TextConsole, account: Account | None) -> TextConsole:
        try:
            if account is None:
                console.begin()
            else:
                console.login(account)
        except BaseException:
            console.close()
            raise
        return console
