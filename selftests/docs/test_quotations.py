"""What write-a-check.md quotes from the code is in the code."""

from __future__ import annotations

import pytest

from selftests.docs.test_docs import ROOT, blocks

QUOTED = [block.split("\n", 1) for language in ("python", "yaml") for block in blocks("write-a-check.md", language)]


@pytest.mark.parametrize(("head", "text"), QUOTED, ids=[head for head, _ in QUOTED])
def test_what_is_quoted_is_there(head: str, text: str) -> None:
    assert text in (ROOT / head.removeprefix("# ")).read_text()
