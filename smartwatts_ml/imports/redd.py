"""REDD, low frequency: apparent power of the two mains legs each second, active power of
the circuits every 3 or 4 s (Kolter and Johnson, SustKDD 2011).

American homes have two legs of 120 V; an appliance of 240 V is metered on both. So channels
of one such label in a house are added up, at the stamps that all of them have. Channels of
any other repeated label (outlets, lighting) are told apart by a number.
"""

from __future__ import annotations

from pathlib import Path

from smartwatts_ml.imports.base import ACTIVE, APPARENT, Channel, House, Options
from smartwatts_ml.imports.dat import DatFile, DatHouse, find_houses, labelled
from smartwatts_ml.imports.labels import channel_name
from smartwatts_ml.readings.base import MAINS

__all__ = ["houses"]

_TWO_LEGS = (MAINS, "oven", "stove", "washer_dryer", "electric_heat", "air_conditioning", "furnace")


def houses(path: Path, options: Options) -> list[House]:
    """The wanted houses of REDD below a path."""
    return find_houses(path, options, "REDD", _house)


def _house(number: int, folder: Path, options: Options) -> DatHouse:
    labels, notes = labelled(number, folder, options)
    options.labels.check(number, tuple(labels))
    legs: dict[str, list[str]] = {}
    for source, label in labels.items():
        name = channel_name(label)
        legs.setdefault(name if name in _TWO_LEGS else source, []).append(source)
    channels = [
        Channel(
            tuple(sources),
            labels[sources[0]],
            APPARENT if channel_name(labels[sources[0]]) == MAINS else ACTIVE,
        )
        for sources in legs.values()
    ]
    notes += [
        f"{channel_name(c.label)} is the sum of {' and '.join(c.sources)}"
        for c in channels
        if len(c.sources) > 1
    ]
    files = {source: DatFile(folder / f"{source}.dat") for source in labels}
    size = sum(file.path.stat().st_size for file in files.values())
    return DatHouse(number, f"redd_house{number}", channels, size, notes=notes, sources=files)
