"""What a judgement is made from: nothing else enters it, so it can be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from smartwatts_ml.gate.decision import CHALLENGER, CHAMPION, Check, Metrics
from smartwatts_ml.gate.drift import Drift
from smartwatts_ml.gate.statistics import Clusters, Resampled, clusters, resampled
from smartwatts_ml.kinds.base import Kind
from smartwatts_ml.scores.bootstrap import Over, site_sums
from smartwatts_ml.scores.scores import Criterion, Floor, Scores

if TYPE_CHECKING:
    from smartwatts_ml.settings import Settings

__all__ = ["Case", "Facts", "Rules"]


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

    @classmethod
    def of(cls, settings: Settings, seed: int = 0) -> Self:
        """Those in force."""
        return cls(**dict(settings.gate), min_sites=settings.holdout.min_sites, seed=seed)


@dataclass(frozen=True)
class Facts:
    """What is known beside the scores. ``split``: digest of the holdout's split;
    ``unseen``: sites never trained on; ``troubles``: why nothing may be accepted, each a
    clause for people; ``left_out``: how much of the holdout the champion had been trained
    on, as a sentence; ``starts``: from when on those sites are scored instead."""

    split: str
    champion_version: int | None = None
    unseen: tuple[str, ...] | None = None
    floors: tuple[Floor, ...] = ()
    checks: tuple[Check, ...] = ()
    drift: tuple[Drift, ...] = ()
    overlap_weeks: int | None = None
    troubles: tuple[str, ...] = ()
    left_out: str = ""
    starts: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` wrote."""
        return cls(
            **{
                **value,
                "unseen": None if value["unseen"] is None else tuple(value["unseen"]),
                "floors": tuple(Floor(**floor) for floor in value["floors"]),
                "checks": tuple(Check(**check) for check in value["checks"]),
                "drift": tuple(
                    Drift(**{**one, "challenger": _bound(one["challenger"])})
                    for one in value["drift"]
                ),
                "troubles": tuple(value["troubles"]),
            }
        )


@dataclass(frozen=True)
class Case:
    """A challenger before the gate. ``scores``: of ``challenger``, ``champion`` (if there
    is one) and every baseline, all on the same targets."""

    kind: Kind
    model: str
    scores: Mapping[str, Scores]
    rules: Rules
    facts: Facts = field(default_factory=lambda: Facts(split=""))

    @property
    def sites(self) -> int:
        """How many sites were scored."""
        return len(np.unique(self.scores[CHALLENGER].sites))

    @property
    def over(self) -> Over:
        """What is drawn: sites where there are enough, else weeks within each."""
        return "sites" if self.sites >= self.rules.min_sites else "weeks"

    @property
    def units(self) -> Clusters:
        """How many of them there are."""
        return clusters(self.scores[CHALLENGER], self.over)

    @property
    def improve(self) -> Criterion:
        """The deciding metric."""
        return next(c for c in self.kind.criteria if c.role == "improve")

    @property
    def guards(self) -> tuple[Criterion, ...]:
        """The metrics that may not fall."""
        return tuple(c for c in self.kind.criteria if c.role == "guard")

    @cached_property
    def metrics(self) -> dict[str, Metrics]:
        """Metrics of the whole, by system."""
        return {
            name: {**self.kind.work.headline(site_sums(scores)), **scores.extra}
            for name, scores in self.scores.items()
        }

    @cached_property
    def samples(self) -> dict[str, Resampled]:
        """Metrics in each bootstrap sample, by system, all with the same draws."""
        return {
            name: resampled(
                self.kind.work.headline, scores, self.over, self.rules.resamples, self.rules.seed
            )
            for name, scores in self.scores.items()
            if name in (CHALLENGER, CHAMPION) or name in self.opponents
        }

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
        """Whom a challenger has to beat beyond chance: the champion, or else every baseline;
        the strongest baseline is resampled in any case, for its interval."""
        return self.baselines[:1] if CHAMPION in self.scores else self.baselines


def _bound(value: float | None) -> float:
    """JSON has no infinity."""
    return np.inf if value is None else value


def sign_of(criterion: Criterion | Floor) -> int:
    """1 where more is better, else -1."""
    return 1 if criterion.better == "higher" else -1
