import re
from html.parser import HTMLParser

import pytest

from nportlab.report.page import SYMBOLS, render_page
from nportlab.report.record import RunRecord
from nportlab.verdicts.verdict import ExitCode, Verdict
from selftests.report.sample import EVIDENCE, run_record

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Checks that every tag is closed, and keeps links, ids and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.sources: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.links += [values["href"] or ""] if "href" in values else []
        self.ids += [values["id"] or ""] if "id" in values else []
        self.sources += [values["src"] or ""] if "src" in values else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.fixture(scope="module")
def html() -> str:
    return render_page(run_record())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_page_is_well_formed_and_ids_are_unique(page: Page) -> None:
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))


def test_nothing_comes_from_elsewhere(html: str, page: Page) -> None:
    assert page.sources == []
    assert not re.search(r"https?://|@import|url\(", html)
    assert not any(link.startswith(("http", "//", "file:")) for link in page.links)


def test_links_within_the_page_have_a_target(page: Page) -> None:
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_every_control_is_there_with_its_verdict_per_unit(html: str, page: Page) -> None:
    rows = dict(re.findall(r'<tr id="([A-Z]+-\d+)".*?data-verdicts="([^"]*)"', html, re.DOTALL))
    assert {control: verdicts.split() for control, verdicts in rows.items()} == {
        "CON-05": ["pass", "fail"],
        "TLS-01": ["pass", "fail"],
        "FWU-01": ["not-applicable", "not-reviewed"],
        "SVC-07": ["error", "waived"],
    }
    assert EVIDENCE in page.links
    assert "evidence/a%20b/t.txt" in page.links
    assert "not covered: no property of the unit" in page.text


def test_a_failure_is_understood_without_the_source(page: Page) -> None:
    words = (
        "FAIL CON-05 TLS-01 np6650 TLS 1.0 is accepted although switched off",
        "guide 3.1 console: TLS 1.0 & 1.1 <off>",
        "expected alert 70 (protocol_version) to a TLS 1.0 ClientHello",
        "seen ServerHello 0x0301, cipher 0xC014",
        "control the same probe with the switch on: accepted, 10:41:07",
        'again pytest -k "CON-05 and np6650"',
    )
    assert all(text in page.text for text in words), page.text


def test_failures_come_first_and_lab_faults_apart_with_their_resource(html: str, page: Page) -> None:
    order = [
        html.index(f'<section id="{part}"') for part in ("failures", "faults", "inconclusive", "waivers", "controls")
    ]
    assert order == sorted(order)
    assert "LAB FAULT unit np6450: np6450 was not put back" in page.text
    assert "resource outlet relay/1 remedy Check that np6150 is plugged into outlet 1." in page.text


def test_restarts_waivers_and_reasons(page: Page) -> None:
    assert "restarts: used 1, lower bound 8, file order would take 131" in page.text
    assert "TLS-01 by jo no longer needed" in page.text
    assert "SVC-07 by maria.k ends within 14 days" in page.text
    assert "one port only (1)" in page.text


def test_what_was_seen_cannot_change_the_page(html: str) -> None:
    assert "<script>alert(1)</script>" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_every_verdict_has_a_sign_beside_its_colour() -> None:
    assert set(SYMBOLS) == set(Verdict)
    assert len(set(SYMBOLS.values())) == len(SYMBOLS)


@pytest.mark.parametrize("code", list(ExitCode))
def test_every_exit_code_has_a_headline(code: ExitCode) -> None:
    record = RunRecord(run="r", lab="l", started="2026-11-22T01:30:00.000Z", exit_code=code)
    page = Page(render_page(record))
    assert "not complete" in page.text
    assert "no test ended" in page.text
