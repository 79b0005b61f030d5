"""The pages of the web console: menu paths, the URL the virtual unit uses, and the function group that governs each."""

import re
from functools import cache
from typing import Literal

from nportlab.guide.rows import SourcedRow, read_yaml, unique

FunctionGroup = Literal["overview", "network", "serial", "system", "administration", "log", "common"]


class Page(SourcedRow):
    """One page. paths: the first is where the virtual unit puts it; `Port #` and `{n}` stand for the serial port."""

    id: str
    paths: tuple[str, ...]
    url: str
    group: FunctionGroup
    settings: bool = False

    @property
    def path(self) -> str:
        """Menu path in the virtual unit."""
        return self.paths[0]

    def for_port(self, n: int) -> "Page":
        """The page of serial port n."""
        paths = tuple(path.replace("Port #", f"Port {n}") for path in self.paths)
        return self.model_copy(update={"paths": paths, "url": self.url.replace("{n}", str(n))})


@cache
def pages() -> dict[str, Page]:
    """All pages by id, in menu order."""
    return unique([Page(**row) for row in read_yaml("pages.yaml")["pages"]], "pages.yaml")


def page_at(path: str) -> Page | None:
    """The page with that menu path, whichever of its paths it is; pages of a port are made concrete."""
    port = re.search(r"> Port (\d+)\b", path)
    wanted = _normal(re.sub(r"> Port \d+\b", "> Port #", path))
    for page in pages().values():
        if any(_normal(own) == wanted for own in page.paths):
            return page.for_port(int(port[1])) if port else page
    return None


def _normal(path: str) -> str:
    return re.sub(r"\s*>\s*", ">", path).strip().lower()
