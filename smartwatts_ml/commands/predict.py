"""``smartwatts evaluate`` and ``smartwatts predict``: a model file on CSV files."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich.table import Column, Table
from rich.text import Text

from smartwatts_ml.commands.common import (
    JsonOption,
    SeedOption,
    check_replaceable,
    print_json,
    progress_bar,
)
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.commands.kind_options import add_command
from smartwatts_ml.commands.paths import paths_option
from smartwatts_ml.commands.unused import too_coarse, why_nothing
from smartwatts_ml.errors import BadInputError, naming
from smartwatts_ml.kinds import kinds
from smartwatts_ml.kinds.base import Details, Kind, Network
from smartwatts_ml.kinds.details import left_out_lines
from smartwatts_ml.modelfiles.networks import open_network
from smartwatts_ml.printable import printable
from smartwatts_ml.readings.base import split_device_id
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.holdout import SelectedReadings
from smartwatts_ml.readings.stamps.text import parse_stamp
from smartwatts_ml.reports.evaluation import evaluation_report, write_evaluation
from smartwatts_ml.settings import settings

__all__ = ["evaluate_app", "predict_app"]

_ANY_WIDTH = 10_000

evaluate_app = typer.Typer(
    no_args_is_help=True,
    help="Measure a model file on labelled or sub-metered readings.",
    epilog="Example: smartwatts evaluate nilm --model-path nilm_model.tflite --test-data test.csv",
)
predict_app = typer.Typer(
    no_args_is_help=True,
    help="Write a model file's predictions for readings, as CSV.",
    epilog="Example: smartwatts predict nilm --model-path M.tflite --input D.csv --output P.csv",
)
_ModelPath = Annotated[
    Path, typer.Option(help="A .tflite file (or .keras, which loads TensorFlow).", dir_okay=False)
]
_PATHS = "Files or folders, read as ingest reads them."
_DECIMALS = {"score": 6, "energy_kwh": 4, "p10_kwh": 4, "p90_kwh": 4}
"""Digits after the point in predictions; 2 (hundredths of a watt) where not listed."""


def _evaluate_body(kind: Kind) -> Callable[..., None]:
    def body(
        model_path: _ModelPath,
        test_data: Annotated[list[Path], paths_option(_PATHS)],
        output_dir: Annotated[
            Path | None,
            typer.Option(help="Where evaluation.json, a table and figures go.", file_okay=False),
        ] = None,
        seed: SeedOption = 0,
        as_json: JsonOption = False,
        extra: dict[str, Any] | None = None,
    ) -> None:
        with ExitStack() as opened:
            network, details = opened.enter_context(_open(kind, model_path))
            report = opened.enter_context(progress_bar(f"evaluate {kind.name}"))
            report("reading files", 0.1)
            readings = opened.enter_context(_read(test_data))
            report("scoring", 0.3)
            predictor = kind.work.predictor(network)
            scores = kind.work.evaluate(details, {"model": predictor}, readings, seed)["model"]
            result = evaluation_report(kind, details.model, scores, seed)
            result["notes"] += left_out_lines(network.details)
            result["timezones"] = readings.sites_by_timezone()
            result["notes"].insert(0, _clock_line(result["timezones"]))
            if output_dir is not None:
                report("figures", 0.8)
                figures = kind.work.figures(details, predictor, readings, scores, seed)
                result["files"] = write_evaluation(kind, result, figures, output_dir)
        if as_json:
            print_json(result)
        else:
            _show_metrics(kind, result)

    return body


def _clock_line(sites: dict[str, list[str]]) -> str:
    """By whose clocks hours and days are meant.

    >>> _clock_line({"Europe/Berlin": ["a", "b"], "Asia/Kolkata": ["c"]})
    'hours and days are on the clock of each site: Europe/Berlin (2), Asia/Kolkata (1)'
    """
    if len(sites) == 1:
        return f"hours and days are on the clock of {next(iter(sites))}"
    counts = ", ".join(f"{timezone} ({len(of_it):,})" for timezone, of_it in sites.items())
    return f"hours and days are on the clock of each site: {counts}"


def _show_metrics(kind: Kind, result: dict[str, Any]) -> None:
    """All metrics of the whole, those that the gate looks at by site and channel, tables."""
    model = Text(printable(result["model"]))
    whole = Table(
        "metric", Column(model, justify="right"), Column("95 % interval", justify="right")
    )
    for name, value in result["metrics"].items():
        low, high = result["intervals"].get(name, (None, None))
        whole.add_row(name, f"{value:.4g}", "" if low is None else f"{low:.4g} to {high:.4g}")
    out.print(whole)
    names = list(dict.fromkeys((*(c.metric for c in kind.criteria), *kind.required_metrics)))
    parts = {
        label: {name: metrics[name] for name in names}
        for label, metrics in result["slices"].items()
    }
    if len(parts) > 1:
        _print_columns("part", parts)
    for title, rows in result["tables"].items():
        _print_columns(title, rows)
    for note in (*result["notes"], *result.get("files", ())):
        out.print(printable(note), soft_wrap=True)


def _print_columns(title: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    """A table, below it another one with the columns that the console is too narrow for: nothing
    is cut off."""
    names = list(next(iter(rows.values())))
    wide = out.options.update(max_width=_ANY_WIDTH)
    while names:
        for count in range(len(names), 0, -1):
            shown = Table(title, *(Column(name, justify="right") for name in names[:count]))
            for label, values in rows.items():
                cells = (_cell(values[name]) for name in names[:count])
                shown.add_row(Text(printable(label)), *cells)
            if out.measure(shown, options=wide).maximum <= out.width:
                break
        out.print(shown)
        names = names[count:]


def _cell(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4g}"


def _predict_body(kind: Kind) -> Callable[..., None]:
    def body(
        model_path: _ModelPath,
        input: Annotated[list[Path], paths_option(_PATHS)],  # noqa: A002 - the option's name
        output: Annotated[Path, typer.Option(help="CSV, or CSV.gz, to write.", dir_okay=False)],
        as_json: JsonOption = False,
        extra: dict[str, Any] | None = None,
    ) -> None:
        columns = kind.columns(**(extra or {}))
        check_replaceable(output)
        with ExitStack() as opened:
            network, details = opened.enter_context(_open(kind, model_path))
            report = opened.enter_context(progress_bar(f"predict {kind.name}"))
            report("reading files", 0.05)
            readings = opened.enter_context(_read(input))
            options = extra or {}
            frames = _predict(kind, kind.work.predictor(network), readings, options)
            rows = _write(frames, columns, readings, output, report)
            if rows is None:
                names = ", ".join(map(str, input))
                reason = why_nothing(kind.spec_of(details), kind, options, readings)
                raise BadInputError(f"nothing to predict from in {names}: {reason}")
            remarks = [*left_out_lines(network.details), *kind.work.remarks(readings)]
            remarks += too_coarse(kind.spec_of(details), readings)
        if as_json:
            report = {"output": str(output), "rows": rows, "model": details.model}
            print_json({**report, "notes": remarks})
            return
        for line in remarks:
            err.print(printable(f"note: {line}"), soft_wrap=True)
        nothing = "" if rows else ": there was nothing to tell"
        out.print(f"{output}: {rows:,} rows{nothing}", soft_wrap=True)

    return body


@contextmanager
def _open(kind: Kind, path: Path) -> Iterator[tuple[Network, Details]]:
    with open_network(path) as network:
        if network.details.get("kind") != kind.name:
            what = network.details.get("kind") or "no SmartWatts model (it carries no details)"
            raise BadInputError(
                f"{path} is {what}", fix=f"give a file that `train {kind.name}` wrote"
            )
        with naming(path):
            details = kind.read_details(network.details)
        if older := kind.older_contract(details):
            err.print(f"note: {path} {older}", soft_wrap=True)
        yield network, details


def _read(paths: list[Path]) -> FileReadings:
    readings = FileReadings(paths, settings())
    for line in readings.warnings():
        err.print(line, soft_wrap=True)
    return readings


def _predict(
    kind: Kind, predictor: Any, readings: FileReadings, options: dict[str, Any]
) -> Iterator[pd.DataFrame]:
    """Frames of all sites; ``from`` and ``to`` are on the clock by which each of them lives."""
    spans = {span.site: span for span in readings.spans()}
    parsed = {name: _parse_stamps(options, name) for name in readings.sites_by_timezone()}
    for timezone, sites in readings.sites_by_timezone().items():
        of_clock = SelectedReadings(readings, [spans[site] for site in sites if site in spans])
        yield from kind.work.predict(predictor, of_clock, **parsed[timezone])


def _parse_stamps(options: dict[str, Any], timezone: str) -> dict[str, Any]:
    """``from`` and ``to`` as instants, where they are on a timezone's clock."""
    parsed = {}
    for name, value in options.items():
        key = "from_" if name == "from" else name
        stamp = name in ("from", "to") and value is not None
        parsed[key] = parse_stamp(value, timezone) if stamp else value
    return parsed


