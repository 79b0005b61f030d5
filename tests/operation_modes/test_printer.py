"""Printer modes: jobs come out at the printer, whole and one after the other, over RAW and over LPD (RFC 1179)."""

import subprocess

import pytest

from fixtures.marks import control, on_port
from fixtures.mode_clients import network_port
from nportlab.guide.modes import LPD_PORT, PRINTER_GROUPS, raw_printer_port
from nportlab.modes.printer import FORM_FEED
from nportlab.protocol.lpd import ACCEPTED
from nportlab.serial.traffic.pattern import pattern
from nportlab.verdicts.faults import Inconclusive, NotApplicable
from tests.operation_modes._ends import ended, hear, hear_all, say
from tests.operation_modes._jobs import lpd, lpd_job, print_lpd, raw_job
from tests.operation_modes._programs import run

pytestmark = pytest.mark.opmode

RAW = {"raw_group": "7"}
RAW_WITH_FORM_FEED = {"raw_group": "8", "append_form_feed": "enable"}
LPD = {"queue_name_raw": "labels", "queue_name_ascii": "letters"}
LPD_WITH_FORM_FEED = {"queue_name_raw": "bills", "queue_name_ascii": "notes", "append_form_feed": "enable"}

SIZE = 3000
"""Bytes of a job: a quarter of a second of line time."""

PROGRAM_SECONDS = 30.0
TEXT = b"one\ntwo\nthree\n"


def document(port):
    """A job in which every byte value occurs, and which says where a byte is missing."""
    return pattern(f"{port.label} job").at(0, SIZE - 256) + bytes(range(256))


def check_paper(port, expected, what="the job"):
    """That came out, and nothing behind it."""
    came = hear(port.adapter, len(expected)) + hear_all(port.adapter)
    same = next((at for at, (one, other) in enumerate(zip(came, expected, strict=False)) if one != other), len(came))
    assert came == expected, (
        f"{what} of {len(expected)} bytes came out as {len(came)}, alike up to byte {min(same, len(expected))}: "
        f"{came[same : same + 20]!r} instead of {expected[same : same + 20]!r}"
    )


def print_raw(port, data):
    """A whole raw job; the unit closes when it has it."""
    job = raw_job(port)
    say(job, data)
    job.stop_sending()
    return job


# --- RAW ----------------------------------------------------------------------------------------------------------


@control("OPM-12")
@on_port("printer_raw", RAW)
def test_a_raw_job_comes_out_unchanged(port):
    _ = port.adapter
    job = print_raw(port, document(port))
    check_paper(port, document(port))
    assert ended(job) is not None, "the job is printed, and the unit keeps its connection open"


@control("OPM-12")
@on_port("printer_raw", RAW)
def test_raw_jobs_are_taken_on_the_port_of_the_printer_group_and_on_no_other(port, tcp):
    groups = {
        int(port.values[f"port.{number}.raw_group"])
        for number in range(1, 33)
        if port.values.get(f"port.{number}.operation_mode") == "printer_raw"
    }
    every = {raw_printer_port(group) for group in range(1, PRINTER_GROUPS + 1)}
    assert network_port(port) == 2048 + 7 - 1
    assert tcp.open_among(every) == {raw_printer_port(group) for group in groups}


@control("OPM-12")
@on_port("printer_raw", RAW)
def test_a_second_raw_job_waits_for_the_first(port):
    _ = port.adapter
    first = raw_job(port)
    say(first, b"first, ")
    assert hear(port.adapter, 7) == b"first, "
    print_raw(port, b"second")
    assert hear_all(port.adapter) == b"", "the second job came out while the first was not over"
    say(first, b"still first, ")
    first.stop_sending()
    check_paper(port, b"still first, second", "the rest of the first job and the second")


@control("OPM-12")
@on_port("printer_raw", RAW)
def test_a_client_that_is_gone_in_the_middle_of_a_raw_job_does_not_block_the_next(port):
    _ = port.adapter
    broken = raw_job(port)
    say(broken, b"half a ")
    assert hear(port.adapter, 7) == b"half a "
    broken.reset()
    print_raw(port, document(port))
    check_paper(port, document(port), "the next job")


