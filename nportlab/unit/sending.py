"""The body of a large upload, handed out piece by piece so that somebody can be told how far it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from urllib3.filepost import encode_multipart_formdata

Sent = Callable[[int, int], None]
"""Bytes of the body that have been handed to the connection, and how many there are."""


class Body:
    """Form fields and files as multipart/form-data. What was asked for before is out when more is asked for."""

    def __init__(
        self, fields: Sequence[tuple[str, str]], files: Mapping[str, tuple[str, bytes]], told: Sent | None = None
    ) -> None:
        """files: field -> (file name, content)."""
        parts = [*fields, *((name, (file, data, "application/octet-stream")) for name, (file, data) in files.items())]
        self._data, self.type = encode_multipart_formdata(parts)
        self._at = 0
        self._told = told

    def __len__(self) -> int:
        return len(self._data)

    def __bool__(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """The next piece; empty at the end."""
        if self._told is not None:
            self._told(self._at, len(self._data))
        end = len(self._data) if size < 0 else self._at + size
        piece = self._data[self._at : end]
        self._at += len(piece)
        return piece

    def tell(self) -> int:
        """How much has been asked for."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """As a file does: requests measures a body so, and begins anew with it."""
        self._at = max(0, (0, self._at, len(self._data))[whence] + offset)
        return self._at
