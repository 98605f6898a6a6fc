"""Forecasts and alerts around the days on which clocks change, and in all other weeks.

    python benchmarks/clock.py --data ../shared/data --models M
    git worktree add .local/before REVISION
    PYTHONPATH=.local/before python benchmarks/clock.py --data ../shared/data --models N

The second form measures another revision with the same script. Homes have habits by the clock of
their place, and are written with UTC stamps: in Berlin, in Adelaide, which is nine and a half hours
from UTC, and in Bangkok, where no clock changes and days are parted as in Berlin. One model learns
from a year of all of them and is judged on the next eight months, by a forecast from each local
midnight and by its alerts; one that is among ``--models`` is not trained again. UK-DALE house 1 is
judged by a model of other homes; ``--london`` says on which clock it lives.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.modelfiles.conversion import convert_network
from smartwatts_ml.modelfiles.litert import LiteRTNetwork
from smartwatts_ml.modelfiles.networks import KerasNetwork
from smartwatts_ml.modelfiles.tensorflow import settle_environment, start_tensorflow
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.settings import Settings

ZONES = {
    "Berlin": "Europe/Berlin",
    "Adelaide": "Australia/Adelaide",
    "Bangkok": "Asia/Bangkok",
}
LIKE = {"Asia/Bangkok": "Europe/Berlin"}
"""Whose days of change part the days of a zone without any."""
FIRST, TEST, LAST = date(2024, 9, 1), date(2025, 9, 1), date(2026, 5, 1)
HOUSE = "load_ukdale1/*.csv.gz"
HOMES = "load_fontana17/fontana*[!2].csv.gz"  # without one that looks like panels, and one more
FORTNIGHT = pd.Timedelta(days=14)
PARTS = ("2 weeks before", "the day", "2 weeks after", "other weeks")


@dataclass(frozen=True)
class Place:
    """Homes of one clock: their files, and power by UTC quarter of an hour, W, by site."""

    name: str
    zone: str
    files: list[Path]
    settings: Settings
    power: Mapping[str, pd.Series]
    begin: pd.Timestamp
    end: pd.Timestamp

    def changes(self) -> list[pd.Timestamp]:
        """Local midnights of the days on which the clock changes, between begin and end."""
        days = pd.date_range(self.begin, self.end, freq="D", tz=LIKE.get(self.zone, self.zone))
        day = pd.Timedelta(days=1)
        changed = (first for first, after in itertools.pairwise(days) if after - first != day)
        return [first.tz_localize(None).tz_localize(self.zone) for first in changed]

    def part(self, midnight: pd.Timestamp) -> str:
        """Where a local day lies to the changes."""
        for change in self.changes():
            days = round((midnight - change) / pd.Timedelta(days=1))
            if days == 0:
                return PARTS[1]
            if -14 <= days < 0:
                return PARTS[0]
            if 0 < days <= 14:
                return PARTS[2]
        return PARTS[3]


def made(folder: Path, name: str, homes: int, seed: int) -> tuple[list[Path], Place]:
    """Files up to the test period, to learn from, and the place with all of its files; lives are
    the same in every place."""
    zone, learned, whole, power = ZONES[name], [], [], {}
    for number in range(homes):
        site = f"{name.lower()}{number + 1}"
        series = power[site] = lived(habits(np.random.default_rng((seed, number))), zone)
        early = series[: pd.Timestamp(TEST, tz=zone) - pd.Timedelta(1, "s")]
        learned.append(write(early, site, folder / "learned"))
        whole.append(write(series, site, folder / "whole"))
    begin, end = pd.Timestamp(TEST), pd.Timestamp(LAST)
    return learned, Place(name, zone, whole, Settings(timezone=zone), power, begin, end)


def habits(rng: np.random.Generator) -> pd.Series:
    """W by quarter of an hour of a life: base load, a morning and an evening at hours of its own,
    later at weekends, days that differ, and noise that no forecast can know."""
    stamps = pd.date_range(FIRST, LAST, freq="15min", inclusive="left")
    hour, weekend = stamps.hour + stamps.minute / 60, stamps.day_of_week >= 5
    morning, evening = rng.normal(6.8, 0.5) + 1.5 * weekend, rng.normal(18.8, 0.8)
    peaks = rng.uniform(1.5, 3) * np.exp(-(((hour - morning) / 0.7) ** 2))
    peaks = peaks + rng.uniform(3, 6) * np.exp(-(((hour - evening) / 1.1) ** 2))
    days = np.repeat(rng.gamma(30.0, 1 / 30, len(stamps) // 96), 96)
    watts = rng.uniform(100, 250) * (1 + peaks * days) * rng.gamma(12.0, 1 / 12, len(stamps))
    return pd.Series(watts.round(1), stamps)


def lived(series: pd.Series, zone: str) -> pd.Series:
    """A life by the clock of a zone, by UTC: what the clock skips is not lived, and what it
    repeats is lived twice."""
    passes = []
    for summer in (True, False):
        stamps = series.index.tz_localize(
            zone, nonexistent="NaT", ambiguous=np.full(len(series), summer)
        )
        passes.append(pd.Series(series.to_numpy(), stamps))
    both = pd.concat(passes)
    both = both[both.index.notna()].tz_convert("UTC").sort_index()
    return both[~both.index.duplicated()]


def write(series: pd.Series, site: str, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    stamps = series.index.strftime("%Y-%m-%dT%H:%M:%SZ")
    path = folder / f"{site}.csv"
    frame = pd.DataFrame({"timestamp": stamps, "consumption": series.to_numpy()})
    frame.assign(device_id=f"{site}/mains").to_csv(path, index=False)
    return path


def house(data: Path, zone: str) -> Place:
    """UK-DALE house 1, whose stamps are UTC."""
    files = sorted(data.glob(HOUSE))
    rows = pd.concat([pd.read_csv(path, parse_dates=["timestamp"]) for path in files])
    site = str(rows.device_id.iloc[0]).split("/")[0]
    series = rows.set_index("timestamp").consumption.tz_localize("UTC")
    power = {site: series.resample("15min").mean()}
    settings = Settings(site_timezones={site: zone})
    begin, end = pd.Timestamp("2014-02-01"), pd.Timestamp("2015-12-30")
    return Place("UK-DALE 1", "Europe/London", files, settings, power, begin, end)


def train(
    kind: Any, files: list[Path], settings: Settings, args: argparse.Namespace, at: str
) -> Any:
    """The converted file, ready to predict; one that is kept is not trained again."""
    kept = args.models / f"{at}_seed{args.seed}.tflite"
    if not kept.is_file():
        options = TrainOptions(args.epochs, seed=args.seed)
        with FileReadings(files, settings) as readings:
            trained = kind.trainer.train(kind.spec(), readings, options, lambda *_: None)
        samples = kind.work.sample_inputs(trained.details, 64, args.seed)
        kept.parent.mkdir(parents=True, exist_ok=True)
        network = KerasNetwork.from_training(trained)
        kept.write_bytes(convert_network(network, samples, "auto").content)
    return kind.work.predictor(LiteRTNetwork(kept.read_bytes()))


def errors(kind: Any, predictor: Any, place: Place) -> pd.DataFrame:
    """Of a forecast from each local midnight: site, part, and sums of error and power, Wh."""
    rows = []
    with FileReadings(place.files, place.settings) as readings:
        for first, last in runs(place):
            until = utc(last) + np.timedelta64(59, "m")  # hours of UTC may begin after midnight
            frames = kind.work.predict(predictor, readings, from_=utc(first), to=until, every="24h")
            for frame in frames:
                rows += list(measured(frame, place))
    return pd.DataFrame(rows, columns=["site", "part", "error", "power"])


def runs(place: Place) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
    """First and last midnights of stretches of days that are 24 hours long, but for the last, so
    that forecasts of a fixed stride are from midnights whatever the stride counts."""
    edges = [day + pd.DateOffset(days=1) for day in place.changes()]
    first = pd.Timestamp(place.begin).tz_localize(place.zone)
    for edge in [*edges, pd.Timestamp(place.end).tz_localize(place.zone)]:
        yield first, edge - pd.DateOffset(days=1)
        first = edge


def utc(time: pd.Timestamp) -> np.datetime64:
    return np.datetime64(time.tz_convert("UTC").tz_localize(None).to_datetime64(), "s")


def measured(frame: pd.DataFrame, place: Place) -> Iterator[tuple[str, str, float, float]]:
    """Each forecast of a frame, over the hours of its rows."""
    site = str(frame.device_id.iloc[0]).split("/")[0]
    power = place.power[site]
    quarters = pd.date_range(power.index[0], power.index[-1], freq="15min")
    watts = power.reindex(quarters).to_numpy()
    for issued, rows in frame.groupby("issued_at"):
        at = (rows.timestamp.dt.tz_localize("UTC") - quarters[0]) // pd.Timedelta(minutes=15)
        windows = at.to_numpy()[:, None] + np.arange(4)
        inside = (windows[:, -1] < len(watts)) & (windows[:, 0] >= 0)
        truth = watts[windows[inside]].mean(1)
        known = np.isfinite(truth)
        if known.any():
            error = np.abs(truth - rows.consumption.to_numpy()[inside])[known].sum()
            midnight = pd.Timestamp(issued, tz="UTC").tz_convert(place.zone)
            yield site, place.part(midnight.normalize()), error, np.abs(truth[known]).sum()


def show_errors(place: Place, found: pd.DataFrame) -> None:
    """WAPE, the mean over sites, in each part."""
    sums = found.groupby(["part", "site"])[["error", "power"]].sum()
    wape = (sums.error / sums.power).groupby("part").mean()
    cells = " | ".join(f"{wape.get(part, np.nan):.3f}" for part in PARTS)
    print(f"| {place.name} | {cells} |", flush=True)


def show_alerts(kind: Any, scorer: Any, place: Place) -> None:
    """Alerts a device-week in the two weeks from a change on, and in all other weeks."""
    with FileReadings(place.files, place.settings) as readings:
        alerts = pd.concat(list(kind.work.predict(scorer, readings, alerts=True)))
    start = alerts.start.dt.tz_localize("UTC")
    begin, end = (pd.Timestamp(at).tz_localize(place.zone) for at in (place.begin, place.end))
    start = start[(start >= begin) & (start < end)]
    near = [((start >= day) & (start < day + FORTNIGHT)) for day in place.changes()]
    count = int(np.sum([part.sum() for part in near]))
    weeks = 2 * len(near) * len(place.power)
    others = (end - begin).days / 7 * len(place.power) - weeks
    print(
        f"| {place.name} | {count / weeks:.2f} ({count}) | "
        f"{(len(start) - count) / others:.2f} ({len(start) - count}) |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="Folder of public readings.")
    parser.add_argument("--homes", type=int, default=8, help="Simulated homes of each place.")
    parser.add_argument("--epochs", type=int, help="Most epochs of each training.")
    parser.add_argument("--seed", type=int, default=0, help="Of the training.")
    parser.add_argument("--lives", type=int, default=11, help="Seed of the simulated homes.")
    parser.add_argument("--models", type=Path, required=True, help="Folder of trained files.")
    parser.add_argument("--london", default="Europe/London", help="The clock of UK-DALE house 1.")
    parser.add_argument("--only", nargs="+", choices=("homes", "house", "alerts"))
    args = parser.parse_args()
    wanted = args.only or ("homes", "house", "alerts")
    settle_environment()
    start_tensorflow()
    if "house" in wanted:
        forecasting = find_kind("forecasting")
        files = sorted(args.data.glob(HOMES))
        head("WAPE", PARTS)
        file = train(forecasting, files, Settings(), args, "fontana")
        place = house(args.data, args.london)
        show_errors(place, errors(forecasting, file, place))
    if {"homes", "alerts"} & set(wanted):
        with tempfile.TemporaryDirectory() as folder:
            homes(Path(folder), wanted, args)


def homes(folder: Path, wanted: Sequence[str], args: argparse.Namespace) -> None:
    """Forecasts and alerts of homes with habits."""
    places = [made(folder, name, args.homes, args.lives) for name in ZONES]
    # Each place's files say nothing of their clock: a site's is told by its name.
    clocks = {site: place.zone for _, place in places for site in place.power}
    learned = [path for paths, _ in places for path in paths]
    settings = Settings(site_timezones=clocks)
    if "homes" in wanted:
        kind = find_kind("forecasting")
        head("WAPE", PARTS)
        file = train(kind, learned, settings, args, "habits")
        for _, place in places:
            show_errors(place, errors(kind, file, place))
    if "alerts" in wanted:
        kind = find_kind("anomaly")
        head("alerts a device-week", ("2 weeks from a change", "other weeks"))
        file = train(kind, learned, settings, args, "anomaly")
        for _, place in places:
            show_alerts(kind, file, place)


def head(title: str, columns: Sequence[str]) -> None:
    print(f"\n| {title} | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}", flush=True)


if __name__ == "__main__":
    main()
