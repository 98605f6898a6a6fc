"""What a judgement is made from: nothing else enters it, so it can be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

import numpy as np
from pydantic import PlainValidator

from smartwatts_ml.gate.decision import CHALLENGER, CHAMPION, Check, Metrics, Part
from smartwatts_ml.gate.drift import Drift
from smartwatts_ml.gate.statistics import (
    MIN_FREEDOM,
    Clusters,
    Gauge,
    clusters,
)
from smartwatts_ml.scores.bootstrap import (
    Headline,
    Over,
    Resampled,
    resampled,
    site_sums,
    slices_of,
)
from smartwatts_ml.scores.scores import Criterion, Floor, Scores

__all__ = ["Facts", "Instant", "Judgement", "Rules", "sign_of"]

Instant = Annotated[np.datetime64, PlainValidator(lambda text: np.datetime64(text, "s"))]
"""A UTC instant in seconds; ISO text in JSON."""


@dataclass(frozen=True)
class Rules:
    """The settings that a judgement depends on, as they were (see ``settings.py``)."""

    confidence: float
    resamples: int
    slice_loss: float
    group_loss: float
    least_gain: float
    margin: float
    drift: float
    min_sites: int
    seed: int = 0


@dataclass(frozen=True)
class Facts:
    """What is known beside the scores. ``split``: digest of the holdout's split;
    ``unseen``: sites never trained on; ``troubles``: why nothing may be accepted, each a
    clause for people; ``left_out``: how much of the holdout the champion had been trained
    on, as a sentence; ``starts``: from when on those sites are scored instead;
    ``parts``: which of the challenger ship."""

    split: str
    champion_version: int | None = None
    unseen: tuple[str, ...] | None = None
    floors: tuple[Floor, ...] = ()
    checks: tuple[Check, ...] = ()
    parts: tuple[Part, ...] = ()
    drift: tuple[Drift, ...] = ()
    overlap_weeks: int | None = None
    troubles: tuple[str, ...] = ()
    left_out: str = ""
    starts: Mapping[str, Instant] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """A challenger before the gate. ``criteria``, ``required_metrics`` and ``headline`` are
    its kind's; ``scores``: of ``challenger``, ``champion`` (if there is one) and every
    baseline, all on the same targets."""

    model: str
    criteria: tuple[Criterion, ...]
    required_metrics: tuple[str, ...]
    headline: Headline
    scores: Mapping[str, Scores]
    rules: Rules
    facts: Facts = field(default_factory=lambda: Facts(split=""))

    @property
    def can_be_made(self) -> bool:
        """Whether there is a challenger and something to compare it with."""
        return CHALLENGER in self.scores and len(self.scores) > 1

    @property
    def sites(self) -> int:
        """How many sites were scored."""
        return len(np.unique(self.scores[CHALLENGER].sites))

    @property
    def over(self) -> Over:
        """What is drawn: sites where there are enough, else weeks within each."""
        return "sites" if self.sites >= self.rules.min_sites else "weeks"

    def over_within(self, part: Scores) -> Over:
        """What is drawn within a slice, which may have too few sites."""
        return self.over if len(np.unique(part.sites)) > MIN_FREEDOM else "weeks"

    @property
    def units(self) -> Clusters:
        """How many of them there are."""
        return clusters(self.scores[CHALLENGER], self.over)

    @property
    def improve(self) -> Criterion:
        """The deciding metric."""
        return next(c for c in self.criteria if c.role == "improve")

    @property
    def guards(self) -> tuple[Criterion, ...]:
        """The metrics that may not fall."""
        return tuple(c for c in self.criteria if c.role == "guard")

    def gauge(self, criterion: Criterion) -> Gauge:
        """The metric of a criterion, so that more is better."""
        sign = sign_of(criterion)
        return lambda sums: sign * self.headline(sums)[criterion.metric]

    @cached_property
    def metrics(self) -> dict[str, Metrics]:
        """Metrics of the whole, by system."""
        return {
            name: {**self.headline(site_sums(scores)), **scores.extra}
            for name, scores in self.scores.items()
        }

    @cached_property
    def samples(self) -> dict[str, Resampled]:
        """Metrics in each bootstrap sample, by system, all with the same draws; of the
        strongest baseline in any case, for its interval."""
        resamples, seed = self.rules.resamples, self.rules.seed
        return {
            name: resampled(self.headline, self.scores[name], self.over, resamples, seed)
            for name in dict.fromkeys((CHALLENGER, *self.opponents, *self.baselines[:1]))
        }

    @cached_property
    def slices(self) -> dict[str, dict[str, Scores]]:
        """The scores of each slice, by system."""
        return {name: slices_of(scores, self.facts.unseen) for name, scores in self.scores.items()}

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the baselines, the strongest first; one that is not finite last."""
        metric, sign = self.improve.metric, sign_of(self.improve)

        def weakness(name: str) -> float:
            value = self.metrics[name].get(metric, np.nan)
            return -sign * value if np.isfinite(value) else np.inf

        names = (name for name in self.scores if name not in (CHALLENGER, CHAMPION))
        return tuple(sorted(names, key=lambda name: (weakness(name), name)))

    @property
    def opponents(self) -> tuple[str, ...]:
        """Whom a challenger has to beat beyond chance: the champion, or else every baseline."""
        return (CHAMPION,) if CHAMPION in self.scores else self.baselines


def sign_of(criterion: Criterion | Floor) -> int:
    """1 where more is better, else -1."""
    return 1 if criterion.better == "higher" else -1
