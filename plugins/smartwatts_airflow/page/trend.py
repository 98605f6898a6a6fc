"""Values over runs, as an SVG without styles of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape

from smartwatts_airflow.page.chart import Frame, ticks

__all__ = ["Limit", "Moment", "trend"]

_FRAME = Frame(360, 150, left=40, right=10, top=10, bottom=22, gap=6)
_MOST_LINES = 4


@dataclass(frozen=True)
class Moment:
    """A run: its day, and values by the name of their line."""

    label: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Limit:
    """A level that is drawn across, e.g. from where on something is wrong."""

    value: float
    label: str


def trend(title: str, moments: Sequence[Moment], limit: Limit | None = None) -> str:
    """Lines over runs, oldest first, with a dot at each: those whose last value is highest, where
    there are many. Empty text where there are no two runs to compare."""
    names = _names(moments)
    known = [m.values[name] for m in moments for name in names if name in m.values]
    if len(moments) < 2 or not known:
        return ""
    marks = ticks(0.0, max([*known, *([limit.value] if limit else [])]))
    x, y = partial(_FRAME.x, count=len(moments)), partial(_FRAME.y, marks=marks)
    left, right = _FRAME.left, _FRAME.width - _FRAME.right
    parts = _FRAME.grid(marks)
    if limit:
        parts.append(
            f'<line class="limit" x1="{left}" x2="{right}" y1="{y(limit.value):.1f}"'
            f' y2="{y(limit.value):.1f}"><title>{escape(limit.label)}</title></line>'
        )
    for number, name in enumerate(names):
        at = [(i, m.values[name]) for i, m in enumerate(moments) if name in m.values]
        path = " ".join(f"{x(i):.1f},{y(value):.1f}" for i, value in at)
        parts.append(f'<polyline class="line{number}" points="{path}"/>')
        parts += [
            f'<circle class="line{number}" cx="{x(i):.1f}" cy="{y(value):.1f}" r="3">'
            f"<title>{escape(f'{moments[i].label}, {name}: {value:.3g}')}</title></circle>"
            for i, value in at
        ]
    for place, anchor in ((0, "start"), (len(moments) - 1, "end")):
        edge = left if place == 0 else right
        parts.append(
            f'<text class="tick" x="{edge}" y="{_FRAME.height - 6}" text-anchor="{anchor}">'
            f"{escape(moments[place].label)}</text>"
        )
    keys = "".join(f'<span class="key line{i}">{escape(n)}</span> ' for i, n in enumerate(names))
    return (
        f'<figure class="trend"><svg viewBox="0 0 {_FRAME.width} {_FRAME.height}" role="img"'
        f' aria-label="{escape(title)}">{"".join(parts)}</svg>'
        f"<figcaption><b>{escape(title)}</b> {keys if len(names) > 1 else ''}</figcaption></figure>"
    )


def _names(moments: Sequence[Moment]) -> list[str]:
    newest: dict[str, float] = {}
    for moment in moments:
        newest |= moment.values
    return sorted(newest, key=lambda name: -newest[name])[:_MOST_LINES]
