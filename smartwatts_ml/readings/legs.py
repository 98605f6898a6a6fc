"""Mains of several legs or phases, each a channel of its own: ``mains_1_of_3`` and so on.

They may come in files of their own, at different times; where all of them are there, mains is
their sum, and they are no channels by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

import numpy as np

from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.resample import DeviceReadings

__all__ = ["add_up", "is_leg", "legs_of_mains"]

_LEG = re.compile(rf"{MAINS}_(?P<legs>\d+(?:_\d+)*)_of_(?P<all>\d+)")


def _leg_name(legs: Iterable[int], number: int) -> str:
    """The channel of some legs of so many.

    >>> _leg_name([1], 3), _leg_name([1, 3], 3)
    ('mains_1_of_3', 'mains_1_3_of_3')
    """
    return f"{MAINS}_{'_'.join(map(str, legs))}_of_{number}"


def legs_of_mains(channels: Iterable[str]) -> tuple[str, ...]:
    """Channels that together are mains; none where mains is measured as a whole, or where
    a leg is missing.

    >>> legs_of_mains(["fridge", "mains_1_of_2", "mains_2_of_2"])
    ('mains_1_of_2', 'mains_2_of_2')
    >>> legs_of_mains(["mains_1_of_3", "mains_2_of_3"]), legs_of_mains(["mains", "mains_1_of_1"])
    ((), ())
    """
    names = sorted(channels)
    if MAINS in names:
        return ()
    by_number: dict[int, dict[str, set[int]]] = {}
    for name in names:
        if match := _LEG.fullmatch(name):
            legs = set(map(int, match["legs"].split("_")))
            by_number.setdefault(int(match["all"]), {})[name] = legs
    for number, several in by_number.items():
        covered = sorted(leg for part in several.values() for leg in part)
        if covered == list(range(1, number + 1)):
            return tuple(several)
    return ()


def is_leg(channel: str) -> bool:
    """Whether a channel is a part of mains."""
    return _LEG.fullmatch(channel) is not None


def add_up(devices: Mapping[str, DeviceReadings], legs: Sequence[str]) -> dict[str, DeviceReadings]:
    """Devices by channel, with mains in place of its legs: their sum, at the stamps that all
    of them have."""
    others = {name: device for name, device in devices.items() if name not in legs}
    if not legs or not all(leg in devices for leg in legs):
        return others
    parts = [devices[leg] for leg in legs]
    stamps: np.ndarray = reduce(np.intersect1d, [part.stamps for part in parts])
    if not len(stamps):
        return others
    places = [np.searchsorted(part.stamps, stamps) for part in parts]
    at_once = list(zip(parts, places, strict=True))
    total = np.sum([part.values[place] for part, place in at_once], axis=0, dtype=np.float32)
    ends = np.min([part.ends[place] for part, place in at_once], axis=0)
    return others | {MAINS: DeviceReadings(stamps, np.asarray(total), None, ends - stamps)}
