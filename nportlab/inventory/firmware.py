"""The `firmware:` of lab.yaml: which images there are, and how they may be brought into units."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import WithJsonSchema

from nportlab.guide.firmware import version_key
from nportlab.verdicts.located import WrittenFloat

VIRTUAL_TOOL = "virtual"
VIRTUAL_IMAGES = "virtual"
"""Images for virtual units, made when they are first needed."""
"""Value of `mcc_tool` that means the project's own program with the vendor's command line, for virtual racks."""


def _as_written(value: Any) -> Any:
    """`oldest: 1.10` without quotes means the text "1.10"."""
    if isinstance(value, WrittenFloat):
        return value.text
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _version(value: str) -> str:
    version_key(value)  # its message says what is wrong
    return value


Version = Annotated[
    str, BeforeValidator(_as_written), AfterValidator(_version), WithJsonSchema({"type": ["string", "number"]})
]


class FirmwareShape(BaseModel):
    """Images and routes. Without it no unit gets other firmware."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: Annotated[str, Field(min_length=1)] = Field(
        description="folder of images with manifest.yaml, relative to lab.yaml; `virtual`: made for virtual units"
    )
    mcc_tool: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="the vendor's command-line tool; `virtual` for virtual racks; absent: only by web"
    )
    oldest: Version | None = Field(default=None, description="no unit is given anything older")
    newest: Version | None = Field(default=None, description="no unit is given anything newer")
    flash_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=300.0, description="what one flash of a real unit takes, until it runs again; for estimates"
    )
    longest_flash_seconds: Annotated[float, Field(gt=0, le=7200)] = Field(
        default=1200.0, description="after this a flash counts as failed"
    )
    most_flashes: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="a plan with more flashes of one unit is refused; flash memory wears"
    )
    at_once: Annotated[int, Field(ge=1, le=64)] = Field(default=4, description="units flashed at the same time")
    tools: dict[str, Version] = Field(
        default={}, description="versions of the vendor's tools in use: dsu, mxconfig ...; mcc_tool says its own"
    )

    @property
    def contradiction(self) -> str:
        """Why `oldest` and `newest` cannot both be meant; empty when they can."""
        if self.oldest and self.newest and version_key(self.oldest) > version_key(self.newest):
            return f"oldest ({self.oldest}) is newer than newest ({self.newest}); no image is left"
        return ""
