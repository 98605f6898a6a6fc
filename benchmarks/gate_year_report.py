"""What a year in each way and under each policy gave: a table with intervals over seeds, a
picture, and years on disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import t

from benchmarks.gate_homes import CAR_WEEK, SHIFT_WEEKS, UNIT_WEEKS
from benchmarks.gate_ways import SHIPS, WAYS
from benchmarks.gate_year import GATE, POLICIES, Year

__all__ = ["draw_year", "print_year", "read_year", "write_year"]

_OURS = (SHIPS, GATE)


def print_year(years: Sequence[Year]) -> None:
    """Error on truth by way and policy, and how much more than in the way that ships, under
    this gate, by seeds."""
    print(
        "| way | policy | MAE on truth, W | more than what ships, W | worst week, W "
        "| weeks old | in force | ruined |"
    )
    print("|---|---|---|---|---|---|---|---|")
    ours = np.array([year.errors[_OURS].mean() for year in years])
    for key in years[0].errors:
        means = np.array([year.errors[key].mean() for year in years])
        worst = np.mean([year.errors[key].max() for year in years])
        age = np.mean([np.median(year.ages[key]) for year in years])
        deployed = sum(len(year.deployed[key]) for year in years)
        ruined = sum(len(year.ruined[key]) for year in years)
        more = "–" if key == _OURS else _interval(means - ours)
        print(
            f"| {key[0]} | {key[1]} | {means.mean():.2f} | {more} | {worst:.1f} | {age:.0f} | "
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
    """Error by week and policy in the way that ships, the mean over seeds, with what happened
    when; and this gate as it was, with a fifth held out."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots()
    colours = ("#0969da", "#54aeff", "#d4a72c", "#bc4c00", "#8250df", "#6e7781", "#1a7f37")
    keys = [*((SHIPS, policy) for policy in POLICIES), (WAYS[0].name, GATE)]
    for colour, key in zip(colours, keys, strict=True):
        errors = np.mean([year.errors[key] for year in years], axis=0)
        weeks = np.arange(1, len(errors) + 1)
        label = key[1] if key[0] == SHIPS else f"{key[1]}, {key[0]}"
        axes.plot(weeks, errors, color=colour, lw=2.4 if key == _OURS else 1.3, label=label)
    for span, word in ((UNIT_WEEKS, "kW for W"), (SHIFT_WEEKS, "clocks late")):
        axes.axvspan(span.start, span.stop, color="#cf222e", alpha=0.12)
        axes.text(span.start, axes.get_ylim()[1], word, va="top", fontsize="small")
    axes.axvline(CAR_WEEK, color="#1a7f37", ls="--")
    axes.text(CAR_WEEK, axes.get_ylim()[1], " cars appear", va="top", fontsize="small")
    axes.set_xlabel("week")
    axes.set_ylabel("MAE on truth of the week that follows, W")
    seeds = "one seed" if len(years) == 1 else f"mean of {len(years)} seeds"
    axes.set_title(f"The model in force, {SHIPS}, {seeds}")
    axes.legend(frameon=False)
    figure.savefig(picture, dpi=90)


def write_year(year: Year, path: Path) -> None:
    """Keep a seed's year, as JSON."""
    rows = [
        {
            "way": key[0],
            "policy": key[1],
            "errors": year.errors[key].tolist(),
            "deployed": year.deployed[key],
            "ruined": year.ruined[key],
            "ages": year.ages[key].tolist(),
        }
        for key in year.errors
    ]
    path.write_text(json.dumps(rows))


def read_year(path: Path) -> Year:
    """What ``write_year`` kept."""
    rows = {(row["way"], row["policy"]): row for row in json.loads(path.read_text())}
    return Year(
        {key: np.array(row["errors"]) for key, row in rows.items()},
        {key: row["deployed"] for key, row in rows.items()},
        {key: row["ruined"] for key, row in rows.items()},
        {key: np.array(row["ages"]) for key, row in rows.items()},
    )
