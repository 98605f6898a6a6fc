"""Charts as inline SVG: no script, no font, no request; colours are the page's classes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from smartwatts_ml.kinds.charts import Band, Chart, Line, Panel, Span

__all__ = ["change_bar", "interval_bar", "legend", "panel", "time_bar"]

_WIDTH, _HEIGHT = 360, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 18, 34
_TICKS = 4
_STRIP = 7
_BEYOND = 1.5
_BAR_WIDTH, _BAR_HEIGHT = 160, 14
_Points = Sequence[float | None]


class _Axes:
    """Maps values to the picture's units."""

    def __init__(self, xs: Iterable[float], ys: Iterable[float]) -> None:
        self.x0, self.x1 = _span(xs)
        self.y0, self.y1 = _span(ys)

    def x(self, value: float) -> float:
        share = (value - self.x0) / (self.x1 - self.x0)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def holds(self, value: float) -> bool:
        """Whether a value is within the picture."""
        return self.y0 <= value <= self.y1

    def y(self, value: float) -> float:
        """What lies beyond is drawn at the edge."""
        share = (min(max(value, self.y0), self.y1) - self.y0) / (self.y1 - self.y0)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _span(values: Iterable[float]) -> tuple[float, float]:
    known = [value for value in values if math.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    room = (high - low) * 0.05
    return (low if low == 0 else low - room), high + room


def panel(drawn: Panel) -> str:
    """One pair of axes with its lines, areas and marked stretches."""
    axes = _Axes(drawn.x, _shown(drawn))
    parts = [
        *(_stretch(axes, span) for span in drawn.spans),
        _grid(axes),
        *(_area(axes, drawn.x, band) for band in drawn.bands),
        *(
            f'<path class="line {name}" d="{_path(axes, drawn.x, line.y)}"/>'
            for line, name in zip(drawn.lines, _classes(drawn.lines), strict=True)
        ),
        f'<text class="axis" x="{(_LEFT + _WIDTH) / 2}" y="{_HEIGHT - 4}" text-anchor="middle">'
        f"{escape(drawn.x_label)}</text>",
        _cut(axes, drawn),
        f'<text class="axis" x="4" y="11">{escape(drawn.y_label)}</text>',
    ]
    return _svg(drawn.heading, _WIDTH, _HEIGHT, parts)


def _shown(drawn: Panel) -> list[float]:
    """Values that the axis has to hold: all of the truth, and of what is predicted what lies
    within ``_BEYOND`` times its span beyond it. One absurd value flattens nothing then: it is
    drawn at the edge, with its size beside it."""
    truth = [y for line in drawn.lines if line.role == "truth" for y in _known(line.y)]
    others = [
        y
        for values in _predicted(drawn)
        for y in _known(values)
        if not truth or _near(y, min(truth), max(truth))
    ]
    return [*truth, *others]


def _predicted(drawn: Panel) -> list[_Points]:
    edges = [edge for band in drawn.bands for edge in (band.low, band.high)]
    return [*(line.y for line in drawn.lines if line.role != "truth"), *edges]


def _known(values: _Points) -> list[float]:
    return [y for y in values if y is not None and math.isfinite(y)]


def _near(value: float, low: float, high: float) -> bool:
    """Whether it is worth a part of the axis.

    >>> [_near(y, 0.0, 100.0) for y in (180, 240, 9_000, -160)]
    [True, True, False, False]
    """
    room = _BEYOND * ((high - low) or abs(high) or 1.0)
    return low - room <= value <= high + room


def _cut(axes: _Axes, drawn: Panel) -> str:
    """How far what is cut off goes; empty where nothing is."""
    beyond = [y for values in _predicted(drawn) for y in _known(values) if not axes.holds(y)]
    if not beyond:
        return ""
    said = [f"↑ {_short(top)}"] if (top := max(beyond)) > axes.y1 else []
    said += [f"↓ {_short(bottom)}"] if (bottom := min(beyond)) < axes.y0 else []
    return (
        f'<text class="axis cut" x="{_WIDTH - _RIGHT}" y="11" text-anchor="end">'
        f"{' '.join(said)}</text>"
    )


def legend(chart: Chart) -> list[tuple[str, str]]:
    """Classes and label of all that the chart's panels show."""
    classes: dict[str, str] = {}
    for drawn in chart.panels:
        classes.update(
            zip((line.label for line in drawn.lines), _classes(drawn.lines), strict=True)
        )
        classes |= {band.label: band.role for band in drawn.bands}
        classes |= {span.label: span.role for span in drawn.spans}
    return [(name, label) for label, name in classes.items()]


def _classes(lines: Sequence[Line]) -> list[str]:
    """Of each line: a role that is there already is drawn again, but dashed."""
    roles = [line.role for line in lines]
    return [f"{role} again" if role in roles[:i] else role for i, role in enumerate(roles)]


def _grid(axes: _Axes) -> str:
    rows = (
        f'<path class="grid" d="M{_LEFT} {axes.y(y):.1f}H{_WIDTH - _RIGHT}"/>'
        f'<text class="axis" x="{_LEFT - 4}" y="{axes.y(y) + 4:.1f}" text-anchor="end">'
        f"{_short(y)}</text>"
        for y in _ticks(axes.y0, axes.y1)
    )
    columns = (
        f'<text class="axis" x="{axes.x(x):.1f}" y="{_HEIGHT - _BOTTOM + 14}" '
        f'text-anchor="middle">{_short(x)}</text>'
        for x in _ticks(axes.x0, axes.x1)
    )
    return "".join((*rows, *columns))


def _ticks(low: float, high: float) -> list[float]:
    """Round values within, about ``_TICKS`` of them.

    >>> _ticks(0, 100)
    [0, 20, 40, 60, 80, 100]
    """
    raw = (high - low) / _TICKS
    base = 10 ** math.floor(math.log10(raw))
    step = next(m * base for m in (1, 2, 5, 10) if m * base >= raw * 0.8)
    first = math.ceil(low / step)
    return [i * step for i in range(first, math.floor(high / step) + 1)]


def _short(value: float) -> str:
    text = f"{value / 1000:g}k" if abs(value) >= 10_000 else f"{value:.4g}"
    return text.replace("-", "−")


def _path(axes: _Axes, xs: Sequence[float], ys: _Points) -> str:
    """Moves on where a value is missing."""
    steps, pen = [], "M"
    for x, y in zip(xs, ys, strict=True):
        if y is None or not math.isfinite(y):
            pen = "M"
            continue
        steps.append(f"{pen}{axes.x(x):.1f} {axes.y(y):.1f}")
        pen = "L"
    return "".join(steps)


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
    height = _STRIP if own else _HEIGHT - _TOP - _BOTTOM
    return (
        f'<rect class="stretch {span.role}{" own" if own else ""}" x="{begin:.1f}" y="{_TOP}" '
        f'width="{max(end - begin, 2.5 if own else 1.5):.1f}" height="{height}">'
        f"<title>{escape(span.label)}</title></rect>"
    )


def change_bar(loss: float | None, allowed: float, passed: bool, *, most: float = 0.5) -> str:
    """How much a slice got better (left, green) or worse (right), its margin as a line."""
    if loss is None or not math.isfinite(loss):
        return ""
    half = _BAR_WIDTH / 2
    length = min(abs(loss), most) / most * half
    begin = half if loss > 0 else half - length
    margin = half + min(allowed, most) / most * half
    look = "worse" if loss > 0 else "better"
    return _svg(
        f"{-loss:+.1%}",
        _BAR_WIDTH,
        _BAR_HEIGHT,
        [
            f'<path class="grid" d="M{half} 0V{_BAR_HEIGHT}"/>',
            f'<rect class="bar {look}{"" if passed else " broken"}" x="{begin:.1f}" y="3" '
            f'width="{max(length, 0.8):.1f}" height="8"/>',
            f'<path class="margin" d="M{margin:.1f} 0V{_BAR_HEIGHT}"/>',
        ],
    )


def interval_bar(
    value: float, interval: Sequence[float], span: tuple[float, float], role: str
) -> str:
    """A value with its interval on an axis that all systems share."""
    low, high = span

    def x(at: float) -> float:
        return 4 + (at - low) / ((high - low) or 1.0) * (_BAR_WIDTH - 8)

    return _svg(
        f"{value:.4g}, {interval[0]:.4g} to {interval[1]:.4g}",
        _BAR_WIDTH,
        _BAR_HEIGHT,
        [
            f'<path class="line {role}" d="M{x(interval[0]):.1f} 7H{x(interval[1]):.1f}"/>',
            f'<circle class="dot {role}" cx="{x(value):.1f}" cy="7" r="4"/>',
        ],
    )


def time_bar(parts: Sequence[tuple[str, float, float]], title: str) -> str:
    """Stretches of one time axis that all rows share; each has a role and, as shares of the
    axis, where it begins and ends."""
    drawn = [
        f'<rect class="time {role}" x="{begin * _BAR_WIDTH:.1f}" y="3" '
        f'width="{max((end - begin) * _BAR_WIDTH, 0.8):.1f}" height="8"/>'
        for role, begin, end in parts
        if end > begin
    ]
    axis = f'<path class="grid" d="M0 7H{_BAR_WIDTH}"/>'
    return _svg(title, _BAR_WIDTH, _BAR_HEIGHT, [axis, *drawn])


def _svg(title: str, width: int, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
