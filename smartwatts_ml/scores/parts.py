"""Parts of a model that are judged one by one, and what stands in for those left out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import numpy as np

from smartwatts_ml.scores.bootstrap import Headline, site_sums
from smartwatts_ml.scores.scores import Scores

__all__ = ["PartMetrics", "channel_metrics", "of_channel", "with_stand_ins"]

PartMetrics = Mapping[str, Mapping[str, float]]
"""Metrics by part, NaN where the truth says nothing of one."""
_Merit = Callable[[np.ndarray], float]
"""From statistics of one channel, shape (n_sites, 1, n_stats); more is better."""


def channel_metrics(headline: Headline, scores: Scores) -> PartMetrics:
    """Metrics of each channel, where there are several."""
    if len(scores.channels) < 2:
        return {}
    sums = site_sums(scores)
    return {name: headline(sums[:, k : k + 1]) for k, name in enumerate(scores.channels)}


def of_channel(scores: Scores, name: str) -> Scores:
    """The statistics of one channel alone, without its bands of hours."""
    k = scores.channels.index(name)
    return replace(scores, channels=(name,), sums=scores.sums[:, k : k + 1], bands={}, extra={})


def with_stand_ins(
    scores: Mapping[str, Scores],
    lacking: Mapping[str, Collection[str]],
    baselines: Collection[str],
    merit: _Merit,
) -> dict[str, Scores]:
    """The same scores, in which the strongest baseline of a channel stands in for each system
    that lacks it: whoever uses that system has no more than that. So a part that is learned
    counts against a system without it, and one that is lost against the system that lost it.
    """
    stood_in = dict(scores)
    for system, names in lacking.items():
        if system not in scores:
            continue
        for k, channel in enumerate(scores[system].channels):
            if channel in names and baselines:
                substitute = _strongest(scores, baselines, k, merit)
                stood_in[system] = _with_channel(stood_in[system], k, scores[substitute])
    return stood_in


def _strongest(
    scores: Mapping[str, Scores], baselines: Collection[str], k: int, merit: _Merit
) -> str:
    def strength(name: str) -> float:
        value = merit(site_sums(scores[name])[:, k : k + 1])
        return value if np.isfinite(value) else -np.inf

    return max(sorted(baselines), key=strength)


def _with_channel(scores: Scores, k: int, other: Scores) -> Scores:
    def joined(sums: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        changed = sums.copy()
        changed[:, k] = theirs[:, k]
        return changed

    bands = {name: joined(sums, other.bands[name]) for name, sums in scores.bands.items()}
    return replace(scores, sums=joined(scores.sums, other.sums), bands=bands)
