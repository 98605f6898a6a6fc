"""Charts as inline SVG: no script, no font, no request; colours are the page's classes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from smartwatts_ml.kinds.charts import Band, Line, Panel, Span

__all__ = ["change_bar", "interval_bar", "looks", "panel", "time_bar"]

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 18, 34
TICKS = 4
STRIP = 7
Points = Sequence[float | None]


class _Axes:
    """Maps values to the picture's units."""

    def __init__(self, xs: Iterable[float], ys: Iterable[float]) -> None:
        self.x0, self.x1 = _span(xs)
        self.y0, self.y1 = _span(ys)

    def x(self, value: float) -> float:
        share = (value - self.x0) / (self.x1 - self.x0)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.y0) / (self.y1 - self.y0)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _span(values: Iterable[float]) -> tuple[float, float]:
    known = [value for value in values if math.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    room = (high - low) * 0.05
    return (low if low == 0 else low - room), high + room


def panel(drawn: Panel) -> str:
    """One pair of axes with its lines, areas and marked stretches."""
    series: list[Points] = [line.y for line in drawn.lines]
    series += [edge for band in drawn.bands for edge in (band.low, band.high)]
    axes = _Axes(drawn.x, (value for one in series for value in one if value is not None))
    parts = [
        *(_stretch(axes, span) for span in drawn.spans),
        _grid(axes),
        *(_area(axes, drawn.x, band) for band in drawn.bands),
        *(
            _line(axes, drawn.x, line, look)
            for line, look in zip(drawn.lines, looks(drawn.lines), strict=True)
        ),
        f'<text class="axis" x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 4}" text-anchor="middle">'
        f"{escape(drawn.x_label)}</text>",
        f'<text class="axis" x="4" y="11">{escape(drawn.y_label)}</text>',
    ]
    return _svg(drawn.title, WIDTH, HEIGHT, parts)


def _grid(axes: _Axes) -> str:
    found = []
    for value in _ticks(axes.y0, axes.y1):
        y = axes.y(value)
        found.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        found.append(
            f'<text class="axis" x="{LEFT - 4}" y="{y + 4:.1f}" text-anchor="end">'
            f"{_short(value)}</text>"
        )
    for value in _ticks(axes.x0, axes.x1):
        found.append(
            f'<text class="axis" x="{axes.x(value):.1f}" y="{HEIGHT - BOTTOM + 14}" '
            f'text-anchor="middle">{_short(value)}</text>'
        )
    return "".join(found)


def _ticks(low: float, high: float) -> list[float]:
    """Round values within, about ``TICKS`` of them.

    >>> _ticks(0, 100)
    [0, 20, 40, 60, 80, 100]
    """
    raw = (high - low) / TICKS
    base = 10 ** math.floor(math.log10(raw))
    step = next(m * base for m in (1, 2, 5, 10) if m * base >= raw * 0.8)
    first = math.ceil(low / step)
    return [i * step for i in range(first, math.floor(high / step) + 1)]


def _short(value: float) -> str:
    text = f"{value / 1000:g}k" if abs(value) >= 10_000 else f"{value:.4g}"
    return text.replace("-", "−")


def looks(lines: Sequence[Line]) -> list[str]:
    """Classes of each line: a role that is there already is drawn again, but dashed."""
    roles = [line.role for line in lines]
    return [f"{role} again" if role in roles[:i] else role for i, role in enumerate(roles)]


def _line(axes: _Axes, xs: Sequence[float], line: Line, look: str) -> str:
    return f'<path class="line {look}" d="{_path(axes, xs, line.y)}"/>'


def _path(axes: _Axes, xs: Sequence[float], ys: Points) -> str:
    """Moves on where a value is missing."""
    found, pen = [], "M"
    for x, y in zip(xs, ys, strict=True):
        if y is None or not math.isfinite(y):
            pen = "M"
            continue
        found.append(f"{pen}{axes.x(x):.1f} {axes.y(y):.1f}")
        pen = "L"
    return "".join(found)


def _area(axes: _Axes, xs: Sequence[float], band: Band) -> str:
    edges = [
        (x, low, high)
        for x, low, high in zip(xs, band.low, band.high, strict=True)
        if low is not None and high is not None
    ]
    there = "L".join(f"{axes.x(x):.1f} {axes.y(high):.1f}" for x, _, high in edges)
    back = "L".join(f"{axes.x(x):.1f} {axes.y(low):.1f}" for x, low, _ in reversed(edges))
    return f'<path class="area {band.role}" d="M{there}L{back}Z"/>' if edges else ""


def _stretch(axes: _Axes, span: Span) -> str:
    """Shaded over the whole height; the challenger's own as a strip at the top, so that
    both are seen where they meet."""
    begin, end = axes.x(span.start), axes.x(span.end)
    own = span.role == "challenger"
    height = STRIP if own else HEIGHT - TOP - BOTTOM
    return (
        f'<rect class="stretch {span.role}{" own" if own else ""}" x="{begin:.1f}" y="{TOP}" '
        f'width="{max(end - begin, 2.5 if own else 1.5):.1f}" height="{height}">'
        f"<title>{escape(span.label)}</title></rect>"
    )


def change_bar(loss: float | None, allowed: float, passed: bool, *, most: float = 0.5) -> str:
    """How much a slice got better (left, green) or worse (right), its margin as a line."""
    if loss is None or not math.isfinite(loss):
        return ""
    half, height = 80.0, 14
    length = min(abs(loss), most) / most * half
    begin = half if loss > 0 else half - length
    margin = half + min(allowed, most) / most * half
    look = "worse" if loss > 0 else "better"
    return _svg(
        f"{-loss:+.1%}",
        int(2 * half),
        height,
        [
            f'<path class="grid" d="M{half} 0V{height}"/>',
            f'<rect class="bar {look}{"" if passed else " broken"}" x="{begin:.1f}" y="3" '
            f'width="{max(length, 0.8):.1f}" height="8"/>',
            f'<path class="margin" d="M{margin:.1f} 0V{height}"/>',
        ],
    )


def interval_bar(
    value: float, interval: Sequence[float], span: tuple[float, float], role: str
) -> str:
    """A value with its interval on an axis that all systems share."""
    low, high = span
    width, height = 160, 14

    def x(at: float) -> float:
        return 4 + (at - low) / ((high - low) or 1.0) * (width - 8)

    return _svg(
        f"{value:.4g}, {interval[0]:.4g} to {interval[1]:.4g}",
        width,
        height,
        [
            f'<path class="line {role}" d="M{x(interval[0]):.1f} 7H{x(interval[1]):.1f}"/>',
            f'<circle class="dot {role}" cx="{x(value):.1f}" cy="7" r="4"/>',
        ],
    )


def time_bar(parts: Sequence[tuple[str, float, float]], title: str) -> str:
    """Stretches of one time axis that all rows share; each has a role and, as shares of the
    axis, where it begins and ends."""
    width, height = 160, 14
    drawn = [
        f'<rect class="time {role}" x="{begin * width:.1f}" y="3" '
        f'width="{max((end - begin) * width, 0.8):.1f}" height="8"/>'
        for role, begin, end in parts
        if end > begin
    ]
    return _svg(title, width, height, [f'<path class="grid" d="M0 7H{width}"/>', *drawn])


def _svg(title: str, width: int, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
