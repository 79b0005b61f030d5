import textwrap
from dataclasses import replace

import pytest

from nportlab.report.failure import block, count_line, fault_block, fold, folded_block, restart_line, title
from nportlab.report.record import FaultRecord
from nportlab.verdicts.verdict import TestResult, Verdict
from selftests.report.sample import FAILED, LAB_FAULT, run_record


def test_the_failure_of_the_style_guide() -> None:
    controls = {control.id: control for control in run_record().controls}
    assert block(FAILED, controls) == textwrap.dedent(
        """\
        FAIL  CON-05, TLS-01  np6650  TLS 1.0 is accepted although switched off
              guide     3.1 console: TLS 1.0 & 1.1 <off>
              expected  alert 70 (protocol_version) to a TLS 1.0 ClientHello
              seen      ServerHello 0x0301, cipher 0xC014
              control   the same probe with the switch on: accepted, 10:41:07
              evidence  evidence/CON-05/np6650/x/transcript.txt
              again     pytest -k "CON-05 and np6650\""""
    )


def test_a_lab_fault_names_the_resource_and_the_remedy() -> None:
    shown = block(LAB_FAULT, {})
    assert shown.startswith("LAB FAULT  SVC-07  np6150  the switch answered 'off'")
    assert "resource  outlet relay/1" in shown
    assert "remedy    Check that np6150 is plugged into outlet 1." in shown
    assert "because" not in shown, "the reason is the headline already"


def test_long_texts_are_wrapped_and_cut() -> None:
    shown = block(replace(FAILED, seen="word " * 400), {}, width=80)
    assert max(len(line) for line in shown.splitlines() if "word" in line) <= 80
    assert sum("word" in line for line in shown.splitlines()) == 5
    assert "..." in shown


def test_what_many_tests_ran_into_is_told_once_but_each_fail_by_itself() -> None:
    same = [replace(LAB_FAULT, test=f"t{n}", controls=(f"CON-0{n}",)) for n in range(3)]
    [(first, others)] = fold(same)
    assert folded_block(first, others, {}).endswith("the same  2 more tests: CON-01, CON-02")
    assert len(fold([*same, replace(same[0], unit="np6650")])) == 2
    assert len(fold([FAILED, FAILED])) == 2


def test_what_is_to_be_copied_is_not_broken() -> None:
    path = "evidence/" + "long-" * 40 + "/transcript.txt"
    assert path in block(replace(FAILED, evidence=(path,)), {}, width=80)


def test_a_fault_without_a_test() -> None:
    fault = FaultRecord(title="LAB FAULT", message="was not put back", unit="np6150", remedy="nportlab recover")
    assert fault_block(fault).splitlines() == [
        "LAB FAULT  np6150: was not put back",
        "      remedy    nportlab recover",
    ]


def test_the_counts() -> None:
    record = run_record()
    assert count_line(record) == "1 passed, 1 failed, 1 lab fault, 1 inconclusive, 1 waived, 1 not applicable"
    record.results += [LAB_FAULT, replace(LAB_FAULT, title="CONFIG FAULT")]
    assert "2 lab faults, 1 config fault" in count_line(record)
    record.results = []
    assert count_line(record) == "nothing ran"


def test_restarts_that_put_a_unit_back_do_not_count_against_the_plan() -> None:
    assert restart_line(run_record()) == "restarts: used 1, lower bound 8, file order would take 131"


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_a_title(verdict: Verdict) -> None:
    assert title(TestResult("t", "u", verdict)).isupper()
