"""What changes a model's error when it is trained again: components of variance, measured.

Forecasters are trained with several seeds, each on readings up to several dates, and all are
scored on the same last weeks. The logarithm of a home's error in a week is taken apart: what
a training is worse by at all homes and weeks, at a home, in a week at all homes, and in a
week at a home, and how error grows with the age of the readings learned from. Two-way
analysis of variance of the differences between trainings (Searle, Casella and McCulloch 1992).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.modelfiles.networks import KerasNetwork
from smartwatts_ml.modelfiles.tensorflow import start_tensorflow
from smartwatts_ml.readings.base import Readings
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.holdout import SelectedReadings
from smartwatts_ml.settings import Settings

__all__ = ["Components", "Trainings", "as_rows", "components", "losses_of", "train_all"]

WEEK = np.timedelta64(7, "D")


@dataclass(frozen=True)
class Trainings:
    """What is trained: ``seeds`` at each of ``dates``, ``every`` weeks apart, before the last
    ``scored`` weeks."""

    seeds: int = 3
    dates: int = 5
    every: int = 4
    scored: int = 8
    epochs: int | None = None


@dataclass(frozen=True)
class Components:
    """Standard deviations of log error between two trainings on the same readings, each
    training's own: ``training`` at all homes and weeks, ``site``, ``week`` at all homes,
    ``site_week``; and ``ageing``, by what log error grows a week, with its standard error."""

    training: float
    site: float
    week: float
    site_week: float
    ageing: float
    ageing_error: float
    site_ageing: float
    homes: int
    weeks: int


def train_all(data: Path, wanted: Trainings, kept: Path) -> None:
    """Train what is not in ``kept`` yet, and keep the losses of each: an .npz by age and seed
    with ``sites``, ``weeks`` and ``losses`` of shape (n_blocks,)."""
    readings = FileReadings(sorted(data.glob("*.csv.gz")), Settings())
    kept.mkdir(parents=True, exist_ok=True)
    start_tensorflow()
    for age in range(0, wanted.dates * wanted.every, wanted.every):
        for seed in range(wanted.seeds):
            path = kept / f"{age:02d}-{seed}.npz"
            if not path.exists():
                sites, weeks, losses = _trained(readings, wanted, age, seed)
                np.savez(path, sites=sites, weeks=weeks, losses=losses)


def _trained(
    readings: Readings, wanted: Trainings, age: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    kind = find_kind("forecasting")
    scored = {span.site: span.end - wanted.scored * WEEK for span in readings.spans()}
    ends = {site: start - age * WEEK for site, start in scored.items()}
    spec = kind.spec(forecast_horizon=24)
    options = TrainOptions(wanted.epochs, seed=seed)
    learned = SelectedReadings(readings, readings.spans(), ends=ends)
    trained = kind.trainer.train(spec, learned, options, lambda *_: None)
    predictor = {"challenger": kind.work.predictor(KerasNetwork.from_training(trained))}
    judged = SelectedReadings(readings, readings.spans(), score_from=scored)
    scores = kind.work.evaluate(trained.details, predictor, judged, 0)["challenger"]
    stat = scores.stats.index("abs_error")
    return scores.sites, scores.weeks, scores.sums[:, 0, stat]


def losses_of(kept: Path) -> dict[tuple[int, int], np.ndarray]:
    """Log error by age in weeks and seed, shape (n_sites, n_weeks), of whole weeks alone."""
    tables = {}
    for path in sorted(kept.glob("*.npz")):
        age, seed = map(int, path.stem.split("-"))
        with np.load(path) as stored:
            sites, site = np.unique(stored["sites"], return_inverse=True)
            weeks, week = np.unique(stored["weeks"], return_inverse=True)
            table = np.full((len(sites), len(weeks)), np.nan)
            table[site, week] = stored["losses"]
        tables[age, seed] = table[:, 1:-1]
    whole = np.all([table > 0 for table in tables.values()], axis=(0, 2))
    return {key: np.log(table[whole]) for key, table in tables.items()}


def components(losses: Mapping[tuple[int, int], np.ndarray]) -> Components:
    """Take log errors, as of ``losses_of``, apart."""
    pairs = [
        (losses[a, i] - losses[a, j]) / np.sqrt(2)
        for (a, i), (b, j) in combinations(losses, 2)
        if a == b
    ]
    variances = np.mean([_two_way(table) for table in pairs], axis=0)
    training, site, week, rest = np.sqrt(np.maximum(variances, 0))
    slope, error, by_site = _ageing(losses)
    homes, weeks = pairs[0].shape
    return Components(training, site, week, rest, slope, error, by_site, homes, weeks)


def _two_way(table: np.ndarray) -> np.ndarray:
    """Variances of the whole, of rows, of columns and of the rest of one table of
    differences, by the method of moments: of independent parts, the mean of all squared is
    the whole's variance and what the other parts leave in it."""
    n, m = table.shape
    mean, rows, columns = table.mean(), table.mean(1), table.mean(0)
    rest = table - rows[:, None] - columns[None] + mean
    of_rest = np.sum(rest**2) / ((n - 1) * (m - 1))
    of_rows = np.var(rows, ddof=1) - of_rest / m
    of_columns = np.var(columns, ddof=1) - of_rest / n
    of_whole = mean**2 - of_rows / n - of_columns / m - of_rest / (n * m)
    return np.array([of_whole, of_rows, of_columns, of_rest])


def _ageing(losses: Mapping[tuple[int, int], np.ndarray]) -> tuple[float, float, float]:
    """Growth of log error a week of age, its standard error over trainings, and how unlike
    that is in different homes."""
    ages = np.array([age for age, _ in losses], float)
    by_site = np.array([table.mean(1) for table in losses.values()])
    x = ages - ages.mean()
    slopes = x @ by_site / np.sum(x**2)
    whole = by_site.mean(1)
    slope = float(x @ whole / np.sum(x**2))
    rest = whole - whole.mean() - slope * x
    error = float(np.sqrt(np.sum(rest**2) / (len(x) - 2) / np.sum(x**2)))
    return slope, error, float(np.std(slopes, ddof=1))


def as_rows(found: Components) -> list[str]:
    """For people, in percent."""
    return [
        f"| {name} | {value:.2%} |" if isinstance(value, float) else f"| {name} | {value} |"
        for name, value in asdict(found).items()
    ]
