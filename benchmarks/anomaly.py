"""The anomaly model against its peers in one run, with dirty training, and over a year.

    python benchmarks/anomaly.py accuracy --data ../shared/data --models M --seeds 0 1 2
    python benchmarks/anomaly.py dirty --data ../shared/data --models M
    python benchmarks/anomaly.py transfer --data ../shared/data --models M
    python benchmarks/anomaly.py year --model M/homes.0/anomaly_model.tflite --input D --picture P

``accuracy`` trains on first halves with the defaults that ship and scores the converted
file on second halves, whose injected events are part of the data; a peer alerts above the
99.9 % quantile of its scores on the first half. ``dirty`` trains on first halves in which
unmarked anomalies cover 5 % of the hours. ``transfer`` scores homes with the file of
buildings, and the other way round. ``year`` is ``predict anomaly --alerts`` with
each alert in a picture.
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anomaly_devices import SPLITS, Device, load
from anomaly_paano import PaAno
from anomaly_peers import PEERS, Peer, residuals
from anomaly_year import year
from sklearn.metrics import average_precision_score

from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.anomaly.calibration import MONTH_HOURS
from smartwatts_ml.kinds.anomaly.injection import inject
from smartwatts_ml.kinds.anomaly.layout import TYPES
from smartwatts_ml.kinds.anomaly.metrics import false_alerts, vus_pr
from smartwatts_ml.kinds.anomaly.windows import hours_of_week, mains_of
from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.kinds.forecasting.series import to_series
from smartwatts_ml.modelfiles.conversion import convert_network
from smartwatts_ml.modelfiles.litert import LiteRTNetwork
from smartwatts_ml.modelfiles.networks import KerasNetwork
from smartwatts_ml.modelfiles.tensorflow import settle_environment, start_tensorflow
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, SiteSpan

DIRTY = 0.05
CUTS = 100
QUANTILE = 0.999
EVERY = 4  # hours to fit on that the forecaster forecasts


@dataclass(frozen=True)
class Result:
    """What one system makes of one device."""

    vus_pr: float
    pr_auc: float
    oracle: int
    hits: tuple[tuple[str, bool], ...]
    false: float
    months: float


Scored = Callable[[Device, np.ndarray, np.ndarray], np.ndarray]


class DirtyReadings(Readings):
    """Other readings with unmarked anomalies in ``DIRTY`` of the hours, or a little more."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def spans(self) -> tuple[SiteSpan, ...]:
        return self._readings.spans()

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        loaded = self._readings.load(site, period_s, channels, local=local)
        values = mains_of(loaded)
        known, count = ~np.isnan(values), 0
        injected = inject(values, hours_of_week(loaded), known, 0, count=0)
        while (injected.codes > 0).sum() < DIRTY * known.sum():
            count += 1
            seed = (77, zlib.crc32(site.encode()))
            injected = inject(values, hours_of_week(loaded), known, seed, count=count)
        return replace(loaded, channels={MAINS: injected.values})


def judge(device: Device, score: np.ndarray, alert: np.ndarray) -> Result:
    """``score``, ``alert``: of the device's scored hours."""
    months = float((~device.truth).sum()) / MONTH_HOURS
    spans = [(name, *np.searchsorted(device.at, (a, b))) for name, a, b in device.events]

    def false(on: np.ndarray) -> float:
        return float(false_alerts(on & ~device.truth, device.truth, device.at)[1].sum())

    ranked = np.sort(score)[::-1]
    places = np.unique(np.geomspace(1, len(score), CUTS).astype(int)) - 1
    oracle = 0
    for cut in np.unique(ranked[places]):
        on = score >= cut
        if false(on) <= months:
            oracle = max(oracle, sum(bool(on[a:b].any()) for _, a, b in spans))
    some = device.truth.any()
    return Result(
        vus_pr=vus_pr(device.truth, score) if some else np.nan,
        pr_auc=average_precision_score(device.truth, score) if some else np.nan,
        oracle=oracle,
        hits=tuple((name, bool(alert[a:b].any())) for name, a, b in spans),
        false=false(alert),
        months=months,
    )


def row_of(name: str, results: Sequence[Result]) -> str:
    """Means over devices of the areas; events and false alerts pooled."""
    hits = [hit for result in results for hit in result.hits]
    months = sum(result.months for result in results)
    by_type = " ".join(f"{sum(h for t, h in hits if t == kind)}" for kind in TYPES)
    return (
        f"| {name} | {np.nanmean([r.vus_pr for r in results]):.3f} "
        f"| {np.nanmean([r.pr_auc for r in results]):.3f} "
        f"| {sum(r.oracle for r in results) / len(hits):.2f} "
        f"| {np.mean([hit for _, hit in hits]):.2f} "
        f"| {sum(r.false for r in results) / months:.2f} | {by_type} |"
    )


def converted(name: str, training: Readings, seed: int, kept: Path) -> LiteRTNetwork:
    """The file that ships of a kind's first model: the one that is there (``smartwatts train``
    writes such), or trained here."""
    kind = find_kind(name)
    if not kept.is_file():
        before = time.process_time()
        trained = kind.trainer.train(
            kind.models()[0], training, TrainOptions(seed=seed), lambda *_: None
        )
        network = KerasNetwork.from_training(trained)
        samples = kind.work.sample_inputs(trained.details, 64, seed)
        found = convert_network(network, samples, "auto", kind.quantizations)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(found.content)
        print(
            f"{time.process_time() - before:.0f} CPU s, {len(found.content) / 1024:.0f} KiB "
            f"{found.quantization}, {found.latency_ms:.3f} ms a call"
        )
    return LiteRTNetwork(kept.read_bytes(), str(kept))


