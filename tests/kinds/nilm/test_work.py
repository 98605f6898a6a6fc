"""What holds for every system that is judged comes from the model in question."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.kinds.nilm import KIND
from smartwatts_ml.kinds.nilm.metrics import STATS
from smartwatts_ml.kinds.nilm.predictors import MeanPower
from tests.kinds.networks import embedded
from tests.kinds.nilm.homes import Made


def on_samples(threshold_w: float, first: str) -> float:
    """Samples of the kettle that count as on, where a baseline or another is asked first."""
    details = KIND.read_details(
        embedded(
            "nilm",
            appliances=["kettle"],
            on_thresholds_w={"kettle": threshold_w},
            on_cuts={"kettle": 0.5},
            durations={"kettle": {"pause_s": 60, "shortest_s": 12}},
        )
    )
    names = [first, *sorted({"challenger", "mean_power"} - {first})]
    systems = {name: MeanPower(("kettle",), np.array([0.0])) for name in names}
    scores = KIND.work.evaluate(details, systems, Made(1), 0)["challenger"]
    kettle = scores.channels.index("kettle")
    return float(scores.sums[:, kettle, STATS.index("fn")].sum())


def test_thresholds_are_those_of_the_details_whoever_comes_first() -> None:
    low, high = on_samples(100.0, "challenger"), on_samples(1e6, "challenger")
    assert low > 0 and high == 0
    assert on_samples(100.0, "mean_power") == low
