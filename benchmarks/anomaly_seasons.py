"""Limits that follow a home, in a season that training has not seen, on first halves alone.

    python benchmarks/anomaly_seasons.py --data ../shared/data --models M

Trained on the older 60 % of first halves. The rest is scored as it is, and with anomalies of the
exam, one a week and one in four weeks, by the rule beside the model with each of several limits;
the channel of slow rises is part of it in all rows but the first. Then slow rises: within four days
to a share of the device's median, which then stays.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from anomaly import converted
from anomaly_devices import SPLITS, Device, load

from smartwatts_ml.kinds.anomaly.calibration import MONTH_HOURS
from smartwatts_ml.kinds.anomaly.exam import examine
from smartwatts_ml.kinds.anomaly.metrics import false_alerts
from smartwatts_ml.kinds.anomaly.policy import (
    FIXED,
    Limit,
    QuietAlerts,
    families,
    nines,
    quiet_alerts,
)
from smartwatts_ml.kinds.anomaly.windows import hours_of_week, inputs_at, mains_of
from smartwatts_ml.modelfiles.litert import LiteRTNetwork
from smartwatts_ml.modelfiles.tensorflow import settle_environment, start_tensorflow
from smartwatts_ml.readings.base import Readings
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.holdout import Split, training_part
from smartwatts_ml.settings import Settings

OLDER = 0.6  # of first halves, trained on
BEFORE = 42 * 24  # hours before the rest that alerts run on from
BUDGET = 2.0 / MONTH_HOURS  # alerts an hour
DAYS_PER_EVENT = (7, 28)
EXAMS = {"homes": (2, 4), "buildings": (1, 2)}
STARTS, RISE, WITHIN, SHARES = 3, 96, (72, 168), (0.0, 0.3, 0.6, 1.0, 1.5)
MOVES = ((0.3, 0.45, 1.5), (0.3, 0.75, 1.5), (0.5, 0.5, 2.0), (0.5, 0.75, 2.0), (1.0, 0.5, 3.0))
"""Nines up with each alert; share of the budget that it goes down for; nines at most."""

Outputs = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Examined:
    """Outputs at the hours ``at``, and what was put into them."""

    at: np.ndarray
    outputs: Outputs
    truth: np.ndarray
    events: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Season:
    """One device: its ``first`` hour of the rest, ``calm`` with hours before it, ``exams`` by days
    per event, and ``rises`` by their share."""

    first: int
    calm: Examined
    exams: Mapping[int, Sequence[Examined]]
    rises: Sequence[tuple[float, int, Examined]]


class Rule:
    """The rule beside a file."""

    def __init__(self, file: LiteRTNetwork) -> None:
        self.threshold = float(nines(np.array(file.details["threshold"])))

    def alerts(self, seen: Examined, limit: Limit, *, rises: bool = True) -> QuietAlerts:
        out = seen.outputs
        loud, rarity = out["alert"][:, 0] > 0.5, nines(out["score"][:, 0])
        rise = out["rise"][:, 0] if rises else None
        family = families(out["likeness"])
        return quiet_alerts(seen.at, loud, rarity, family, self.threshold, limit, rise)


def older_part(data: Path, split: str, devices: Sequence[Device]) -> Readings:
    starts = {d.site.site: d.site.times[int(OLDER * d.cut)] for d in devices}
    readings = FileReadings(
        [data / SPLITS[split] / "readings_labelled.csv.gz"], Settings(check_mains=False)
    )
    return training_part(
        readings,
        Split(starts, frozenset(), frozenset(starts), np.timedelta64(0, "s"), "older part"),
    )


def season(device: Device, file: LiteRTNetwork, exams: Sequence[int]) -> Season:
    values = mains_of(device.site)[: device.cut]
    hours = hours_of_week(device.site)[: device.cut]
    context = int(file.details["context_hours"])
    name, first = zlib.crc32(device.site.site.encode()), int(OLDER * device.cut)
    known = np.flatnonzero(~np.isnan(values))
    at, allowed = known[known >= first], np.zeros(len(values), bool)
    allowed[at] = True

    def seen(
        watts: np.ndarray, places: np.ndarray, codes: Any = None, events: Any = ()
    ) -> Examined:
        outputs: Any = file(inputs_at(watts, hours, places, context))
        truth = np.zeros(len(places), bool) if codes is None else codes[places] > 0
        return Examined(places, outputs, truth, tuple((e.start, e.hours) for e in events))

    def examined(days: int, count: int) -> Iterator[Examined]:
        for exam in range(count):
            wanted = max(1, round(len(at) / (24 * days)))
            made = examine(values, hours, allowed, (0, exam + 10 * days, name), count=wanted)
            yield seen(made.values, at, made.codes, made.events)

    def risen() -> Iterator[tuple[float, int, Examined]]:
        rng, size = np.random.default_rng((0, name)), float(np.nanmedian(np.abs(values)))
        for start in rng.integers(first, device.cut - max(WITHIN), STARTS):
            places = at[(at >= start) & (at < start + max(WITHIN))]
            ramp = np.clip((np.arange(len(values)) - start) / RISE, 0, 1).astype(np.float32)
            for share in SHARES:
                yield share, int(start), seen(values + np.float32(share * size) * ramp, places)

    return Season(
        first,
        seen(values, known[known >= first - BEFORE]),
        {d: list(examined(d, n)) for d, n in zip(DAYS_PER_EVENT, exams, strict=True)},
        list(risen()),
    )


def calm(rule: Rule, seasons: Sequence[Season], limit: Limit, rises: bool) -> list[float]:
    """Alerts a month as it is: those that begin, as the metric counts them, slow rises among those
    that begin, and those of the worst device."""
    found = []
    for one in seasons:
        alerts, at = rule.alerts(one.calm, limit, rises=rises), one.calm.at
        within = at >= one.first
        told = (alerts.number > 0) & within
        starts = begins(alerts.number) & within
        counted = float(false_alerts(told, np.zeros(len(at), bool), at)[1].sum())
        months = float(within.sum()) / MONTH_HOURS
        found.append((starts.sum(), counted, (starts & alerts.rising).sum(), months))
    counts = np.array(found)
    total = counts.sum(axis=0)
    return [*(total[:3] / total[3]), float((counts[:, 0] / counts[:, 3]).max())]


def begins(number: np.ndarray) -> np.ndarray:
    """Whether each hour is the first of its alert, bool, shape (n,)."""
    first = np.zeros(len(number), bool)
    first[np.unique(number, return_index=True)[1]] = True
    return first & (number > 0)


def with_events(
    rule: Rule, seasons: Sequence[Season], limit: Limit, rises: bool, days: int
) -> list[float]:
    """Event recall, and false alerts a month."""
    hits, false, months = [], 0.0, 0.0
    for seen in (exam for one in seasons for exam in one.exams[days]):
        on = rule.alerts(seen, limit, rises=rises).number > 0
        for start, length in seen.events:
            part = slice(*np.searchsorted(seen.at, (start, start + length)))
            hits.append(bool(on[part].any()))
        false += float(false_alerts(on & ~seen.truth, seen.truth, seen.at)[1].sum())
        months += float((~seen.truth).sum()) / MONTH_HOURS
    return [float(np.mean(hits)), false / months]


def show(title: str, rule: Rule, seasons: Sequence[Season]) -> None:
    print(f"\n| {title}: limit | alerts as it is | as counted | slow rises | worst device ", end="")
    for days in DAYS_PER_EVENT:
        print(f"| recall, an event in {days} days | false alerts ", end="")
    print("|\n|---" + "|---" * (4 + 2 * len(DAYS_PER_EVENT)) + "|", flush=True)
    moves = [Limit(step, step * share * BUDGET, most) for step, share, most in MOVES]
    names = [
        "the threshold, no slow rises",
        "the threshold",
        *(", ".join(map(str, m)) for m in MOVES),
    ]
    for name, limit, rises in zip(
        names, [FIXED, FIXED, *moves], [False] + [True] * 9, strict=False
    ):
        cells = calm(rule, seasons, limit, rises)
        for days in DAYS_PER_EVENT:
            cells += with_events(rule, seasons, limit, rises, days)
        shown = " | ".join(f"{c:.3f}" if k in (4, 6) else f"{c:.2f}" for k, c in enumerate(cells))
        print(f"| {name} | {shown} |", flush=True)


def show_rises(title: str, rule: Rule, seasons: Sequence[Season]) -> None:
    """Seen by the channel from its start on, and by any alert."""
    heads = " | ".join(f"{hours} h: channel, any" for hours in WITHIN)
    print(f"\n| {title}: share of the median | {heads} |\n|---" + "|---" * len(WITHIN) + "|")
    for share in SHARES:
        cells = []
        for hours in WITHIN:
            seen = [
                ((one.outputs["rise"][:, 0] >= 0) & (one.at < start + hours), one, start + hours)
                for device in seasons
                for wanted, start, one in device.rises
                if wanted == share
            ]
            any_ = [rule.alerts(one, FIXED).number[one.at < end].any() for _, one, end in seen]
            cells.append(f"{np.mean([s.any() for s, *_ in seen]):.2f}, {np.mean(any_):.2f}")
        print(f"| {share:g} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True, help="folder of files, kept")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("splits", nargs="*", choices=[*SPLITS, []], default=[])
    arguments = parser.parse_args()
    settle_environment()
    start_tensorflow()
    for split in arguments.splits or SPLITS:
        _, devices = load(arguments.data, split)
        kept = arguments.models / f"{split}.older.{arguments.seed}/anomaly_model.tflite"
        training = older_part(arguments.data, split, devices)
        file = converted("anomaly", training, arguments.seed, kept)
        seasons = [season(device, file, EXAMS[split]) for device in devices]
        rule = Rule(file)
        show(split, rule, seasons)
        show_rises(split, rule, seasons)


if __name__ == "__main__":
    main()
