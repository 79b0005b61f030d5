"""Pages, fields and settings over a console that a test can bend."""

from __future__ import annotations

import pytest

from nportlab.unit.console import WebConsole
from nportlab.unit.endpoint import Account
from nportlab.unit.errors import (
    ChoiceNotFound,
    FieldNotFound,
    PageNotFound,
    SessionLost,
    UnexpectedAnswer,
    ValueRefused,
)
from nportlab.unit.web_session import WebSession
from selftests.unit.fake_web import CONSOLE_PAGE, MENU, Console2x, FakeWeb, Reply, Request, fake_web

PAGE = "Administration > Console Settings"


def console(server: FakeWeb, saved: list[str] | None = None) -> WebConsole:
    session = WebSession(server.endpoint, Account("admin", "password"), read_timeout=3)
    return WebConsole(session, lambda: saved.append("saved") if saved is not None else None)


def test_read_gives_labels_and_visible_values() -> None:
    with fake_web(Console2x()) as server:
        assert console(server).read(PAGE) == {
            "Telnet console": "Disable",
            "Auto Logout Setting (min)": "5",
            "RADIUS key": "",
        }


def test_set_sends_what_a_browser_would() -> None:
    script, saved = Console2x(), []
    with fake_web(script) as server:
        result = console(server, saved).set(PAGE, {"Telnet console": "Enable"})
    assert script.submitted == [{"csrf_token": "t0k", "t": "1", "a": "5", "k": "", "Submit": "Submit"}]
    assert result.page == PAGE
    assert saved == ["saved"]


def test_settings_by_id_in_canonical_values() -> None:
    script = Console2x()
    with fake_web(script) as server:
        web = console(server)
        assert web.get_settings(["console.telnet", "console.auto_logout"]) == {
            "console.telnet": "disable",
            "console.auto_logout": "5",
        }
        web.submit({"console.telnet": "enable"})
    assert script.submitted[0]["t"] == "1"


def test_labels_are_found_without_their_note_and_whatever_their_case() -> None:
    with fake_web(Console2x()) as server:
        page = console(server).page(PAGE)
    assert page.value("auto logout setting") == "5"
    assert page.value("TELNET CONSOLE:") == "Disable"


def test_what_is_not_there_names_the_nearest() -> None:
    with fake_web(Console2x()) as server:
        web = console(server)
        with pytest.raises(PageNotFound) as page:
            web.page("Administration > Consol Settings")
        with pytest.raises(FieldNotFound) as label:
            web.set(PAGE, {"Telnet": "Enable"})
        with pytest.raises(ChoiceNotFound) as choice:
            web.set(PAGE, {"Telnet console": "Enabled"})
    assert page.value.nearest[0] == PAGE
    assert label.value.nearest[0] == "Telnet console"
    assert choice.value.nearest[0] == "Enable"


def test_a_page_is_found_under_any_of_the_guides_paths() -> None:
    with fake_web(Console2x()) as server:
        web = console(server)
        assert web.page("System Management > Console", PAGE).path == ("Administration", "Console Settings")
        assert web.page("Console Settings").path == ("Administration", "Console Settings")
        assert web.page("Somewhere else > Console Settings").path == ("Administration", "Console Settings")


def test_a_menu_that_leads_nowhere() -> None:
    class Broken(Console2x):
        def page(self, request: Request) -> Reply:
            return Reply("", 404) if request.path == "/c.htm" else Reply(MENU)

    with fake_web(Broken()) as server, pytest.raises(PageNotFound, match="no such page"):
        console(server).page(PAGE)


# ---- refused


@pytest.mark.parametrize(
    "answer",
    [
        "<B class=error>Out of range</B>" + CONSOLE_PAGE,
        CONSOLE_PAGE + "<P>Out of range",
        CONSOLE_PAGE + "<SCRIPT>alert('Out of range');</SCRIPT>",
    ],
)
def test_the_units_words_for_a_refused_value(answer: str) -> None:
    script, saved = Console2x(), []
    script.after_submit = answer
    with fake_web(script) as server, pytest.raises(ValueRefused) as caught:
        console(server, saved).set(PAGE, {"Auto Logout Setting (min)": "0"})
    assert caught.value.said == "Out of range"
    assert saved == []


def test_a_refusal_never_repeats_a_secret() -> None:
    script = Console2x()
    script.after_submit = "<B class=error>Key hunter2-hunter2 is too short</B>"
    with fake_web(script) as server, pytest.raises(ValueRefused) as caught:
        console(server).set(PAGE, {"RADIUS key": "hunter2-hunter2"})
    assert "hunter2" not in f"{caught.value!r}{caught.value.said}"


