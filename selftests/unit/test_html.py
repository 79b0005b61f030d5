"""Pages in the loose style of the device: no end tags, no quotes, any case."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nportlab.unit.document import Field
from nportlab.unit.html import read_html

CONSOLE_SETTINGS = """
<HTML><HEAD><TITLE>NPort Web Console</TITLE><BODY>
<TABLE><TR><TD><UL><LI>Overview
<LI>Administration<UL><LI><A href=/Account.htm>Account Management</A><LI><A href=/Console.htm>Console Settings</A></UL>
<LI><A href=/Restart.htm>Restart</A></UL>
<TD><H2>Console Settings</H2>
<FORM method=post action=/Console.htm><INPUT type=hidden name=csrf_token value=Ab12>
<TABLE border=1>
<TR><TD>HTTP console<TD><INPUT type=radio name=h value=1 checked>Redirect to HTTPS
<INPUT type=radio name=h value=0>Disable
<TR><TD>Auto Logout Setting (min)<TD><INPUT name=lo value=5 maxlength=4> (1~1440)
<TR><TD>Sensitive Data Encryption<TD><SELECT name=enc><OPTION value=0>MD5<OPTION value=1 selected>AES128</SELECT>
<TR><TD>Versions<TD><INPUT type=checkbox name=v1 checked>v1 <INPUT type=checkbox name=v2>v2
<TR><TD>Key<TD><INPUT type=password name=k value=x disabled>
</TABLE><INPUT type=submit name=Submit value=Submit></FORM>
<P>Copyright
"""


def by_label(label: str, text: str = CONSOLE_SETTINGS) -> Field:
    return next(f for form in read_html(text).forms for f in form.fields if f.label == label)


def test_radio_takes_the_text_behind_each_button() -> None:
    control = by_label("HTTP console")
    assert [(o.text, o.value, o.selected) for o in control.options] == [
        ("Redirect to HTTPS", "1", True),
        ("Disable", "0", False),
    ]


def test_list_options_without_end_tags() -> None:
    control = by_label("Sensitive Data Encryption")
    assert [(o.text, o.value, o.selected) for o in control.options] == [("MD5", "0", False), ("AES128", "1", True)]


def test_text_field_keeps_hint_and_length() -> None:
    control = by_label("Auto Logout Setting (min)")
    assert (control.value, control.hint, control.max_length) == ("5", "(1~1440)", 4)


def test_checkboxes_of_one_row_are_told_apart_by_their_own_text() -> None:
    boxes = [f for f in read_html(CONSOLE_SETTINGS).forms[0].fields if f.kind == "checkbox"]
    assert [(b.label, b.own, b.checked) for b in boxes] == [("Versions", "v1", True), ("Versions", "v2", False)]


def test_fields_know_the_heading_above_them() -> None:
    assert by_label("Key").section == "Console Settings"
    assert by_label("Key").disabled


def test_menu_paths_from_nested_lists_without_end_tags() -> None:
    assert read_html(CONSOLE_SETTINGS).menu == [
        (("Administration", "Account Management"), "/Account.htm"),
        (("Administration", "Console Settings"), "/Console.htm"),
        (("Restart",), "/Restart.htm"),
    ]


def test_an_item_that_is_a_link_can_have_items_below() -> None:
    page = "<ul><li><a href=/p>Port 1</a><ul><li><a href=/m>Operation Modes</ul><li><a href=/q>Port 2</ul>"
    assert read_html(page).menu == [
        (("Port 1",), "/p"),
        (("Port 1", "Operation Modes"), "/m"),
        (("Port 2",), "/q"),
    ]


def test_two_forms_where_the_first_is_never_closed() -> None:
    page = read_html("<form action=/a><input type=hidden name=t value=1><form action=/b><input type=file name=f>")
    assert [(form.action, form.hidden, [f.name for f in form.fields]) for form in page.forms] == [
        ("/a", {"t": "1"}, []),
        ("/b", {}, ["f"]),
    ]


def test_form_that_begins_between_table_and_row() -> None:
    form = read_html(
        "<table><form action=/a><tr><td>Name<td><input name=n></table><input type=submit name=s></form>"
    ).forms[0]
    assert [(f.label, f.name) for f in form.fields] == [("Name", "n")]
    assert [button.name for button in form.buttons] == ["s"]


def test_columns_name_the_boxes_of_a_table() -> None:
    page = """<form><table><tr><th>Event Group<th>Local Log<th>Remote Log
    <tr><td>System<td><input type=checkbox name=a checked><td><input type=checkbox name=b></table>"""
    assert [(f.label, f.column) for f in read_html(page).forms[0].fields] == [
        ("System", "Local Log"),
        ("System", "Remote Log"),
    ]


def test_panel_value_and_marked_error() -> None:
    page = read_html("<table><tr><td>Issued to<td>HTTPS Certificate for ECC</table><b class=error>No key</b>")
    assert page.value_of("issued TO:") == "HTTPS Certificate for ECC"
    assert page.value_of("Issued by") is None
    assert page.marked == ["No key"]


def test_frames_and_scripts_are_not_text() -> None:
    page = read_html(
        "<FRAMESET><FRAME src=menu.htm name=menu><FRAME name=main src=main.htm></FRAMESET>"
        "<SCRIPT>alert('x<b>')</SCRIPT>"
    )
    assert page.frames == {"menu": "menu.htm", "main": "main.htm"}
    assert page.text == ""
    assert page.scripts == ["alert('x<b>')"]


@given(st.text(alphabet="<>/=\"' abtdrifomselcpu\n&;#1!-", max_size=300))
def test_never_fails(text: str) -> None:
    read_html(text)


TAGS = ("form", "/form", "table", "/table", "tr", "td", "input", "select", "option", "/select", "ul", "li", "/ul", "a")


@given(st.lists(st.sampled_from(TAGS), max_size=40))
def test_never_fails_on_any_order_of_tags(tags: list[str]) -> None:
    read_html("x".join(f"<{tag}>" for tag in tags))
