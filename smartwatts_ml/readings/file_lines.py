"""One line for people about each file that was read, warnings included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from smartwatts_ml.counted import counted
from smartwatts_ml.printable import printable
from smartwatts_ml.readings.report import FileContents, FileReport
from smartwatts_ml.settings import Settings

__all__ = ["file_lines", "warning_lines"]

_MOST = 40


def file_lines(files: Sequence[FileReport], settings: Settings, most: int = _MOST) -> list[str]:
    """Those of which there is more to say first; of more than ``most`` only how many."""
    warnings = {file.key: list(_warnings(file, settings)) for file in files}
    ranked = sorted(files, key=lambda f: (not f.left, not warnings[f.key], -f.rejected))
    lines = [printable("; ".join([_line(f), *warnings[f.key]])) for f in ranked[:most]]
    more = len(files) - most
    return [*lines, *([f"… and {more:,} more files"] if more > 0 else [])]


def warning_lines(files: Sequence[FileReport], settings: Settings) -> list[str]:
    """Lines of files that warn of something; those that warn of the same share one."""
    alike: dict[tuple[str, ...], list[FileReport]] = {}
    for file in files:
        alike.setdefault(tuple(_warnings(file, settings)), []).append(file)
    alike.pop((), None)
    alone = [same[0] for same in alike.values() if len(same) == 1]
    shared = [
        printable(f"{same[0].key} and {counted(len(same) - 1, 'more file')}, each: ")
        + printable("; ".join(warnings))
        for warnings, same in alike.items()
        if len(same) > 1
    ]
    return [*shared, *file_lines(alone, settings)]


def _line(file: FileReport) -> str:
    if file.left:
        return f"left: {file.left if file.key in file.left else f'{file.key}: {file.left}'}"
    if file.reason:
        return f"{file.key}: {file.reason}"
    parts = [_described(file.contents)] if file.contents else []
    parts.append(counted(file.accepted, "reading"))
    if file.contents:
        parts.append(f"{_short(file.contents.first)} to {_short(file.contents.last)} UTC")
    counts = {
        ("duplicate", "duplicates"): file.duplicate,
        ("part of another", "parts of others"): file.netted,
        ("line without a value", "lines without a value"): file.missing,
    }
    parts += [f"{count:,} {what[count > 1]}" for what, count in counts.items() if count]
    return f"{file.key}: {', '.join(parts)}"


def _described(contents: FileContents) -> str:
    layout = contents.layout or "by its columns"
    sites = f"{contents.sites:,} site{'s' if contents.sites > 1 else ''}"
    return f"{layout}, {sites}, {contents.channels:,} channel{'s' if contents.channels > 1 else ''}"


def _short(stamp: str) -> str:
    return stamp[:16].replace("T", " ")


def _warnings(file: FileReport, settings: Settings) -> Iterator[str]:
    if file.says_nothing:
        yield "it says nothing: none of its lines has a value"
    if file.incomplete:
        yield (
            f"{file.incomplete:,} values of one register are no reading, since another register of "
            "the meter has none at that time"
        )
    if file.rejected:
        yield f"{file.rejected:,} rejected: {file.why_rejected()}"
    if file.contents and "timezone" in file.contents.unsaid:
        yield f"nobody says its timezone: {settings.timezone} is taken"
    elif _lives_by_nobodys_clock(file, settings):
        yield (
            f"nobody says by whose clock its sites live: {settings.timezone} is taken, unless one "
            "is kept (else: site_timezone)"
        )
    yield from file.contents.doubts if file.contents else ()


def _lives_by_nobodys_clock(file: FileReport, settings: Settings) -> bool:
    """Whether stamps say all of the time and nothing of the place, of some of its sites."""
    said = file.site_clock.source or file.site_clock.file
    asked = "timezone" in settings.model_fields_set
    return not (said or asked) and bool(
        file.accepted and file.sites - settings.site_timezones.keys()
    )
