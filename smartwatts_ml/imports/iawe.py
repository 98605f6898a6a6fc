"""iAWE: one home in Delhi, ``electricity/<k>.csv`` for each meter, active power in the column
W (Batra et al., e-Energy 2013). Stamps are Unix seconds, ``\\N`` is missing.

Two meters share the supply, so mains is the sum of both.
"""

from __future__ import annotations

from pathlib import Path

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.imports.base import ACTIVE, Channel, House, Options, packed_hint
from smartwatts_ml.imports.labels import UNUSED, channel_name
from smartwatts_ml.imports.sources import FilesHouse, SourceFile, TextFile, legs_channel, size_of
from smartwatts_ml.imports.text import TextLayout
from smartwatts_ml.readings.base import MAINS

__all__ = ["houses"]

_LABELS = (
    *(MAINS, MAINS, "fridge", "air_conditioner", "air_conditioner", "washing_machine", "laptop"),
    *("iron", "kitchen_outlets", "television", "water_filter", "water_motor"),
)
"""Of meters 1, 2, …"""
_STAMP, _POWER = "timestamp", "W"


def houses(path: Path, options: Options) -> list[House]:
    """The one home of iAWE below a path."""
    hint = packed_hint(path)
    folders = (path, path / "electricity", *sorted(path.glob("*/electricity")))
    for folder in folders:
        files = {k: folder / f"{k}.csv" for k in range(1, len(_LABELS) + 1)}
        if any(file.is_file() for file in files.values()):
            return [_house(files, options)] if 1 in (options.houses or (1,)) else []
    raise BadInputError(
        f"{path} holds no meter of iAWE{hint}", fix="give the folder with electricity/1.csv in it"
    )


def _house(files: dict[int, Path], options: Options) -> House:
    options.labels.check(1, [f"meter{k}" for k in files])
    labels = {f"meter{k}": options.labels.label(1, f"meter{k}", _LABELS[k - 1]) for k in files}
    there: dict[str, list[SourceFile]] = {
        f"meter{k}": [TextFile(file, _layout(file))] for k, file in files.items() if file.is_file()
    }
    notes = [f"{name} ({labels[name]}) has no file" for name in labels if name not in there]
    mains = [name for name, label in labels.items() if channel_name(label) == MAINS]
    present = [name for name in mains if name in there]
    channels = []
    if present:
        absent = [name for name in mains if name not in there]
        channels.append(legs_channel(MAINS, present, absent, MAINS, ACTIVE, notes))
    for name, label in labels.items():
        if channel_name(label) == UNUSED:
            notes.append(f"{name} is not used")
        elif name in there and name not in mains:
            channels.append(Channel((name,), label))
    used = {name: there[name] for channel in channels for name in channel.sources}
    return FilesHouse(1, "iawe_house1", channels, size_of(used), notes=notes, sources=used)


def _layout(path: Path) -> TextLayout:
    with path.open("rb") as file:
        first = file.readline(1000).decode("utf-8-sig", "replace").strip()
    columns = tuple(cell.strip().strip('"') for cell in first.split(","))
    if not {_STAMP, _POWER} <= set(columns) or len(set(columns)) < len(columns):
        raise BadInputError(
            f"{path}:1: not a meter of iAWE, it starts with {first[:60]!r}",
            fix=f"its columns are {_STAMP},{_POWER},…",
        )
    return TextLayout(columns, (_STAMP, _POWER), ",", header_lines=1)