def _write(
    frames: Any,
    columns: tuple[str, ...],
    readings: FileReadings,
    output: Path,
    report: Callable[[str, float], None],
) -> int | None:
    """Write frames as they come; the file appears only when it is whole. Returns the rows,
    None where there was no frame at all: nothing found is not nothing to look at."""
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.part")
    rows, done, sites = 0, 0, max(len(readings.spans()), 1)
    opener = gzip.open if output.suffix == ".gz" else open
    try:
        with opener(partial, "wt", newline="") as sink:
            sink.write(",".join(columns) + "\n")
            for done, frame in enumerate(frames, 1):
                _formatted(frame, readings)[list(columns)].to_csv(sink, header=False, index=False)
                rows += len(frame)
                report(f"{rows:,} rows", min(done / sites, 1.0))
        if done:
            partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
    return rows if done else None


def _formatted(frame: pd.DataFrame, readings: FileReadings) -> pd.DataFrame:
    """Stamps of each site in the input's own form, numbers with the digits they deserve."""
    shown = frame.copy()
    sites = _sites(frame)
    for name in shown.columns:
        kind = shown[name].dtype.kind
        if kind == "M":
            texts = pd.Series("", frame.index, object)
            for site, of_site in frame[name].groupby(sites):
                texts[of_site.index] = readings.stamps_for(str(site))(
                    of_site.to_numpy("datetime64[s]")
                )
            shown[name] = texts
        elif kind == "f":
            shown[name] = shown[name].round(_DECIMALS.get(name, 2))
    return shown


def _sites(frame: pd.DataFrame) -> pd.Series:
    """The site of each row."""
    if "site" in frame:
        return frame["site"]
    return frame["device_id"].map(lambda device: split_device_id(device)[0])


for _kind in kinds().values():
    add_command(
        evaluate_app, _kind.name, f"Measure {_kind.title} on test data.", _evaluate_body(_kind)
    )
    add_command(
        predict_app,
        _kind.name,
        f"Predict with {_kind.title}: columns {', '.join(_kind.prediction_columns)}.",
        _predict_body(_kind),
        _kind.predict_options,
    )
