"""The NILM model against its peers, all trained and scored in one run.

    python benchmarks/nilm.py accuracy s1 s2 --data ../shared/data --models M --seeds 0 1 2
    python benchmarks/nilm.py resolution s1 s2 --data ../shared/data --models M --epochs 15
    python benchmarks/nilm.py day --model nilm_model.tflite

``accuracy`` trains with the defaults that ship and scores the converted file; ``resolution`` the
same of the readings as coarser meters have them. ``day`` measures what a gateway pays: one call
for each minute of a day on one core.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from systems import System

from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.kinds.nilm.base_load import base_loads
from smartwatts_ml.kinds.nilm.details import NilmDetails
from smartwatts_ml.kinds.nilm.predictors import NilmPredictor
from smartwatts_ml.localtime import local_days
from smartwatts_ml.modelfiles.conversion import convert_network
from smartwatts_ml.modelfiles.litert import LiteRTNetwork
from smartwatts_ml.modelfiles.networks import KerasNetwork
from smartwatts_ml.modelfiles.tensorflow import settle_environment, start_tensorflow
from smartwatts_ml.readings.base import MAINS, Readings
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.scores.bootstrap import site_sums
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.settings import Settings

SPLITS = {
    "s1": (("nilm_ukdale2/*2013-0[56].csv.gz",), ("nilm_ukdale2/*2013-07.csv.gz",)),
    "s2": (
        ("nilm_refit2/*2014-0[3-9].csv.gz", "nilm_refit2/*2014-1[012].csv.gz"),
        ("nilm_ukdale2/*.csv.gz",),
    ),
}
DAY_WINDOWS = 1440
MINUTES_MEASURED = 10_000
SHOWN = ("mae_w", "f1", "nde", "precision", "recall", "accuracy", "sae", "teca")


def read(data: Path, globs: Sequence[str]) -> FileReadings:
    paths = sorted(path for pattern in globs for path in data.glob(pattern))
    if not paths:
        raise SystemExit(f"nothing matches {', '.join(globs)} below {data}")
    return FileReadings(paths, Settings())


def ours(training: Readings, seed: int, kept: Path, epochs: int | None = None) -> dict[str, System]:
    """The file that ships; trained here, with the Keras model it was made from, unless
    ``kept`` is there already (as ``smartwatts train`` writes it)."""
    kind = find_kind("nilm")
    if kept.is_file():
        return {"this file": open_file(kept.read_bytes())}
    before = time.process_time()
    options = TrainOptions(epochs, seed=seed)
    trained = kind.trainer.train(kind.spec(), training, options, lambda *_: None)
    cpu_s = time.process_time() - before
    network = KerasNetwork.from_training(trained)
    samples = kind.work.sample_inputs(trained.details, 64, seed)
    content = convert_network(network, samples, "auto").content
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(content)
    file = replace(open_file(content), cpu_s=cpu_s)
    return {"this file": file, "the same before conversion": System(kind.work.predictor(network))}


def open_file(content: bytes) -> System:
    kind, file = find_kind("nilm"), LiteRTNetwork(content)
    samples = kind.work.sample_inputs(kind.read_details(file.details), 64, 0)
    return System(kind.work.predictor(file), size=len(content), call_ms=call_ms(file, samples))


def call_ms(file: LiteRTNetwork, samples: Mapping[str, np.ndarray]) -> float:
    """Median of 1,000 calls of one window on one thread, after a warm-up."""
    times = []
    for i in range(1050):
        one = {name: array[i % len(array)][None] for name, array in samples.items()}
        start = time.perf_counter()
        file(one)
        times.append(time.perf_counter() - start)
    return float(np.median(times[50:]) * 1000)


def fit_peers(
    details: NilmDetails, training: Readings, seed: int, seq2point_steps: int
) -> dict[str, System]:
    kind = find_kind("nilm")
    before = time.process_time()
    simple = kind.work.baselines(details, training)
    cpu_s = time.process_time() - before
    peers = {name: System(predictor, cpu_s) for name, predictor in simple.items()}
    learned = import_module("nilm_peers")  # not for ``day``, which measures memory
    arrays = learned.training_arrays(details, training)
    peers["gradient_boosted_trees"] = timed(lambda: learned.Trees(details, arrays, seed))
    if seq2point_steps:
        made = timed(lambda: learned.Seq2Point(details, arrays, seed, seq2point_steps))
        peers[f"seq2point, {seq2point_steps} steps"] = made
    return peers


def timed(make: Callable[[], Any]) -> System:
    """A peer, its training's CPU seconds, its size, and ms to estimate one minute in bulk."""
    before = time.process_time()
    predictor = make()
    cpu_s = time.process_time() - before
    mains = np.random.default_rng(0).gamma(1.0, 300.0, MINUTES_MEASURED).astype(np.float32)
    start = time.perf_counter()
    predictor.power(mains)
    each = (time.perf_counter() - start) / MINUTES_MEASURED * 1000
    return System(predictor, cpu_s, predictor.size, each)


