import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.report.evidence import Budget, EvidenceRecorder, Limits, hex_dump, safe_name, test_folder
from nportlab.verdicts.redaction import Redactor
from nportlab.verdicts.verdict import TestResult, Verdict


def recorder(run: Path, limits: Limits | None = None, *secrets: str) -> EvidenceRecorder:
    redactor = Redactor()
    for secret in secrets:
        redactor.add(secret)
    return EvidenceRecorder(run, run / "evidence" / "CON-05" / "np6150" / "x", redactor, Budget(limits or Limits()))


def transcript(evidence: EvidenceRecorder) -> str:
    return (evidence.folder / "transcript.txt").read_text()


def test_what_was_sent_and_received_is_kept_as_text_or_hex(tmp_path: Path) -> None:
    evidence = recorder(tmp_path)
    evidence.exchange("https 192.168.127.11:443", "GET /", "GET / HTTP/1.1\r\n", b"\x16\x03\x01\x00\x05hello")
    shown = transcript(evidence)
    assert "https 192.168.127.11:443  GET /" in shown
    assert "sent 16 bytes\n    GET / HTTP/1.1" in shown
    assert "received 10 bytes (hex)\n    000000  16 03 01 00 05 68 65 6c 6c 6f" in shown


def test_no_secret_reaches_the_disk(tmp_path: Path) -> None:
    evidence = recorder(tmp_path, None, "hunter22")
    evidence.note("logging in with hunter22")
    evidence.exchange("telnet", "sends hunter22", b"hunter22\r\n", "password: hunter22")
    evidence.positive_control("login with hunter22 worked")
    evidence.write("page.html", "<input value=hunter22>")
    evidence.write("data.bin", b"\x00hunter22\x00")
    evidence.write("values.json", {"password": "hunter22", "list": ["hunter22"]})
    evidence.close(TestResult("t", "u", Verdict.FAIL, seen="hunter22", needs={"a": "hunter22"}), {"more": "hunter22"})
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"hunter22" not in path.read_bytes(), path
    assert "hunter22" not in evidence.positive


def test_files_are_named_safely_and_never_overwritten(tmp_path: Path) -> None:
    evidence = recorder(tmp_path)
    first = evidence.write("../../etc/pass wd.txt", "1")
    second = evidence.write("../../etc/pass wd.txt", "2")
    assert first == "evidence/CON-05/np6150/x/etc-pass-wd.txt"
    assert second == "evidence/CON-05/np6150/x/etc-pass-wd-2.txt"
    assert evidence.paths == (first, second) or set(evidence.paths) == {first, second}


def test_sizes_are_bounded_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    evidence = recorder(tmp_path, Limits(exchange=10, transcript=400, file=20, process=10_000))
    evidence.exchange("tcp", "much", "a" * 1000, None)
    assert "... 990 more bytes, sha256 of all " in transcript(evidence)
    path = evidence.write("big.bin", b"x" * 1000)
    assert (tmp_path / path).stat().st_size == 20
    assert "big.bin: 1000 bytes, the first 20 are kept" in transcript(evidence)
    for _ in range(100):
        evidence.note("again")
    assert "the transcript is full (400 bytes)" in transcript(evidence)
    assert len(transcript(evidence)) < 520


def test_a_full_disk_stops_nothing_and_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("in the way")
    budget = Budget(Limits())
    evidence = EvidenceRecorder(tmp_path, tmp_path / "evidence" / "x", Redactor(), budget)
    evidence.note("a")
    evidence.exchange("tcp", "b", b"c", b"d")
    evidence.write("e", b"f")
    evidence.close(TestResult("t", "u", Verdict.PASS))
    assert "evidence/x" in budget.failure
    assert evidence.paths == ()


def test_the_limit_of_a_process_is_a_failure_to_write(tmp_path: Path) -> None:
    budget = Budget(Limits(process=10))
    evidence = EvidenceRecorder(tmp_path, tmp_path / "x", Redactor(), budget)
    evidence.write("big", b"x" * 100)
    assert "size limit" in budget.failure


def test_the_result_names_unit_firmware_and_verdict(tmp_path: Path) -> None:
    evidence = recorder(tmp_path)
    evidence.close(TestResult("t", "np6150", Verdict.PASS, ("CON-05",), firmware="2.3"), {"serial": "3938"})
    kept = json.loads((evidence.folder / "result.json").read_text())
    assert kept["verdict"] == "pass"
    assert (kept["unit"], kept["firmware"], kept["serial"]) == ("np6150", "2.3", "3938")


@given(st.binary(max_size=100))
def test_a_hex_dump_holds_every_byte(data: bytes) -> None:
    rows = [line[8:55] for line in hex_dump(data).splitlines()]
    assert bytes.fromhex("".join(rows)) == data


@given(st.text(max_size=300))
def test_every_name_is_safe_and_short(text: str) -> None:
    name = safe_name(text)
    assert 0 < len(name) <= 96
    assert not name.startswith((".", "-"))
    assert all(char.isascii() and (char.isalnum() or char in "._-") for char in name)


def test_long_names_that_differ_at_the_end_stay_different() -> None:
    assert safe_name("a" * 200 + "1") != safe_name("a" * 200 + "2")


@pytest.mark.parametrize(
    ("node", "folder"),
    [
        ("tests/hardening/test_tls.py::test_a[np6150-x]", "tls.test_a-np6150-x"),
        ("tests/hardening/test_tls.py::TestB::test_before[np6150]", "tls.TestB.test_before-np6150"),
    ],
)
def test_the_folder_of_a_test(node: str, folder: str) -> None:
    assert test_folder(node) == folder
