"""An endless print job as a Channel: what is written goes to the paper, until it is closed."""

from __future__ import annotations

from typing import Self

from nportlab.modes.connecting import connect
from nportlab.modes.errors import CommandRefused
from nportlab.modes.stream import StreamChannel
from nportlab.protocol.lpd import ACCEPTED, Command, FileBegins, Request, Subcommand
from nportlab.unit.endpoint import Endpoint

_CONTROL = b"Hbench\nPbench\nldfA001bench\nUdfA001bench\n"


class LpdJob(StreamChannel):
    """The data file of one job (RFC 1179 section 6.2), of unknown length, in the middle of being sent."""

    @classmethod
    def begin(cls, endpoint: Endpoint, queue: str, *, label: str, timeout: float = 10.0) -> Self:
        """Send the job's control file and the head of its data file.

        Raises PortRefused, PortSilent, NotReachable, NotInTime, CommandRefused when a step is not accepted.
        """
        name = f"{label} printer LPD"
        job = cls(connect(endpoint, name, timeout), name)
        try:
            for step in (
                Request(Command.RECEIVE_JOB, queue).encode(),
                FileBegins(Subcommand.CONTROL_FILE, len(_CONTROL), "cfA001bench").encode(),
                _CONTROL + ACCEPTED,
                FileBegins(Subcommand.DATA_FILE, None, "dfA001bench").encode(),
            ):
                job.send_all(step, timeout)
                if (answer := job.receive_exactly(1, timeout)) != ACCEPTED:
                    raise CommandRefused(f"{step[:20]!r} was answered with {answer!r}", resource=name)
        except BaseException:
            job.close()
            raise
        return job
