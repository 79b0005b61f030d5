"""Manifest and images: what is right, and every mistake people make in them."""

import os
import re
from collections.abc import Callable
from hashlib import sha512
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nportlab.firmware.images import LARGEST_IMAGE, load_folder
from nportlab.firmware.manifest import parse_sha512
from nportlab.verdicts.faults import ConfigFault
from nportlab.verdicts.problems import Problems
from selftests.firmware.folder import VERSIONS, content, write_folder

HASH = sha512(b"image").hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(tmp_path / "images")
    return tmp_path / "images"


def problems(folder: Path) -> list[str]:
    with pytest.raises(Problems) as caught:
        load_folder(folder)
    assert caught.value.exit_code == 4
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def change(folder: Path, old: str, new: str) -> None:
    manifest = folder / "manifest.yaml"
    text = manifest.read_text()
    assert old in text
    manifest.write_text(text.replace(old, new, 1))


def change_hash(folder: Path, how: Callable[[str], str]) -> None:
    manifest = folder / "manifest.yaml"
    manifest.write_text(re.sub(r"sha512: (\w+)", lambda m: f"sha512: {how(m[1])}", manifest.read_text(), count=1))


def test_images_by_version(folder: Path) -> None:
    images = load_folder(folder)
    assert list(images.for_model("NP6450")) == list(VERSIONS) == list(images.for_model("NP6650-32"))
    assert images.for_model("NP6150") == {}
    image = images.for_model("NP6450")["2.0"]
    assert (image.path.name, image.size, image.where) == (
        "6400_2.0.rom",
        len(content("2.0")),
        f"{folder / 'manifest.yaml'}:8",
    )
    assert image.read() == content("2.0")


def test_what_is_sent_is_what_was_published(folder: Path) -> None:
    image = load_folder(folder).for_model("NP6450")["2.0"]
    image.path.write_bytes(content("2.0")[:-1] + b"!")
    with pytest.raises(ConfigFault, match=r"is no longer the file the manifest describes"):
        image.read()
    image.path.unlink()
    with pytest.raises(ConfigFault, match=r"cannot be read: No such file"):
        image.read()


@pytest.mark.parametrize(
    "how",
    [
        str.upper,
        lambda h: f"{h}  6400_1.21.rom",
        lambda h: f"{h} *6400_1.21.rom",
        lambda h: f"{h}  ./downloads/6400_1.21.rom",
        lambda h: f"SHA512 (6400_1.21.rom) = {h.upper()}",
        lambda h: f'"SHA-512: {h}"',
    ],
)
def test_a_hash_is_taken_as_it_is_published(folder: Path, how: Callable[[str], str]) -> None:
    change_hash(folder, how)
    assert load_folder(folder).for_model("NP6450")["1.21"].sha512 == sha512(content("1.21")).hexdigest()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (lambda h: h[:64], "has 64 hex digits, that is a SHA-256 hash; a SHA-512 has 128"),
        (lambda h: h[:-1], "has 127 hex digits; a SHA-512 has 128"),
        (lambda h: f"{h[:9]}g{h[10:]}", "'g' (character 10) is not a hex digit"),
        (lambda h: f"{h}  6400_2.0.rom", "is the hash of '6400_2.0.rom'; the file here is '6400_1.21.rom'"),
        (lambda h: '""', "the hash is empty"),
        (lambda h: "", "must not be empty"),
        (lambda h: h[::-1], "'6400_1.21.rom' has another hash"),
        (lambda h: "[1]", "is wrong: "),
    ],
)
def test_a_hash_that_is_wrong(folder: Path, how: Callable[[str], str], said: str) -> None:
    change_hash(folder, how)
    (problem,) = problems(folder)
    assert problem.startswith("manifest.yaml:5: images.0.sha512: ")
    assert said in problem


NAMES = st.text(st.characters(categories=["L", "N"], include_characters="_-. ()"), max_size=20)


@settings(deadline=None)
@given(st.binary(min_size=64, max_size=64), st.integers(0, 2**128 - 1), NAMES)
def test_any_way_of_writing_a_hash_means_the_same(digest: bytes, capitals: int, name: str) -> None:
    name = name.strip() or "x"
    plain = digest.hex()
    mixed = "".join(c.upper() if capitals >> i & 1 else c for i, c in enumerate(plain))
    for text in (mixed, f"  {mixed}\n", f"{mixed}  {name}", f"{mixed} *{name}", f"SHA512 ({name}) = {mixed}"):
        assert parse_sha512(text, name) == plain


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_the_parser_of_hashes(text: str) -> None:
    try:
        assert re.fullmatch("[0-9a-f]{128}", parse_sha512(text, "x.rom"))
    except ValueError as error:
        assert str(error)


