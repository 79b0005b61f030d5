"""docs/fidelity.md lists everything the data marks as invented."""

import pytest

from nportlab.guide.controls import controls
from nportlab.guide.fidelity import DOCUMENT, inventions, inventions_in_code, updated
from nportlab.guide.settings import settings_table


def test_the_page_is_up_to_date() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert updated(document) == document, "run: python -m nportlab.guide.fidelity"


def test_invented_rows_of_all_depths_are_found() -> None:
    rows = {(one.row, one.what) for one in inventions()}
    table = settings_table()
    assert table["console.telnet"].confidence == "guide"
    assert ("console.telnet", "place or coding in the exported configuration") in rows
    assert ("snmp.read_community", "factory value `public`") in rows
    assert any(row == "basic.local_time" for row, _ in rows)
    assert any(one.file == "guide/text_console.yaml" for one in inventions())
    assert not any(row in controls() for row, _ in rows)


def test_what_the_code_invents_is_found_whole_and_in_any_case() -> None:
    found = inventions_in_code()
    texts = {text for file, text in found if file == "virtual/unit/reset_button.py"}
    assert any(text.startswith("Invented: ") and text.endswith("side by side.") for text in texts)
    files = {file for file, _ in found}
    assert {"virtual/unit/web/visit.py", "virtual/unit/clients/rip.py", "virtual/unit/serial_port.py"} <= files
    assert "protocol/serial_wire.py" in files
    assert not any("\n" in text for _, text in found)


def test_the_serial_side_is_explained() -> None:
    """The choices behind the operation modes that no single row of the data shows."""
    chapter = DOCUMENT.read_text(encoding="utf-8").partition("## Operation modes and serial ports")[2]
    chapter = chapter.partition("\n## ")[0]
    for word in ("Packing Flag", "Data Buffering/Log", "CVE-2026-10831", "snmp_by_mode", "monitorCipher", "pty"):
        assert word in chapter, word


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="marks"):
        updated("# no marks here")
