"""A run with one of everything, for the tests of what is made from it."""

from __future__ import annotations

from nportlab.report.matrix import Coverage, control_records
from nportlab.report.record import FaultRecord, PlanRecord, RestartRecord, RunRecord, UnitRecord
from nportlab.verdicts.verdict import TestResult, Verdict

TEST = "tests/hardening/test_console_settings.py::test_old_tls_is_refused"
EVIDENCE = "evidence/CON-05/np6650/x/transcript.txt"

COVERAGE = [
    Coverage(
        "CON-05", "3.1 console", "TLS 1.0 & 1.1 <off>", ("console",), ("CR 4.1",), (TEST,), ("tls10-stays",), True
    ),
    Coverage("TLS-01", "3.2", "Old versions are refused", ("tls",), (), (TEST,), ("tls10-stays",), True),
    Coverage("FWU-01", "4", "Releases come yearly", ("firmware",), reason="no property of the unit"),
    Coverage(
        "SVC-07", "3.1 t3", "HTTP off", ("services",), (), ("tests/a.py::test_http",), (), False, "no seeded defect"
    ),
]

FAILED = TestResult(
    f"{TEST}[np6650]",
    "np6650",
    Verdict.FAIL,
    ("CON-05", "TLS-01"),
    summary="TLS 1.0 is accepted although switched off",
    expected="alert 70 (protocol_version) to a TLS 1.0 ClientHello",
    seen="ServerHello 0x0301, cipher 0xC014",
    positive_control="the same probe with the switch on: accepted, 10:41:07",
    evidence=(EVIDENCE,),
    started="2026-11-22T01:30:05.000Z",
    details="Traceback <script>alert(1)</script>",
)
LAB_FAULT = TestResult(
    "tests/a.py::test_power[np6150]",
    "np6150",
    Verdict.ERROR,
    ("SVC-07",),
    summary="the switch answered 'off', but np6150 still answers ping 10 s later.",
    reason="the switch answered 'off', but np6150 still answers ping 10 s later.",
    resource="outlet relay/1",
    remedy="Check that np6150 is plugged into outlet 1.",
    title="LAB FAULT",
    fault="LabFault",
    phase="setup",
)
OTHERS = [
    TestResult(f"{TEST}[np6150]", "np6150", Verdict.PASS, ("CON-05", "TLS-01"), evidence=("evidence/a b/t.txt",)),
    TestResult("tests/a.py::test_b[np6150]", "np6150", Verdict.NOT_APPLICABLE, ("FWU-01",), reason="one port only"),
    TestResult(
        "tests/a.py::test_c[np6150]", "np6150", Verdict.INCONCLUSIVE, ("SVC-07",), summary="reset", reason="reset"
    ),
    TestResult("tests/a.py::test_d[np6650]", "np6650", Verdict.WAIVED, ("SVC-07",), waiver="SVC-07 by maria.k"),
]


def run_record() -> RunRecord:
    """The run, not yet written."""
    results = [FAILED, LAB_FAULT, *OTHERS]
    record = RunRecord(
        run="2026-11-22T013000",
        lab="desk",
        started="2026-11-22T01:30:00.000Z",
        ended="2026-11-22T01:33:12.000Z",
        complete=True,
        exit_code=1,
        units=[UnitRecord(name="np6150", model="NP6150"), UnitRecord(name="np6650", model="NP6650-16")],
        plan=[PlanRecord(unit="np6150", states=7, restarts=9, lower_bound=8, file_order=131)],
        restarts=[RestartRecord(unit="np6150"), RestartRecord(unit="np6150", cause="restore")],
        results=results,
        faults=[
            FaultRecord(title="LAB FAULT", message="np6450 was not put back", resource="unit np6450", remedy="Run x.")
        ],
        waivers=["SVC-07 by maria.k", "TLS-01 by jo"],
        waivers_unneeded=["TLS-01 by jo"],
        waivers_expiring=["SVC-07 by maria.k"],
    )
    record.controls = control_records(COVERAGE, results, ["np6150", "np6650"])
    return record
