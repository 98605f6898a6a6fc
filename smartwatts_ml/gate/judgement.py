"""What a judgement is made from: nothing else enters it, so it can be repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Literal, TypeVar

import numpy as np
from pydantic import PlainValidator

from smartwatts_ml.gate.decision import CHALLENGER, CHAMPION, Check, Metrics, Part
from smartwatts_ml.gate.drift import Drift
from smartwatts_ml.gate.homes import HomeGains, HomeMetrics, home_gains, home_metrics
from smartwatts_ml.gate.variation import Replicates, replicates
from smartwatts_ml.scores.bootstrap import Headline, Over, site_sums, slices_of
from smartwatts_ml.scores.scores import Criterion, Floor, Scores
from smartwatts_ml.scores.weeks import WeekTable, week_table

__all__ = ["Facts", "Instant", "Judgement", "Policy", "Rules", "sign_of"]

Instant = Annotated[np.datetime64, PlainValidator(lambda text: np.datetime64(text, "s"))]
"""A UTC instant in seconds; ISO text in JSON."""
Policy = Literal["careful", "fresh"]
_T = TypeVar("_T")


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
    policy: Policy = "careful"
    fresh_confidence: float = 0.8
    fresh_weeks: float = 12.0


@dataclass(frozen=True)
class Facts:
    """What is known beside the scores. ``split``: digest of the holdout's split;
    ``unseen``: sites never trained on; ``troubles``: why nothing may be accepted, each a
    clause for people; ``left_out``: how much of the holdout the champion had been trained
    on, as a sentence; ``starts``: from when on those sites are scored instead; ``anchors``:
    which of the scores are of earlier versions that guards and slices hold against too, and
    ``unheard``: which could not be scored, and why, as a sentence;
    ``fleet``: how many sites the model serves, and ``champion_weeks``: by how many weeks the
    champion's training ended earlier, None where that is not known; ``contract``: how
    that of the champion's file differs from the challenger's, as a sentence; ``parts``: those
    of the challenger, and which of them ship; ``met``: of which versions what ships is met
    since what was judged is gone, as a sentence; ``called``: what people read of slices that are
    not told by their own names."""

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
    contract: str = ""
    anchors: tuple[str, ...] = ()
    unheard: str = ""
    fleet: int | None = None
    champion_weeks: float | None = None
    met: str = ""
    called: Mapping[str, str] = field(default_factory=dict)

    def call(self, part: str) -> str:
        """What people read of a slice."""
        return self.called.get(part, part)


class _Computed(dict[str, _T]):
    """Values that are computed when they are first asked for."""

    def __init__(self, compute: Callable[[str], _T]) -> None:
        super().__init__()
        self._compute = compute

    def __missing__(self, name: str) -> _T:
        value = self[name] = self._compute(name)
        return value


@dataclass(frozen=True)
class Judgement:
    """A challenger before the gate. ``criteria``, ``required_metrics`` and ``headline`` are
    its kind's; ``scores``: of ``challenger``, ``champion`` (if there is one), its anchors and
    every baseline, all on the same targets."""

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
        return CHALLENGER in self.scores and bool(self.opponents)

    @property
    def sites(self) -> int:
        """How many sites were scored."""
        return len(self.tables[CHALLENGER].sites)

    @property
    def weeks(self) -> int:
        """How many calendar weeks."""
        return len(self.tables[CHALLENGER].weeks)

    @property
    def few_homes(self) -> bool:
        """Whether there are too few homes to be the units."""
        return self.sites < self.rules.min_sites

    @property
    def over(self) -> Over:
        """What a bootstrap draws: sites where there are enough, else weeks."""
        return "weeks" if self.few_homes else "sites"

    @property
    def sampled(self) -> float:
        """The share of the fleet that was not judged; 1 where the fleet is not known."""
        fleet = self.facts.fleet
        return 1.0 if fleet is None else 1 - self.sites / max(fleet, self.sites)

    @property
    def improve(self) -> Criterion:
        """The deciding metric."""
        return next(c for c in self.criteria if c.role == "improve")

    @property
    def guards(self) -> tuple[Criterion, ...]:
        """The metrics that may not fall."""
        return tuple(c for c in self.criteria if c.role == "guard")

    def gauge(self, criterion: Criterion) -> Callable[[np.ndarray], float]:
        """The metric of a criterion, from sums, so that more is better."""
        sign = sign_of(criterion)
        return lambda sums: sign * self.headline(sums)[criterion.metric]

    @cached_property
    def tables(self) -> Mapping[str, WeekTable]:
        """The scores of a system by home and calendar week."""
        return _Computed(lambda name: week_table(self.scores[name]))

    @cached_property
    def metrics(self) -> dict[str, Metrics]:
        """Metrics of the whole, by system."""
        return {
            name: {**self.headline(self.tables[name].totals()), **scores.extra}
            for name, scores in self.scores.items()
        }

    @cached_property
    def replicates(self) -> Mapping[str, Replicates]:
        """Metrics of a system with weeks and with homes left out."""
        return _Computed(lambda name: replicates(self.headline, self.tables[name]))

    @cached_property
    def slices(self) -> dict[str, dict[str, Scores]]:
        """The scores of each slice, by system."""
        return {name: slices_of(scores, self.facts.unseen) for name, scores in self.scores.items()}

    @cached_property
    def slice_metrics(self) -> Mapping[str, dict[str, Metrics]]:
        """Metrics of every slice of a system."""
        return _Computed(
            lambda name: {
                part: self.headline(site_sums(scores)) for part, scores in self.slices[name].items()
            }
        )

    @cached_property
    def by_home(self) -> Mapping[str, HomeMetrics]:
        """The deciding metric of a system in each home."""
        metric = self.improve.metric
        return _Computed(lambda name: home_metrics(self.headline, metric, self.tables[name]))

    @cached_property
    def home_gains(self) -> Mapping[str, HomeGains]:
        """The challenger's gains over a system, home by home."""
        sign, present = sign_of(self.improve), self.tables[CHALLENGER].present
        return _Computed(
            lambda name: home_gains(self.by_home[CHALLENGER], self.by_home[name], sign, present)
        )

    @cached_property
    def baselines(self) -> tuple[str, ...]:
        """Names of the baselines, the strongest first; none that cannot be measured."""
        metric, sign = self.improve.metric, sign_of(self.improve)
        others = self.scores.keys() - {CHALLENGER, CHAMPION, *self.facts.anchors}
        values = {name: self.metrics[name].get(metric, np.nan) for name in others}
        finite = (name for name, value in values.items() if np.isfinite(value))
        return tuple(sorted(finite, key=lambda name: (-sign * values[name], name)))

    @cached_property
    def champions(self) -> tuple[str, ...]:
        """The champion, if it can be measured."""
        return (CHAMPION,) if CHAMPION in self.scores and self.is_whole(CHAMPION) else ()

    @cached_property
    def anchors(self) -> tuple[str, ...]:
        """Earlier versions that can be measured."""
        return tuple(n for n in self.facts.anchors if n in self.scores and self.is_whole(n))

    def is_whole(self, name: str) -> bool:
        """Whether nothing that a system predicted is missing or not finite."""
        metrics = self.metrics[name]
        known = all(np.isfinite(metrics.get(metric, np.nan)) for metric in self.required_metrics)
        return known and bool(np.isfinite(self.scores[name].sums).all())

    @property
    def opponents(self) -> tuple[str, ...]:
        """Whom a challenger has to beat: the champion, or else every baseline."""
        return self.champions or self.baselines


def sign_of(criterion: Criterion | Floor) -> int:
    """1 where more is better, else -1."""
    return 1 if criterion.better == "higher" else -1
