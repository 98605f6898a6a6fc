"""What a year under each policy gave: a table with intervals over seeds, and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import t

from benchmarks.gate_homes import CAR_WEEK, SHIFT_WEEKS, UNIT_WEEKS
from benchmarks.gate_year import POLICIES, Year

__all__ = ["draw_year", "print_year"]

GATE = "this gate"


def print_year(years: Sequence[Year]) -> None:
    """Error on truth by policy, and how much more than this gate's, by seeds."""
    print(
        "| policy | MAE on truth, W | more than this gate, W | worst week, W | in force | ruined |"
    )
    print("|---|---|---|---|---|---|")
    of_gate = np.array([year.errors[GATE].mean() for year in years])
    for name in POLICIES:
        means = np.array([year.errors[name].mean() for year in years])
        worst = np.mean([year.errors[name].max() for year in years])
        deployed = sum(len(year.deployed[name]) for year in years)
        ruined = sum(len(year.ruined[name]) for year in years)
        more = "–" if name == GATE else _interval(means - of_gate)
        print(
            f"| {name} | {means.mean():.2f} | {more} | {worst:.1f} | "
            f"{deployed / len(years):.1f} a year | {ruined} of {deployed} |"
        )


def _interval(differences: np.ndarray) -> str:
    """Mean with Student's 95 % interval over seeds."""
    mean = float(differences.mean())
    if len(differences) < 2:
        return f"{mean:+.2f}"
    half = float(
        t.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / np.sqrt(len(differences))
    )
    return f"{mean:+.2f} ({mean - half:+.2f} to {mean + half:+.2f})"


def draw_year(years: Sequence[Year], picture: Path) -> None:
    """Error by week and policy, the mean over seeds, with what happened when."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots()
    colours = ("#0969da", "#bc4c00", "#8250df", "#6e7781")
    for colour, name in zip(colours, POLICIES, strict=True):
        errors = np.mean([year.errors[name] for year in years], axis=0)
        weeks = np.arange(1, len(errors) + 1)
        axes.plot(weeks, errors, color=colour, lw=2.4 if name == GATE else 1.3, label=name)
    for span, word in ((UNIT_WEEKS, "kW for W"), (SHIFT_WEEKS, "clocks late")):
        axes.axvspan(span.start, span.stop, color="#cf222e", alpha=0.12)
        axes.text(span.start, axes.get_ylim()[1], word, va="top", fontsize="small")
    axes.axvline(CAR_WEEK, color="#1a7f37", ls="--")
    axes.text(CAR_WEEK, axes.get_ylim()[1], " cars appear", va="top", fontsize="small")
    axes.set_xlabel("week")
    axes.set_ylabel("MAE on truth of the week that follows, W")
    axes.set_title(f"The champion under four policies, mean of {len(years)} seeds")
    axes.legend(frameon=False)
    figure.savefig(picture, dpi=90)
