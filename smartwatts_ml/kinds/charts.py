"""Charts as values: a kind says what is drawn, ``reports`` how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Band", "Chart", "Line", "Panel", "Span"]

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
    """One pair of axes."""

    title: str
    x_label: str
    y_label: str
    x: Sequence[float]
    lines: tuple[Line, ...]
    bands: tuple[Band, ...] = ()
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Chart:
    """Panels with a heading and a sentence that says how to read them."""

    title: str
    caption: str
    panels: tuple[Panel, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Chart:
        """Read what ``to_json`` wrote."""
        panels = tuple(
            Panel(
                **{
                    **panel,
                    "lines": tuple(Line(**line) for line in panel["lines"]),
                    "bands": tuple(Band(**band) for band in panel["bands"]),
                    "spans": tuple(Span(**span) for span in panel["spans"]),
                }
            )
            for panel in value["panels"]
        )
        return cls(value["title"], value["caption"], panels)
