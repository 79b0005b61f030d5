"""index.html: the run at a glance and the control matrix, in one file without anything from elsewhere."""

from __future__ import annotations

from nportlab.report.record import RunRecord


def render_page(record: RunRecord) -> str:
    """The page of a run."""
    return f"<!doctype html><title>{record.run}</title>"