@settings(deadline=None)
@given(st.integers(0, 127), st.characters(exclude_characters="0123456789abcdefABCDEF"))
def test_one_wrong_character_is_never_overlooked(at: int, character: str) -> None:
    with pytest.raises(ValueError):
        parse_sha512(HASH[:at] + character + HASH[at + 1 :], "x.rom")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    sha512: ", "    sha513: ", "5: images.0: unknown key 'sha513' (did you mean 'sha512'?)"),
        ("line: 6400/6600", "line: 6400", "3: images.0.line: unknown line '6400' (did you mean '6400/6600'?)"),
        ('version: "1.21"', 'version: "1.22"', "4: images.0.version: unknown version '1.22' (did you mean"),
        ('version: "1.21"', "version: 2.0", "10: images.1.version: '6400_1.21.rom' on line 2 is 2.0 for NP6450,"),
        ("source: the vendor's page", "source: ''", "6: images.0.source: must not be empty"),
        ("file: 6400_1.21.rom", "file: ../1.21.rom", "2: images.0.file: '../1.21.rom' is not the plain name of a file"),
        ("file: 6400_1.21.rom", "file: 6400_1.2.rom", "2: images.0.file: '6400_1.2.rom' is not in the folder"),
        ("notes: ''", "models: [NP6150]", "7: images.0.models.0: a NP6150 is of the line 6100/6200, not 6400/6600"),
        ("notes: ''", "models: [NP6540]", "7: images.0.models.0: unknown model 'NP6540' (did you mean 'NP6450'?)"),
        ("notes: ''", "models: NP6450", "7: images.0.models: must be a list of models"),
        ("notes: ''", "models: []", "7: images.0.models: must not be empty"),
        ("images:\n", "images:\n  - 7\n", "2: images.0: must be a mapping"),
        ("images:\n", "image: 1\nimages:\n", "1: unknown key 'image' (did you mean 'images'?)"),
        ("images:\n", "imagse:\n", "1: the file must be a mapping with one key, `images`"),
        ("notes: ''", "source: again", "7: images.0.source: is here a second time"),
        ("  - file", "\t- file", "2: a tab indents this line"),
    ],
)
def test_mistakes_in_a_manifest(folder: Path, old: str, new: str, said: str) -> None:
    change(folder, old, new)
    assert any(problem.startswith(f"manifest.yaml:{said}") for problem in problems(folder)), problems(folder)


def test_an_image_without_its_published_hash_is_not_used(folder: Path) -> None:
    manifest = folder / "manifest.yaml"
    manifest.write_text(re.sub(r"    sha512: \w+\n", "", manifest.read_text(), count=1))
    assert problems(folder) == [
        "manifest.yaml:2: images.0: key 'sha512' is missing; an image whose published hash is not known is not used"
    ]


def test_two_entries_cannot_have_one_hash_or_one_file(folder: Path) -> None:
    change(folder, "file: 6400_2.0.rom", "file: 6400_1.21.rom")
    assert "manifest.yaml:8: images.1.file: '6400_1.21.rom' is on line 2 already" in problems(folder)
    change(folder, sha512(content("2.3")).hexdigest(), sha512(content("2.1")).hexdigest())
    assert any("images.3.sha512: is that of '6400_2.1.rom' on line 14 too" in problem for problem in problems(folder))


def test_two_images_of_one_version_for_different_models(folder: Path) -> None:
    (folder / "other.rom").write_bytes(b"other")
    digest = sha512(b"other").hexdigest()
    change(folder, "notes: ''", "models: [NP6450]")
    with (folder / "manifest.yaml").open("a") as file:
        file.write(f'  - {{file: other.rom, line: 6400/6600, version: "1.21", sha512: {digest}, source: x, ')
        file.write("models: [NP6650-16]}\n")
    images = load_folder(folder)
    assert images.for_model("NP6450")["1.21"].path.name == "6400_1.21.rom"
    assert images.for_model("NP6650-16")["1.21"].path.name == "other.rom"
    assert "1.21" not in images.for_model("NP6610-8")


def test_files_that_cannot_be_images_are_all_named_at_once(folder: Path) -> None:
    (folder / "6400_1.21.rom").write_bytes(b"")
    (folder / "6400_2.0.rom").unlink()
    (folder / "6400_2.0.rom").mkdir()
    os.truncate(folder / "6400_2.1.rom", 1 << 40)  # no disk here holds that; nothing may try to read it
    (folder / "6400_2.3.rom").unlink()
    (folder / "6400_2.3.rom").symlink_to("nowhere")
    (folder / "6400_2.3.9.rom").write_bytes(b"\n<!DOCTYPE html>")
    said = problems(folder)
    assert [line.partition(": '")[0] for line in said[:4]] == [
        f"manifest.yaml:{line}: images.{i}.file" for i, line in enumerate((2, 8, 14, 20))
    ]
    assert "is empty" in said[0] and "is a folder" in said[1]
    assert f"an image has at most {LARGEST_IMAGE}" in said[2] and "is a link that leads nowhere" in said[3]
    assert said[4].endswith("; the file is a web page") and "images.4.sha512" in said[4]


def test_a_file_that_may_not_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def refuse(path: Path, *args: object, **kwargs: object) -> object:
        if path.name == "6400_2.0.rom":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", refuse)
    assert problems(folder) == ["manifest.yaml:8: images.1.file: '6400_2.0.rom' cannot be read: Permission denied"]


def test_no_manifest_no_folder_and_an_empty_one(folder: Path) -> None:
    (folder / "manifest.yaml").write_text("# nothing\n")
    assert problems(folder) == ["manifest.yaml:1: the manifest is empty; it needs a list `images`"]
    (folder / "manifest.yaml").unlink()
    assert problems(folder) == ["manifest.yaml: there is no such file"]
    assert problems(folder / "none") == [f"{folder / 'none'}: there is no such folder of images"]


def test_images_that_are_not_in_the_manifest_are_said(folder: Path) -> None:
    (folder / "NEWER.ROM").write_bytes(b"x")
    (folder / "readme.txt").write_bytes(b"x")
    assert load_folder(folder).strays == ("NEWER.ROM",)
