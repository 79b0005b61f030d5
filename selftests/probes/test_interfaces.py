from nportlab.probes.interfaces import interface_with


def test_the_loopback_interface_is_found_by_its_address() -> None:
    assert interface_with("127.0.0.1") == "lo"


def test_an_address_nobody_has() -> None:
    assert interface_with("192.0.2.77") is None
