"""Who a unit says it is, over channels that write it differently."""

from __future__ import annotations

import pytest

from nportlab.unit.errors import CameBackDifferent
from nportlab.unit.identity import Identity, check_expected, check_unchanged, from_labels, from_service
from nportlab.unit.moxa_service import ServiceIdentity
from nportlab.verdicts.faults import ConfigFault

MAC = "00:90:E8:01:02:03"


@pytest.mark.parametrize(
    "values",
    [
        {"Model name": "NP6150", "Serial No.": "3938", "Firmware version": "2.3 Build 24101817", "MAC address": MAC},
        {
            "Model Name": "NPort 6150",
            "Serial No": "03938",
            "Firmware Version": "2.3 Build 24101817",
            "MAC": "0090e8010203",
        },
        {"model": "NP6150", "serial": "3938", "firmware": "2.3 Build 24101817", "mac": "00-90-e8-01-02-03"},
    ],
)
def test_spellings(values: dict[str, str]) -> None:
    seen = from_labels("web", values)
    assert (seen.model, seen.serial, seen.version, seen.mac) == ("NP6150", "3938", "2.3", MAC)


def test_the_service_names_a_model_only_where_its_id_is_of_one() -> None:
    def said(hardware: int) -> ServiceIdentity:
        return ServiceIdentity(hardware, MAC, "x", "2.3", 17, "10.0.0.1", "255.0.0.0", "0.0.0.0", True)

    assert from_service(said(0x6150)).model == "NP6150"
    assert from_service(said(0x6650)).model is None


SEEN = Identity("web", "NP6150", "2.3 Build 24101817", MAC, "3938")


@pytest.mark.parametrize(
    ("model", "firmware", "mac", "words"),
    [
        ("NP6450", "2.3", None, "model NP6450, the unit says NP6150"),
        ("NP6150", "2.2", None, "firmware 2.2, the unit says 2.3 Build 24101817"),
        ("NP6150", "2.3.9", None, "firmware 2.3.9"),
        ("NP6150", "2.3", "00:90:E8:99:99:99", "MAC 00:90:E8:99:99:99"),
    ],
)
def test_another_unit_than_lab_yaml_describes(model: str, firmware: str, mac: str | None, words: str) -> None:
    with pytest.raises(ConfigFault, match=words) as caught:
        check_expected(SEEN, "np6150", model, firmware, mac)
    assert caught.value.resource == "unit np6150"


@pytest.mark.parametrize(("firmware", "mac"), [("2.3", None), ("2.3.0", MAC.lower()), ("v2.3", MAC)])
def test_the_unit_lab_yaml_describes(firmware: str, mac: str | None) -> None:
    check_expected(SEEN, "np6150", "NP6150", firmware, mac)
    check_expected(Identity("silent"), "np6150", "NP6150", firmware, mac)


def test_unchanged_means_model_mac_and_serial() -> None:
    check_unchanged(SEEN, Identity("service", None, "2.3.9", MAC, "3938"), "np6150")
    with pytest.raises(CameBackDifferent, match="serial was 3938, is 4711"):
        check_unchanged(SEEN, Identity("service", None, "2.3", MAC, "4711"), "np6150")


def test_channels_that_contradict_each_other() -> None:
    other = Identity("service", None, "2.2", MAC, "3938")
    assert SEEN.differences(other) == ["firmware: 2.3 Build 24101817 (web), 2.2 (service)"]
    assert SEEN.differences(Identity("service", "NP6150", "2.3", None, None)) == []
