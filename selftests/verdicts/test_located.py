from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.verdicts.located import Located, WrittenFloat, read_located, read_located_text


def read(text: str) -> Located:
    return read_located_text(text, Located("lab.yaml"))


def said(text: str) -> list[str]:
    return [str(problem) for problem in read(text).problems]


def test_every_value_knows_its_line() -> None:
    located = read("a:\n  b:\n    - x\n    - y\nc: 1\n")
    assert [located.line(place) for place in [("a",), ("a", "b"), ("a", "b", 1), ("c",)]] == [1, 2, 4, 5]


def test_a_place_that_is_not_there_has_the_line_of_what_should_hold_it() -> None:
    assert read("a:\n  b: 1\n").line(("a", "missing", "deeper")) == 1


def test_words_stay_words_and_numbers_remember_how_they_were_written() -> None:
    data = read("reset: off\nanswer: no\nfirmware: 2.10\nmac: 00:90:E8:01:02:03\ntime: 11:30\nflag: true\n").data
    assert data["reset"] == "off"
    assert data["answer"] == "no"
    assert isinstance(data["firmware"], WrittenFloat)
    assert data["firmware"].text == "2.10"
    assert data["mac"] == "00:90:E8:01:02:03"
    assert data["time"] == "11:30"
    assert data["flag"] is True


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", "lab.yaml:3: a: is here a second time; the first is on line 1"),
        ("a:\n\tb: 1\n", "lab.yaml:2: a tab indents this line; YAML is indented with spaces"),
        ("a: {b: 1\n", "is not valid YAML: expected ',' or '}'"),
        ("a: \x01\n", "lab.yaml:1: is not valid YAML"),
        ("a: &x\n  b: *x\n", "an alias contains itself"),
        ("a: !!python/object:os.system x\n", "could not determine a constructor"),
        ("a: !!int nothing\n", "is not valid YAML"),
        ("? [1, 2]\n: 3\n", "a key must be a name"),
        ("a: 1\n---\nb: 1\n", "but found another document"),
    ],
)
def test_what_is_wrong_with_the_form(text: str, problem: str) -> None:
    assert any(problem in line for line in said(text)), said(text)


def test_anchors_and_merges_are_understood() -> None:
    assert read("base: &b {x: 1}\nc:\n  <<: *b\n  y: 2\n").data["c"] == {"x": 1, "y": 2}


def test_a_file_that_multiplies_itself_is_refused() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert said("\n".join(levels))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff\n")
    assert "there is no such file" in str(read_located(tmp_path / "none.yaml").problems[0])
    assert "is not UTF-8" in str(read_located(tmp_path / "latin.yaml").problems[0])
    assert "cannot be read" in str(read_located(tmp_path).problems[0])


@given(st.text(alphabet="ab:-[]{}&*!?|>'\"#%@ \n\t0123.,<", max_size=60))
def test_no_text_raises(text: str) -> None:
    located = read(text)
    assert located.problems or located.data is None or located.lines
