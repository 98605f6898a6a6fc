"""Which activations of homes without sub-meters would teach most, if people said whether they were.

Uncertainty sampling (Lewis and Gale 1994): those of which the network is least sure, the more so
the more energy hangs on it, of different homes and appliances. Of the newest days, which people may
remember, and not of what runs by itself in cycles, which nobody notices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from smartwatts_ml.kinds.nilm.predictors import NetworkPredictor
from smartwatts_ml.kinds.questions import Question
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings
from smartwatts_ml.readings.labels import Label
from smartwatts_ml.readings.run_lengths import true_runs

__all__ = ["questions"]

_MOST_HOMES = 60
_DAYS = 14
_ABOUT_ONE_HOME = 2
_CONTEXT_SAMPLES = 1024
_MAYBE = 0.1
_ALWAYS_RUNNING = 0.2
"""An appliance on for more of the time runs in cycles."""
_LONGEST_S = 86_400
_HOUR_S = 3600
_KWH_W_S = 3.6e6


def questions(
    predictor: NetworkPredictor,
    readings: Readings,
    most: int,
    *,
    about_one_home: int = _ABOUT_ONE_HOME,
    days: int = _DAYS,
) -> list[Question]:
    """At most so many, those that would teach most first; of the newest ``days`` of the first
    ``_MOST_HOMES`` homes that have mains. What was answered is not asked again."""
    asked: dict[str, list[tuple[float, Question]]] = {}
    answered: dict[str, list[Label]] = {}
    for label in readings.labels():
        answered.setdefault(label.site, []).append(label)
    for span in readings.spans()[:_MOST_HOMES]:
        site = readings.load(span.site, predictor.details.period_s, (MAINS,))
        if MAINS in site.channels:
            for value, question in _of_site(predictor, site, days, answered.get(site.site, ())):
                asked.setdefault(question.appliance, []).append((value, question))
    return _spread(asked, most, about_one_home)


def _of_site(
    predictor: NetworkPredictor, site: SiteReadings, days: int, answered: Sequence[Label]
) -> Iterator[tuple[float, Question]]:
    """Each with how much it would teach."""
    details = predictor.details
    since = max(len(site) - days * 86_400 // site.period_s, 0)
    recent = site.part(max(since - _CONTEXT_SAMPLES, 0), len(site))
    power, on = predictor.outputs(recent.channels[MAINS])
    skipped = len(recent) - (len(site) - since)
    for k, name in enumerate(predictor.appliances):
        chance = np.nan_to_num(on[:, k])
        if np.mean(chance > details.on_cuts[name]) > _ALWAYS_RUNNING:
            continue
        duration = details.durations[name]
        maybe = true_runs(chance > _MAYBE, pause=duration.pause_s / site.period_s)
        for first, end in zip(*maybe, strict=True):
            seconds = (end - first) * site.period_s
            if first < skipped or not duration.shortest_s <= seconds <= _LONGEST_S:
                continue
            drawn = np.nan_to_num(power[first:end, k]) / np.maximum(chance[first:end], _MAYBE)
            question = Question(
                site.site,
                name,
                recent.times[first],
                recent.times[first] + np.timedelta64(int(seconds), "s"),
                site.timezone,
                round(float(chance[first:end].max()), 3),
                round(float(drawn.mean()), 1),
                round(float(drawn.sum()) * site.period_s / _KWH_W_S, 3),
            )
            if not any(_is_about(label, question) for label in answered):
                doubt = 1 - abs(2 * question.probability - 1)
                yield doubt * question.energy_kwh, question


def _is_about(label: Label, question: Question) -> bool:
    return label.appliance == question.appliance and bool(
        label.start < question.end and question.start < label.end
    )


def _spread(
    asked: dict[str, list[tuple[float, Question]]], most: int, about_one_home: int
) -> list[Question]:
    """The best of each appliance in turn, and few about one home."""
    ranked = {
        name: [question for value, question in sorted(those, key=_first, reverse=True) if value > 0]
        for name, those in asked.items()
    }
    chosen: list[Question] = []
    while len(chosen) < most and any(ranked.values()):
        for name in sorted(ranked):
            homes = [question.site for question in chosen]
            ranked[name] = [q for q in ranked[name] if homes.count(q.site) < about_one_home]
            if ranked[name] and len(chosen) < most:
                chosen.append(ranked[name].pop(0))
    return chosen


def _first(valued: tuple[float, Question]) -> float:
    return valued[0]
