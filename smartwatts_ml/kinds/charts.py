"""Charts as values: a kind says what is drawn, ``reports`` how (as SVG in a page, as PNG)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

__all__ = [
    "Band",
    "Chart",
    "Figure",
    "Heatmap",
    "Line",
    "Panel",
    "Role",
    "Span",
    "role_of",
    "rounded",
]

Role = Literal["truth", "challenger", "champion", "baseline", "context"]
"""What a line stands for; each has one colour in every report."""


@dataclass(frozen=True)
class Line:
    """``y`` over the panel's ``x``; None where there is nothing."""

    label: str
    role: Role
    y: Sequence[float | None]


@dataclass(frozen=True)
class Band:
    """An area between two lines, e.g. P10 to P90."""

    label: str
    role: Role
    low: Sequence[float | None]
    high: Sequence[float | None]


@dataclass(frozen=True)
class Span:
    """A stretch of x that is marked, e.g. an alert."""

    label: str
    role: Role
    start: float
    end: float


@dataclass(frozen=True)
class Panel:
    """One pair of axes. ``site``: whose readings it is of, if of one; whoever shows it may call
    that otherwise."""

    title: str
    x_label: str
    y_label: str
    x: Sequence[float]
    lines: tuple[Line, ...]
    bands: tuple[Band, ...] = ()
    spans: tuple[Span, ...] = ()
    site: str = ""

    @property
    def heading(self) -> str:
        """Its title, with the site."""
        return f"{self.site}, {self.title}" if self.site else self.title


@dataclass(frozen=True)
class Chart:
    """Panels with a heading and a sentence that says how to read them."""

    title: str
    caption: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Heatmap:
    """Values as colours: a row for each of ``rows``, columns counted from 1."""

    title: str
    x_label: str
    rows: Sequence[str]
    values: Sequence[Sequence[float | None]]


@dataclass(frozen=True)
class Figure:
    """A picture of its own: charts below each other, ``across`` panels in a row."""

    charts: tuple[Chart, ...]
    across: int = 1


def role_of(system: str) -> Role:
    """What a system's lines stand for: a baseline, if it is not named after a role."""
    return cast(Role, system) if system in get_args(Role) else "baseline"


def rounded(values: Iterable[float], digits: int) -> list[float | None]:
    """Plain numbers, None where a value is not finite.

    >>> rounded([0.123, float("nan")], 2)
    [0.12, None]
    """
    return [round(float(v), digits) if math.isfinite(v) else None for v in values]
