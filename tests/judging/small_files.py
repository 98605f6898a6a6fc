"""Files of each kind that were converted without a training, and homes that they are tried on.

A file is the kind's simplest method times a ``gain``: 1 is right, another one is not, and EQUAL is
as good as 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

from smartwatts_ml.kinds import find_kind
from smartwatts_ml.modelfiles.conversion import convert_network
from smartwatts_ml.modelfiles.litert import embed_details
from smartwatts_ml.modelfiles.networks import KerasNetwork
from smartwatts_ml.objects import Objects
from tests.kinds.networks import embedded
from tests.readings.ingest.landing import land

MODELS = {"forecasting": "forecasting_24h", "anomaly": "anomaly", "nilm": "nilm"}
HARMFUL = {"forecasting": 1.6, "anomaly": -1.0, "nilm": 0.4}
EQUAL = 1.001
BREAKS = 1.002
"""Of forecasting: not finite from midnight on."""
NILM_PERIOD_S = 120
"""The coarsest that there is: fewer readings."""


@cache
def small_file(kind: str, gain: float) -> bytes:
    """A converted file."""
    details = _details(kind)
    samples = find_kind(kind).work.sample_inputs(find_kind(kind).read_details(details), 16, 0)
    return convert_network(KerasNetwork(_BUILD[kind](gain), details), samples, "none").content


def with_details(kind: str, content: bytes, **more: Any) -> bytes:
    """The same file, which says more of itself."""
    return embed_details(content, _details(kind) | more)


def _details(kind: str) -> dict[str, Any]:
    period = {"period_s": NILM_PERIOD_S, "window": 256} if kind == "nilm" else {}
    return embedded(kind, **period)


def _forecasting(gain: float) -> Any:
    """The mean of the same hour of the four weeks before."""
    import keras

    history, hour = keras.Input((672, 1), name="history_w"), keras.Input((1,), name="hour_of_week")
    known = keras.ops.where(history != history, 0.0, history)
    mean = keras.ops.mean(keras.ops.reshape(known, (-1, 4, 168)), axis=1)[:, :24]
    over = keras.ops.mod(hour, 24.0) if gain == BREAKS else 1.0
    middle = gain * mean + 0.0 * hour / over
    power = keras.ops.stack([0.8 * middle, middle, 1.2 * middle], axis=2)
    return keras.Model([history, hour], {"power_w": power})


def _anomaly(gain: float) -> Any:
    """How far the newest hour is from the mean of the same hours of the days before."""
    import keras

    history, hour = keras.Input((672, 1), name="history_w"), keras.Input((1,), name="hour_of_week")
    known = keras.ops.reshape(keras.ops.where(history != history, 0.0, history), (-1, 28, 24))
    newest, usual = known[:, -1, -1:], keras.ops.mean(known[:, :-1, -1:], axis=1)
    odd = keras.ops.abs(newest - usual) / (100.0 + usual)
    score = keras.ops.sigmoid(gain * 3.0 * odd) + 0.0 * hour
    likeness = keras.ops.softmax(keras.ops.concatenate([odd * n for n in range(7)], axis=1))
    alert = keras.ops.cast(odd > 2.0, "float32")
    outputs = {"score": score, "alert": alert, "likeness": likeness, "expected_w": usual}
    return keras.Model([history, hour], outputs)


def _nilm(gain: float) -> Any:
    """What is above a kilowatt is the kettle."""
    import keras

    mains = keras.Input((256, 1), name="mains_w")
    above = keras.ops.where(mains != mains, 0.0, mains) - 250.0
    kettle = keras.ops.sigmoid((above - 900.0) / 50.0)
    is_kettle = np.array([0, 0, 1, 0, 0], np.float32)
    power = gain * keras.ops.relu(above) * is_kettle + 0.01 * above * (1 - is_kettle)
    return keras.Model(mains, {"power_w": power, "on_probability": kettle * is_kettle})


_BUILD: dict[str, Callable[[float], Any]] = {
    "forecasting": _forecasting,
    "anomaly": _anomaly,
    "nilm": _nilm,
}


def land_homes(
    objects: Objects,
    kind: str,
    homes: range,
    start: datetime,
    end: datetime,
    name: str = "homes.csv",
) -> None:
    """Readings of some homes as a landing file: every day much like the one before."""
    rows = [row for home in homes for row in _rows(kind, home, start, end)]
    land(objects, name, *rows)


def _rows(kind: str, home: int, start: datetime, end: datetime) -> Iterator[str]:
    rng = np.random.default_rng(home)
    step = timedelta(seconds=NILM_PERIOD_S if kind == "nilm" else 3600)
    count = int((end - start) / step)
    stamps = np.datetime64(start.replace(tzinfo=None), "s") + np.arange(count) * np.timedelta64(
        step
    )
    base = 250.0 + rng.normal(0, 20, count)
    if kind == "nilm":
        kettle = np.where(rng.random(count) < 0.03, rng.normal(2000, 200, count), 0.0)
        channels = {"mains": base + kettle, "kettle": kettle}
    else:
        hour = stamps.astype("datetime64[h]").astype(np.int64) % 24
        daily = (1.2 + np.sin(hour / 24 * 2 * np.pi)) * rng.uniform(100, 800)
        channels = {"mains": (base + daily) * np.exp(rng.normal(0, 0.15, count))}
    for channel, values in channels.items():
        yield from (
            f"{stamp},{value:.1f},home{home}/{channel}"
            for stamp, value in zip(stamps.astype(str), values, strict=True)
        )
