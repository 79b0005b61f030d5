from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.verdicts.verdict import WORST_FIRST, ExitCode, TestResult, Verdict, control_verdict, exit_code, worst

VERDICTS = st.lists(st.sampled_from(Verdict))


def result(verdict: Verdict, unit: str = "a", controls: tuple[str, ...] = ("CON-05",), **more: object) -> TestResult:
    return replace(TestResult("t", unit, verdict, controls), **more)  # type: ignore[arg-type]


def test_every_verdict_has_its_place_in_the_order() -> None:
    assert sorted(WORST_FIRST) == sorted(Verdict)


@given(VERDICTS)
def test_the_worst_is_one_of_them_and_none_is_worse(verdicts: list[Verdict]) -> None:
    found = worst(verdicts)
    if verdicts:
        assert found in verdicts
        assert all(WORST_FIRST.index(found) <= WORST_FIRST.index(verdict) for verdict in verdicts)
    else:
        assert found is Verdict.NOT_REVIEWED


def test_a_control_that_passed_once_and_did_not_apply_once_passes() -> None:
    results = [result(Verdict.PASS), result(Verdict.NOT_APPLICABLE, reason="one port only")]
    assert control_verdict("CON-05", "a", results).verdict is Verdict.PASS


def test_a_control_without_result_says_why() -> None:
    cell = control_verdict("CON-05", "a", [result(Verdict.FAIL, unit="b")], "not selected")
    assert (cell.verdict, cell.reason) == (Verdict.NOT_REVIEWED, "not selected")


def test_a_waived_control_is_waived_though_the_test_still_fails_for_another() -> None:
    failed = result(Verdict.FAIL, controls=("CON-05", "TLS-01"), waived=("CON-05",))
    assert control_verdict("CON-05", "a", [failed]).verdict is Verdict.WAIVED
    assert control_verdict("TLS-01", "a", [failed]).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([], ExitCode.NOTHING_RAN),
        ([result(Verdict.NOT_APPLICABLE)], ExitCode.NOTHING_RAN),
        ([result(Verdict.PASS), result(Verdict.NOT_APPLICABLE)], ExitCode.OK),
        ([result(Verdict.WAIVED)], ExitCode.OK),
        ([result(Verdict.PASS), result(Verdict.INCONCLUSIVE)], ExitCode.INCONCLUSIVE),
        ([result(Verdict.INCONCLUSIVE), result(Verdict.ERROR, title="LAB FAULT")], ExitCode.LAB_FAULT),
        ([result(Verdict.ERROR, title="CONFIG FAULT")], ExitCode.CONFIG_FAULT),
        ([result(Verdict.ERROR, title="CONFIG FAULT"), result(Verdict.ERROR, title="LAB FAULT")], ExitCode.LAB_FAULT),
        ([result(Verdict.ERROR, title="HARNESS BUG")], ExitCode.INTERNAL),
        ([result(Verdict.FAIL), result(Verdict.ERROR, title="LAB FAULT")], ExitCode.UNIT_FAILURES),
    ],
)
def test_exit_code(results: list[TestResult], code: ExitCode) -> None:
    assert exit_code(results) is code


def test_an_interrupted_run_says_so_whatever_it_found() -> None:
    assert exit_code([result(Verdict.FAIL)], interrupted=True) is ExitCode.INTERRUPTED
