import pickle

import pytest

from nportlab.verdicts.classify import classify
from nportlab.verdicts.faults import (
    ConfigFault,
    HarnessBug,
    Inconclusive,
    Informational,
    LabFault,
    NotApplicable,
    UnitBehaviour,
)
from nportlab.verdicts.verdict import Verdict


class DidNotStick(UnitBehaviour):
    verdict = Verdict.FAIL


class NeedsThree(LabFault):
    def __init__(self, outlet: str, unit: str, seconds: int) -> None:
        super().__init__(f"{unit} still answers {seconds} s later", "Check the outlet.", resource=f"outlet {outlet}")
        self.seconds = seconds


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (None, Verdict.PASS),
        (AssertionError("x"), Verdict.FAIL),
        (LabFault("x"), Verdict.ERROR),
        (ConfigFault("x"), Verdict.ERROR),
        (HarnessBug("x"), Verdict.ERROR),
        (UnitBehaviour("x"), Verdict.INCONCLUSIVE),
        (DidNotStick("x"), Verdict.FAIL),
        (NotApplicable("x"), Verdict.NOT_APPLICABLE),
        (Inconclusive("x"), Verdict.INCONCLUSIVE),
        (Informational("x"), Verdict.INFORMATIONAL),
        (KeyError("x"), Verdict.ERROR),
        (ConnectionResetError(), Verdict.ERROR),
        (KeyboardInterrupt(), Verdict.NOT_REVIEWED),
        (pytest.skip.Exception("x"), Verdict.NOT_APPLICABLE),
        (pytest.fail.Exception("DID NOT RAISE"), Verdict.FAIL),
        (pytest.fail.Exception("Timeout (>60.0s) from pytest-timeout."), Verdict.INCONCLUSIVE),
        (pytest.exit.Exception("SIGTERM"), Verdict.NOT_REVIEWED),
        (ExceptionGroup("x", [AssertionError(), LabFault("y")]), Verdict.FAIL),
    ],
)
def test_who_is_blamed(error: BaseException | None, verdict: Verdict) -> None:
    assert classify(error) is verdict


@pytest.mark.parametrize("phase", ["setup", "teardown"])
@pytest.mark.parametrize("error", [AssertionError("x"), DidNotStick("x"), pytest.fail.Exception("x")])
def test_outside_the_test_itself_nothing_blames_the_unit(error: BaseException, phase: str) -> None:
    assert classify(error, phase) in (Verdict.ERROR, Verdict.INCONCLUSIVE)  # type: ignore[arg-type]


def test_an_error_says_where_what_and_what_to_do() -> None:
    error = LabFault("the switch answered 'off'.", "Check outlet 4.", resource="outlet pdu-a/4")
    assert error.describe() == "LAB FAULT  outlet pdu-a/4: the switch answered 'off'.\n           Check outlet 4."


def test_an_error_with_its_own_constructor_crosses_processes() -> None:
    error = pickle.loads(pickle.dumps(NeedsThree("relay/1", "np6150", 10)))
    assert (error.resource, error.seconds, error.remedy) == ("outlet relay/1", 10, "Check the outlet.")
    assert str(error) == "np6150 still answers 10 s later"
