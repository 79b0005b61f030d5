"""What the virtual unit had to invent, listed from the data: writes the generated part of docs/fidelity.md.

Run `python -m nportlab.guide.fidelity` after changing data; a selftest says when the page is behind.
"""

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nportlab.guide.rows import load_yaml

PACKAGE = Path(__file__).parent.parent
DOCUMENT = PACKAGE.parent / "docs" / "fidelity.md"
BEGIN = "<!-- generated from the data: begin -->"
END = "<!-- generated from the data: end -->"


class Invention(NamedTuple):
    """One invented thing: file below nportlab, row, what of it is invented, and what the row says of its source."""

    file: str
    row: str
    what: str
    source: str


def inventions() -> list[Invention]:
    """Everything marked `invented` in the YAML data of this library, in file order."""
    found: list[Invention] = []
    for path in sorted(PACKAGE.rglob("*.yaml")):
        content = load_yaml(path)
        name = path.relative_to(PACKAGE).as_posix()
        found += [
            Invention(name, row, what, source)
            for row, what, source in _walk(content, path.stem, "", "everything in the file")
        ]
    return found


def inventions_in_code() -> list[tuple[str, str]]:
    """(file below nportlab, text) of every comment and docstring of the virtual unit and of the codecs that calls
    something invented, an invention, or not public: the sentences that do so, or all of a short text."""
    found: list[tuple[str, str]] = []
    for path in sorted([*(PACKAGE / "virtual").rglob("*.py"), *(PACKAGE / "protocol").rglob("*.py")]):
        for text in _texts(path):
            if _INVENTED.search(text):
                found.append((path.relative_to(PACKAGE).as_posix(), _about_it(text)))
    return found


def generated() -> str:
    """The generated part of the page, without its marks."""
    lines: list[str] = []
    file = ""
    for one in inventions():
        if one.file != file:
            file = one.file
            lines += ["", f"### {file}", "", "| row | invented | source |", "|---|---|---|"]
        lines.append(f"| `{one.row}` | {one.what} | {_cell(one.source)} |")
    lines += [
        "",
        "### Behaviour of the virtual unit, and its protocols",
        "",
        "| file | what its code says |",
        "|---|---|",
    ]
    lines += [f"| {file} | {_cell(text)} |" for file, text in inventions_in_code()]
    return "\n".join([*lines, ""])


def updated(document: str) -> str:
    """`document` with its generated part brought up to date; ValueError when the marks are missing."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{DOCUMENT.name}: the marks of the generated part are missing")
    return f"{before}{BEGIN}\n{generated()}\n{END}{after}"


def _walk(content: Any, row: str, source: str, part: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(content, list):
        for item in content:
            yield from _walk(item, row, source, part)
    if not isinstance(content, dict):
        return
    row = str(content.get("id") or content.get("name") or row)
    source = str(content.get("source", source))
    if content.get("confidence") == "invented":
        yield row, part, source
    if content.get("factory_confidence") == "invented":
        yield row, f"factory value `{content.get('factory')}`", source
    for key, value in content.items():
        yield from _walk(value, row, source, _PARTS.get(str(key), str(key)))


def _texts(path: Path) -> Iterator[str]:
    """Every docstring, and every comment with the lines that go on with it, as one line of text each."""
    comment: list[str] = []
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                comment.append(token.string.lstrip("# "))
            elif token.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT) and comment:
                yield " ".join(comment)
                comment = []
            if token.type == tokenize.STRING and token.string.startswith('"""'):
                yield " ".join(token.string.strip('"').split())


def _about_it(text: str) -> str:
    if len(text) <= _SHORT:
        return text
    return " ".join(sentence for sentence in _SENTENCE.split(text) if _INVENTED.search(sentence))


_INVENTED = re.compile(r"\b(invented|invention|not public)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z`])")
_SHORT = 240
_PARTS = {
    "configuration": "place or coding in the exported configuration",
    "events": "text",
    "models": "hardware id",
    "pages": "web address, or the menu path where the source says so",
    "settings": "what the source column calls invented",
    "texts": "text",
}


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Bring docs/fidelity.md up to date."""
    document = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(updated(document), encoding="utf-8")


if __name__ == "__main__":
    main()