def test_saved_on_the_same_page_is_not_a_refusal() -> None:
    script = Console2x()
    script.after_submit = "<P>Your changes have been saved." + CONSOLE_PAGE
    with fake_web(script) as server:
        assert "saved" in console(server).set(PAGE, {"Telnet console": "Enable"}).said


# ---- lost


def test_a_session_lost_between_page_and_submit_is_repaired_with_a_fresh_page() -> None:
    class LosesOnce(Console2x):
        lost = False

        def page(self, request: Request) -> Reply:
            if request.method == "POST" and not self.lost:
                self.lost, self.inside = True, False
                return self(Request("GET", "/", {}, ""))
            return super().page(request)

    script = LosesOnce()
    with fake_web(script) as server:
        console(server).set(PAGE, {"Telnet console": "Enable"})
        assert server.count("GET", "/c.htm") == 2
    assert (script.logins, len(script.submitted)) == (2, 1)


def test_a_form_that_always_loses_the_session() -> None:
    class AlwaysLoses(Console2x):
        def page(self, request: Request) -> Reply:
            if request.method == "POST":
                self.inside = False
                return self(Request("GET", "/", {}, ""))
            return super().page(request)

    with fake_web(AlwaysLoses()) as server, pytest.raises(SessionLost):
        console(server).set(PAGE, {"Telnet console": "Enable"})


# ---- fields that appear only after another one is saved


def test_fields_that_appear_after_the_first_submit() -> None:
    class TwoSteps(Console2x):
        def page(self, request: Request) -> Reply:
            more = "<TR><TD>TCP port<TD><INPUT name=p value=0>" if self.submitted else ""
            if request.path == "/c.htm" and request.method == "GET":
                return Reply(CONSOLE_PAGE.replace("</TABLE>", more + "</TABLE>"))
            return super().page(request)

    script = TwoSteps()
    with fake_web(script) as server:
        console(server).set(PAGE, {"Telnet console": "Enable", "TCP port": "4001"})
    assert [fields.get("p") for fields in script.submitted] == [None, "4001"]


def test_a_field_that_never_appears() -> None:
    script = Console2x()
    with fake_web(script) as server, pytest.raises(FieldNotFound, match="TCP port"):
        console(server).set(PAGE, {"Telnet console": "Enable", "TCP port": "4001"})


# ---- restart, export, first boot


def test_restart_presses_the_button_and_takes_a_broken_connection_for_yes() -> None:
    class Restarts(Console2x):
        def page(self, request: Request) -> Reply:
            if request.path == "/r.htm" and request.method == "GET":
                return Reply(MENU + "<FORM method=post action=/r.htm><INPUT type=submit value=Restart></FORM>")
            if request.path == "/r.htm":
                self.submitted.append(request.fields)
                raise ConnectionResetError
            return super().page(request)

    script = Restarts()
    with fake_web(script) as server:
        web = console(server)
        web.restart()
        assert not web.session.inside
    assert len(script.submitted) == 1


def test_an_export_that_is_a_page_is_not_a_file() -> None:
    class NoFile(Console2x):
        def page(self, request: Request) -> Reply:
            if request.path == "/BackupRestore.htm":
                return Reply("<FORM method=post action=Config.txt></FORM>")
            return super().page(request)

    with fake_web(NoFile()) as server, pytest.raises(UnexpectedAnswer, match="answered with a page"):
        console(server).export_configuration()


def test_first_boot_fills_name_and_both_passwords() -> None:
    seen: list[dict[str, str]] = []
    form = (
        "<FORM method=post action=/first><INPUT type=hidden name=csrf_token value=x><INPUT name=u>"
        "<INPUT type=password name=p><INPUT type=password name=q><INPUT type=submit name=Submit value=Submit></FORM>"
    )

    def script(request: Request) -> Reply:
        if request.method == "POST":
            seen.append(request.fields)
        return Reply("<P>Done" if seen else form)

    with fake_web(script) as server:
        web = console(server)
        assert web.needs_first_boot()
        web.first_boot("admin", "password")
        assert not web.needs_first_boot()
        with pytest.raises(UnexpectedAnswer, match="no first boot page"):
            web.first_boot("admin", "password")
    assert seen == [{"csrf_token": "x", "u": "admin", "p": "password", "q": "password", "Submit": "Submit"}]
