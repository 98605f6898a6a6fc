"""Networks of a few lines, one a kind, whose outputs depend on all that they are given: the place
in a window, the hour of the week, missing values. Run as a process, they answer the library.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

HORIZON = 72
_LEVELS = np.array([900.0, 120.0, 1900.0, 1200.0, 500.0])
_WILD_W = 12_000.0
"""From such a reading on an output is not finite."""


def nilm(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Appliances by how far mains is above its lowest; one of them breaks on wild readings."""
    mains = np.nan_to_num(inputs["mains_w"].astype(np.float64).ravel())
    place = np.arange(len(mains))[:, None]
    above = np.convolve(mains - np.quantile(mains, 0.2), np.ones(3) / 3, "same")[:, None]
    on = 1 / (1 + np.exp(-(above - 0.7 * _LEVELS) / 60 - 0.8 * np.sin(place / 40 + _LEVELS)))
    power = _LEVELS * (0.7 + 0.2 * np.cos(place / 60)) * (0.5 + above / (np.abs(above) + _LEVELS))
    on[mains > _WILD_W, 3] = np.nan
    return {"power_w": np.maximum(power, 0.0), "on_probability": on}


def forecasting(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Last week again, shifted by the clock; days that are left out are NaN."""
    history = inputs["history_w"].astype(np.float64).ravel()
    level = np.nanmean(history)
    week = np.where(np.isnan(history[-168:]), level, history[-168:])
    middle = np.tile(week, 5)[:HORIZON] + inputs["hour_of_week"][0]
    if "holiday" in inputs:
        middle = middle + 100 * inputs["holiday"].ravel()[-HORIZON:]
        middle = middle + 3 * np.nan_to_num(inputs["temperature_c"].ravel())[-HORIZON:]
    else:
        middle[24:48] = np.nan
    wide = 10 + np.isnan(history).sum() + np.arange(HORIZON)
    return {"power_w": np.stack([middle - wide, middle, middle + 2 * wide], 1)}


def anomaly(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Odd is what is far from the same hour of other days; what it looks like is up to chance."""
    history = inputs["history_w"].astype(np.float64).ravel()
    newest, hour = history[-1], float(inputs["hour_of_week"][0])
    same = history[-25::-24]
    same = same[np.isfinite(same)]
    usual = float(same.mean()) if len(same) else newest
    odd = abs(newest - usual) / (50 + 0.2 * abs(usual))
    score = -np.expm1(-odd) if newest < _WILD_W else np.nan
    risen = np.nanquantile(history[-48:], 0.1) / max(np.nanquantile(history[:-48], 0.2), 1) - 1.2
    likeness = np.exp(2 * np.sin(usual / 150 + np.arange(7) * (1 + hour / 24)))
    return {
        "score": np.array([score]),
        "alert": np.array([1.0 if odd > 3.0 else 0.0]),
        "rise": np.array([risen]),
        "likeness": likeness / likeness.sum(),
        "expected_w": np.array([usual]),
    }


NETWORKS = {"nilm": nilm, "forecasting": forecasting, "anomaly": anomaly}


class Made:
    """One of these as a network."""

    def __init__(self, details: Mapping[str, Any]) -> None:
        self.details = details
        self._run = NETWORKS[details["kind"]]

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        count = len(next(iter(inputs.values())))
        windows = [self._run({n: a[i].ravel() for n, a in inputs.items()}) for i in range(count)]
        return {
            out["name"]: np.stack(
                [w[out["name"]].astype(np.float32).reshape(out["shape"][1:]) for w in windows]
            )
            for out in self.details["outputs"]
        }


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2] / "gateway" / "examples"))
    from model_server import serve

    serve(NETWORKS[Path(sys.argv[1]).stem], sys.stdin.buffer, sys.stdout.buffer)
