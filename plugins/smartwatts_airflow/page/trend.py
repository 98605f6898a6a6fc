"""Values over runs, as an SVG without styles of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from smartwatts_airflow.page.chart import ticks

__all__ = ["Limit", "Moment", "trend"]

_WIDTH, _HEIGHT = 360, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 10, 10, 22
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
    low, high = marks[0], marks[-1]

    def x(place: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (place + 0.5) / len(moments)

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - (value - low) / (high - low))

    parts = [
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(t):.1f}" y2="{y(t):.1f}"/>'
        f'<text class="tick" x="{_LEFT - 6}" y="{y(t) + 4:.1f}" text-anchor="end">{t:g}</text>'
        for t in marks
    ]
    if limit:
        parts.append(
            f'<line class="limit" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(limit.value):.1f}"'
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
        edge = _LEFT if place == 0 else _WIDTH - _RIGHT
        parts.append(
            f'<text class="tick" x="{edge}" y="{_HEIGHT - 6}" text-anchor="{anchor}">'
            f"{escape(moments[place].label)}</text>"
        )
    keys = "".join(f'<span class="key line{i}">{escape(n)}</span> ' for i, n in enumerate(names))
    return (
        f'<figure class="trend"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
        f' aria-label="{escape(title)}">{"".join(parts)}</svg>'
        f"<figcaption><b>{escape(title)}</b> {keys if len(names) > 1 else ''}</figcaption></figure>"
    )


def _names(moments: Sequence[Moment]) -> list[str]:
    newest: dict[str, float] = {}
    for moment in moments:
        newest |= moment.values
    return sorted(newest, key=lambda name: -newest[name])[:_MOST_LINES]
