"""What the unit means with the page it answers a form with."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nportlab.unit.document import Document, Form
from nportlab.unit.errors import ValueRefused
from nportlab.unit.https import Answer

_ALERT = re.compile(r"alert\s*\(\s*(['\"])(.*?)\1\s*\)")
_SAVED = re.compile(r"\bhas been saved|\bhave been saved|\bsaved\b.*\brestart", re.IGNORECASE | re.DOTALL)
_LONGEST = 500


def pop_ups(page: Document) -> list[str]:
    """The texts its scripts would pop up."""
    return [text for script in page.scripts for _, text in _ALERT.findall(script)]


def message(answered: Document, asked: Document | None = None) -> str:
    """What the unit says in an answer.

    In this order: what it marks as an error, what it would pop up, the lines that were not on the page before.
    """
    if answered.marked:
        return " ".join(answered.marked)
    shown = pop_ups(answered)
    if shown:
        return " ".join(shown)
    known = set(asked.lines) if asked is not None else set()
    return " ".join(line for line in answered.lines if line not in known)[:_LONGEST]


def judge(answer: Answer, asked: Document, form: Form, secrets: Iterable[str]) -> str:
    """What became of a submitted form: the unit's message when it was taken, ValueRefused when not.

    Refused means: the unit marks an error, or shows the same form again without saying that something was saved.
    secrets: values that must not appear in the exception.
    """
    page = answer.document
    said = message(page, asked)
    for secret in secrets:
        said = said.replace(secret, "[secret]") if secret else said
    names = {control.name for control in form.fields}
    shown_again = any({control.name for control in again.fields} == names for again in page.forms) and bool(names)
    saved = _SAVED.search(page.text) is not None
    if page.marked or answer.status >= 400 or (shown_again and not saved):
        refused = ValueRefused(f"the unit did not take it: {said or f'status {answer.status}'}", resource="web console")
        refused.said = said
        raise refused
    return said
