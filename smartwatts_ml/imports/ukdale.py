"""UK-DALE: a file each 6 s channel, and in three houses ``mains.dat`` each second
(Kelly and Knottenbelt, Sci Data 2:150007, 2015).

``mains.dat`` has active power, so it is mains where it is there, and the slower aggregate
channel, which has apparent power, is left out. Plug meters give active power.
"""

from __future__ import annotations

from pathlib import Path

from smartwatts_ml.imports.base import ACTIVE, APPARENT, Channel, House, Options
from smartwatts_ml.imports.dat import DatFile, DatHouse, find_houses, labelled
from smartwatts_ml.imports.labels import channel_name
from smartwatts_ml.imports.text import TextLayout
from smartwatts_ml.readings.base import MAINS

__all__ = ["houses"]

_FAST = "mains"
_FAST_LAYOUT = TextLayout(("stamp", "active", "apparent", "volts"), ("stamp", "active"))


def houses(path: Path, options: Options) -> list[House]:
    """The wanted houses of UK-DALE below a path."""
    return find_houses(path, options, "UK-DALE", _house)


def _house(number: int, folder: Path, options: Options) -> DatHouse:
    labels, notes = labelled(number, folder, options)
    options.labels.check(number, (_FAST, *labels))
    files = {source: DatFile(folder / f"{source}.dat") for source in labels}
    fast = folder / "mains.dat"
    if fast.is_file():
        for source in [s for s, label in labels.items() if channel_name(label) == MAINS]:
            notes.append(
                f"{source} ({labels[source]}, apparent) is left out for mains.dat (active)"
            )
            del files[source], labels[source]
        files = {_FAST: DatFile(fast, _FAST_LAYOUT), **files}
        labels = {_FAST: "mains.dat", **labels}
    channels = [
        Channel((source,), MAINS if source == _FAST else label, _power(source, label))
        for source, label in labels.items()
    ]
    size = sum(file.path.stat().st_size for file in files.values())
    return DatHouse(number, f"ukdale_house{number}", channels, size, notes=notes, sources=files)


def _power(source: str, label: str) -> str:
    return APPARENT if source != _FAST and channel_name(label) == MAINS else ACTIVE
