"""The frame around every page of firmware 2.x: title bar, menu of nested lists, content."""

from __future__ import annotations

from collections.abc import Iterable

from nportlab.guide.pages import Page
from nportlab.virtual.unit.web.markup import link, text

_STYLE = (
    "<STYLE>BODY{font-family:Arial;font-size:10pt} TABLE{font-size:10pt} .error{color:#C00000} "
    ".bar{background:#008787;color:#FFFFFF;font-size:14pt;padding:6px}</style>"
)


def document(title: str, body: str, *, head: str = "") -> str:
    """A whole page without menu."""
    return (
        "<HTML><HEAD><TITLE>"
        + text(title)
        + "</TITLE>\n<META http-equiv=Content-Type content='text/html; charset=utf-8'>\n"
        + _STYLE
        + head
        + f"</HEAD>\n<BODY bgcolor=#FFFFFF>\n<DIV class=bar>{text(title)}</div>\n{body}</BODY></HTML>\n"
    )


def framed(title: str, name: str, entries: Iterable[Page], body: str) -> str:
    """A page with the menu at its left. name: the unit's server name, shown in the bar."""
    return document(
        title,
        f"<P>{text(name)}\n<TABLE border=0 cellpadding=6><TR><TD valign=top nowrap>\n{menu(entries)}"
        f"<TD valign=top>\n{body}</table>\n",
    )


def menu(entries: Iterable[Page]) -> str:
    """The menu: `<UL><LI>Group<UL><LI><A href=..>Leaf</A>`, items without end tags, in order of first mention."""
    root: dict[str, object] = {}
    for entry in entries:
        branch = root
        *groups, leaf = entry.path.split(" > ")
        for step in groups:
            below = branch.setdefault(step, {})
            assert isinstance(below, dict), f"the menu has a page and a group {step!r} at one place"
            branch = below
        branch[leaf] = entry.url
    return _list(root)


def _list(branch: dict[str, object]) -> str:
    items = (
        f"<LI>{text(label)}\n{_list(below)}" if isinstance(below, dict) else f"<LI>{link(str(below), label)}\n"
        for label, below in branch.items()
    )
    return f"<UL>\n{''.join(items)}</UL>\n"
