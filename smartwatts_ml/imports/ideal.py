"""IDEAL: 255 British homes, a file for each sensor, UTC (Pullinger et al., Sci Data 8:146, 2021).

``home62_hall705_sensor1662c1666_electric-mains_electric-combined.csv.gz`` has apparent power of
mains each second; ``…_electric-subcircuit_<name>`` circuits every 5 s; and
``…_electric-appliance_<name>`` plugs, which write when a value changes. Other sensors (gas,
temperatures, light) hold no power and are passed over.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.imports.base import ACTIVE, APPARENT, Channel, House, Options, packed_hint
from smartwatts_ml.imports.labels import UNUSED, channel_name
from smartwatts_ml.imports.sources import FilesHouse, SourceFile, TextFile, size_of
from smartwatts_ml.imports.text import TextLayout
from smartwatts_ml.readings.base import MAINS

__all__ = ["houses"]

_FILE = re.compile(
    r"home(?P<home>\d+)_[a-z]+\d+_(?P<sensor>sensor\d+(c\d+)?)"
    r"_electric-(?P<box>mains|subcircuit|appliance)_(?P<what>[\w-]+)\.csv(\.gz)?",
    re.IGNORECASE,
)
_LAYOUT = TextLayout(("timestamp", "watts"), ("timestamp", "watts"), ",", dated=True)
_WORDS = {
    "fridgefreezer": "fridge_freezer",
    "tumbledrier": "tumble_dryer",
    "washingmachinetumbledrier": "washer_dryer",
    "electricshower": "shower",
    "vacuumcleaner": "vacuum_cleaner",
}


def houses(path: Path, options: Options) -> list[House]:
    """The wanted homes of IDEAL that have electricity below a path."""
    hint = packed_hint(path)
    by_number: dict[int, list[re.Match[str]]] = defaultdict(list)
    paths = {file.name: file for file in sorted(path.rglob("home*_electric-*"))}
    for name in paths:
        if match := _FILE.fullmatch(name):
            by_number[int(match["home"])].append(match)
    if not by_number:
        raise BadInputError(
            f"{path} holds no electricity of IDEAL{hint}",
            fix="give the folder with home<n>_…_electric-mains_electric-combined.csv.gz in it",
        )
    return [_house(n, matches, paths, options) for n, matches in options.wanted(by_number)]


def _house(
    number: int, matches: list[re.Match[str]], paths: dict[str, Path], options: Options
) -> House:
    options.labels.check(number, [match["sensor"] for match in matches])
    channels, sources = [], dict[str, list[SourceFile]]()
    notes = ["appliances write when their power changes: means of 10 s, if no --period is given"]
    for match in sorted(matches, key=lambda match: (match["box"] != MAINS, match["sensor"])):
        label = options.labels.label(number, match["sensor"], _label(match))
        if channel_name(label) == UNUSED:
            notes.append(f"{match['sensor']} is not used")
            continue
        power = APPARENT if match["box"] == MAINS else ACTIVE
        held = match["box"] == "appliance"
        channels.append(Channel((match["sensor"],), label, power, held))
        sources[match["sensor"]] = [TextFile(paths[match[0]], _LAYOUT)]
    site = f"ideal_home{number}"
    return FilesHouse(number, site, channels, size_of(sources), notes=notes, sources=sources)


def _label(match: re.Match[str]) -> str:
    """A circuit ``mains`` beside the clamps of mains is told apart from them."""
    if match["box"] == MAINS:
        return MAINS
    name = _WORDS.get(match["what"], match["what"])
    return f"{name} circuit" if name == MAINS else name
