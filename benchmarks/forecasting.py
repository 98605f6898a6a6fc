"""The forecasting models against their peers, all trained and scored in one run.

    python benchmarks/forecasting.py table --data ../shared/data --models M --horizons 24 168 720
    python benchmarks/forecasting.py homes --data ../shared/data --horizons 24
    python benchmarks/forecasting.py control --data ../shared/data --horizons 24
    python benchmarks/forecasting.py sampling --data ../shared/data --horizons 24

``table`` trains with the defaults that ship on the training periods of both sets and scores
the converted file on the test periods: medians over devices, and the largest WAPE of a device
as a multiple of that of its four-week mean. ``homes`` leaves homes out in
five folds. ``control`` shuffles the hours of every site: where nothing leaks, nothing can
then beat a constant. ``sampling`` trains on some of many made homes, as fleets larger than
what training holds are sampled, and scores on made homes that none of them saw. LightGBM
and statsforecast are used where they are installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from forecasting_peers import LastDay, Statistical, fit_trees
from systems import System

from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.kinds.forecasting.evaluation import backtest_origins
from smartwatts_ml.kinds.forecasting.metrics import headline, measure, naive_errors
from smartwatts_ml.kinds.forecasting.predictors import SameHourMean
from smartwatts_ml.kinds.forecasting.series import HOUR_S, to_series
from smartwatts_ml.modelfiles.conversion import convert_network
from smartwatts_ml.modelfiles.litert import LiteRTNetwork
from smartwatts_ml.modelfiles.networks import KerasNetwork
from smartwatts_ml.modelfiles.tensorflow import settle_environment, start_tensorflow
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, SiteSpan
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.settings import Settings

KIND = find_kind("forecasting")
SETS = {"homes": "load_fontana17/*.csv.gz", "buildings": "load_cambridge26/*.csv.gz"}
BUILDINGS_TEST = np.datetime64("2022-01-01T00:00:00")
DAY = np.timedelta64(86_400, "s")
FOLDS = 5
SHOWN = ("wape", "nrmse", "mase_168h", "wql", "coverage_80")


class Sites(Readings):
    """Some sites, up to their test period or whole; ``change`` what is loaded of each."""

    def __init__(
        self, source: Readings, names: Sequence[str], change: Callable[[SiteReadings], SiteReadings]
    ) -> None:
        self._source, self._names, self._change = source, set(names), change

    def spans(self) -> tuple[SiteSpan, ...]:
        return tuple(span for span in self._source.spans() if span.site in self._names)

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        return self._change(self._source.load(site, period_s, channels, local=local))


def test_begins(site: SiteReadings) -> np.datetime64:
    """2022 for buildings; for homes the first midnight in the last quarter."""
    if site.end > BUILDINGS_TEST + 30 * DAY:
        return BUILDINGS_TEST
    begin = site.start + (site.end - site.start) * 3 // 4
    days = -(-(begin - np.datetime64(0, "s")) // DAY)
    return np.datetime64(int(days), "D").astype("datetime64[s]")


def before_test(site: SiteReadings) -> SiteReadings:
    return site.between(None, test_begins(site))


def names_of(data: Path, which: str) -> list[str]:
    return sorted(path.name.split(".")[0] for path in data.glob(SETS[which]))


def train(readings: Readings, horizon: int, seed: int, epochs: int | None) -> System:
    """The file that ships, trained with defaults (or fewer epochs)."""
    spec = KIND.spec(forecast_horizon=horizon)
    before = time.process_time()
    trained = KIND.trainer.train(spec, readings, TrainOptions(epochs, seed=seed), lambda *_: None)
    cpu_s = time.process_time() - before
    network = KerasNetwork.from_training(trained)
    samples = KIND.work.sample_inputs(trained.details, 64, seed)
    content = convert_network(network, samples, "auto").content
    return replace(open_file(content), cpu_s=cpu_s)


def open_file(content: bytes) -> System:
    """A file with its median time of a call on one core."""
    network = LiteRTNetwork(content)
    times = []
    for i in range(200):
        inputs = KIND.work.sample_inputs(KIND.read_details(network.details), 1, i)
        begin = time.perf_counter()
        network(inputs)
        times.append(time.perf_counter() - begin)
    call_ms = 1000 * float(np.median(times))
    return System(KIND.work.predictor(network), size=len(content), call_ms=call_ms)


def peers(readings: Readings, horizon: int, seed: int, statistical: bool) -> dict[str, System]:
    found = {
        "four-week mean": System(SameHourMean(horizon, 4)),
        "last week": System(SameHourMean(horizon, 1)),
        "last day": System(LastDay(horizon)),
    }
    if importlib.util.find_spec("lightgbm"):
        series = [to_series(site) for site in readings.iterate(HOUR_S, (MAINS,), local=True)]
        before = time.process_time()
        trees = fit_trees(series, horizon, seed)
        found["LightGBM"] = System(trees, cpu_s=time.process_time() - before)
    if statistical and importlib.util.find_spec("statsforecast"):
        found["MSTL (statsforecast)"] = System(Statistical(horizon))
    return found


def scored(predictor: Any, sites: Readings, horizon: int) -> list[dict[str, float]]:
    """Metrics of each site, pooled over its test origins."""
    found = []
    for site in sites.iterate(HOUR_S, local=True):
        series = to_series(site)
        origins = backtest_origins(series, site.index(test_begins(site)), horizon)
        truth = series.power[origins[:, None] + np.arange(horizon)]
        past = naive_errors(series.power[: origins[0]])
        quantiles = predictor.forecast(series, origins)
        found.append(headline(measure(truth, quantiles, past)[None, None]))
    return found


def show(
    name: str, system: System, rows: list[dict[str, float]], plain: list[dict[str, float]]
) -> None:
    """Medians over sites, and the WAPE of the site that is worst off against ``plain``."""
    values = [float(np.nanmedian([row[metric] for row in rows])) for metric in SHOWN]
    values.append(max(a["wape"] / b["wape"] for a, b in zip(rows, plain, strict=True)))
    cost = (system.cpu_s, system.size and system.size / 1024, system.call_ms)
    cells = [f"{value:.3f}" for value in values] + ["" if c is None else f"{c:.3g}" for c in cost]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def head(title: str) -> None:
    columns = (*SHOWN, "worst", "CPU s", "KiB", "ms")
    print(f"\n| {title} | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")


def table(args: argparse.Namespace, readings: Readings) -> None:
    every = [name for which in SETS for name in names_of(args.data, which)]
    training = Sites(readings, every, before_test)
    for horizon in args.horizons:
        systems: dict[str, System] = {}
        for seed in args.seeds:
            kept = args.models / f"seed{seed}" / f"forecasting_{horizon}h_model.tflite"
            there = kept.is_file()
            system = (
                open_file(kept.read_bytes())
                if there
                else train(training, horizon, seed, args.epochs)
            )
            systems[f"this file, seed {seed}"] = system
        systems |= peers(training, horizon, args.seeds[0], args.statistical)
        for which in args.sets:
            head(f"{which}, {horizon} h")
            sites = Sites(readings, names_of(args.data, which), lambda site: site)
            plain = scored(SameHourMean(horizon, 4), sites, horizon)
            for name, system in systems.items():
                show(name, system, scored(system.predictor, sites, horizon), plain)


def homes(args: argparse.Namespace, readings: Readings) -> None:
    names, buildings = names_of(args.data, "homes"), names_of(args.data, "buildings")
    for horizon in args.horizons:
        rows, plain = [], []
        for fold in range(FOLDS):
            left = names[fold::FOLDS]
            kept = [name for name in names if name not in left]
            system = train(
                Sites(readings, [*kept, *buildings], before_test), horizon, fold, args.epochs
            )
            unseen = Sites(readings, left, lambda site: site)
            rows += scored(system.predictor, unseen, horizon)
            plain += scored(SameHourMean(horizon, 4), unseen, horizon)
        head(f"homes never seen, {horizon} h")
        show("this file, five folds", system, rows, plain)
        show("four-week mean", System(None), plain, plain)


def control(args: argparse.Namespace, readings: Readings) -> None:
    every = [name for which in SETS for name in names_of(args.data, which)]

    def shuffled(site: SiteReadings) -> SiteReadings:
        """Hours of the training and of the test period, each in random order."""
        rng = np.random.default_rng(len(site.site))
        power = site.channels[MAINS].copy()
        cut = site.index(test_begins(site))
        power[:cut], power[cut:] = rng.permutation(power[:cut]), rng.permutation(power[cut:])
        return replace(site, channels={MAINS: power})

    for horizon in args.horizons:
        training = Sites(readings, every, lambda site: before_test(shuffled(site)))
        system = train(training, horizon, args.seeds[0], args.epochs)
        for which in args.sets:
            head(f"{which} shuffled in time, {horizon} h")
            tested = Sites(readings, names_of(args.data, which), shuffled)
            constant = scored(ContextMedian(horizon), tested, horizon)
            show("this file", system, scored(system.predictor, tested, horizon), constant)
            show("median of the context", System(None), constant, constant)


class MadeHomes(Readings):
    """``count`` homes, each a mix of two real ones, moved by whole weeks against each
    other and scaled, numbered from ``first`` on."""

    def __init__(self, real: Sequence[SiteReadings], first: int, count: int) -> None:
        self._real = real
        self._numbers = {f"made{i}": i for i in range(first, first + count)}

    def spans(self) -> tuple[SiteSpan, ...]:
        first = self._real[0]
        return tuple(
            SiteSpan(name, (MAINS,), first.start, first.end, len(first)) for name in self._numbers
        )

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        rng = np.random.default_rng(self._numbers[site])
        one, other = (self._real[i] for i in rng.choice(len(self._real), 2, replace=False))
        hours = min(len(one), len(other))
        moved = np.roll(other.channels[MAINS][-hours:], 168 * int(rng.integers(hours // 168)))
        power = one.channels[MAINS][-hours:] + rng.uniform(0.2, 1.0) * moved
        scaled = (power * rng.lognormal(0.0, 0.5)).astype(np.float32)
        start = one.start + (len(one) - hours) * np.timedelta64(HOUR_S, "s")
        return replace(one, site=site, start=start, channels={MAINS: scaled})


def sampling(args: argparse.Namespace, readings: Readings) -> None:
    """Homes 0 to 9,999 are the fleet; 10,000 and on are never trained on."""
    names = names_of(args.data, "homes")
    before = list(Sites(readings, names, before_test).iterate(HOUR_S, local=True))
    whole = list(Sites(readings, names, lambda site: site).iterate(HOUR_S, local=True))
    for horizon in args.horizons:
        head(f"made homes never seen, {horizon} h")
        for most in args.sampled:
            os.environ["SMARTWATTS_FORECASTING_MAX_SITES"] = str(most)
            fleet = MadeHomes(before, 0, 10_000)
            system = train(fleet, horizon, args.seeds[0], args.epochs)
            unseen = MadeHomes(whole, 10_000, 200)
            plain = scored(SameHourMean(horizon, 4), unseen, horizon)
            show(f"{most:,} of 10,000", system, scored(system.predictor, unseen, horizon), plain)


@dataclass(frozen=True)
class ContextMedian:
    """P10, P50 and P90 of the context, for every hour: all that there is to know of
    readings in random order."""

    horizon: int

    def forecast(self, series: Any, origins: np.ndarray) -> np.ndarray:
        history = series.contexts(origins)["history_w"][:, :, 0]
        found = np.nanquantile(history, (0.1, 0.5, 0.9), axis=1).T
        return np.repeat(found[:, None], self.horizon, 1)


JOBS = {"table": table, "homes": homes, "control": control, "sampling": sampling}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=list(JOBS))
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--models", type=Path, default=Path("models"), help="files made already")
    parser.add_argument("--horizons", type=int, nargs="+", default=[24, 168, 720])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--sampled", type=int, nargs="+", default=[50, 500, 2000])
    parser.add_argument("--epochs", type=int, help="fewer than the default, for a quick look")
    parser.add_argument("--statistical", action="store_true", help="MSTL too; slow")
    args = parser.parse_args()
    settle_environment()
    start_tensorflow()
    files = [path for pattern in SETS.values() for path in sorted(args.data.glob(pattern))]
    readings = FileReadings(files, Settings(check_mains=False))  # some are buildings
    JOBS[args.what](args, readings)


if __name__ == "__main__":
    main()
