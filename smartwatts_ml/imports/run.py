"""An import: houses of a format → CSV files, with a report that adds up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from smartwatts_ml.errors import BadInputError, UsageError
from smartwatts_ml.imports.base import Channel, House, Options, open_format
from smartwatts_ml.imports.files import MonthFiles
from smartwatts_ml.imports.streams import AsTheyAre, HeldMeans, Resampler, Sink, Writer
from smartwatts_ml.progress import Progress

__all__ = ["ImportReport", "import_readings"]


@dataclass(frozen=True)
class ImportReport:
    """``houses`` with the accounts of their channels and files; ``files`` written."""

    format: str
    out: Path
    houses: tuple[House, ...]
    files: tuple[Path, ...]

    @property
    def written(self) -> int:
        return sum(channel.written for house in self.houses for channel in house.channels)

    @property
    def bad(self) -> int:
        return sum(file.bad for house in self.houses for file in house.files)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "out": str(self.out),
            "written": self.written,
            "bad": self.bad,
            "files": [str(path) for path in self.files],
            "houses": [
                {
                    "house": house.number,
                    "site": house.site,
                    "channels": [channel.to_json() for channel in house.channels],
                    "sources": [file.to_json() for file in house.files],
                    "notes": house.notes,
                }
                for house in self.houses
            ],
        }


def import_readings(
    name: str, path: Path, out: Path, options: Options, progress: Progress | None = None
) -> ImportReport:
    """Write a data set of format ``name`` as files that ingest takes.

    A house's files appear when all of it is read. The same import again writes nothing.
    Raises BadInputError where the path holds another layout or no usable reading, and
    UsageError where a house is not there or files of another import are in the way.
    """
    houses = open_format(name)(path, options)
    missing = set(options.houses) - {house.number for house in houses}
    if missing:
        raise UsageError(f"{path} has no house {', '.join(map(str, sorted(missing)))}")
    total = sum(house.size for house in houses) or 1
    done = 0
    files: list[Path] = []
    for house in houses:

        def report(more: int, site: str = house.site) -> None:
            nonlocal done
            done += more
            if progress:
                progress(site, min(done / total, 1.0))

        files += _house(house, out, options, report)
    result = ImportReport(name, out, tuple(houses), tuple(files))
    if not result.written:
        raise BadInputError(f"no usable reading in {path}{_why(result)}")
    return result


def _house(house: House, out: Path, options: Options, report: Callable[[int], None]) -> list[Path]:
    with MonthFiles(out, house.site) as files:
        sinks: dict[str, Sink] = {
            channel.name: _sink(channel, partial(files.write, channel.name), options.period_s)
            for channel in house.channels
        }
        for channel, stamps, watts in house.read(options, report):
            sinks[channel.name].take(stamps, watts)
        for sink in sinks.values():
            sink.close()
        return files.commit()


def _sink(channel: Channel, write: Writer, period_s: int | None) -> Sink:
    if channel.held:
        return HeldMeans(channel, write, period_s)
    return Resampler(channel, write, period_s) if period_s else AsTheyAre(channel, write)


def _why(report: ImportReport) -> str:
    """The first faults, for an import that found nothing to use."""
    faults = [line for house in report.houses for file in house.files for line in file.examples]
    return f": {faults[0]}" if faults else ": its files are empty"
