"""Networks without a training, by the details that a kind's files have embedded, and homes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from smartwatts_ml.kinds import find_kind
from smartwatts_ml.readings.base import Readings, SiteReadings, SiteSpan

START = np.datetime64("2026-01-05T00:00:00")
APPLIANCES = ("dishwasher", "fridge", "kettle", "microwave", "washing_machine")


def embedded(kind: str, **changes: Any) -> dict[str, Any]:
    """Details of a file of this kind, with ``changes`` and the shapes that follow from them."""
    path = Path(__file__).parent / "embedded" / f"{kind}.json"
    details: dict[str, Any] = json.loads(path.read_text())
    read = find_kind(kind).details_class.model_validate(details)
    shapes = read.model_copy(update=changes).shapes()
    details |= changes
    for tensor in (*details["inputs"], *details["outputs"]):
        tensor["shape"] = list(shapes[tensor["name"]])
    return details


class Faked:
    """A network whose outputs have the right shapes; ``spoil`` changes those of a call."""

    def __init__(self, kind: str, spoil: Callable[[dict[str, np.ndarray]], None]) -> None:
        self.details = embedded(kind)
        self._outputs = find_kind(kind).read_details(self.details).outputs
        self._spoil = spoil

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        count = len(next(iter(inputs.values())))
        outputs = {
            tensor.name: np.full((count, *tensor.shape[1:]), 0.5, np.float32)
            for tensor in self._outputs
        }
        self._spoil(outputs)
        return outputs


class Busy(Readings):
    """Homes of 42 days whose appliances run at random, judged from the 30th day on."""

    def __init__(self, homes: int = 2) -> None:
        self._sites = [f"home{i}" for i in range(homes)]

    def spans(self) -> tuple[SiteSpan, ...]:
        end, channels = START + np.timedelta64(42, "D"), ("mains", *APPLIANCES)
        return tuple(SiteSpan(site, channels, START, end, 60_480, 60) for site in self._sites)

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        rng = np.random.default_rng(self._sites.index(site))
        count = 42 * 86_400 // period_s
        powers = {
            name: np.where(rng.random(count) < 0.05, 800.0, 0.0).astype(np.float32)
            for name in APPLIANCES
        }
        powers["mains"] = sum(powers.values()) + rng.gamma(2, 100, count).astype(np.float32)
        wanted = set(powers) if channels is None else set(channels) & set(powers)
        return SiteReadings(
            site,
            START,
            period_s,
            {name: powers[name] for name in wanted},
            score_from=START + np.timedelta64(30, "D"),
        )
