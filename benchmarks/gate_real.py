"""Real homes, retrained weekly: what each gate has in force, how wrong it is and how old.

Boosted trees on lags learn to forecast a day, in quantiles; everything after that is what ships:
split, baselines, scores, criteria, floors and rules of ``forecasting_24h``. The week that follows
each decision is scored as the kind scores it, and nobody has seen it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from benchmarks.forecasting_peers import expand, lag_features, squash
from smartwatts_ml.gate import CHALLENGER, CHAMPION, Facts, judge
from smartwatts_ml.gate.drift import Histogram, drift
from smartwatts_ml.gate.refit import parity_of_behaviour
from smartwatts_ml.judging.agreement import difference
from smartwatts_ml.judging.day_features import day_histograms
from smartwatts_ml.judging.record import judgement_of, rules_of
from smartwatts_ml.kinds import find_model
from smartwatts_ml.kinds.forecasting.metrics import QUANTILES
from smartwatts_ml.kinds.forecasting.series import CHANNELS, HOUR_S, Series, to_series
from smartwatts_ml.kinds.forecasting.windows import make_windows
from smartwatts_ml.readings.base import Readings
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.holdout import (
    SelectedReadings,
    holdout_part,
    make_split,
    training_part,
)
from smartwatts_ml.scores.bootstrap import site_sums
from smartwatts_ml.settings import HoldoutSettings, Settings

__all__ = ["Forecast", "Noted", "POLICIES", "Policy", "Weekly", "live_weekly", "print_weekly"]

HORIZON, TRAINING_SHARE = 24, 0.75
ROWS, ROUNDS, LEAVES = 8_000, 40, 16
_WEEK = np.timedelta64(7 * 86_400, "s")


@dataclass(frozen=True)
class Forecast:
    """Trees for each quantile, shared by all hours ahead; ``end``: before which it learned."""

    models: Sequence[HistGradientBoostingRegressor]
    days: Mapping[str, Histogram]
    end: np.datetime64
    horizon: int = HORIZON
    energy: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[tuple[int, int], ...] = ()

    def forecast(self, series: Series, origins: np.ndarray) -> np.ndarray:
        """P10, P50, P90 in W, shape (n_origins, horizon, 3)."""
        context = series.contexts(origins)
        rows = np.repeat(np.arange(len(origins)), HORIZON)
        steps = np.tile(np.arange(HORIZON), len(origins))
        history, clock = context["history_w"][:, :, 0], context["hour_of_week"][:, 0]
        table, scale = lag_features(history, clock, rows, steps)
        parts = np.stack([model.predict(table) for model in self.models], 1)
        power = np.sort(expand(parts, scale[rows][:, None]), 1)
        return np.asarray(power.reshape(len(origins), HORIZON, 3))


@dataclass(frozen=True)
class Policy:
    """``holdout``: of the challenger; ``refits``: whether what is accepted is trained again on
    everything; ``always``: accept or keep without asking the gate."""

    name: str
    holdout: HoldoutSettings
    refits: bool
    always: bool | None = None


POLICIES = (
    Policy("a fifth held out, ships as judged", HoldoutSettings(max_days=10_000), False),
    Policy("four weeks held out, ships as judged", HoldoutSettings(), False),
    Policy("four weeks held out, then refitted", HoldoutSettings(), True),
    Policy("the same, always", HoldoutSettings(), True, True),
    Policy("the same, never", HoldoutSettings(), True, False),
)


@dataclass(frozen=True)
class Weekly:
    """Of each week: error of what is in force, weeks since it came into force and since its
    training ended; how many came into force, and how many of those were not refitted for they
    behaved otherwise."""

    wape: list[float]
    since_decision: list[float]
    since_training: list[float]
    deployed: int
    as_judged: int


@dataclass(frozen=True)
class _InForce:
    judged: Forecast
    shipped: Forecast
    week: int


class _Homes:
    """The readings, and what was trained on them."""

    def __init__(self, data: Path) -> None:
        self.all = FileReadings(sorted(data.glob("load_fontana17/*.csv.gz")), Settings())
        self.kind, self.spec = find_model("forecasting_24h")
        self.details: Any = SimpleNamespace(horizon=HORIZON)
        spans = self.all.spans()
        self.start = min(span.start for span in spans)
        last = max(span.end for span in spans)
        self.weeks = int((last - self.start) * TRAINING_SHARE / _WEEK)
        self.trained = cache(self._trained)
        self.load = cache(self._load)

    def _load(self, site: str) -> Any:
        return self.all.load(site, HOUR_S, CHANNELS, local=True)

    def until(self, week: int) -> Readings:
        """Everything before a week."""
        return self._between(week, None)

    def of_week(self, week: int) -> Readings:
        """What is scored: the week, and a day of truth after its last midnight."""
        return self._between(week + 1, self.start + week * _WEEK)

    def _between(self, week: int, score_from: np.datetime64 | None) -> Readings:
        end = self.start + week * _WEEK
        spans = [replace(span, end=min(span.end, end)) for span in self.all.spans()]
        names = [span.site for span in spans]
        begins = None if score_from is None else dict.fromkeys(names, score_from)
        ends = dict.fromkeys(names, end)
        return SelectedReadings(self.all, spans, ends=ends, score_from=begins)

    def _trained(self, sites: tuple[str, ...], ends: tuple[np.datetime64, ...]) -> Forecast:
        """On these sites, each before its end; examples are drawn from all alike."""
        limits = dict(zip(sites, ends, strict=True))
        spans = [replace(s, end=limits[s.site]) for s in self.all.spans() if s.site in limits]
        readings = SelectedReadings(self.all, spans, ends=limits)
        series = [to_series(self.load(site).between(None, limits[site])) for site in sites]
        lengths = [len(one) for one in series]
        windows = make_windows(series, HORIZON, [0] * len(series), lengths, 24)
        rng = np.random.default_rng(int(max(ends).astype(int)) % 2**32)
        rows, steps = windows.draw(ROWS, rng), rng.integers(0, HORIZON, ROWS)
        context = windows.inputs(rows)
        history, clock = context["history_w"][:, :, 0], context["hour_of_week"][:, 0]
        table, scale = lag_features(history, clock, np.arange(ROWS), steps)
        target = squash(windows.power[windows.origins[rows] + steps], scale)
        known = np.isfinite(target)
        models = [
            HistGradientBoostingRegressor(
                loss="quantile",
                quantile=level,
                max_iter=ROUNDS,
                max_leaf_nodes=LEAVES,
                random_state=0,
            ).fit(table[known], target[known])
            for level in QUANTILES
        ]
        return Forecast(models, day_histograms(readings, ("mains",)), max(ends))

    def learned(self, readings: Readings) -> Forecast:
        """What a training on these readings gives."""
        spans = readings.spans()
        return self.trained(tuple(s.site for s in spans), tuple(s.end for s in spans))


def live_weekly(data: Path, weeks: int, policies: Sequence[Policy]) -> dict[str, Weekly]:
    """The last ``weeks`` of the training period under each policy."""
    homes = _Homes(data)
    return {policy.name: _live(homes, policy, weeks) for policy in policies}


def _live(homes: _Homes, policy: Policy, weeks: int) -> Weekly:
    lived = Weekly([], [], [], 0, 0)
    in_force: _InForce | None = None
    for week in range(homes.weeks - weeks, homes.weeks):
        candidate = _Candidate(homes, policy, week)
        if in_force is None or candidate.passes(in_force.judged):
            shipped = candidate.shipped if policy.refits else candidate.judged
            kept = policy.refits and shipped is candidate.judged
            lived = replace(
                lived, deployed=lived.deployed + 1, as_judged=lived.as_judged + int(kept)
            )
            in_force = _InForce(candidate.judged, shipped, week)
        scores = homes.kind.work.evaluate(
            homes.details, {"it": in_force.shipped}, homes.of_week(week), 0
        )
        lived.wape.append(homes.kind.work.headline(site_sums(scores["it"]))["wape"])
        lived.since_decision.append(week - in_force.week)
        now = homes.start + week * _WEEK
        lived.since_training.append(float((now - in_force.shipped.end) / _WEEK))
    return lived


class _Candidate:
    """A week's challenger on its holdout, and what ships of it."""

    def __init__(self, homes: _Homes, policy: Policy, week: int) -> None:
        self._homes, self._readings = homes, homes.until(week)
        self._split = make_split(
            self._readings.spans(),
            policy.holdout,
            embargo_s=homes.spec.embargo_s or 0,
            least_s=homes.spec.holdout_s,
        )
        self._training = training_part(self._readings, self._split)
        self._holdout = holdout_part(self._readings, self._split, 64 << 20)
        self.judged = homes.learned(self._training)
        self._rules, self._always = rules_of(Settings(), week), policy.always

    def passes(self, champion: Forecast) -> bool:
        """The gate's verdict, or the policy's own."""
        if self._always is not None:
            return self._always
        weeks = float((self.judged.end - champion.end) / _WEEK)
        return judge(self._judgement(champion, self.judged, weeks)).accepted

    @property
    def shipped(self) -> Forecast:
        """Refitted on everything, if that behaves as what was judged."""
        refitted = self._homes.learned(self._readings)
        noted, before = Noted(refitted), Noted(self.judged)
        judgement = self._judgement(before, noted)
        apart = {"power_w": difference(noted.said, before.said)}
        checks = parity_of_behaviour(judgement, apart, Settings().refit_difference)
        return refitted if all(check.passed for check in checks) else self.judged

    def _judgement(self, champion: Any, challenger: Any, weeks: float | None = None) -> Any:
        homes = self._homes
        work, details = homes.kind.work, homes.details
        systems = {CHALLENGER: challenger, CHAMPION: champion}
        systems |= work.baselines(details, self._training)
        now = day_histograms(self._holdout, ("mains",))
        facts = Facts(
            split=self._split.digest,
            champion_version=1,
            unseen=tuple(sorted(self._split.held_out_sites & self._split.judged_sites)) or None,
            floors=homes.kind.floors(details),
            drift=drift(champion.days, now, challenger.days),
            overlap_weeks=homes.kind.overlap_weeks(homes.spec),
            fleet=len(self._split.holdout_start),
            champion_weeks=weeks,
        )
        scores = work.evaluate(details, systems, self._holdout, 0)
        return judgement_of(homes.kind, homes.spec.name, scores, self._rules, facts)


class Noted:
    """A forecaster that keeps what it said."""

    def __init__(self, inner: Forecast) -> None:
        self._inner, self._said = inner, list[np.ndarray]()
        self.horizon, self.energy, self.days = inner.horizon, inner.energy, inner.days
        self.left_out = inner.left_out

    def forecast(self, series: Series, origins: np.ndarray) -> np.ndarray:
        self._said.append(self._inner.forecast(series, origins))
        return self._said[-1]

    @property
    def said(self) -> np.ndarray:
        """All of it, shape (n, horizon, 3)."""
        return np.concatenate(self._said)


def print_weekly(lived: Mapping[str, Weekly]) -> None:
    """A row for each policy."""
    print("| policy | WAPE | weeks in force | weeks since training | came into force | as judged |")
    print("|---|---|---|---|---|---|")
    for name, weekly in lived.items():
        since, training = np.median(weekly.since_decision), np.median(weekly.since_training)
        print(
            f"| {name} | {np.mean(weekly.wape):.4f} | {since:.0f} | {training:.1f} | "
            f"{weekly.deployed} | {weekly.as_judged} |"
        )
