"""HTML in the loose hand of the device: unquoted attributes, mixed case, end tags left out.

What comes from a setting, a log line or a client goes through `text` or `attributes`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping

MASK = "********"
"""What a stored secret looks like in its field; submitted unchanged it means "keep the stored one"."""

_BARE = re.compile(r"[A-Za-z0-9_./:?=%#-]+")


def text(value: object) -> str:
    """value as visible text, markup characters escaped."""
    return html.escape(str(value), quote=False)


def attributes(pairs: Mapping[str, object]) -> str:
    """` name=value` for each pair, quoted only where needed; True gives a bare name, False and None nothing."""
    written = []
    for name, value in pairs.items():
        if value is None or value is False:
            continue
        if value is True:
            written.append(f" {name}")
        else:
            escaped = html.escape(str(value))
            written.append(f" {name}={escaped}" if _BARE.fullmatch(escaped) else f' {name}="{escaped}"')
    return "".join(written)


def tag(name: str, /, **pairs: object) -> str:
    """An opening tag. A trailing underscore of a keyword is dropped: `class_`, `type_`."""
    return f"<{name}{attributes({key.rstrip('_').replace('_', '-'): value for key, value in pairs.items()})}>"


def hidden(name: str, value: str) -> str:
    """A hidden input."""
    return tag("INPUT", type="hidden", name=name, value=value)


def button(label: str, name: str = "Submit") -> str:
    """A submit button."""
    return tag("INPUT", type="submit", name=name, value=label)


def link(url: str, label: str) -> str:
    """A link; the device writes its anchors in capitals."""
    return f"{tag('A', href=url)}{text(label)}</A>"


def row(*cells: str) -> str:
    """A table row whose cells and row have no end tags."""
    return "<TR>" + "".join(f"<TD>{cell}" for cell in cells) + "\n"


def panel(rows: Iterable[tuple[str, str]]) -> str:
    """A table of label and plain value."""
    return (
        "<TABLE border=0 cellpadding=2>\n"
        + "".join(row(text(label), text(value)) for label, value in rows)
        + "</table>\n"
    )


def form(action: str, token: str, body: str, *, multipart: bool = False, name: str | None = None) -> str:
    """A POST form carrying its csrf token."""
    opening = tag("FORM", name=name, method="post", action=action, enctype="multipart/form-data" if multipart else None)
    return f"{opening}{hidden('csrf_token', token)}\n{body}</FORM>\n"


def heading(title: str) -> str:
    """The title of a page's content."""
    return f"<H3>{text(title)}</h3>\n"


def error(message: str) -> str:
    """A refusal, the way the unit prints it above the form."""
    return f"<P><B class=error>{text(message)}</B>\n"
