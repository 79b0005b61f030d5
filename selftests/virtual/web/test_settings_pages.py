from __future__ import annotations

from collections.abc import Callable

import pytest

from nportlab.guide import modes as guide_modes
from nportlab.guide.settings import Setting, concrete_id, settings_of, settings_table
from nportlab.unit.html import read_html
from nportlab.unit.page import Page
from nportlab.virtual.unit.web import fields
from nportlab.virtual.unit.web.markup import MASK
from selftests.virtual.web.bench import Bench, Client, refusal, token

CONSOLE = "/Console.htm"


def test_every_setting_of_the_guide_is_on_the_page_the_menu_path_leads_to(client: Client) -> None:
    menu = {" > ".join(path): url for path, url in read_html(client.get("/main.htm").text).menu}
    pages: dict[str, Page] = {}
    for identifier, setting in settings_table().for_model("NP6450", "2.3"):
        path = setting.page[0]
        if path not in pages:
            pages[path] = Page(tuple(path.split(" > ")), menu[path], read_html(client.get(menu[path]).text))
        _, control = pages[path].find(setting.label)
        assert control.name == fields.name(setting), identifier
        if setting.kind == "choice" and control.kind in ("radio", "select"):
            assert {option.value for option in control.options} == set(setting.choices), identifier


def test_a_submitted_change_is_saved_but_not_active_before_the_restart(client: Client) -> None:
    bench = client.bench
    answer = client.submit(CONSOLE, {"ConsoleTelnet": "enable"})
    assert "Your changes have been saved." in answer.text
    assert "Restart" in answer.text
    assert bench.device.saved["console.telnet"] == "enable"
    assert bench.device.running["console.telnet"] == "disable"
    assert "value=enable checked" in client.get(CONSOLE).text
    bench.restart()
    assert bench.device.running["console.telnet"] == "enable"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ConsoleMaxLoginUsers", "0"),
        ("ConsoleMaxLoginUsers", "11"),
        ("ConsoleMaxLoginUsers", "-1"),
        ("ConsoleMaxLoginUsers", "ten"),
        ("ConsoleAutoLogout", "1441"),
        ("ConsoleTelnet", "maybe"),
    ],
)
def test_values_out_of_range_are_refused_by_the_server_and_nothing_is_saved(
    client: Client, field: str, value: str
) -> None:
    before = dict(client.bench.device.saved)
    answer = client.submit(CONSOLE, {"ConsoleSsh": "disable", field: value})
    assert refusal(answer.text)
    assert "csrf_token" in answer.text
    assert dict(client.bench.device.saved) == before


def test_missing_and_unknown_fields_are_tolerated(client: Client) -> None:
    client.submit(CONSOLE, {"ConsoleMaxLoginUsers": "7", "Nonsense": "1"})
    assert client.bench.device.saved["console.max_login_users"] == "7"
    assert client.bench.device.saved["console.ssh"] == "enable"


@pytest.mark.parametrize("wrong", ["", "0123456789abcdef", "other form", "other session"])
def test_a_form_without_its_own_token_is_refused(client: Client, wrong: str) -> None:
    if wrong == "other form":
        wrong = token(client.get("/Snmp.htm").text, "/Snmp.htm")
    elif wrong == "other session":
        other = Client(client.bench)
        other.login()
        wrong = token(other.get(CONSOLE).text, CONSOLE)
    answer = client.post(CONSOLE, {"csrf_token": wrong, "ConsoleTelnet": "enable", "Submit": "Submit"})
    assert answer.status_code == 403
    assert refusal(answer.text)
    assert client.bench.device.saved["console.telnet"] == "disable"


def test_a_form_sent_without_its_submit_button_saves_nothing(client: Client) -> None:
    shown = client.get(CONSOLE).text
    client.post(CONSOLE, {"csrf_token": token(shown, CONSOLE), "ConsoleTelnet": "enable"})
    assert client.bench.device.saved["console.telnet"] == "disable"


def test_secrets_are_masked_and_stay_when_left_alone(client: Client) -> None:
    client.submit("/Snmp.htm", {"SnmpReadCommunity": "hidden-one", "SnmpV1": "enable"})
    shown = client.get("/Snmp.htm").text
    assert "hidden-one" not in shown
    assert f'name=SnmpReadCommunity value="{MASK}"' in shown
    client.submit("/Snmp.htm", {"SnmpReadCommunity": MASK, "SnmpContactName": "Joe"})
    assert client.bench.device.saved["snmp.read_community"] == "hidden-one"
    assert client.bench.device.saved["snmp.contact_name"] == "Joe"


def test_a_tick_box_left_empty_switches_off(client: Client) -> None:
    client.submit("/Snmp.htm", {"SnmpV3": "enable"})
    saved = client.bench.device.saved
    assert (saved["snmp.v1"], saved["snmp.v2"], saved["snmp.v3"]) == ("disable", "disable", "enable")


def test_values_with_markup_are_shown_as_text(client: Client) -> None:
    client.submit("/Basic.htm", {"BasicServerLocation": '"><SCRIPT>alert(1)</SCRIPT>'})
    shown = client.get("/Basic.htm").text
    assert "<SCRIPT>" not in shown
    page = Page(("Basic Settings",), "/Basic.htm", read_html(shown))
    assert page.value("Server location") == '"><SCRIPT>alert(1)</SCRIPT>'


