"""REDD, low frequency: apparent power of the two mains legs each second, active power of
the circuits every 3 or 4 s (Kolter and Johnson, SustKDD 2011).

American homes have two legs of 120 V; an appliance of 240 V is metered on both. So channels
of one such label in a house are added up, at the stamps that all of them have; one whose other
leg has no file is no mains and not called so. Channels of any other repeated label (outlets,
lighting) are told apart by a number.
"""

from __future__ import annotations

from pathlib import Path

from smartwatts_ml.imports.base import ACTIVE, APPARENT, House, Options
from smartwatts_ml.imports.dat import DAT_LAYOUT, find_houses, labelled
from smartwatts_ml.imports.labels import channel_name
from smartwatts_ml.imports.sources import FilesHouse, TextFile, legs_channel, size_of
from smartwatts_ml.readings.base import MAINS

__all__ = ["houses"]

_TWO_LEGS = (MAINS, "oven", "stove", "washer_dryer", "electric_heat", "air_conditioning", "furnace")


def houses(path: Path, options: Options) -> list[House]:
    """The wanted houses of REDD below a path."""
    return find_houses(path, options, "REDD", _house)


def _house(number: int, folder: Path, options: Options) -> FilesHouse:
    house = labelled(number, folder, options)
    options.labels.check(number, (*house.labels, *house.absent))
    legs: dict[str, list[str]] = {}
    for source, label in house.labels.items():
        name = channel_name(label)
        legs.setdefault(name if name in _TWO_LEGS else source, []).append(source)
    channels = []
    for name, sources in legs.items():
        absent = [s for s, label in house.absent.items() if channel_name(label) == name]
        power = APPARENT if name == MAINS else ACTIVE
        label = house.labels[sources[0]]
        channels.append(legs_channel(name, sources, absent, label, power, house.notes))
    files = {
        source: [TextFile(house.files[f"{source}.dat"], DAT_LAYOUT)] for source in house.labels
    }
    return FilesHouse(
        number, f"redd_house{number}", channels, size_of(files), notes=house.notes, sources=files
    )
