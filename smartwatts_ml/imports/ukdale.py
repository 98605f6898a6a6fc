"""UK-DALE: a file each 6 s channel, and in three houses ``mains.dat`` each second
(Kelly and Knottenbelt, Sci Data 2:150007, 2015).

``mains.dat`` has active power, so it is mains where it is there, and the slower aggregate
channel, which has apparent power, is left out. Plug meters give active power.
"""

from __future__ import annotations

from pathlib import Path

from smartwatts_ml.imports.base import ACTIVE, APPARENT, Channel, House, Options
from smartwatts_ml.imports.dat import DAT_LAYOUT, find_houses, labelled
from smartwatts_ml.imports.labels import channel_name
from smartwatts_ml.imports.sources import FilesHouse, TextFile, size_of
from smartwatts_ml.imports.text import TextLayout
from smartwatts_ml.readings.base import MAINS

__all__ = ["houses"]

_FAST = "mains"
_FAST_LAYOUT = TextLayout(("stamp", "active", "apparent", "volts"), ("stamp", "active"))


def houses(path: Path, options: Options) -> list[House]:
    """The wanted houses of UK-DALE below a path."""
    return find_houses(path, options, "UK-DALE", _house)


def _house(number: int, folder: Path, options: Options) -> FilesHouse:
    house = labelled(number, folder, options)
    labels, notes = house.labels, house.notes
    options.labels.check(number, (_FAST, *labels, *house.absent))
    files = {s: [TextFile(house.files[f"{s}.dat"], DAT_LAYOUT)] for s in labels}
    fast = house.files.get(f"{_FAST}.dat")
    if fast is not None:
        for source in [s for s, label in labels.items() if channel_name(label) == MAINS]:
            notes.append(
                f"{source} ({labels[source]}, apparent) is left out for mains.dat (active)"
            )
            del files[source], labels[source]
        files = {_FAST: [TextFile(fast, _FAST_LAYOUT)], **files}
        labels = {_FAST: MAINS, **labels}
    channels = [
        Channel((source,), label, _power(source, label)) for source, label in labels.items()
    ]
    site = f"ukdale_house{number}"
    return FilesHouse(number, site, channels, size_of(files), notes=notes, sources=files)


def _power(source: str, label: str) -> str:
    return APPARENT if source != _FAST and channel_name(label) == MAINS else ACTIVE
