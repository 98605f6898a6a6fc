"""``smartwatts import``: public data sets, as files that ``ingest`` takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from smartwatts_ml.commands.common import JsonOption, print_json, progress_bar
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.counted import counted
from smartwatts_ml.imports import Options, import_readings
from smartwatts_ml.imports.base import Channel, House
from smartwatts_ml.imports.labels import Labels
from smartwatts_ml.imports.run import ImportReport

__all__ = ["eco", "enertalk", "iawe", "ideal", "nilmtk_h5", "redd", "refit", "ukdale"]

_PathArgument = Annotated[Path, typer.Argument(help="Where the data set lies, unpacked.")]
_OutOption = Annotated[
    Path,
    typer.Option("--out", file_okay=False, help="Folder to write to, e.g. a root's landing/."),
]
_HouseOption = Annotated[
    list[int] | None,
    typer.Option("--house", help="A house to take; repeat it for more. Default: all."),
]
_PeriodOption = Annotated[
    int | None,
    typer.Option(
        "--period",
        min=1,
        help="Resample to means over so many seconds, energy preserved. Default: the source's "
        "own sampling.",
        show_default=False,
    ),
]
_LabelsOption = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        exists=True,
        dir_okay=False,
        help="CSV file house,source,label of your own names; an empty label leaves a channel "
        "out. The table that the import prints has the sources: Appliance1, channel_5, meter3.",
    ),
]


def refit(
    path: _PathArgument,
    out_dir: _OutOption,
    house: _HouseOption = None,
    period: _PeriodOption = None,
    labels: _LabelsOption = None,
    drop_flagged: Annotated[
        bool,
        typer.Option(
            "--drop-flagged",
            help="Leave out mains where the appliances add up to more (Issues = 1).",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """REFIT: a folder of CLEAN_House<N>.csv or raw House_<N>.csv files, or one of them.

    20 British homes, mains and nine appliances every 8 s, active power. The appliances'
    names are built in, from REFIT's readme.

    Example: smartwatts import refit CLEAN_REFIT_081116 --house 2 --period 60
    --out .local/smartwatts/landing && smartwatts ingest
    """
    _import("refit", path, out_dir, house, period, labels, as_json, drop_flagged)


def _importer(data_set: str, about: str) -> Callable[..., None]:
    """The verb of a data set that has no options of its own; ``about`` is its help."""

    def verb(
        path: _PathArgument,
        out_dir: _OutOption,
        house: _HouseOption = None,
        period: _PeriodOption = None,
        labels: _LabelsOption = None,
        as_json: JsonOption = False,
    ) -> None:
        _import(data_set, path, out_dir, house, period, labels, as_json)

    verb.__doc__ = about
    return verb


ukdale = _importer(
    "ukdale",
    """UK-DALE: the folder with house_1 to house_5, each with labels.dat and channel_<k>.dat.

    Mains is active power from mains.dat (1 s) where a house has it, otherwise the apparent
    power of its aggregate channel (6 s). Circuits metered with clamps are apparent too.

    Example: smartwatts import ukdale ukdale --house 2 --period 60
    --out .local/smartwatts/landing && smartwatts ingest
    """,
)
redd = _importer(
    "redd",
    """REDD: the folder low_freq with house_1 to house_6, each with labels.dat and channels.

    The two mains legs are summed (apparent power), and so are the channels of one 240 V
    appliance (oven, stove, washer_dryer, electric_heat, air_conditioning, furnace). Other
    repeated labels get a number.

    Example: smartwatts import redd low_freq --period 60 --out .local/smartwatts/landing
    && smartwatts ingest
    """,
)
iawe = _importer(
    "iawe",
    """iAWE: the folder with electricity/1.csv to 12.csv, a meter each.

    Active power every second. The two meters of the supply are summed to mains.

    Example: smartwatts import iawe iawe --period 60 --out .local/smartwatts/landing
    && smartwatts ingest
    """,
)
eco = _importer(
    "eco",
    """ECO: the folder with 01_sm_csv, 01_plugs_csv, … unpacked, a file a day and meter.

    Active power each second: of the smart meter (all phases) and of plugs, whose names are
    built in. Its days are taken as days of UTC, as NILMTK does. A day of fewer lines than
    seconds is left out, since no line says its second.

    Example: smartwatts import eco ECO --house 2 --period 60
    --out .local/smartwatts/landing && smartwatts ingest
    """,
)
ideal = _importer(
    "ideal",
    """IDEAL: the folder with home<n>_…_electric-….csv.gz, a file a sensor.

    Mains is apparent power each second; circuits and appliances, where a home has them, are
    active power. Appliances write when their power changes: their values hold until the
    next, and become means of 10 s or of --period. 17 April 2018, 08:50 to 09:50 is damaged.

    Example: smartwatts import ideal sensordata --house 62 --period 60
    --out .local/smartwatts/landing && smartwatts ingest
    """,
)
enertalk = _importer(
    "enertalk",
    """ENERTALK: the folder with 00 to 21, each with a folder a day of Parquet files.

    Active power, 15 readings a second: --period is advised. The files' names say the channel.

    Example: smartwatts import enertalk enertalk-dataset --house 0 --period 60
    --out .local/smartwatts/landing && smartwatts ingest
    """,
)
nilmtk_h5 = _importer(
    "nilmtk-h5",
    """NILMTK: an HDF5 file of any data set that NILMTK has a converter for.

    As in NILMTK, site meters that are not disabled are summed to mains, and the meters of
    one appliance are summed. Active power where a meter has it, otherwise apparent.

    Example: smartwatts import nilmtk-h5 ukdale.h5 --house 1 --period 60
    --out .local/smartwatts/landing && smartwatts ingest
    """,
)


def _import(
    name: str,
    path: Path,
    out_dir: Path,
    houses: list[int] | None,
    period: int | None,
    labels: Path | None,
    as_json: bool,
    drop_flagged: bool = False,
) -> None:
    own = Labels.read(labels) if labels else Labels()
    options = Options(tuple(houses or ()), period, drop_flagged, own)
    with progress_bar(f"import {name}") as progress:
        report = import_readings(name, path, out_dir, options, progress)
    if as_json:
        print_json(report.to_json())
    else:
        _show(report)


def _show(report: ImportReport) -> None:
    for house in report.houses:
        out.print(_channels_table(house))
        for note in house.notes:
            out.print(f"{house.site}: {note}", soft_wrap=True)
        for channel in house.channels:
            if channel.written == 0:
                out.print(f"{house.site}: {channel.name} has no usable reading", soft_wrap=True)
        for file in house.files:
            if file.bad:
                out.print(
                    f"{file.path}: {file.lines:,} lines = {file.header} header + {file.blank:,} "
                    f"blank + {file.bad:,} bad + {file.used:,} used; the first bad:",
                    soft_wrap=True,
                )
            for example in file.examples:
                out.print(f"    {example}", soft_wrap=True)
    err.print(
        f"{report.written:,} readings of {counted(len(report.houses), 'house')} in "
        f"{counted(len(report.files), 'file')}, {counted(report.bad, 'bad line')} left out, "
        f"in {report.out}",
        soft_wrap=True,
    )


def _channels_table(house: House) -> Table:
    table = Table(title=house.site, title_justify="left")
    for name in ("source", "label", "channel", "power"):
        table.add_column(name)
    for name in ("readings", "kept out", "rows"):
        table.add_column(name, justify="right")
    table.add_column("from", no_wrap=True)
    table.add_column("to", no_wrap=True)
    for channel in house.channels:
        entry = channel.to_json()
        table.add_row(
            " + ".join(channel.sources),
            channel.label,
            channel.name,
            channel.power,
            f"{channel.taken:,}",
            _kept_out(channel),
            f"{channel.written:,}",
            (entry["first"] or "")[:16],
            (entry["last"] or "")[:16],
        )
    return table


def _kept_out(channel: Channel) -> str:
    """Counts that are not zero, in words."""
    reasons = ("duplicate", "missing", "flagged", "unpaired", "late")
    counts = [(getattr(channel, reason), reason) for reason in reasons]
    return ", ".join(f"{count:,} {reason}" for count, reason in counts if count)
