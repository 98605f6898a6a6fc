"""Alerts by the answers of people: what was the matter, and what was nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.kinds.anomaly.scorer import Scorer
from smartwatts_ml.kinds.anomaly.windows import mains_of
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings
from smartwatts_ml.readings.labels import ALERT, Label

__all__ = ["AnsweredAlerts", "answered_alerts"]


@dataclass(frozen=True)
class AnsweredAlerts:
    """Of periods in the holdout about which people were asked: in how many something was the
    matter (``real``) or nothing was (``false``), and in how many of these the system alerts."""

    real: int = 0
    false: int = 0
    real_raised: int = 0
    false_raised: int = 0

    def metrics(self) -> dict[str, float]:
        """Those that are defined. answered_alerts: how many of the periods it alerts in;
        answered_precision: share of these in which something was the matter, 0..1;
        answered_recall: share of what was the matter in which it alerts, 0..1.

        >>> AnsweredAlerts(real=4, false=6, real_raised=3, false_raised=1).metrics()
        {'answered_alerts': 4.0, 'answered_precision': 0.75, 'answered_recall': 0.75}
        """
        raised = self.real_raised + self.false_raised
        values = {"answered_alerts": float(raised)}
        if raised:
            values["answered_precision"] = self.real_raised / raised
        if self.real:
            values["answered_recall"] = self.real_raised / self.real
        return values

    @property
    def note(self) -> str:
        """For people."""
        raised = self.real_raised + self.false_raised
        return (
            f"people answered about {self.real + self.false} periods of the holdout: it alerts in "
            f"{raised}, {self.real_raised} of them rightly, and misses "
            f"{self.real - self.real_raised}; shown, and held against nobody"
        )


def answered_alerts(systems: Mapping[str, Scorer], readings: Readings) -> dict[str, AnsweredAlerts]:
    """By system; empty where nobody answered. On readings as they are, without injections."""
    by_site: dict[str, list[Label]] = {}
    for label in readings.labels():
        if label.appliance == ALERT:
            by_site.setdefault(label.site, []).append(label)
    counts = {name: np.zeros((2, 2), int) for name in systems}
    for name, labels in sorted(by_site.items()):
        site = readings.load(name, 3600, (MAINS,), local=True)
        at = np.flatnonzero(~np.isnan(mains_of(site)))
        at = at[at >= site.score_index]
        inside = _inside(site, at, labels) if at.size else []
        for system, scorer in systems.items():
            alert = scorer.score(site, at)[1].astype(bool) if inside else np.zeros(0, bool)
            for label, hours in inside:
                counts[system][int(label.yes)] += 1, int(alert[hours].any())
    return {
        name: AnsweredAlerts(int(yes[0]), int(no[0]), int(yes[1]), int(no[1]))
        for name, (no, yes) in counts.items()
        if yes[0] + no[0]
    }


def _inside(
    site: SiteReadings, at: np.ndarray, labels: list[Label]
) -> list[tuple[Label, np.ndarray]]:
    """Periods with the hours that touch them, as places in ``at``; those without any are left
    out."""
    cells = site.cells.take(at)
    touching = [
        np.flatnonzero((cells.starts < label.end) & (cells.ends > label.start)) for label in labels
    ]
    return [(label, hours) for label, hours in zip(labels, touching, strict=True) if len(hours)]