def test_submitting_the_page_as_shown_does_not_touch_the_clock(client: Client) -> None:
    shown = client.get("/Basic.htm").text
    moment = client.bench.device.clock.now()
    (form,) = read_html(shown).forms
    fields = {**form.hidden, **{control.name: control.value for control in form.fields if control.kind == "text"}}
    client.bench.device.clock.set(moment.replace(year=moment.year + 1))
    client.post("/Basic.htm", {**fields, "Submit": "Submit"})
    assert client.bench.device.clock.now().year == moment.year + 1


def modes(bench: Bench) -> list[str]:
    return [bench.device.saved[f"port.{n}.operation_mode"] for n in bench.device.model.ports]


def test_a_port_page_changes_its_own_port(client: Client) -> None:
    client.submit("/OpMode2.htm", {"PortOperationMode": "disable"})
    assert modes(client.bench) == ["real_com", "disable", "real_com", "real_com"]


def test_parameters_of_a_mode_are_submitted_each_in_its_own_field(client: Client) -> None:
    saved = client.bench.device.saved
    ticks = {concrete_id(row.id, 2) for row in settings_table() if row.widget == "checkbox"}
    for mode in guide_modes.modes():
        wanted = {row.id: _another(row, saved[concrete_id(row.id, 2)]) for row in settings_of(mode)}
        expected = {concrete_id(key, 2): value for key, value in wanted.items()} | {"port.2.operation_mode": mode}
        before = dict(saved)
        sent = {fields.name(settings_table()[key]): value for key, value in wanted.items()}
        client.submit("/OpMode2.htm", {"PortOperationMode": mode, **sent})
        assert {key: saved[key] for key in expected} == expected
        changed = {key for key, value in saved.items() if value != before[key]}
        assert changed <= set(expected) | ticks, mode  # a box that is not sent is not ticked


def _another(row: Setting, value: str) -> str:
    """An acceptable value that is not `value`."""
    tried = [*row.choices, *({str(row.minimum), str(row.maximum)} if row.kind == "integer" else ())]
    tried += ["0d", "ff"] if row.pattern else ["10.1.2.3", "10.1.2.4"]
    return next(other for other in tried if other != value)


def test_ticked_ports_get_the_same_values_but_keep_their_own_numbers_elsewhere(client: Client) -> None:
    client.submit("/OpMode2.htm", {"PortOperationMode": "tcp_server", "P1": "1", "P4": "1"})
    assert modes(client.bench) == ["tcp_server", "real_com", "real_com", "tcp_server"]


def test_all_ports_get_the_same_mode(client: Client) -> None:
    client.submit("/OpMode2.htm", {"PortOperationMode": "disable", "P2": "1", "AllPorts": "1"})
    assert modes(client.bench) == ["disable"] * 4


@pytest.mark.parametrize(
    ("defect", "ticked", "expected"),
    [
        ("apply-to-all-skips-the-last-port", {"AllPorts": "1"}, ["disable", "disable", "disable", "real_com"]),
        ("apply-to-chosen-changes-all", {"P1": "1"}, ["disable"] * 4),
    ],
)
def test_seeded_defects_of_applying(
    boot: Callable[..., Bench], defect: str, ticked: dict[str, str], expected: list[str]
) -> None:
    client = Client(boot(defects=[defect]))
    client.login()
    client.submit("/OpMode2.htm", {"PortOperationMode": "disable", **ticked})
    assert modes(client.bench) == expected


def test_a_unit_with_one_port_offers_nothing_to_apply_to(boot: Callable[..., Bench]) -> None:
    client = Client(boot(name="NP6150"))
    client.login()
    assert "Apply the above settings to" not in client.get("/OpMode1.htm").text


@pytest.mark.parametrize(
    ("defect", "page", "lost"),
    [
        ("console-page-lacks-an-item", CONSOLE, "Try next type on authentication denied"),
        ("encryption-lacks-aes128", CONSOLE, "AES128"),
        ("authentication-type-lacks-mixed-orders", CONSOLE, "TACACS+ - Local"),
        ("tls-page-at-parent-path", "/main.htm", "Ethernet SSL/TLS Certificate"),
        ("certificate-page-moved", "/main.htm", ">Certificate<"),
    ],
)
def test_seeded_defects_that_hide_something(boot: Callable[..., Bench], defect: str, page: str, lost: str) -> None:
    bench = boot()
    client = Client(bench)
    client.login()
    assert lost in client.get(page).text
    bench.device.surroundings.defects = frozenset({defect})
    assert lost not in client.get(page).text


def test_seeded_defects_of_saving(boot: Callable[..., Bench]) -> None:
    bench = boot(defects=["saved-page-offers-no-restart", "saved-without-submit", "dns-switch-appears"])
    client = Client(bench)
    client.login()
    shown = client.get(CONSOLE).text
    client.get(f"{CONSOLE}?ConsoleSsh=disable")
    assert bench.device.saved["console.ssh"] == "disable"
    answer = client.post(CONSOLE, {"csrf_token": token(shown, CONSOLE), "ConsoleTelnet": "enable", "Submit": "Submit"})
    assert "saved" in answer.text
    assert "SaveRestart.htm><INPUT" not in answer.text
    assert "DNS_wins" in client.get("/Set.htm").text


def test_seeded_defect_puts_settings_into_force_at_once(boot: Callable[..., Bench]) -> None:
    client = Client(boot(defects=["settings-active-at-once"]))
    client.login()
    client.submit(CONSOLE, {"ConsoleMaxLoginUsers": "3"})
    assert client.bench.device.running["console.max_login_users"] == "3"