def run(split: str, arguments: argparse.Namespace, seed: int, peers: bool) -> None:
    kind = find_kind("nilm")
    globs = SPLITS[split]
    training, test = read(arguments.data, globs[0]), read(arguments.data, globs[1])
    systems = ours(training, seed, arguments.models / f"{split}.{seed}" / "nilm_model.tflite")
    details = systems["this file"].predictor.details
    if peers:
        systems |= fit_peers(details, training, seed, arguments.seq2point_steps.get(split, 0))
    predictors = {name: system.predictor for name, system in systems.items()}
    scores = kind.work.evaluate(details, predictors, test, seed)
    print(f"\n### nilm {split}, seed {seed}\n")
    show_accuracy(scores)
    show_cost(systems)


def resolution(split: str, arguments: argparse.Namespace) -> None:
    """One split at several periods, each with what a mean over it still tells."""
    kind, seed = find_kind("nilm"), arguments.seed
    training, test = (read(arguments.data, globs) for globs in SPLITS[split])
    for period_s in arguments.periods:
        os.environ["SMARTWATTS_NILM_PERIOD_S"] = str(period_s)
        kept = arguments.models / f"{split}.{period_s}.{seed}" / "nilm_model.tflite"
        systems = ours(training, seed, kept, arguments.epochs)
        details = systems["this file"].predictor.details
        systems |= fit_peers(details, training, seed, 0)
        predictors = {name: system.predictor for name, system in systems.items()}
        scores = kind.work.evaluate(details, predictors, test, seed)
        print(f"\n### nilm {split}, every {period_s} s, {details.window} samples a window")
        print(f"\non from {details.on_thresholds_w} W; {details.not_told or 'all are told'}\n")
        show_accuracy(scores)
        show_base_load(predictors, details, test)
        show_cost(systems)


def show_base_load(
    predictors: Mapping[str, NilmPredictor], details: NilmDetails, readings: Readings
) -> None:
    """How far each is from the base load that sub-meters leave of mains, W, mean over days."""
    found: dict[str, list[np.ndarray]] = {}
    for site in readings.iterate(details.period_s):
        mains = site.channels[MAINS]
        known = np.isfinite(mains)
        day = np.unique(local_days(site.wall[known]), return_inverse=True)[1]
        metered = [site.channels[name] for name in details.appliances if name in site.channels]
        drawn = {"sub-meters": np.nansum(metered, axis=0)}
        drawn |= {name: one.power(mains).sum(axis=1) for name, one in predictors.items()}
        drawn["mains alone"] = np.zeros(len(mains))
        for name, power in drawn.items():
            rest = (mains - power)[known]
            loads = base_loads(rest, mains[known], site.times[known], day, site.period_s)
            found.setdefault(name, []).append(loads)
    truth = np.concatenate(found.pop("sub-meters"))
    print(f"\n| base load, of {np.nanmean(truth):.0f} W | MAE, W |\n|---|---|")
    for name, of_sites in found.items():
        error = np.nanmean(np.abs(np.concatenate(of_sites) - truth))
        print(f"| {name} | {error:.1f} |", flush=True)


