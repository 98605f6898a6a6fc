"""Every kind, trained with its defaults on public readings, against the gate's baselines.

    python benchmarks/baselines.py --data ../shared/data [nilm_s1 forecasting_24h …]

Prints a Markdown table for each split: metrics of the shipped file and of each baseline
on the same targets, CPU seconds of training, size and latency of the file.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.base import Kind, TrainOptions
from smartwatts_ml.modelfiles.conversion import convert_network
from smartwatts_ml.modelfiles.litert import LiteRTNetwork
from smartwatts_ml.modelfiles.networks import KerasNetwork
from smartwatts_ml.modelfiles.tensorflow import settle_environment, start_tensorflow
from smartwatts_ml.readings.base import Readings
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.holdout import Split, holdout_part, training_part
from smartwatts_ml.scores.bootstrap import site_sums
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.settings import Settings

DAY = np.timedelta64(86_400, "s")


@dataclass(frozen=True)
class Benchmark:
    """Readings by glob. ``test`` None: the newest ``1 - share`` of each training site."""

    kind: str
    options: dict[str, object]
    train: Sequence[str]
    test: Sequence[str] | None = None
    share: float = 0.75


FONTANA = ("load_fontana17/*.csv.gz",)
BENCHMARKS = {
    "nilm_s1": Benchmark(
        "nilm", {}, ("nilm_ukdale2/*2013-0[56].csv.gz",), ("nilm_ukdale2/*2013-07.csv.gz",)
    ),
    "nilm_s2": Benchmark(
        "nilm",
        {},
        ("nilm_refit2/*2014-0[3-9].csv.gz", "nilm_refit2/*2014-1[012].csv.gz"),
        ("nilm_ukdale2/*.csv.gz",),
    ),
    "forecasting_24h": Benchmark("forecasting", {"forecast_horizon": 24}, FONTANA),
    "forecasting_7d": Benchmark("forecasting", {"forecast_horizon": 168}, FONTANA),
    "forecasting_30d": Benchmark("forecasting", {"forecast_horizon": 720}, FONTANA),
    "anomaly_homes": Benchmark(
        "anomaly", {}, ("anomaly_fontana17/readings_labelled.csv.gz",), share=0.5
    ),
    "anomaly_buildings": Benchmark(
        "anomaly", {}, ("anomaly_cambridge26/readings_labelled.csv.gz",), share=0.5
    ),
}


def read(data: Path, globs: Sequence[str]) -> FileReadings:
    paths = sorted(path for pattern in globs for path in data.glob(pattern))
    if not paths:
        raise SystemExit(f"nothing matches {', '.join(globs)} below {data}")
    return FileReadings(paths, Settings(check_mains=False))  # some are buildings


def parts(data: Path, benchmark: Benchmark) -> tuple[Readings, Readings]:
    """Training and test readings; a split by time puts the cut at a midnight."""
    readings = read(data, benchmark.train)
    if benchmark.test is not None:
        return readings, read(data, benchmark.test)
    cuts = {}
    for span in readings.spans():
        cut = span.start + (span.end - span.start) * benchmark.share
        cuts[span.site] = (cut + DAY - np.timedelta64(1, "s")).astype("datetime64[D]")
    split = Split(
        holdout_start={site: cut.astype("datetime64[s]") for site, cut in cuts.items()},
        held_out_sites=frozenset(),
        judged_sites=frozenset(cuts),
        embargo=np.timedelta64(0, "s"),
        digest="",
    )
    return training_part(readings, split), holdout_part(readings, split)


def run(name: str, data: Path, seed: int) -> None:
    benchmark = BENCHMARKS[name]
    kind = find_kind(benchmark.kind)
    defaults = {option.name: option.default for option in kind.train_options}
    spec = kind.spec(**(defaults | benchmark.options))
    training, test = parts(data, benchmark)
    cpu, wall = time.process_time(), time.monotonic()
    options = TrainOptions(seed=seed, extra=defaults | benchmark.options)
    trained = kind.trainer.train(spec, training, options, lambda *_: None)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    network = KerasNetwork.from_training(trained)
    converted = convert_network(network, kind.work.sample_inputs(trained.details, 64, seed), "auto")
    file = LiteRTNetwork(converted.content)
    predictors = {"this file": kind.work.predictor(file)}
    predictors |= kind.work.baselines(trained.details, training)
    scores = kind.work.evaluate(trained.details, predictors, test, seed)
    print(f"\n### {name}\n")
    print(
        f"{len(trained.log)} epochs, {cpu:.0f} CPU s ({wall:.0f} s), "
        f"{len(converted.content) / 1024:.0f} KiB {converted.quantization}, "
        f"{converted.latency_ms:.3f} ms a call\n"
    )
    show(kind, scores)


def show(kind: Kind, scores: dict[str, Scores]) -> None:
    rows = {
        name: {**kind.work.headline(site_sums(score)), **score.extra}
        for name, score in scores.items()
    }
    metrics = list(next(iter(rows.values())))
    print("| system |", " | ".join(metrics), "|")
    print("|---|" + "---|" * len(metrics))
    for name, values in rows.items():
        print(f"| {name} |", " | ".join(f"{values[m]:.4g}" for m in metrics), "|", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], default=[])
    arguments = parser.parse_args()
    settle_environment()
    start_tensorflow()
    for name in arguments.names or BENCHMARKS:
        run(name, arguments.data, arguments.seed)


if __name__ == "__main__":
    main()
