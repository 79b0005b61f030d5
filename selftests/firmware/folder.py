"""A folder of images with its manifest, and a lab that uses it."""

from __future__ import annotations

from hashlib import sha512
from pathlib import Path

from nportlab.inventory import Lab, load_lab

VERSIONS = ("1.21", "2.0", "2.1", "2.3", "2.3.9")


def content(version: str, line: str = "6400/6600") -> bytes:
    return f"{line} {version} ".encode() * 50


def write_folder(folder: Path, versions: tuple[str, ...] = VERSIONS, line: str = "6400/6600") -> None:
    """Images of one line; the manifest is added to when it is there. Entries begin on line 2, six lines each."""
    folder.mkdir(exist_ok=True)
    manifest = folder / "manifest.yaml"
    text = manifest.read_text() if manifest.exists() else "images:\n"
    for version in versions:
        name = f"{line.partition('/')[0]}_{version}.rom"
        (folder / name).write_bytes(content(version, line))
        text += (
            f'  - file: {name}\n    line: {line}\n    version: "{version}"\n'
            f"    sha512: {sha512(content(version, line)).hexdigest()}\n    source: the vendor's page\n    notes: ''\n"
        )
    manifest.write_text(text)


LAB = """\
lab: desk
firmware: {images: images, mcc_tool: virtual}
racks:
  desk:
    virtual: {flash_seconds: 9, boot_seconds: 1}
    units:
      np6450:
        model: NP6450
        firmware: "1.21"
        address: 192.168.127.12
        credentials: {password: {generated: true}}
        allow: [restart, flash, downgrade, one-way]
      np6650:
        model: NP6650-16
        firmware: "2.3"
        address: 192.168.127.13
        credentials: {password: {generated: true}}
      np6150:
        model: NP6150
        firmware: "2.3"
        address: 192.168.127.11
        credentials: {password: {generated: true}}
"""


def write_lab(folder: Path, text: str = LAB) -> Lab:
    (folder / "lab.yaml").write_text(text)
    return load_lab(folder / "lab.yaml")
