"""A careless guard, as a plugin of a run: `-p selftests.firmware.careless`, and in the environment of what.

CARELESS=lines: images of any line are let through; bytes: nobody compares a hash once an image was listed; talks: the
unit is asked for its firmware before an image is looked at.
"""

from __future__ import annotations

import os
from typing import Any

import tests.firmware._guard as suite
from nportlab.firmware.images import Image
from nportlab.safety import firmware_guard

_CARELESS = os.environ.get("CARELESS", "")

if _CARELESS == "lines":
    setattr(firmware_guard, "_not_for", lambda entry, image: [])  # noqa: B010 - a name of its own
elif _CARELESS == "bytes":
    setattr(Image, "read", lambda image: image.path.read_bytes())  # noqa: B010
elif _CARELESS == "talks":
    _clear = suite.clear

    def _talkative(unit: Any, *arguments: Any, **options: Any) -> Any:
        unit.firmware.read()
        return _clear(unit, *arguments, **options)

    setattr(suite, "clear", _talkative)  # noqa: B010
