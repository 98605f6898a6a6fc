"""A metric over a model's versions, as an SVG without styles of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from xml.sax.saxutils import escape, quoteattr

__all__ = ["Frame", "Point", "draw", "ticks"]

_TICKS = 4
_MOST_LABELS = 12


@dataclass(frozen=True)
class Frame:
    """Where values lie in a picture: its size and margins in units of the SVG, ``gap`` between an
    axis and its numbers."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    gap: int

    def x(self, place: float, count: int) -> float:
        """The middle of one of ``count`` places."""
        return self.left + (self.width - self.left - self.right) * (place + 0.5) / count

    def y(self, value: float, marks: Sequence[float]) -> float:
        """A value between the first and the last of ``marks``."""
        share = (value - marks[0]) / (marks[-1] - marks[0])
        return self.top + (self.height - self.top - self.bottom) * (1 - share)

    def grid(self, marks: Sequence[float]) -> list[str]:
        """A line and a number at each mark."""
        return [
            f'<line class="grid" x1="{self.left}" x2="{self.width - self.right}"'
            f' y1="{y:.1f}" y2="{y:.1f}"/><text class="tick" x="{self.left - self.gap}"'
            f' y="{y + 4:.1f}" text-anchor="end">{mark:g}</text>'
            for mark in marks
            for y in (self.y(mark, marks),)
        ]


_FRAME = Frame(720, 240, left=64, right=12, top=12, bottom=32, gap=8)


@dataclass(frozen=True)
class Point:
    """A version's metric and its baseline's, on the same holdout; None where unknown."""

    version: int
    value: float | None
    baseline: float | None
    title: str
    marks: Sequence[str] = ()
    """CSS classes: ``champion``, ``forced``; forced shows where both are."""


def draw(points: Sequence[Point], label: str) -> str:
    """The chart; empty text where no version has the metric."""
    known = [p.value for p in points if p.value is not None]
    if not known:
        return ""
    known += [p.baseline for p in points if p.value is not None and p.baseline is not None]
    marks = ticks(min(known), max(known))
    x, y = partial(_FRAME.x, count=len(points)), partial(_FRAME.y, marks=marks)
    parts = _FRAME.grid(marks)
    values = [(x(i), y(p.value)) for i, p in enumerate(points) if p.value is not None]
    # A step over each version's own place: a line between two needs two, and there may be one.
    baselines = [
        (x(i + side), y(p.baseline))
        for i, p in enumerate(points)
        if p.baseline is not None
        for side in (-0.5, 0.5)
    ]
    parts += [_line("baseline", baselines), _line("value", values)]
    step = math.ceil(len(points) / _MOST_LABELS)
    for place, point in enumerate(points):
        if place % step == 0:
            parts.append(
                f'<text class="tick" x="{x(place):.1f}" y="{_FRAME.height - 10}"'
                f' text-anchor="middle">v{point.version}</text>'
            )
        if point.value is not None:
            radius = 6 if point.marks else 4
            parts.append(
                f'<circle class="point {" ".join(point.marks)}" cx="{x(place):.1f}"'
                f' cy="{y(point.value):.1f}" r="{radius}"><title>{escape(point.title)}</title>'
                "</circle>"
            )
    return (
        f'<svg class="chart" viewBox="0 0 {_FRAME.width} {_FRAME.height}" role="img"'
        f" aria-label={quoteattr(f'{label} of each version')}>{''.join(parts)}</svg>"
    )


def _line(name: str, places: Sequence[tuple[float, float]]) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline class="{name}" points="{path}"/>'


def ticks(low: float, high: float) -> list[float]:
    """Round numbers from at most ``low`` to at least ``high``.

    >>> ticks(0.31, 0.44)
    [0.3, 0.35, 0.4, 0.45]
    >>> ticks(20, 20)
    [19.0, 19.5, 20.0, 20.5, 21.0]
    """
    if high - low < 1e-9 * max(1.0, abs(high)):
        margin = abs(high) * 0.05 or 1.0
        low, high = low - margin, high + margin
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * i, 12) for i in range(first, last + 1)]
