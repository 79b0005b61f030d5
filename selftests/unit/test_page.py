"""Which field a label means."""

from __future__ import annotations

import pytest

from nportlab.unit.errors import FieldNotFound
from nportlab.unit.html import read_html
from nportlab.unit.menu import MenuEntry, find, steps
from nportlab.unit.page import Page, fill, submission

EVENTS = """<form><table><tr><th>Event Group<th>Local Log<th>Remote Log
<tr><td>System<td><input type=checkbox name=sl checked><td><input type=checkbox name=sr>
<tr><td>Network<td><input type=checkbox name=nl><td><input type=checkbox name=nr></table></form>"""

SERVERS = """<form><table><tr><td>RADIUS<tr><td>Server<td><input name=rs value=1><tr><td>Accounting<td><input name=ra>
<tr><td>TACACS+<tr><td>Server<td><input name=ts value=2></table></form>"""


def page(text: str) -> Page:
    return Page(("Somewhere",), "/x/here.htm", read_html(text))


@pytest.mark.parametrize(
    ("text", "label", "name"),
    [
        (EVENTS, "System > Remote Log", "sr"),
        (EVENTS, "Network Local Log", "nl"),
        (SERVERS, "TACACS+ > Server", "ts"),
        (SERVERS, "RADIUS server", "rs"),
        (SERVERS, "Accounting", "ra"),
        ("<form><tr><td><input type=checkbox name=v1>v1 <input type=checkbox name=v2>v2</form>", "v2", "v2"),
        (
            "<form><tr><td>Versions<td><input type=checkbox name=v1>v1 <input type=checkbox name=v2>v2</form>",
            "v2",
            "v2",
        ),
        (
            "<form><tr><td>HTTPS console (support TLS v1.3)<td><input name=h></form>",
            "HTTPS console (support TLS v1.2)",
            "h",
        ),
    ],
)
def test_a_label_finds_its_field(text: str, label: str, name: str) -> None:
    assert page(text).find(label)[1].name == name


@pytest.mark.parametrize(("text", "label"), [(SERVERS, "Server"), (EVENTS, "System"), (SERVERS, "Serv")])
def test_a_label_that_fits_several_or_none_is_refused(text: str, label: str) -> None:
    with pytest.raises(FieldNotFound):
        page(text).find(label)


def test_read_keeps_every_field_apart() -> None:
    assert page(SERVERS).read() == {"Server": "1", "Accounting": "", "TACACS+ > Server": "2"}
    assert len(page(EVENTS).read()) == 4


def test_what_a_browser_sends() -> None:
    form = page(
        """<form><input type=hidden name=t value=1><input name=a value=2><input name=gone value=3 disabled>
        <input type=checkbox name=off value=x><input type=checkbox name=on value=y checked><input type=file name=f>
        <select name=s><option value=1>one<option value=2>two</select><input type=radio name=r value=1>
        <input type=submit name=Submit value=Apply><input type=submit name=Other value=Delete></form>"""
    ).document.forms[0]
    plain = [("t", "1"), ("a", "2"), ("on", "y"), ("s", "1")]
    assert submission(form) == [*plain, ("Submit", "Apply")]
    assert submission(form, "delete") == [*plain, ("Other", "Delete")]


def test_fill_takes_visible_texts_first_then_values() -> None:
    control = (
        page("<form><select name=s><option value=2>1<option value=1>2</select></form>").document.forms[0].fields[0]
    )
    fill(control, "2")
    assert next(option.value for option in control.options if option.selected) == "1"


@pytest.mark.parametrize(("action", "target"), [("Config.txt", "/x/Config.txt"), ("/a", "/a"), ("", "/x/here.htm")])
def test_where_a_form_posts_to(action: str, target: str) -> None:
    shown = page(f"<form action='{action}'></form>")
    assert shown.target(shown.document.forms[0]) == target


def test_ports_with_the_same_page_names_are_told_apart() -> None:
    menu = [MenuEntry(("Serial Port Settings", f"Port {n}", "Operation Modes"), f"/{n}") for n in (1, 2, 11)]
    assert find(menu, ["Serial Port Settings > Port 1 > Operation Modes"]).url == "/1"
    assert find(menu, ["Port 2 > Operation Modes"]).url == "/2"
    assert steps(" A >B ") == ("A", "B")
