"""``smartwatts ingest --explain``: what files are taken for, and what would settle doubts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.table import Table

from smartwatts_ml.commands.common import print_json, write_files
from smartwatts_ml.commands.console import err, out
from smartwatts_ml.counted import counted
from smartwatts_ml.errors import BadInputError, UsageError
from smartwatts_ml.printable import printable
from smartwatts_ml.readings.explained.channels import ChannelSummary, in_words
from smartwatts_ml.readings.explained.explain import explain
from smartwatts_ml.readings.explained.explanation import Explanation
from smartwatts_ml.readings.explained.source_text import SourceText, source_texts
from smartwatts_ml.readings.files import find_files
from smartwatts_ml.readings.report import FileReport, Rejected
from smartwatts_ml.settings import Settings
from smartwatts_ml.settings.base import settings_file
from smartwatts_ml.settings.source_tables import with_source

__all__ = ["explain_files"]

_FILES_SHOWN = 40
_COLUMNS_SHOWN = 40
_CHANNELS_SHOWN = 20
_FORMAT = {
    "format": "{}",
    "packing": "packed: {}",
    "encoding": "{}",
    "separator": "separated by {}",
    "header": "header in {}",
}
_LAST = ("parts", "settings")


def explain_files(paths: Sequence[Path], settings: Settings, write: bool, as_json: bool) -> None:
    """Show what files are taken for; with ``write`` add what is asked for to the settings."""
    files = [explain(file, settings) for file in find_files(paths)]
    texts = source_texts(files)
    if as_json:
        print_json({"files": [file.to_json() for file in files], "settle": [*map(str, texts)]})
    else:
        _show(files, texts, write)
    if write:
        _write(texts)
    refused = [file for file in files if file.refused]
    if refused:
        names = ", ".join(file.file for file in refused[:3])
        raise BadInputError(f"{len(refused)} of {len(files)} files cannot be taken: {names}")


def _show(files: Sequence[Explanation], texts: Sequence[SourceText], write: bool) -> None:
    for file in files[:_FILES_SHOWN]:
        out.print(_table(file))
    if len(files) > _FILES_SHOWN:
        out.print(f"… and {len(files) - _FILES_SHOWN} more files; --json tells all")
    if texts and not write:
        where = f"Lines for {settings_file()} that settle what is doubtful; --write adds them:"
        out.print(where, soft_wrap=True)
        for text in texts:
            out.print()
            out.print(str(text).rstrip(), soft_wrap=True)


def _write(texts: Sequence[SourceText]) -> None:
    """Add sources to the settings file, all or none."""
    path = settings_file()
    content = path.read_bytes().decode() if path.exists() else ""
    ends = "\r\n" if "\r\n" in content else "\n"
    longer = content
    for text in texts:
        table = str(text).replace("\n", ends)
        if table not in longer and any(file.has_source for file in text.files):
            raise UsageError(
                f"a source of {path} is about {text.files[0].key} already",
                fix="add there: " + "; ".join(text.lines),
            )
        longer = with_source(longer, table, str(path))
    if longer == content:
        err.print(f"nothing to add to {path}", soft_wrap=True)
        return
    write_files({path.resolve(): longer.encode()})
    err.print(f"added to {path}: look at it before you ingest", soft_wrap=True)


def _table(file: Explanation) -> Table:
    table = Table(title=file.file, title_justify="left", show_header=False, box=box.SIMPLE_HEAD)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")

    def row(about: str, text: str) -> None:
        if text:
            table.add_row(about, printable(text))

    facts = file.facts
    for about, fact in facts.items():
        if about not in (*_FORMAT, *_LAST):
            row(about, fact)
        if about == "shape":
            row("columns", _columns(file))
    if "shape" not in facts:
        row("columns", _columns(file))
    row("format", ", ".join(words.format(facts[n]) for n, words in _FORMAT.items() if n in facts))
    row("channels", _channels(file.channels))
    if file.report:
        row("lines", _lines(file.report))
    first = {row.why: row for row in reversed(file.rejected)}
    row("rejected", "\n".join(_rejected(row, file.report) for row in first.values()))
    for about in _LAST:
        row(about, facts.get(about, ""))
    doubts = [doubt.problem for doubt in file.doubts if doubt.problem != file.refused]
    row("doubtful", "\n".join(doubts))
    row("refused", file.refused or "")
    return table


def _columns(file: Explanation) -> str:
    width = max((len(column.name) for column in file.columns), default=0)
    shown = [
        f"{column.name.ljust(min(width, 30))}  {column.meaning}"
        f"{f', e.g. {column.example}' if column.example else ''}"
        for column in file.columns
    ]
    more = len(shown) - _COLUMNS_SHOWN
    return "\n".join([*shown[:_COLUMNS_SHOWN], *([f"… and {more} more"] if more > 0 else [])])


def _channels(channels: Sequence[ChannelSummary]) -> str:
    if not channels:
        return ""
    sites = len({channel.site for channel in channels})
    readings = sum(channel.readings for channel in channels)
    kwh = sum(channel.kwh for channel in channels)
    of_sites = f" of {sites} sites" if sites > 1 else ""
    lines = [f"{len(channels)}{of_sites}: {counted(readings, 'reading')}, {kwh:,.5g} kWh in all"]
    lines += [_channel(channel) for channel in channels[:_CHANNELS_SHOWN]]
    if len(channels) > _CHANNELS_SHOWN:
        lines.append(f"… and {len(channels) - _CHANNELS_SHOWN} more")
    return "\n".join(lines)


def _channel(channel: ChannelSummary) -> str:
    spacing = ", ".join(f"{in_words(s.seconds)} ({s.share:.0%})" for s in channel.spacing)
    return (
        f"{channel.device_id}: {channel.readings:,} readings"
        f"{f' every {spacing}' if spacing else ''}, {channel.first} {channel.first_w:,.5g} W to "
        f"{channel.last} {channel.last_w:,.5g} W, {channel.kwh:,.5g} kWh"
    )


def _rejected(row: Rejected, report: FileReport | None) -> str:
    """One reason, how often it is, and where first."""
    count = report.reasons.get(row.fault, 0) if report else 0
    times = f"{count:,} × " if count else ""
    return f"{times}{row.why}: {row.where}: {row.text!r}"


def _lines(report: FileReport) -> str:
    parts = {
        "header": report.header,
        "blank": report.blank,
        "without a value": report.missing,
        "read": report.read,
        "rejected": report.rejected_lines,
    }
    values = {
        "readings": report.accepted,
        "duplicate": report.duplicate,
        "parts of others": report.netted,
        "rejected": report.rejected_values + report.dropped,
    }
    lines, counts = (
        " + ".join(f"{n:,} {what}" for what, n in each.items() if n) for each in (parts, values)
    )
    return f"{report.lines:,} = {lines}; values: {counts}"
