"""Rows that are rejected once all rows of a device are together: which lines they are of, and
what to say of a file where too many contradict each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.clock import LocalClock
from smartwatts_ml.readings.ingest.settling import Dropped
from smartwatts_ml.readings.ingest.staged import count_files
from smartwatts_ml.readings.ingest.staging import DeviceNumbers
from smartwatts_ml.readings.layouts.file_columns import ask
from smartwatts_ml.readings.layouts.mapping import rule_of_register
from smartwatts_ml.readings.parsed import FOLD, Parsed
from smartwatts_ml.readings.report import FileReport, Rejected
from smartwatts_ml.readings.scan import FileScan
from smartwatts_ml.sources import toml_string

__all__ = ["contradiction", "dropped_by_file", "is_torn", "late_lines"]

_CONTRADICTING = 0.01
"""Share of a file's values that may contradict others; with more the file is not understood."""
_UNITS = {"power": "W", "energy": "Wh", "total": "kWh"}
_MOST_REGISTERS = 32
_ENOUGH_PAIRS = 20
_Key = tuple[int, int, float]


def dropped_by_file(dropped: Sequence[Dropped]) -> Mapping[int, Counter[str]]:
    """How many rows of each file were dropped, by fault."""
    by_file: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for late in dropped:
        for file, count in count_files(late.files).items():
            by_file[file][late.fault] += count
    return by_file


def is_torn(dropped: Counter[str], report: FileReport) -> bool:
    """Whether so many values of a file contradict each other that it is not understood."""
    return dropped["value_two"] > _CONTRADICTING * report.values


def late_lines(
    scan: FileScan, file: int, dropped: Sequence[Dropped], devices: DeviceNumbers
) -> Iterator[Sequence[Rejected]]:
    """All rejected lines of a file that is read once more, block by block: those that parsing
    rejects, and those of dropped rows."""
    waiting: Counter[_Key] = Counter()
    faults: dict[_Key, str] = {}
    for late in dropped:
        rows = late.rows.take(late.files == file)
        for key in zip(
            rows.devices.tolist(), rows.stamps.tolist(), rows.values.tolist(), strict=True
        ):
            waiting[key] += 1
            faults[key] = late.fault
    stamps = np.unique(np.array([stamp for _, stamp, _ in waiting], np.int64))
    for block in scan:
        late_ones = [
            replace(row, part=scan.part)
            for parsed in block.rows
            for row in _lines_of(parsed, devices, scan.clock, stamps, waiting, faults)
        ]
        yield sorted([*block.rejected, *late_ones], key=lambda row: row.line)


def _lines_of(
    parsed: Parsed,
    devices: DeviceNumbers,
    clock: LocalClock | None,
    stamps: np.ndarray,
    waiting: Counter[_Key],
    faults: dict[_Key, str],
) -> Iterator[Rejected]:
    """Lines of a block whose rows were dropped, each once."""
    numbers = devices.numbers(parsed.names)
    for shift in (0, 1):
        at = parsed.stamps
        chosen = np.isin(at, stamps)
        if shift:  # rows of the second occurrence of a repeated hour
            folded = (parsed.labels & FOLD) > 0
            if clock is None or not folded.any():
                return
            at = at.copy()
            at[folded] += clock.later_by(at[folded])
            chosen = folded & np.isin(at, stamps)
        for place in np.flatnonzero(chosen).tolist():
            device = int(numbers[parsed.devices[place]])
            key = (device, int(at[place]), float(parsed.values[place]))
            if waiting[key]:
                waiting[key] -= 1
                text = f"{key[2]:.10g} {_UNITS[parsed.measure.quantity]}"
                if faults[key].startswith("fold"):
                    text = f"{np.datetime64(key[1], 'us').astype('M8[s]')}Z"
                yield Rejected(int(parsed.lines[place]), faults[key], text, of_value=True)


def contradiction(scan: FileScan, count: int) -> BadInputError:
    """What to say of a file, which is read once more, in which too many values contradict
    others."""
    for _ in scan:
        pass
    problem = (
        f"{count:,} of {scan.values:,} values contradict another one of the same device and "
        "timestamp"
    )
    columns = _telling_columns(scan)
    if columns:
        listed = ", ".join(scan.names[i] for i in columns)
        problem = f"{problem}; what tells them apart may be {listed}"
        answers = [_registers(scan, columns[0])]
    else:
        problem = f"{problem}, and no column tells them apart"
        if "timezone" not in scan.interpretation.unsaid:
            return BadInputError(
                f"{scan.name}: {problem}", fix="send a file with one value for each of them"
            )
        answers = ['timezone = "Europe/Berlin"  # where a clock shows their hour twice: its own']
    return ask(scan.name, scan.key, scan.source, problem, *answers)


def _registers(scan: FileScan, position: int) -> str:
    """What a source may say of the texts of a column, each a part of mains, for want of better."""
    texts = list(dict.fromkeys(text for text in scan.sample[position] if text))
    parts = {text: rule_of_register(text) for text in texts}
    known = any(part.endswith(MAINS) for part in parts.values())
    rules = {text: part if known else f"+{MAINS}" for text, part in parts.items()}
    shown = ", ".join(f"{toml_string(t)} = {toml_string(rule)}" for t, rule in rules.items())
    return (
        f"register = {toml_string(scan.names[position])}\n"
        f'channels = {{{shown}}}  # or "-mains" of what is fed in, "" of what is none'
    )


def _telling_columns(scan: FileScan) -> list[int]:
    """Positions of columns in which lines of one device and timestamp differ, and which mean
    nothing yet."""
    mapping, columns = scan.interpretation.mapping, scan.sample
    positions = [*mapping.stamp, *(p for p in (mapping.device, mapping.register) if p is not None)]
    others = [i for i in range(len(mapping.names)) if i not in mapping.used]
    first: dict[tuple[str, ...], int] = {}
    pairs = []
    for line in range(len(columns[0]) if columns else 0):
        place = tuple(columns[i][line] for i in positions)
        if place in first:
            pairs.append((first[place], line))
            if len(pairs) == _ENOUGH_PAIRS:
                break
        else:
            first[place] = line
    return [
        i
        for i in others
        if pairs
        and all(columns[i][a] != columns[i][b] for a, b in pairs)
        and len(set(columns[i])) <= _MOST_REGISTERS
    ]
