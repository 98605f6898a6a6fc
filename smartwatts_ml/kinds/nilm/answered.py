"""What people said of homes without sub-meters, as windows to learn from: weak labels.

"No" says that an appliance was off throughout a period; "yes" that it was on at some time of it,
which is a bag of which one sample at least is positive (multiple-instance learning, Dietterich et
al. 1997; for NILM: Tanoni et al. 2022, "Multilabel Appliance Classification With Weakly Labeled
Data for Non-Intrusive Load Monitoring").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings
from smartwatts_ml.readings.labels import Label

__all__ = ["Answered", "WeakBatch", "answered"]

_SHARE_OF_MEMORY = 10
"""One in so many samples of mains that fit into memory may be of answers."""
_SEED = 7


@dataclass(frozen=True)
class WeakBatch:
    """``mains``: W, (count, window), NaN where missing. ``off`` and ``ran``: float32, (count,
    window, n_appliances), 1 where an appliance was off, and where it ran at some time."""

    mains: np.ndarray
    off: np.ndarray
    ran: np.ndarray


@dataclass(frozen=True)
class _Claim:
    """Of appliance number ``k``, samples from ``first`` up to ``end`` (exclusive)."""

    k: int
    first: int
    end: int
    yes: bool


@dataclass(frozen=True)
class _Piece:
    """``mains`` around one claim, with room for a window at either side; ``off``, bool, (samples,
    n_appliances): what any answer says was off there."""

    mains: np.ndarray
    off: np.ndarray
    claim: _Claim


class Answered:
    """Draws windows around answers, every home as often as any other, so that nobody who answers a
    lot, or lies, outweighs the others. The same seed, the same windows."""

    def __init__(
        self, homes: Sequence[Sequence[_Piece]], appliances: int, window: int, seed: int
    ) -> None:
        self._homes = homes
        self._appliances, self._window = appliances, window
        self._rng = np.random.default_rng((_SEED, seed))

    def __len__(self) -> int:
        """Answers to learn from."""
        return sum(map(len, self._homes))

    def batch(self, count: int) -> WeakBatch:
        """So many windows."""
        shape = (count, self._window, self._appliances)
        mains = np.full(shape[:2], np.nan, np.float32)
        off, ran = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for row in range(count):
            home = self._homes[int(self._rng.integers(len(self._homes)))]
            piece = home[int(self._rng.integers(len(home)))]
            start = self._start(piece)
            mains[row] = piece.mains[start : start + self._window]
            known = np.isfinite(mains[row])
            off[row] = piece.off[start : start + self._window] & known[:, None]
            if piece.claim.yes:
                part = slice(piece.claim.first - start, piece.claim.end - start)
                ran[row, part, piece.claim.k] = known[part]
        return WeakBatch(mains, off, ran)

    def _start(self, piece: _Piece) -> int:
        """Of a window that holds the claim, or of a longer one a part that is known of mains."""
        claim = piece.claim
        ends = sorted((claim.first, claim.end - self._window))
        start = int(self._rng.integers(ends[0], ends[1] + 1))
        known = claim.first + np.flatnonzero(np.isfinite(piece.mains[claim.first : claim.end]))
        if ((known >= start) & (known < start + self._window)).any():
            return start
        held = int(self._rng.choice(known))
        return int(np.clip(start, held - self._window + 1, held))


def answered(
    readings: Readings,
    appliances: Sequence[str],
    period_s: int,
    window: int,
    most_samples: int,
    seed: int,
) -> tuple[Answered | None, list[str]]:
    """The answers that teach ``appliances``, and what to say of them; None where there are none.

    An appliance that the home measures at that time needs no answer. A "yes" of more than a window
    teaches nothing here. Of more answers than ``most_samples`` allow the newest of each home stay.
    """
    by_site: dict[str, list[Label]] = {}
    for label in readings.labels():
        if label.appliance in appliances:
            by_site.setdefault(label.site, []).append(label)
    most = max(most_samples // _SHARE_OF_MEMORY // (3 * window * max(len(by_site), 1)), 1)
    numbers = {name: k for k, name in enumerate(appliances)}
    homes, answers = [], sum(map(len, by_site.values()))
    for site, labels in sorted(by_site.items()):
        names = sorted({label.appliance for label in labels})
        loaded = readings.load(site, period_s, [MAINS, *names])
        pieces = _pieces(loaded, labels, numbers, window, most) if len(loaded) else []
        if pieces:
            homes.append(pieces)
    if not by_site:
        return None, []
    learned = Answered(homes, len(appliances), window, seed)
    about = f"{len(homes)} home{'' if len(homes) == 1 else 's'}"
    note = f"learned from {len(learned)} of {answers} answers of people, about {about}"
    return (learned if homes else None), [note]


def _pieces(
    site: SiteReadings,
    labels: Sequence[Label],
    numbers: Mapping[str, int],
    window: int,
    most: int,
) -> list[_Piece]:
    """In the order of their ends, the newest."""
    if MAINS not in site.channels:
        return []
    mains = np.pad(site.channels[MAINS], window, constant_values=np.nan)
    claims = []
    for label in sorted(labels, key=lambda label: (label.end, label.start, label.appliance)):
        first, end = _samples(site, label)
        measured = site.channels.get(label.appliance)
        known = np.isfinite(site.channels[MAINS][first:end])
        if measured is not None and np.isfinite(measured[first:end]).any():
            continue
        if known.any() and not (label.yes and end - first > window):
            k = numbers[label.appliance]
            claims.append(_Claim(k, first + window, end + window, label.yes))
    off = np.zeros((len(mains), len(numbers)), bool)
    for claim in claims:
        if not claim.yes:
            off[claim.first : claim.end, claim.k] = True
    return [_piece(mains, off, claim, window) for claim in claims[-most:]]


def _samples(site: SiteReadings, label: Label) -> tuple[int, int]:
    """First and last-plus-one sample: those that are whole within the period where it was off; all
    that touch it where it ran at some time."""
    step = np.timedelta64(site.period_s, "s")
    start, end = ((time - site.start) / step for time in (label.start, label.end))
    first, after = (start, end) if label.yes else (-(-start // 1), end // 1)
    edges = np.clip([first // 1, -(-after // 1)], 0, len(site)).astype(int)
    return int(edges[0]), int(edges[1])


def _piece(mains: np.ndarray, off: np.ndarray, claim: _Claim, window: int) -> _Piece:
    """Cut out, and copied, so that the rest can be freed."""
    ends = (claim.first, claim.end - window)
    begin, until = min(ends), max(ends) + window
    moved = replace(claim, first=claim.first - begin, end=claim.end - begin)
    return _Piece(mains[begin:until].copy(), off[begin:until].copy(), moved)
