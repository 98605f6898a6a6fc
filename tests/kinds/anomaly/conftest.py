"""Made homes in memory, and one model trained briefly on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from smartwatts_ml.kinds.anomaly import KIND
from smartwatts_ml.kinds.anomaly.details import AnomalyDetails
from smartwatts_ml.kinds.base import Trained, TrainOptions
from smartwatts_ml.modelfiles.conversion import convert_network
from smartwatts_ml.modelfiles.litert import LiteRTNetwork
from smartwatts_ml.modelfiles.networks import KerasNetwork
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, SiteSpan

START = np.datetime64("2026-01-05T00:00:00", "s")  # a Monday


class MemoryReadings(Readings):
    """Sites that are already on an hourly grid."""

    def __init__(self, sites: Sequence[SiteReadings]) -> None:
        self._sites = {site.site: site for site in sites}

    def spans(self) -> tuple[SiteSpan, ...]:
        return tuple(
            SiteSpan(name, (MAINS,), site.start, site.end, len(site), 3600)
            for name, site in sorted(self._sites.items())
        )

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        return self._sites[site]


def made_home(name: str, days: int, seed: int) -> SiteReadings:
    """A base load, an evening, weekends that differ, noise, and a few missing hours."""
    rng = np.random.default_rng(seed)
    hour = np.arange(days * 24) % 24
    weekend = (np.arange(days * 24) // 24) % 7 >= 5
    evening = np.exp(-(((hour - 19) / 2.5) ** 2)) + 0.6 * weekend * np.exp(
        -(((hour - 12) / 3.0) ** 2)
    )
    watts = rng.uniform(80, 300) + rng.uniform(600, 2000) * evening
    watts = watts * rng.gamma(12.0, 1 / 12.0, len(hour))
    watts[rng.random(len(watts)) < 0.01] = np.nan
    return SiteReadings(name, START, 3600, {MAINS: watts.astype(np.float32)})


def scored_from(site: SiteReadings, day: int) -> SiteReadings:
    return replace(site, score_from=site.start + np.timedelta64(day, "D"))


@dataclass(frozen=True)
class Case:
    """A trained model, as it was trained and as it ships."""

    readings: MemoryReadings
    trained: Trained[AnomalyDetails]
    keras: KerasNetwork
    file: LiteRTNetwork
    content: bytes


@pytest.fixture(scope="session")
def small_settings() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMARTWATTS_ANOMALY_INJECTED_WINDOWS", "3000")
        patch.setenv("SMARTWATTS_ANOMALY_EPOCHS", "8")
        yield


@pytest.fixture(scope="session")
def case(small_settings: None) -> Case:
    readings = MemoryReadings([made_home(f"home{i}", 63, i) for i in range(4)])
    spec = KIND.models()[0]
    trained = KIND.trainer.train(spec, readings, TrainOptions(seed=1), lambda *_: None)
    network = KerasNetwork.from_training(trained)
    samples = KIND.work.sample_inputs(trained.details, 32, 0)
    content = convert_network(network, samples, "none").content
    return Case(readings, trained, network, LiteRTNetwork(content), content)
