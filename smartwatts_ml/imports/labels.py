"""From a data set's labels to the channel names that the project uses."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.base import MAINS

__all__ = ["Labels", "UNUSED", "channel_name", "channel_names"]

UNUSED = "not_used"
_HEADER = ["house", "source", "label"]
_WORDS = {
    "aggregate": MAINS,
    "site_meter": MAINS,
    "refrigerator": "fridge",
    "fridge_freezer": "fridge",
    "fridge_and_freezer": "fridge",
    "combination_microwave": "microwave",
    "dishwaser": "dishwasher",  # as REDD spells it
    "dish_washer": "dishwasher",
    "washingmachine": "washing_machine",
    "washer": "washing_machine",
    "clothes_washer": "washing_machine",
    "dryer": "tumble_dryer",
    "tv": "television",
    "electric_oven": "oven",
    "light": "lighting",
    "lights": "lighting",
}
"""One word for one thing. A fridge-freezer is a fridge: their compressors look alike, and
NILM studies pool them. A washer-dryer stays apart from a washing machine: it also dries."""


def channel_name(label: str) -> str:
    """A channel name for a label; what stands in brackets (a room, a number) is left out.

    >>> channel_name("Fridge-Freezer (1)"), channel_name("dishwaser")
    ('fridge', 'dishwasher')
    >>> channel_name("Television Site(Lounge)"), channel_name("Kettle/Toaster")
    ('television_site', 'kettle_toaster')
    """
    plain = re.sub(r"\(.*?\)", " ", label.lower()).replace("&", " and ")
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return _WORDS.get(words, words) or "unknown"


def channel_names(labels: Sequence[str]) -> list[str]:
    """Names that differ: two of a kind are ``fridge`` and ``fridge_2``.

    >>> channel_names(["Fridge", "Kettle", "Fridge-Freezer"])
    ['fridge', 'kettle', 'fridge_2']
    """
    plain = [channel_name(label) for label in labels]
    seen: Counter[str] = Counter()
    taken = set(plain)
    names = []
    for name in plain:
        seen[name] += 1
        unique = name
        while seen[name] > 1 and unique in taken:
            unique = f"{name}_{seen[name]}"
            seen[name] += unique in taken
        taken.add(unique)
        names.append(unique)
    return names


@dataclass
class Labels:
    """Labels of the user's own, which win over those of the data set.

    By house and source (``Appliance1`` in REFIT, ``channel_5`` in UK-DALE and REDD,
    ``meter3`` in NILMTK). An empty label leaves the channel out.
    """

    path: Path | None = None
    by_source: dict[tuple[int, str], str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Labels:
        """A CSV file with the columns house, source, label."""
        by_source = {}
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            if [cell.strip().lower() for cell in next(rows, [])] != _HEADER:
                raise BadInputError(
                    f"{path}:1: not a file of labels", fix="start it with house,source,label"
                )
            for row in rows:
                if not row:
                    continue
                if len(row) != len(_HEADER) or not row[0].strip().isdigit():
                    raise BadInputError(
                        f"{path}:{rows.line_num}: not house,source,label",
                        fix="a line looks like: 2,Appliance1,fridge",
                    )
                by_source[int(row[0]), row[1].strip()] = row[2].strip()
        return cls(path, by_source)

    def label(self, house: int, source: str, default: str) -> str:
        """The label that holds; ``UNUSED`` where it is to be left out."""
        return self.by_source.get((house, source), default) or UNUSED

    def check(self, house: int, sources: Sequence[str]) -> None:
        """Raise BadInputError for a source that the house lacks."""
        for number, source in self.by_source:
            if number == house and source not in sources:
                raise BadInputError(
                    f"{self.path}: house {house} has no {source}",
                    fix=f"it has {', '.join(sources)}",
                )
