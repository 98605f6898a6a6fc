"""Clocks that jump: a meter's beat that shifts, and hours that daylight saving time lost.

Told soundly: a beat that shifts by a part of the interval while readings keep coming, and
a hole of exactly the hour that a change of clocks makes. Not told: an offset that is there
all along; a jump backwards over readings that were there (the later ones replace them); a
jump within a longer hole (a logger that restarts gets a new beat rightly); which side of a
jump is right. So the readings on either side are flagged, and no more.
"""

from __future__ import annotations

import numpy as np

from smartwatts_ml.localtime import wall_clock
from smartwatts_ml.readings.resample import HOUR_US, MICRO
from smartwatts_ml.readings.run_lengths import equal_runs
from smartwatts_ml.timezones import is_utc

__all__ = ["beat_shifts", "change_hours", "lost_hours"]

_STEADY = 20
"""Intervals of one beat on either side of a shift."""
_JITTER = 0.1
"""Share of the interval within which a beat is steady."""
_HOLE = 3
"""Intervals; across a longer hole nothing is told."""
_WEEK_US = 168 * HOUR_US
_LIKELY_ZONES = ("Europe/London", "Europe/Berlin", "Europe/Athens", "America/New_York")
"""Where a source that was taken for UTC may have been: all hours at which clocks change in
Europe and North America, on the local clock."""


def beat_shifts(stamps: np.ndarray, native_us: int) -> np.ndarray:
    """Bool, shape (n,): on either side of a shift of the beat by over a tenth of the interval.

    Both sides keep a steady beat for 20 intervals, the way between them is at most an hour,
    without a hole of over 3 intervals. A device whose beat shifts more than once a week has
    none to speak of: nothing is flagged.

    >>> stamps = np.arange(200) * 60_000_000
    >>> stamps[100:] += 23_000_000
    >>> np.flatnonzero(beat_shifts(stamps, 60_000_000)).tolist()
    [99, 100]
    """
    shifted = np.zeros(len(stamps), bool)
    steps = np.diff(stamps)
    if not len(steps) or not native_us:
        return shifted
    steady = np.abs(steps - native_us) <= _JITTER * native_us
    first, end = equal_runs(steady)
    long = steady[first] & (end - first >= _STEADY)
    begins, ends = first[long], end[long]  # step i leads from reading i to reading i + 1
    count = 0
    for a, b in zip(ends[:-1].tolist(), begins[1:].tolist(), strict=True):
        phase = int(stamps[b] - stamps[a]) % native_us
        if min(phase, native_us - phase) <= _JITTER * native_us:
            continue
        if stamps[b] - stamps[a] <= HOUR_US and steps[a:b].max() <= _HOLE * native_us:
            shifted[a : b + 1] = True
            count += 1
    if count > 1 + (stamps[-1] - stamps[0]) // _WEEK_US:
        shifted[:] = False
    return shifted


def change_hours(timezone: str, first_us: int, last_us: int) -> np.ndarray:
    """UTC instants (int64 µs) at which a hole of exactly an hour betrays a mistaken clock.

    In spring, on stamps that are local time taken for UTC, the hour that local clocks skip;
    of a site in UTC the zone is not known, so those of Europe and North America count. In
    autumn, of a site with daylight saving time, the second of the two equal hours: its
    source has no second one, or never changes its clock.

    >>> spring, winter = (int(np.datetime64(t, "us").astype(int)) for t in ("2026-03", "2026-12"))
    >>> change_hours("Europe/Berlin", spring, winter).astype("datetime64[us]").astype("M8[h]")
    array(['2026-03-29T02', '2026-10-25T01'], dtype='datetime64[h]')
    >>> change_hours("UTC", spring, winter).astype("datetime64[us]").astype("M8[h]")
    array(['2026-03-08T02', '2026-03-29T01', '2026-03-29T02', '2026-03-29T03'],
          dtype='datetime64[h]')
    """
    instants: set[int] = set()
    for zone in _LIKELY_ZONES if is_utc(timezone) else (timezone,):
        clock = wall_clock(zone)
        forward = np.diff(clock.offsets) > 0
        changes, before = clock.begins[1:] * MICRO, clock.offsets[:-1] * MICRO
        instants.update((changes + before)[forward].tolist())
        if zone == timezone:
            instants.update(changes[~forward].tolist())
    return np.array(sorted(i for i in instants if first_us <= i <= last_us), np.int64)


def lost_hours(stamps: np.ndarray, spacing: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Bool, shape (n,): on either side of a hole from one of ``changes`` (``change_hours``)
    to an hour later, to within one interval at both ends. ``spacing``: of each reading, µs.

    >>> hour = 3_600_000_000
    >>> stamps, spacing = np.array([0, 1, 3, 4]) * hour, np.full(4, hour)
    >>> np.flatnonzero(lost_hours(stamps, spacing, np.array([2 * hour])))
    array([1, 2])
    """
    lost = np.zeros(len(stamps), bool)
    after = np.searchsorted(stamps, changes)
    for at, change in zip(after.tolist(), changes.tolist(), strict=True):
        if 0 < at < len(stamps):
            early, late = change - stamps[at - 1], stamps[at] - (change + HOUR_US)
            before, next_one = spacing[at - 1 : at + 1]
            if max(before, next_one) <= HOUR_US and early <= before and 0 <= late < next_one:
                lost[at - 1 : at + 1] = True
    return lost
