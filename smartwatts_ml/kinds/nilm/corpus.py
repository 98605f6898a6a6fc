"""What is learned from: sub-metered sites, cut into training and validation by time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.nilm.appliances import STANDBY_W, activations, on_power, on_threshold
from smartwatts_ml.kinds.nilm.details import Duration
from smartwatts_ml.kinds.nilm.events import duration_of, is_brief
from smartwatts_ml.kinds.nilm.grid import FINE_PERIOD_S
from smartwatts_ml.kinds.nilm.layout import BASE_LOAD, OTHER
from smartwatts_ml.kinds.nilm.settings import NilmSettings
from smartwatts_ml.readings.base import (
    MAINS,
    NOT_DRAWN,
    Readings,
    SiteReadings,
    SiteSpan,
    coarser_mains,
)

__all__ = ["Corpus", "SiteArrays", "build_corpus"]

_VALIDATION_SHARE = 0.15
_MIN_WINDOWS = 4
_ENOUGH_WINDOWS = 32
_HARDLY = 0.1


@dataclass(frozen=True)
class SiteArrays:
    """One site: ``mains`` (n,) and ``power`` (n, n_appliances), W, NaN where missing.

    ``activations``: for each appliance its first and last-plus-one samples, (k, 2).
    """

    site: str
    mains: np.ndarray
    power: np.ndarray
    activations: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Corpus:
    """Sites to train on and, later in time, to validate on.

    ``thresholds`` and ``on_power``: W by appliance, in the order of ``appliances``;
    ``durations`` by name. ``validation`` is empty where nothing is held back. ``not_told``: the
    appliances that samples of this period do not tell, each with the reason.
    """

    appliances: tuple[str, ...]
    thresholds: np.ndarray
    on_power: np.ndarray
    durations: Mapping[str, Duration]
    training: tuple[SiteArrays, ...]
    validation: tuple[SiteArrays, ...]
    notes: tuple[str, ...]
    not_told: Mapping[str, str]


def build_corpus(
    readings: Readings,
    settings: NilmSettings,
    window: int,
    again: Collection[str] | None = None,
) -> Corpus:
    """Load the sub-metered sites, choose the appliances and cut off the newest part.

    A window of samples lies between the two parts, so that none is in both. ``again``: the
    appliances that were chosen before; nothing is cut off then. Raises
    NotEnoughReadingsError, saying what is missing.
    """
    sites = _load(readings, settings, window)
    if not sites:
        raise _nothing_to_learn_from(readings, settings.period_s, window)
    power = _joined(sites)
    thresholds = {
        name: on_threshold(name, settings.period_s, values, settings.on_thresholds)
        for name, values in power.items()
    }
    parts = [_cut(site, window) for site in sites]
    learned = sites if again is not None else [old for old, _ in parts]
    held_back = [] if again is not None else [new for _, new in parts]
    runs = {name: _runs(learned, name, thresholds, settings) for name in power}
    chosen = again or ()
    not_told = {
        name: reason
        for name in power
        if name not in chosen and (reason := _why_not_told(name, runs[name], power[name], settings))
    }
    needed = settings.min_activations
    few = {
        name: f"{len(runs[name].samples)} activations, {needed} needed"
        for name in power
        if len(runs[name].samples) < needed
    }
    taken = {
        name: "predict calls so what is of no appliance; give the channel another name"
        for name in (BASE_LOAD, OTHER)
        if name in power
    }
    reasons = few | not_told | taken
    kept = tuple(
        name for name in power if name not in reasons and (again is None or name in chosen)
    )
    notes = [f"{name} left out: {reason}" for name, reason in sorted(reasons.items())]
    if not kept:
        raise NotEnoughReadingsError("no appliance can be learned: " + "; ".join(notes))
    return Corpus(
        appliances=kept,
        thresholds=np.array([thresholds[name] for name in kept], np.float32),
        on_power=np.array([on_power(power[name], thresholds[name]) for name in kept], np.float32),
        durations={
            name: duration_of(name, runs[name].samples * settings.period_s) for name in kept
        },
        training=tuple(_arrays(site, kept, thresholds, settings) for site in learned),
        validation=tuple(_arrays(site, kept, thresholds, settings) for site in held_back),
        notes=(*notes, *_about(sites, readings)),
        not_told=not_told,
    )


def _about(sites: list[SiteReadings], readings: Readings) -> Iterator[str]:
    """Whose readings taught, and whose did not."""
    yield f"learned from {len(sites)} sub-metered site{'' if len(sites) == 1 else 's'}"
    bare = sum(len(span.channels) < 2 for span in readings.spans())
    if bare:
        yield f"{bare} sites without sub-meters teach nothing here and were not used"


def _nothing_to_learn_from(
    readings: Readings, period_s: int, window: int
) -> NotEnoughReadingsError:
    days = _MIN_WINDOWS * window * period_s / 86_400
    metered = [span for span in readings.spans() if _powered(span)[1:]]
    coarser = coarser_mains(metered, period_s)
    return NotEnoughReadingsError(
        f"no site has mains and appliances every {period_s} s for {days:.1f} days or more"
        + (f"; {coarser}" if coarser else ""),
        fix="SMARTWATTS_NILM_PERIOD_S says how fine they have to be" if coarser else None,
    )


@dataclass(frozen=True)
class _Runs:
    """Activations of one appliance in all sites: how many ``samples`` each is, and its ``energy``
    in W times samples; shape (k,)."""

    samples: np.ndarray
    energy: np.ndarray


def _runs(
    sites: list[SiteReadings],
    name: str,
    thresholds: Mapping[str, float],
    settings: NilmSettings,
) -> _Runs:
    spans = [
        (site, *span) for site in sites for span in _activations(site, name, thresholds, settings)
    ]
    return _Runs(
        np.array([end - first for _, first, end in spans], int),
        np.array([np.nansum(site.channels[name][first:end]) for site, first, end in spans]),
    )


def _why_not_told(name: str, runs: _Runs, power: np.ndarray, settings: NilmSettings) -> str:
    """Why samples of this period do not tell an appliance, as a clause; empty if they do."""
    period_s = settings.period_s
    if period_s <= FINE_PERIOD_S:
        return ""
    if is_brief(name, runs.samples, runs.energy, period_s):
        return (
            f"it typically runs for less than half of the {period_s} s of a sample, whose mean "
            "does not tell it from others"
        )
    resting = np.mean(power[np.isfinite(power)] <= STANDBY_W) if len(runs.samples) else 1.0
    if resting < _HARDLY and len(runs.samples) < settings.min_activations:
        return f"it hardly ever rests for {period_s} s, so that nothing tells when it runs"
    return ""


def _load(readings: Readings, settings: NilmSettings, window: int) -> list[SiteReadings]:
    """Usable sites, the newest samples of each so that all fit into memory.

    Where there are more sites than can each have enough, some are left out, evenly.
    """
    spans = [span for span in readings.spans() if MAINS in span.channels and _powered(span)[1:]]
    most = max(settings.max_samples // (_ENOUGH_WINDOWS * window), 1)
    spans = spans[:: -(-len(spans) // most)] if spans else spans
    limit = settings.max_samples // max(len(spans), 1)
    sites = []
    for span in spans:
        site = readings.load(span.site, settings.period_s, _powered(span))
        if MAINS in site.channels and len(site.channels) > 1 and len(site) >= _MIN_WINDOWS * window:
            sites.append(_newest(site, limit))
    return sites


def _powered(span: SiteSpan) -> list[str]:
    return [name for name in span.channels if name not in NOT_DRAWN]


def _newest(site: SiteReadings, limit: int) -> SiteReadings:
    """The newest ``limit`` samples, copied so that the older ones can be freed."""
    excess = max(len(site) - limit, 0) * np.timedelta64(site.period_s, "s")
    cut = site.between(site.start + excess, None)
    return replace(cut, channels={name: values.copy() for name, values in cut.channels.items()})


def _joined(sites: list[SiteReadings]) -> dict[str, np.ndarray]:
    names = sorted({name for site in sites for name in site.channels} - {MAINS})
    return {
        name: np.concatenate([site.channels[name] for site in sites if name in site.channels])
        for name in names
    }


def _cut(site: SiteReadings, window: int) -> tuple[SiteReadings, SiteReadings]:
    """What is trained on, and after a window's gap what is held back, a window at least."""
    at = min(int(len(site) * (1 - _VALIDATION_SHARE)), len(site) - 2 * window)
    step = np.timedelta64(site.period_s, "s")
    return (
        site.between(None, site.start + at * step),
        site.between(site.start + (at + window) * step, None),
    )


def _activations(
    site: SiteReadings, name: str, thresholds: Mapping[str, float], settings: NilmSettings
) -> np.ndarray:
    if name not in site.channels:
        return np.empty((0, 2), int)
    return activations(site.channels[name], thresholds[name], settings.period_s)


def _arrays(
    site: SiteReadings,
    names: tuple[str, ...],
    thresholds: Mapping[str, float],
    settings: NilmSettings,
) -> SiteArrays:
    missing = np.full(len(site), np.nan, np.float32)
    return SiteArrays(
        site=site.site,
        mains=site.channels[MAINS],
        power=np.stack([site.channels.get(name, missing) for name in names], axis=1),
        activations=tuple(_activations(site, name, thresholds, settings) for name in names),
    )
