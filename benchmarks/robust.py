"""What is certain beforehand, on made loads: spikes of seven sizes, seasons, outages, panels,
appliances.

    python benchmarks/robust.py --anomaly A.tflite --forecasting F.tflite

``spikes`` adds an hour of 10 W to 10 MW to each of twelve loads: its score must not fall with its
size, what no hour before came near must be told, what the load does anyway must not, and the
forecast of the next day must hardly move. ``changes`` lets something happen to homes, for five
weeks: alerts within them, and forecasts of the last four, against what is right.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.forecasting.predictors import SameHourMean
from smartwatts_ml.kinds.forecasting.series import to_series
from smartwatts_ml.modelfiles.litert import LiteRTNetwork
from smartwatts_ml.readings.base import MAINS, SiteReadings

START = np.datetime64("2026-01-05T00:00:00", "s")  # a Monday
DAY = 24
BEFORE, AFTER = 56, 35  # days
SIZES = tuple(10.0**power for power in range(1, 8))  # W
AT = 14  # hour of the day of a spike
SEEDS = range(4)
MOVED = 0.1  # share of its mean that the forecast after a spike may move by

Rng = np.random.Generator


def steady(hour: np.ndarray, weekend: np.ndarray, rng: Rng) -> np.ndarray:
    return 300.0 * (1 + 0.01 * rng.normal(size=len(hour)))


def unmoved(hour: np.ndarray, weekend: np.ndarray, rng: Rng) -> np.ndarray:
    return np.full(len(hour), 300.0)


def nothing(hour: np.ndarray, weekend: np.ndarray, rng: Rng) -> np.ndarray:
    return np.zeros(len(hour))


def small(hour: np.ndarray, weekend: np.ndarray, rng: Rng) -> np.ndarray:
    return 5.0 * (1 + 0.05 * rng.normal(size=len(hour)))


def low_at_night(hour: np.ndarray, weekend: np.ndarray, rng: Rng) -> np.ndarray:
    return np.where((hour >= 7) & (hour < 22), 400.0, 60.0) * rng.gamma(60, 1 / 60, len(hour))


def home(hour: np.ndarray, weekend: np.ndarray, rng: Rng) -> np.ndarray:
    evening = np.exp(-(((hour - rng.uniform(18, 20)) / 2.5) ** 2))
    noon = weekend * np.exp(-(((hour - 12) / 3.0) ** 2))
    return (rng.uniform(120, 250) + 1200 * (evening + 0.6 * noon)) * rng.gamma(
        12, 1 / 12, len(hour)
    )


def noisy_home(hour: np.ndarray, weekend: np.ndarray, rng: Rng) -> np.ndarray:
    appliance = (rng.random(len(hour)) < 0.15) * rng.uniform(500, 2500, len(hour))
    return home(hour, weekend, rng) * rng.gamma(3, 1 / 3, len(hour)) + appliance


def heater(hour: np.ndarray, weekend: np.ndarray, rng: Rng) -> np.ndarray:
    return 150.0 + 2000.0 * rng.random(len(hour)) * (rng.random(len(hour)) < 0.4)


def charger(hour: np.ndarray, weekend: np.ndarray, rng: Rng) -> np.ndarray:
    nights = np.repeat(rng.random(len(hour) // DAY) < 0.35, DAY)
    return home(hour, weekend, rng) + 7000.0 * nights * ((hour >= 1) & (hour < 5))


def panels(hour: np.ndarray, weekend: np.ndarray, rng: Rng) -> np.ndarray:
    sun = np.maximum(np.sin((hour - 6) / 12 * np.pi), 0.0)
    clouds = np.repeat(rng.uniform(0.2, 1.0, len(hour) // DAY), DAY)
    return home(hour, weekend, rng) - 3000.0 * sun * clouds * rng.uniform(0.8, 1.0, len(hour))


def building(hour: np.ndarray, weekend: np.ndarray, rng: Rng) -> np.ndarray:
    office = (hour >= 7) & (hour < 19) & ~weekend
    return np.where(office, 90_000.0, 30_000.0) * rng.gamma(200, 1 / 200, len(hour))


def gaps(hour: np.ndarray, weekend: np.ndarray, rng: Rng) -> np.ndarray:
    watts = home(hour, weekend, rng)
    lost = rng.random(len(hour)) < 0.1
    lost[(BEFORE * DAY + AT) :] = False
    return np.where(lost, np.nan, watts)


Load = Callable[[np.ndarray, np.ndarray, Rng], np.ndarray]
LOADS: Mapping[str, Load] = {
    "steady, 300 W": steady,
    "the same to the bit": unmoved,
    "nothing": nothing,
    "5 W": small,
    "low at night": low_at_night,
    "home": home,
    "noisy home": noisy_home,
    "heater by chance": heater,
    "car in a third of nights": charger,
    "home with panels": panels,
    "building, 90 kW": building,
    "home, 10 % missing": gaps,
}


def more_of_all(watts: np.ndarray, hour: np.ndarray, rng: Rng) -> np.ndarray:
    return watts * np.linspace(1.0, 1.8, len(watts))


def less_of_all(watts: np.ndarray, hour: np.ndarray, rng: Rng) -> np.ndarray:
    return watts * np.linspace(1.0, 0.6, len(watts))


def off(hours: int) -> Callable[[np.ndarray, np.ndarray, Rng], np.ndarray]:
    def change(watts: np.ndarray, hour: np.ndarray, rng: Rng) -> np.ndarray:
        return np.where(np.arange(len(watts)) < hours, 0.0, watts)

    return change


def lost(watts: np.ndarray, hour: np.ndarray, rng: Rng) -> np.ndarray:
    return np.where(np.arange(len(watts)) < 5 * DAY, np.nan, watts)


def away(watts: np.ndarray, hour: np.ndarray, rng: Rng) -> np.ndarray:
    base = np.quantile(watts, 0.1) * rng.gamma(60, 1 / 60, len(watts))
    return np.where(np.arange(len(watts)) < 14 * DAY, base, watts)


def new_panels(watts: np.ndarray, hour: np.ndarray, rng: Rng) -> np.ndarray:
    return watts + panels(hour, hour < 0, rng) - home(hour, hour < 0, rng)


def each_evening(watts: np.ndarray, hour: np.ndarray, rng: Rng) -> np.ndarray:
    return watts + 1500.0 * ((hour >= 20) & (hour < 23)) * rng.uniform(0.8, 1.1, len(watts))


def heat_pump(watts: np.ndarray, hour: np.ndarray, rng: Rng) -> np.ndarray:
    return watts + 800.0 * rng.uniform(0.7, 1.2, len(watts))


Change = Callable[[np.ndarray, np.ndarray, Rng], np.ndarray]
CHANGES: Mapping[str, tuple[Change, int, int]] = {
    "none": (lambda watts, hour, rng: watts, 0, 1),
    "80 % more within five weeks": (more_of_all, 0, 2),
    "40 % less within five weeks": (less_of_all, 0, 2),
    "off for 3 h": (off(3), 1, 2),
    "off for two days": (off(48), 1, 2),
    "five days missing": (lost, 0, 1),
    "two weeks away": (away, 0, 2),
    "new panels": (new_panels, 1, 3),
    "1.5 kW more each evening": (each_evening, 1, 3),
    "a heat pump, 800 W": (heat_pump, 1, 3),
}
"""What happens, and the fewest and most alerts of five weeks that are right."""


@dataclass(frozen=True)
class Files:
    """What is tried: predictors of both kinds."""

    anomaly: Any
    forecasting: Any

    def hours(self, watts: np.ndarray) -> Any:
        """All that the anomaly model says of hours with a reading, four weeks in."""
        return self.anomaly.hours(made(watts), scored(watts))

    def forecast(self, watts: np.ndarray, origins: np.ndarray) -> np.ndarray:
        """P50, W, shape (n_origins, horizon)."""
        return np.asarray(self.forecasting.forecast(to_series(made(watts)), origins)[:, :, 1])


def scored(watts: np.ndarray) -> np.ndarray:
    known = np.flatnonzero(~np.isnan(watts))
    return known[known >= BEFORE * DAY // 2]


def made(watts: np.ndarray) -> SiteReadings:
    return SiteReadings("made", START, 3600, {MAINS: watts.astype(np.float32)}, local=True)


def load(name: str, days: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """W and hours of the day, shape (days * 24,)."""
    hours = np.arange(days * DAY)
    rng = np.random.default_rng((seed, list(LOADS).index(name)))
    return LOADS[name](hours % DAY, (hours // DAY) % 7 >= 5, rng), hours % DAY


def show_spikes(files: Files) -> None:
    sizes = " | ".join(f"{size:g} W" for size in SIZES)
    print(f"| an hour more of | {sizes} | score falls | alert by | next day moves | right |")
    print("|---" * (len(SIZES) + 5) + "|", flush=True)
    at = BEFORE * DAY + AT
    for name in LOADS:
        watts, _ = load(name, BEFORE + 2, 0)
        scores, alerts, forecasts = [], [], []
        for size in (0.0, *SIZES):
            spiked = watts[: at + 1].copy()
            spiked[at] += size
            hours = files.hours(spiked)
            scores.append(float(hours.rarity[-1]))
            alerts.append(bool(hours.alert[-1]))
            day = np.append(spiked, watts[at + 1 : (BEFORE + 1) * DAY])
            forecasts.append(files.forecast(day, np.array([len(day)]))[0])
        show_spike(name, watts[:at], np.array(scores), np.array(alerts), np.array(forecasts))


def show_spike(
    name: str, before: np.ndarray, scores: np.ndarray, alerts: np.ndarray, forecasts: np.ndarray
) -> None:
    """``scores`` in nines; of no spike, then of each size."""
    quiet, loud = must(before)
    sizes = np.array(SIZES)
    falls = int((np.diff(scores) < -1e-3).sum())
    by = sizes[np.argmax(alerts[1:])] if alerts[1:].any() else np.inf
    moved = np.abs(forecasts[1:] - forecasts[0]).mean(axis=1)
    moved = moved / max(float(np.abs(forecasts[0]).mean()), 1.0)
    right = (
        falls == 0
        and alerts[1:][sizes >= loud].all()
        and not alerts[1:][sizes < quiet].any()
        and (moved <= MOVED).all()
    )
    cells = " | ".join(
        f"{s:.1f}{'!' if a else ''}" for s, a in zip(scores[1:], alerts[1:], strict=True)
    )
    told = f"{by:g} W (right: {quiet:.0f} to {loud:.0f})"
    print(
        f"| {name} | {cells} | {falls} of {len(SIZES)} | {told} | {moved.max():.0%} "
        f"| {yes(bool(right))} |",
        flush=True,
    )


def yes(right: bool) -> str:
    return "yes" if right else "**no**"


def must(before: np.ndarray) -> tuple[float, float]:
    """Up to which size the load does as much within an hour anyway, and from which on none of its
    hours came near what is usual at its hour of the day by a quarter, W."""
    padded = np.append(before, np.full(-len(before) % DAY, np.nan)).reshape(-1, DAY)
    usual = np.nanmedian(padded, axis=0)
    apart = np.abs(padded - usual)
    loud = 4 * float(np.nanmax(apart)) + float(np.abs(usual).mean())
    return float(np.nanquantile(apart, 0.9)), max(loud, SIZES[0])


def show_changes(files: Files) -> None:
    print("\n| what happens to four homes | alerts in five weeks | right", end=" | ")
    print("WAPE of their last four | four-week mean | right |")
    print("|---" * 6 + "|", flush=True)
    for name, (change, fewest, most) in CHANGES.items():
        counts, errors = [], []
        for seed in SEEDS:
            watts, hour = load("home", BEFORE + AFTER, seed)
            first = BEFORE * DAY
            rng = np.random.default_rng((seed, 1))
            watts[first:] = change(watts[first:], hour[first:], rng)
            hours = files.hours(watts)
            known = scored(watts)
            begins = np.unique(hours.alert, return_index=True)
            counts.append(int((known[begins[1]][begins[0] > 0] >= first).sum()))
            errors.append(wape(files, watts))
        ours, mean = np.mean(errors, axis=0)
        told = " ".join(map(str, sorted(counts)))
        good = all(fewest <= count <= most for count in counts)
        print(
            f"| {name} | {told} ({fewest} to {most}) "
            f"| {yes(good)} | {ours:.3f} | {mean:.3f} "
            f"| {yes(bool(ours <= mean))} |",
            flush=True,
        )


def wape(files: Files, watts: np.ndarray) -> tuple[float, float]:
    """Of forecasts from each midnight of the last four weeks, and of the four-week mean."""
    origins = np.arange(len(watts) - 28 * DAY, len(watts) - DAY + 1, DAY)
    truth = watts[origins[:, None] + np.arange(DAY)]
    mean = SameHourMean(DAY, 4).forecast(to_series(made(watts)), origins)[:, :, 1]
    total = np.nansum(np.abs(truth))
    return tuple(
        float(np.nansum(np.abs(truth - found)) / total)
        for found in (files.forecast(watts, origins), mean)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--anomaly", type=Path, required=True, help="A file of the anomaly model.")
    parser.add_argument("--forecasting", type=Path, required=True, help="A file for 24 hours.")
    args = parser.parse_args()
    files = Files(
        *(
            find_kind(kind).work.predictor(LiteRTNetwork(path.read_bytes(), str(path)))
            for kind, path in (("anomaly", args.anomaly), ("forecasting", args.forecasting))
        )
    )
    show_spikes(files)
    show_changes(files)


if __name__ == "__main__":
    main()
