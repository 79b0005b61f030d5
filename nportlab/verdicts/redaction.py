"""Taking secrets out of everything that is written or shown."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, overload
from urllib.parse import quote, quote_plus

MARK = "[redacted]"
_Filler = Callable[[bytes], bytes]
_SHORT = 4  # encoded forms of shorter secrets would match ordinary text

# Fields from which a password can be computed although it is not written plainly (the login page's encodings), session
# cookies, and private keys.
_FIELDS = re.compile(
    rb"(?i)(\b(?:EncPasswd|EncUser|MD5Password|Passwo?r?d|passwd|Pre_?Shared_?Key)=)([^&\s\"'<>;\\]+)"
    rb"|((?:set-)?cookie:[ \t]*[^=;\s]+=)([^;\s]+)"
    rb"|(-----BEGIN [A-Z ]*PRIVATE KEY-----)(.*?)(?=-----END|\Z)",
    re.DOTALL,
)


class Redactor:
    """Knows the secrets of a run and replaces them, in the encodings they travel in, wherever they turn up.

    In text a secret becomes `[redacted]`; in bytes it becomes as many `*` as it had bytes, so that lengths in captures
    and records stay true.
    """

    def __init__(self) -> None:
        self._forms: set[bytes] = set()
        self._pattern: re.Pattern[bytes] | None = None

    def add(self, secret: str) -> None:
        """Register a secret; an empty one is ignored."""
        if not secret:
            return
        self._forms |= _forms(secret)
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile(b"|".join(re.escape(form) for form in longest_first))

    @overload
    def clean(self, data: str) -> str: ...
    @overload
    def clean(self, data: bytes) -> bytes: ...
    def clean(self, data: str | bytes) -> str | bytes:
        """The same text or bytes without any registered secret."""
        if isinstance(data, str):
            raw = data.encode("utf-8", "surrogatepass")
            return self._replace(raw, lambda _: MARK.encode()).decode("utf-8", "surrogatepass")
        return self._replace(data, lambda secret: b"*" * len(secret))

    def clean_all(self, value: Any) -> Any:
        """The same structure of mappings, lists and tuples with every text in it cleaned; keys are kept."""
        if isinstance(value, str | bytes):
            return self.clean(value)
        if isinstance(value, Mapping):
            return {key: self.clean_all(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean_all(inner) for inner in value]
        return value

    def _replace(self, data: bytes, filler: _Filler) -> bytes:
        if self._pattern is not None:
            data = self._pattern.sub(lambda match: filler(match.group()), data)
        return _FIELDS.sub(lambda match: _keep_name(match, filler), data)


def _keep_name(match: re.Match[bytes], filler: _Filler) -> bytes:
    name, value = next((match.group(n), match.group(n + 1)) for n in (1, 3, 5) if match.group(n) is not None)
    return name + (value if value == MARK.encode() else filler(value))


def _forms(secret: str) -> set[bytes]:
    """The secret as it may be seen: plain, and percent-, HTML-, JSON-, hex- and base64-encoded."""
    raw = secret.encode("utf-8", "surrogatepass")
    if len(raw) < _SHORT:
        return {raw}
    texts = {quote(raw, safe=""), quote_plus(raw), html.escape(secret), json.dumps(secret)[1:-1]}
    forms = {
        raw,
        raw.hex().encode(),
        raw.hex().upper().encode(),
        raw.hex(" ").encode(),
        secret.encode("utf-16-le", "surrogatepass"),
    }
    forms |= {text.encode("utf-8", "surrogatepass") for text in texts}
    # Inside a longer base64 text ("user:password") the secret starts at any of three offsets; the characters that also
    # depend on its neighbours are left out.
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        begin = -(-offset * 8 // 6)
        end = (offset + len(raw)) * 8 // 6
        if end - begin >= _SHORT:
            forms.add(encoded[begin:end])
    return forms
