from __future__ import annotations

from collections.abc import Callable

import pytest

from nportlab.protocol import configuration_container as container
from nportlab.protocol.configuration_text import CRLF, ConfigurationText, parse
from selftests.virtual.web.bench import Bench, Client, refusal, token

PAGE, EXPORT, IMPORT = "/BackupRestore.htm", "/Config.txt", "/ConfImp.htm"


def export(client: Client, **fields: str) -> bytes:
    return client.submit(PAGE, fields, EXPORT).content


def restore(client: Client, data: bytes, **fields: str) -> str | None:
    return refusal(client.submit(PAGE, fields, IMPORT, files={"ConfFile": ("Config.txt", data)}).text)


def changed(client: Client, edit: Callable[[ConfigurationText], None], **fields: str) -> str | None:
    text = parse(container.decrypt(export(client)).text)
    edit(text)
    return restore(client, container.encrypt(text.dump()), **fields)


def test_the_export_is_a_container_with_the_text_of_the_unit(client: Client) -> None:
    text = parse(container.decrypt(export(client)).text)
    assert text.get("Overview", "Model Name") == "NP6450"
    assert text.get("Overview", "Firmware Version") == "2.3 Build 24101817"
    assert text.get("Overview", "MAC Address") == "00:90:E8:12:34:56"
    assert text.line_end == CRLF
    assert text.get("SNMP Agent", "Read Community String") == "password"


def test_only_the_token_of_the_export_form_is_needed(client: Client) -> None:
    shown = client.get(PAGE).text
    answer = client.post(EXPORT, {"csrf_token": token(shown, EXPORT)})
    assert container.is_container(answer.content)
    assert client.post(EXPORT, {"csrf_token": token(shown, IMPORT)}).status_code == 403


def test_confexp_does_not_exist(client: Client) -> None:
    assert client.get("/ConfExp.htm").status_code == 404


def test_an_own_key_encrypts(client: Client) -> None:
    data = export(client, PreSharedKey="other key")
    with pytest.raises(container.WrongKeyOrDamaged):
        container.decrypt(data)
    assert container.decrypt(data, "other key").text == container.decrypt(export(client)).text
    assert restore(client, data, PreSharedKey="other key") is None


def test_an_export_imported_again_changes_nothing(client: Client) -> None:
    before = export(client)
    assert restore(client, before) is None
    client.bench.restart()
    client.login()
    assert export(client) == before


def test_changes_and_unknown_keys_arrive_and_survive(client: Client) -> None:
    def edit(text: ConfigurationText) -> None:
        text.set("Basic Settings", "Server Name", "renamed")
        text.set("V.92 Modem Settings", "Phone Number", "123")
        text.add("Basic Settings", "New Key", "kept")
        text.add("Unknown Section", "Some Key", "a=b")

    assert changed(client, edit) is None
    assert client.bench.device.saved["basic.server_name"] == "renamed"
    assert client.bench.device.running["basic.server_name"] != "renamed"
    client.bench.restart()
    client.login()
    text = parse(container.decrypt(export(client)).text)
    assert text.get("Basic Settings", "Server Name") == "renamed"
    assert text.get("V.92 Modem Settings", "Phone Number") == "123"
    assert text.get("Basic Settings", "New Key") == "kept"
    assert text.get("Unknown Section", "Some Key") == "a=b"


def test_a_secret_given_as_password_stays(client: Client) -> None:
    client.submit("/AuthServer.htm", {"RadiusKey": "s3cret"})
    assert b"s3cret" not in container.decrypt(export(client)).text
    assert restore(client, export(client)) is None
    assert client.bench.device.saved["radius.key"] == "s3cret"


def test_network_settings_can_be_kept(client: Client) -> None:
    def edit(text: ConfigurationText) -> None:
        text.set("Network Settings", "IPv4 Address", "10.1.2.3")
        text.set("Network Settings", "Gratuitous ARP Period", "77")
        text.set("Basic Settings", "Server Name", "renamed")

    before = client.bench.device.saved["network.ipv4_address"]
    assert changed(client, edit, KeepNetwork="1") is None
    assert client.bench.device.saved["network.ipv4_address"] == before
    assert client.bench.device.saved["basic.server_name"] == "renamed"
    assert "Network Settings" not in client.bench.device.extra
    assert changed(client, edit) is None
    assert client.bench.device.saved["network.ipv4_address"] == "10.1.2.3"


FAULTS: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda data: b"",
    "no container": lambda data: b"[NPort Configuration File]\r\n",
    "cut in the header": lambda data: data[:10],
    "cut in the payload": lambda data: data[:-32],
    "cut inside a block": lambda data: data[:-5],
    "one bit changed": lambda data: data[:500] + bytes([data[500] ^ 1]) + data[501:],
    "another key": lambda data: container.encrypt(container.decrypt(data).text, "other"),
    "another family": lambda data: container.encrypt(container.decrypt(data).text, magic=b"5000"),
    "no configuration": lambda data: container.encrypt(b"hello"),
    "another model": lambda data: container.encrypt(container.decrypt(data).text.replace(b"=NP6450\r", b"=NP6150\r")),
    "a value out of range": lambda data: container.encrypt(
        container.decrypt(data).text.replace(b"Auto Logout Setting=5", b"Auto Logout Setting=5000")
    ),
    "a code nobody knows": lambda data: container.encrypt(
        container.decrypt(data).text.replace(b"SNMP Mode=0", b"SNMP Mode=9")
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_file_is_refused_with_a_reason_and_changes_nothing(client: Client, fault: str) -> None:
    client.submit("/Basic.htm", {"BasicServerLocation": "here"})
    good = export(client)
    data = FAULTS[fault](good)
    assert data != good
    client.submit("/Basic.htm", {"BasicServerLocation": "there"})
    before = export(client)
    assert restore(client, data)
    assert export(client) == before


def test_seeded_defect_exports_secrets(boot: Callable[..., Bench]) -> None:
    client = Client(boot(values={"radius.key": "s3cret"}, defects=["export-holds-plain-secrets"]))
    client.login()
    assert b"s3cret" in container.decrypt(export(client)).text
