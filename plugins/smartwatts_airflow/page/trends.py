"""What a model's runs show over time: how far its readings have moved, and what trainings cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from smartwatts_airflow.page.judged import Cost, Judged
from smartwatts_airflow.page.trend import Limit, Moment, trend

__all__ = ["trends"]

_SHIFTED = Limit(0.25, "from here on shifted")
_COSTS: dict[str, Callable[[Cost], float]] = {
    "Training, minutes of CPU": lambda cost: cost.cpu_seconds / 60,
    "Training, peak memory in MiB": lambda cost: cost.peak_mib,
}


def trends(decisions: Sequence[Judged]) -> list[str]:
    """The pictures, of runs oldest first; none of what fewer than two runs tell."""
    oldest_first = decisions[::-1]
    drift = [Moment(_day(d), d.drift) for d in oldest_first if d.drift]
    pictures = [trend("Drift of the readings since the champion was trained, PSI", drift, _SHIFTED)]
    for title, cost_of in _COSTS.items():
        moments = [Moment(_day(d), {"": cost_of(d.cost)}) for d in oldest_first if d.cost]
        pictures.append(trend(title, moments))
    return [picture for picture in pictures if picture]


def _day(decision: Judged) -> str:
    return f"{decision.run.when:%Y-%m-%d}"