def show_accuracy(scores: Mapping[str, Scores]) -> None:
    kind = find_kind("nilm")
    channels = next(iter(scores.values())).channels
    print("| system |", " | ".join((*channels, *(f"mean {name}" for name in SHOWN))), "|")
    print("|---" * (1 + len(channels) + len(SHOWN)) + "|")
    for name, score in scores.items():
        total = site_sums(score)
        cells = []
        for k in range(len(channels)):
            one = kind.work.headline(total[:, k : k + 1])
            cells.append(f"{one['mae_w']:.2f} / {one['f1']:.3f} / {one['nde']:.3f}")
        whole = kind.work.headline(total)
        print(
            f"| {name} |",
            " | ".join((*cells, *(f"{whole[m]:.4g}" for m in SHOWN))),
            "|",
            flush=True,
        )


def show_cost(systems: Mapping[str, System]) -> None:
    print("\n| system | CPU s of training | size, KiB | ms a call |\n|---|---|---|---|")
    for name, system in systems.items():
        cells = (
            "" if system.cpu_s is None else f"{system.cpu_s:.0f}",
            "" if system.size is None else f"{system.size / 1024:,.0f}",
            "" if system.call_ms is None else f"{system.call_ms:.3f}",
        )
        print(f"| {name} |", " | ".join(cells), "|", flush=True)


def day(model: Path) -> None:
    """1,440 windows, one a minute, as a gateway that wants news every minute computes."""
    file = LiteRTNetwork(model.read_bytes(), str(model))
    windows = find_kind("nilm").work.sample_inputs(NilmDetails.read(file.details), DAY_WINDOWS, 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    for i in range(DAY_WINDOWS):
        file({name: array[i : i + 1] for name, array in windows.items()})
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{DAY_WINDOWS} windows: {wall:.2f} s wall, {cpu:.2f} CPU s, peak memory "
        f"{after / 1024:.0f} MiB with Python and numpy, {(after - before) / 1024:.1f} MiB of it "
        f"while computing"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    accuracy = verbs.add_parser("accuracy")
    accuracy.add_argument("--data", type=Path, required=True)
    accuracy.add_argument("--seeds", type=int, nargs="+", default=[0])
    accuracy.add_argument("--models", type=Path, required=True, help="folder of files, kept")
    accuracy.add_argument("--alone", action="store_true", help="no peers")
    accuracy.add_argument(
        "--seq2point-steps", type=steps_of, default={}, help="s1=100: of 256 windows each"
    )
    accuracy.add_argument("splits", nargs="*", choices=[*SPLITS, []], default=[])
    coarser = verbs.add_parser("resolution")
    coarser.add_argument("--data", type=Path, required=True)
    coarser.add_argument("--models", type=Path, required=True, help="folder of files, kept")
    coarser.add_argument("--periods", type=int, nargs="+", default=[60, 300, 900, 1800])
    coarser.add_argument("--epochs", type=int, help="most epochs; default: those that ship")
    coarser.add_argument("--seed", type=int, default=0)
    coarser.add_argument("splits", nargs="*", choices=[*SPLITS, []], default=[])
    daily = verbs.add_parser("day")
    daily.add_argument("--model", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.verb == "day":
        day(arguments.model)
        return
    settle_environment()
    start_tensorflow()
    for split in arguments.splits or SPLITS:
        if arguments.verb == "resolution":
            resolution(split, arguments)
            continue
        for number, seed in enumerate(arguments.seeds):
            run(split, arguments, seed, peers=number == 0 and not arguments.alone)


def steps_of(text: str) -> dict[str, int]:
    split, _, steps = text.partition("=")
    return {split: int(steps)}


if __name__ == "__main__":
    main()
