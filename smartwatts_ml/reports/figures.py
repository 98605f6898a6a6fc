"""Figures of reports, as PNG in base64."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smartwatts_ml.kinds.base import Criterion

__all__ = ["Figure", "slices_figure", "training_figure"]

MAX_SLICES = 40
COLOURS = ("#0969da", "#1b7c83", "#8c6bb1", "#bf8700", "#6e7781")
MARKERS = "odsv^"


@dataclass(frozen=True)
class Figure:
    """A picture and the sentence below it."""

    title: str
    png: str


def slices_figure(
    slices: Mapping[str, Mapping[str, Mapping[str, Any]]], criterion: Criterion
) -> Figure:
    """The deciding metric by site and channel, a dot for each system."""
    names = list(next(iter(slices.values())))[:MAX_SLICES]
    figure, axes = _axes(height=1.2 + 0.28 * len(names))
    rows = np.arange(len(names))
    styles = zip(MARKERS, COLOURS, strict=True)
    for (marker, colour), (system, values) in zip(styles, slices.items(), strict=False):
        found = [values.get(name, {}).get(criterion.metric) for name in names]
        axes.plot(
            [np.nan if value is None else value for value in found],
            rows,
            marker,
            color=colour,
            # A ring for the challenger, which would hide a champion that is as good.
            markersize=10 if marker == "o" else 6,
            fillstyle="none" if marker == "o" else "full",
            label=system,
        )
    axes.set_yticks(rows, names)
    axes.invert_yaxis()
    axes.set_xlabel(f"{criterion.label} ({criterion.better} is better)")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(frameon=False, loc="best")
    return Figure(f"{criterion.label} on the holdout, by site and channel", _png(figure))


def training_figure(log: Sequence[Mapping[str, float]]) -> Figure:
    """Every loss of the training log over the epochs."""
    figure, axes = _axes(height=3.2)
    epochs = np.arange(1, len(log) + 1)
    for name in (name for name in log[0] if "loss" in name):
        axes.plot(epochs, [row.get(name, np.nan) for row in log], label=name)
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return Figure("Loss by epoch", _png(figure))


def _axes(height: float) -> Any:
    from matplotlib.figure import Figure as Canvas

    figure = Canvas(figsize=(8.5, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _png(figure: Any) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return base64.b64encode(buffer.getvalue()).decode()
