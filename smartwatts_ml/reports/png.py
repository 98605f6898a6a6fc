"""Charts as PNG, for the folder of an evaluation; a page draws the same values as SVG."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.figure import SubFigure

from smartwatts_ml.kinds.charts import Band, Chart, Figure, Heatmap, Line, Panel, Role, Span

__all__ = ["png"]

_COLOURS: dict[Role, str] = {
    "truth": "#1f2328",
    "challenger": "#0969da",
    "champion": "#bc4c00",
    "baseline": "#6e7781",
    "context": "#afb8c1",
}
_WIDTH, _WIDTH_ALONE = 12.0, 7.0
"""Of a picture, and of one that has a single panel, inches."""
_PANEL_HEIGHT, _TITLE_HEIGHT, _ROW_HEIGHT = 2.6, 0.7, 0.22
"""Inches."""
_STRIP = 0.95
"""Share of a panel's height above which the challenger's own stretches are marked."""

_TOP = 0.98
"""Quantile of a heatmap's values from which on all have the last colour."""


def png(picture: Figure | Heatmap) -> bytes:
    """The picture of one model, which charts call the challenger."""
    canvas = _heatmap(picture) if isinstance(picture, Heatmap) else _figure(picture)
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _figure(figure: Figure) -> Canvas:
    rows = [-(-len(chart.panels) // figure.across) for chart in figure.charts]
    heights = [_TITLE_HEIGHT + _PANEL_HEIGHT * count for count in rows]
    alone = sum(len(chart.panels) for chart in figure.charts) == 1
    width = _WIDTH_ALONE if alone else _WIDTH
    canvas = Canvas(figsize=(width, sum(heights)), layout="constrained")
    parts = canvas.subfigures(len(rows), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, chart, count in zip(parts, figure.charts, rows, strict=True):
        _chart(part, chart, count, figure.across)
    return canvas


def _chart(part: SubFigure, chart: Chart, rows: int, across: int) -> None:
    part.suptitle(
        f"{chart.title}. {_of_model(chart.caption)}",
        x=0.01,
        ha="left",
        fontsize="medium",
        wrap=True,
    )
    places = part.subplots(rows, across, squeeze=False).ravel()
    handles: dict[str, Artist] = {}
    for axes, panel in zip(places, chart.panels, strict=False):
        _panel(axes, panel)
        artists, labels = axes.get_legend_handles_labels()
        handles.update(zip(labels, artists, strict=True))
    for axes in places[len(chart.panels) :]:
        axes.set_visible(False)
    part.legend(
        list(handles.values()),
        list(handles),
        loc="outside lower center",
        ncols=len(handles),
        frameon=False,
        fontsize="small",
    )


def _panel(axes: Axes, panel: Panel) -> None:
    for span in panel.spans:
        _span(axes, span)
    for band in panel.bands:
        _band(axes, panel, band)
    for line in panel.lines:
        _line(axes, panel, line)
    axes.set_title(_of_model(panel.heading), fontsize="small", loc="left")
    axes.set_xlabel(panel.x_label, fontsize="small")
    axes.set_ylabel(panel.y_label, fontsize="small")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize="small")
    axes.margins(x=0)


def _span(axes: Axes, span: Span) -> None:
    """Shaded over the whole height; the challenger's own as a strip at the top, so that both
    are seen where they meet."""
    own = span.role == "challenger"
    axes.axvspan(
        span.start,
        span.end,
        ymin=_STRIP if own else 0,
        color=_COLOURS[span.role],
        alpha=1.0 if own else 0.2,
        lw=0,
        label=_of_model(span.label),
    )


def _band(axes: Axes, panel: Panel, band: Band) -> None:
    low, high = _numbers(band.low), _numbers(band.high)
    colour, label = _COLOURS[band.role], _of_model(band.label)
    axes.fill_between(panel.x, low, high, color=colour, alpha=0.22, lw=0, label=label)


def _line(axes: Axes, panel: Panel, line: Line) -> None:
    colour, label = _COLOURS[line.role], _of_model(line.label)
    axes.plot(panel.x, _numbers(line.y), color=colour, lw=1.1, label=label)


def _heatmap(heatmap: Heatmap) -> Canvas:
    canvas = Canvas(figsize=(_WIDTH, 1.5 + _ROW_HEIGHT * len(heatmap.rows)), layout="constrained")
    axes = canvas.subplots()
    values = np.array([_numbers(row) for row in heatmap.values])
    rows, columns = values.shape
    image = axes.imshow(
        values,
        aspect="auto",
        vmin=0,
        vmax=float(np.nanquantile(values, _TOP)),
        extent=(0.5, columns + 0.5, rows - 0.5, -0.5),
    )
    axes.set_yticks(range(rows), heatmap.rows, fontsize="small")
    axes.set_xlabel(heatmap.x_label)
    axes.set_title(heatmap.title, loc="left")
    canvas.colorbar(image, ax=axes)
    return canvas


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def _of_model(text: str) -> str:
    return text.replace("challenger", "model")
