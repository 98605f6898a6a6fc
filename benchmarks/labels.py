"""What answers of people teach: F1 of a home without sub-meters, before and after.

    python benchmarks/labels.py real --data ../shared/data --seeds 0 1 2 --answers 40
    python benchmarks/labels.py simulated --seeds 0 1 2 --answers 24

``real``: REFIT house 2 has sub-meters; UK-DALE house 2 has mains alone in May and June 2013, and
is scored in July by its sub-meters. ``simulated``: three homes with sub-meters, twelve without.

A model is trained without answers; what it would ask about is answered by the sub-meters that no
training sees; the model that is trained again with the answers is scored beside the first.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.kinds.nilm.appliances import on_threshold
from smartwatts_ml.kinds.nilm.evaluation import evaluate
from smartwatts_ml.kinds.nilm.predictors import NetworkPredictor
from smartwatts_ml.kinds.nilm.questions import questions
from smartwatts_ml.kinds.questions import Question
from smartwatts_ml.modelfiles.networks import KerasNetwork
from smartwatts_ml.modelfiles.tensorflow import settle_environment, start_tensorflow
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, SiteSpan
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.labels import Label
from smartwatts_ml.scores.bootstrap import site_sums
from smartwatts_ml.settings import Settings
from smartwatts_ml.simulate.generate import meter
from smartwatts_ml.simulate.life import live
from smartwatts_ml.simulate.world import make_world

_PERIOD_S = 60
_REFIT = ("nilm_refit2/*2014-0[3-9].csv.gz", "nilm_refit2/*2014-1[012].csv.gz")
_UNSEEN = ("nilm_ukdale2/*2013-0[56].csv.gz", "nilm_ukdale2/*2013-07.csv.gz")
_START = np.datetime64("2026-02-02T00:00:00")
_DAYS, _SCORED_DAYS, _METERED, _BARE = 42, 14, 3, 12
_SEED = 4242


class _Held(Readings):
    """Sites in memory. ``answers``: what is told of those among ``bare``, which are loaded without
    their sub-meters and are no spans."""

    def __init__(
        self,
        sites: Sequence[SiteReadings],
        bare: Sequence[SiteReadings] = (),
        answers: Sequence[Label] = (),
    ) -> None:
        mains = [replace(site, channels={MAINS: site.channels[MAINS]}) for site in bare]
        self._sites = {site.site: site for site in (*sites, *mains)}
        self._shown = [site.site for site in sites]
        self._answers = tuple(answers)

    def spans(self) -> tuple[SiteSpan, ...]:
        shown = (self._sites[name] for name in sorted(self._shown))
        return tuple(
            SiteSpan(
                site.site,
                tuple(site.channels),
                site.start,
                site.end,
                len(site) * len(site.channels),
                _PERIOD_S,
            )
            for site in shown
        )

    def labels(self) -> tuple[Label, ...]:
        return self._answers

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        loaded = self._sites[site]
        wanted = loaded.channels if channels is None else channels
        return replace(loaded, channels={n: v for n, v in loaded.channels.items() if n in wanted})


@dataclass(frozen=True)
class _Homes:
    """Homes with sub-meters to learn from; others whose sub-meters answer, and score later."""

    metered: list[SiteReadings]
    asked: list[SiteReadings]
    scored: list[SiteReadings]
    about_one_home: int


def _real(data: Path) -> _Homes:
    def read(*globs: str) -> list[SiteReadings]:
        paths = sorted(path for pattern in globs for path in data.glob(pattern))
        readings = FileReadings(paths, Settings())
        return [readings.load(span.site, _PERIOD_S) for span in readings.spans()]

    return _Homes(read(*_REFIT), read(_UNSEEN[0]), read(_UNSEEN[1]), 10**6)


def _simulated() -> _Homes:
    homes = []
    for number in range(_METERED + _BARE):
        life = live(f"made{number}", make_world(_SEED + number, _START, _DAYS))
        read = {name: v.astype(np.float32) for name, v in meter(life, _PERIOD_S).items()}
        homes.append(SiteReadings(life.site, _START, _PERIOD_S, read))
    at = (_DAYS - _SCORED_DAYS) * 86_400 // _PERIOD_S
    bare = homes[_METERED:]
    asked, scored = [h.part(0, at) for h in bare], [h.part(at, len(h)) for h in bare]
    return _Homes(homes[:_METERED], asked, scored, 2)


def _train(readings: Readings, seed: int, epochs: int | None) -> NetworkPredictor:
    kind = find_kind("nilm")
    started = time.process_time()
    options = TrainOptions(epochs=epochs, seed=seed)
    trained = kind.trainer.train(kind.spec(), readings, options, lambda *_: None)
    said = [note for note in trained.notes if "answers" in note]
    print(f"  trained in {time.process_time() - started:.0f} CPU s", *said, flush=True)
    return NetworkPredictor(KerasNetwork.from_training(trained))


def _answer(question: Question, sites: Sequence[SiteReadings]) -> Label | None:
    """By the sub-meter; None where it says nothing."""
    site = next(site for site in sites if site.site == question.site)
    if question.appliance not in site.channels:
        return Label(question.site, question.appliance, question.start, question.end, False)
    part = slice(site.index(question.start), site.index(question.end))
    power = site.channels[question.appliance][part]
    if not np.isfinite(power).any():
        return None
    threshold = on_threshold(question.appliance, _PERIOD_S, None, {})
    ran = bool(np.nanmax(power) >= threshold)
    return Label(question.site, question.appliance, question.start, question.end, ran)


def _f1(predictor: NetworkPredictor, sites: Sequence[SiteReadings]) -> dict[str, float]:
    details = predictor.details
    thresholds = {
        name: details.on_thresholds_w[name]
        for name in details.appliances
        if any(name in site.channels for site in sites)
    }
    scores = evaluate({"it": predictor}, _Held(sites), _PERIOD_S, thresholds)["it"]
    headline, total = find_kind("nilm").work.headline, site_sums(scores)
    by_name = {name: headline(total[:, k : k + 1])["f1"] for k, name in enumerate(scores.channels)}
    return {**by_name, "mean": headline(total)["f1"], "MAE, W": headline(total)["mae_w"]}


def run(homes: _Homes, seed: int, arguments: argparse.Namespace) -> None:
    """Print what is before, after, and by how much each appliance changed."""
    print(f"seed {seed}", flush=True)
    before = _train(_Held(homes.metered), seed, arguments.epochs)
    bare = [replace(s, channels={MAINS: s.channels[MAINS]}) for s in homes.asked]
    asked = questions(
        before,
        _Held(bare),
        arguments.answers,
        about_one_home=homes.about_one_home,
        days=_DAYS + _DAYS,
    )
    given = [label for question in asked if (label := _answer(question, homes.asked))]
    yes = sum(label.yes for label in given)
    print(f"  {len(given)} answers, {yes} yes, about {len({x.site for x in given})} homes")
    after = _train(_Held(homes.metered, homes.asked, given), seed, arguments.epochs)
    rows = _f1(before, homes.scored), _f1(after, homes.scored)
    for name in rows[0]:
        told = sum(label.appliance == name for label in given)
        print(f"| {seed} | {name} | {told or ''} | {rows[0][name]:.3f} | {rows[1][name]:.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("homes", choices=["real", "simulated"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--answers", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=None, help="default: as it ships")
    arguments = parser.parse_args()
    settle_environment()
    start_tensorflow()
    homes = _simulated() if arguments.homes == "simulated" else _real(arguments.data)
    print("| seed | F1 of | answers | before | after |\n|---|---|---|---|---|")
    for seed in arguments.seeds:
        run(homes, seed, arguments)


if __name__ == "__main__":
    main()