def score_file(file: LiteRTNetwork, devices: Sequence[Device]) -> list[Result]:
    """Alerts run on from the first half, as on a gateway."""
    predictor: Any = find_kind("anomaly").work.predictor(file)
    found = []
    for device in devices:
        known = np.flatnonzero(~np.isnan(mains_of(device.site)))
        rows = np.searchsorted(known, device.at)
        score, alert = predictor.score(device.site, known)
        found.append(judge(device, score[rows], alert[rows]))
    return found


def score_peer(score: Scored, devices: Sequence[Device]) -> list[Result]:
    found = []
    for device in devices:
        fit = np.arange(len(device.site)) < device.cut
        scores = score(device, filled(device.site), fit)
        alert = scores > np.nanquantile(scores[fit], QUANTILE)
        found.append(judge(device, scores[device.at], alert[device.at]))
    return found


def filled(site: SiteReadings) -> np.ndarray:
    return np.asarray(pd.Series(mains_of(site)).ffill().bfill().to_numpy(np.float64))


def peers(
    training: Readings, devices: Sequence[Device], kept: Path, seed: int
) -> Mapping[str, Callable[[], Scored]]:
    """What makes of each peer what scores the hours of a device from its filled W and the hours to
    fit on; NaN where it was not asked."""

    def simple(peer: Peer) -> Callable[[], Scored]:
        return lambda: (
            lambda device, values, fit: peer(values, hours_of_week(device.site), fit, seed)
        )

    def forecaster() -> Scored:
        file = converted("forecasting", training, seed, kept / "forecasting_24h_model.tflite")
        predictor: Any = find_kind("forecasting").work.predictor(file)

        def score(device: Device, values: np.ndarray, fit: np.ndarray) -> np.ndarray:
            at = np.union1d(device.at, np.flatnonzero(fit)[::EVERY])
            forecasts = predictor.forecast(to_series(device.site), at)[:, 0]
            return residuals(values, at, forecasts, float(values[fit].mean()))

        return score

    def patches() -> Scored:
        paano = PaAno([filled(device.site)[: device.cut] for device in devices], seed)
        return lambda device, values, fit: paano.score(values, fit)

    return {
        **{name: simple(peer) for name, peer in PEERS.items()},
        "residual of the forecaster": forecaster,
        "PaAno, one encoder for all": patches,
    }


def header(title: str, devices: Sequence[Device]) -> None:
    kinds = [name for device in devices for name, _, _ in device.events]
    counts = " ".join(f"{name} {kinds.count(name)}" for name in TYPES)
    print(f"\n### {title}: {len(devices)} devices, {len(kinds)} events ({counts})\n")
    print("| system | VUS-PR | PR-AUC | ER@1FA | event recall | false alerts a month | by type |")
    print("|---|---|---|---|---|---|---|", flush=True)


def accuracy(arguments: argparse.Namespace) -> None:
    for split in arguments.splits or SPLITS:
        training, devices = load(arguments.data, split)
        header(split, devices)
        for seed in arguments.seeds:
            file = converted(
                "anomaly", training, seed, arguments.models / f"{split}.{seed}/anomaly_model.tflite"
            )
            print(row_of(f"this file, seed {seed}", score_file(file, devices)), flush=True)
        for name, made in peers(training, devices, arguments.models / f"{split}.0", 0).items():
            if any(name.startswith(wanted) for wanted in arguments.peers):
                print(row_of(name, score_peer(made(), devices)), flush=True)


def dirty(arguments: argparse.Namespace) -> None:
    for split in arguments.splits or SPLITS:
        training, devices = load(arguments.data, split)
        header(f"{split}, unmarked anomalies in training", devices)
        kept = arguments.models / f"{split}.{arguments.seeds[0]}/anomaly_model.tflite"
        for name, readings, path in (
            ("clean", training, kept),
            ("dirty", DirtyReadings(training), kept.with_name("dirty.tflite")),
        ):
            file = converted("anomaly", readings, arguments.seeds[0], path)
            print(row_of(name, score_file(file, devices)), flush=True)


def transfer(arguments: argparse.Namespace) -> None:
    for split in arguments.splits or SPLITS:
        _, devices = load(arguments.data, split)
        header(f"{split} by a file that saw none like them", devices)
        for other in SPLITS.keys() - {split}:
            kept = arguments.models / f"{other}.{arguments.seeds[0]}/anomaly_model.tflite"
            file = LiteRTNetwork(kept.read_bytes(), str(kept))
            print(row_of(f"file of {other}", score_file(file, devices)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("accuracy", "dirty", "transfer"):
        one = verbs.add_parser(verb)
        one.add_argument("--data", type=Path, required=True)
        one.add_argument("--models", type=Path, required=True, help="folder of files, kept")
        one.add_argument("--seeds", type=int, nargs="+", default=[0])
        one.add_argument("--peers", nargs="*", default=[""], help="how their names begin; or none")
        one.add_argument("splits", nargs="*", choices=[*SPLITS, []], default=[])
    yearly = verbs.add_parser("year")
    yearly.add_argument("--model", type=Path, required=True)
    yearly.add_argument("--input", type=Path, required=True, help="folder of one home's readings")
    yearly.add_argument("--picture", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.verb == "year":
        year(arguments.model, arguments.input, arguments.picture)
        return
    settle_environment()
    start_tensorflow()
    {"accuracy": accuracy, "dirty": dirty, "transfer": transfer}[arguments.verb](arguments)


if __name__ == "__main__":
    main()
