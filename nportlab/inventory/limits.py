"""What a measurement has to reach: the `limits:` of lab.yaml, and the band a value falls into."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Band = Literal["pass", "marginal", "fail"]

WORST_FIRST: tuple[Band, ...] = ("fail", "marginal", "pass")


def worst_band(bands: list[Band]) -> Band | None:
    """The band that speaks for all of them; None when there is none."""
    return min(bands, key=WORST_FIRST.index, default=None)


def band_of(value: float, passing: float, marginal: float | None, *, more_is_better: bool) -> Band:
    """Where a value falls; both borders belong to the better band. Without `marginal` there is no such band."""
    tolerable = passing if marginal is None else marginal
    if more_is_better:
        return "pass" if value >= passing else "marginal" if value >= tolerable else "fail"
    return "pass" if value <= passing else "marginal" if value <= tolerable else "fail"


class LimitShape(BaseModel):
    """One limit. Between `pass` and `marginal` a value is marginal; without `marginal` there is no such band."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    more_is_better: ClassVar[bool] = False

    passing: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(alias="pass", description="good up to here")
    marginal: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        default=None, description="tolerable up to here; a fail beyond"
    )

    @property
    def contradiction(self) -> str:
        """Why `pass` and `marginal` cannot both be meant; empty when they can."""
        if self.marginal is None:
            return ""
        if self.more_is_better and self.marginal > self.passing:
            return f"more is better here: marginal ({self.marginal:g}) cannot be above pass ({self.passing:g})"
        if not self.more_is_better and self.marginal < self.passing:
            return f"less is better here: marginal ({self.marginal:g}) cannot be below pass ({self.passing:g})"
        return ""

    def band(self, value: float) -> Band:
        """Where a measured value falls."""
        return band_of(value, self.passing, self.marginal, more_is_better=self.more_is_better)

    def __str__(self) -> str:
        sign = "≥" if self.more_is_better else "≤"
        marginal = "" if self.marginal is None else f", marginal {sign} {self.marginal:g}"
        return f"{sign} {self.passing:g}{marginal}"


class AtMost(LimitShape):
    """Less is better."""


class AtLeast(LimitShape):
    """More is better."""

    more_is_better: ClassVar[bool] = True


class Percentage(AtLeast):
    """More is better, and more than all of it cannot be asked for."""

    passing: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = Field(
        alias="pass", description="percent; good from here"
    )
    marginal: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = Field(
        default=None, description="tolerable from here; a fail below"
    )


_Kind = TypeVar("_Kind", bound=LimitShape)


def limit(kind: type[_Kind], passing: float, marginal: float | None = None) -> _Kind:
    """A limit as lab.yaml would name it (`pass` is no name in Python)."""
    return kind.model_validate({"pass": passing, "marginal": marginal})


class LimitsShape(BaseModel):
    """What the benches judge by. A limit that is given replaces the default as a whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    throughput: Percentage = Field(
        default=limit(Percentage, 99.0, 97.0), description="percent of line rate, the worst port"
    )
    latency_ms: AtMost = Field(
        default=limit(AtMost, 10, 20), description="median there and back, beyond the time on the wire"
    )
    latency_p99_ms: AtMost = Field(
        default=limit(AtMost, 30, 60), description="99 of 100 there and back, beyond the time on the wire"
    )
    connections: AtLeast = Field(
        default=limit(AtLeast, 10, 3), description="sessions set up and closed per second, plain TCP"
    )
    tls_connections: AtLeast = Field(
        default=limit(AtLeast, 2, 0.5), description="the same with TLS; a unit's handshake takes its time"
    )
    errors: AtMost = Field(
        default=limit(AtMost, 0), description="bytes lost, added, changed or moved, of all that were sent"
    )
    drift: AtMost = Field(
        default=limit(AtMost, 0.5, 1.0), description="percent by which the rate of a soak moves, end to end"
    )

    def named(self) -> Iterator[tuple[str, LimitShape]]:
        """Every limit with its key."""
        for name in type(self).model_fields:
            yield name, getattr(self, name)