@control("OPM-12")
@on_port("printer_raw", RAW_WITH_FORM_FEED)
def test_a_form_feed_follows_a_raw_job(port):
    _ = port.adapter
    for _ in range(2):
        print_raw(port, TEXT)
        check_paper(port, TEXT + FORM_FEED)


# --- LPD ----------------------------------------------------------------------------------------------------------


@control("OPM-13")
@pytest.mark.parametrize(("kind", "data_first"), [("l", False), ("f", True)], ids=["control-first", "data-first"])
@on_port("printer_lpd", LPD)
def test_a_job_for_the_raw_queue_comes_out_unchanged(port, tcp, kind, data_first):
    assert tcp.is_open(LPD_PORT), "no print server listens"
    _ = port.adapter
    data = document(port) if kind == "l" else TEXT  # what "f" does to control characters is the printer's affair
    print_lpd(port, "labels", data, kind=kind, data_first=data_first)
    check_paper(port, data)


@control("OPM-13")
@on_port("printer_lpd", LPD)
def test_the_ascii_queue_makes_line_feeds_cr_lf(port):
    _ = port.adapter
    print_lpd(port, "letters", TEXT)
    check_paper(port, TEXT.replace(b"\n", b"\r\n"))


@control("OPM-13")
@on_port("printer_lpd", LPD)
def test_a_job_for_an_unknown_queue_is_refused(port):
    _ = port.adapter
    steps = lpd(port).print_job("nobody", TEXT)
    printed = hear_all(port.adapter)
    assert not steps[-1].accepted, f"a job for a queue nobody set up is accepted: {steps}"
    assert printed == b"", "a job for a queue nobody set up comes out"
    print_lpd(port, "labels", TEXT)
    check_paper(port, TEXT)


@control("OPM-13")
@on_port("printer_lpd", LPD)
def test_a_second_lpd_job_waits_for_the_first(port):
    _ = port.adapter
    first = lpd_job(port, "labels", 20)
    say(first, b"first, ")
    assert hear(port.adapter, 7) == b"first, "
    second = lpd_job(port, "labels", 6)
    say(second, b"second" + ACCEPTED)
    assert hear_all(port.adapter) == b"", "the second job came out while the first was not over"
    say(first, b"still first, " + ACCEPTED)
    check_paper(port, b"still first, second", "the rest of the first job and the second")
    assert hear(first, 2) == 2 * ACCEPTED, "the first job was not accepted"
    assert hear(second, 2) == 2 * ACCEPTED, "the second job was not accepted"


@control("OPM-13")
@on_port("printer_lpd", LPD)
def test_a_client_that_is_gone_in_the_middle_of_an_lpd_job_does_not_block_the_next(port):
    _ = port.adapter
    broken = lpd_job(port, "labels", 1000)
    say(broken, b"half a ")
    assert hear(port.adapter, 7) == b"half a "
    broken.reset()
    next_one = lpd_job(port, "labels", len(TEXT))
    say(next_one, TEXT + ACCEPTED)
    check_paper(port, TEXT, "the next job")


@control("OPM-13")
@on_port("printer_lpd", LPD_WITH_FORM_FEED)
def test_a_form_feed_follows_a_job_of_either_queue(port):
    _ = port.adapter
    for queue, paper in (("bills", TEXT), ("notes", TEXT.replace(b"\n", b"\r\n"))):
        print_lpd(port, queue, TEXT)
        check_paper(port, paper + FORM_FEED, f"the job for {queue}")


@control("OPM-13")
@on_port("printer_lpd", LPD)
def test_rlpr_prints(port, tmp_path):
    _ = port.adapter
    host, number = port.endpoint(LPD_PORT)
    if number != LPD_PORT:
        raise NotApplicable(f"rlpr knows no other port than {LPD_PORT}, and this unit's is mapped to {number}")
    job = tmp_path / "document"
    job.write_bytes(TEXT)
    for queue, paper in (("labels", TEXT), ("letters", TEXT.replace(b"\n", b"\r\n"))):
        try:
            done = run("rlpr", "-N", "-h", "-H", host, "-P", queue, str(job), timeout=PROGRAM_SECONDS)
        except subprocess.TimeoutExpired:
            raise Inconclusive(f"rlpr is not done after {PROGRAM_SECONDS:g} s") from None
        assert done.returncode == 0, done.stderr
        check_paper(port, paper, f"the job for {queue}")
