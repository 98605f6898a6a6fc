"""What a CSV file means, in plain Python, line by line: slow, and easy to believe."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from smartwatts_ml.readings.base import device_id, split_device_id

LOCAL = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?)?", re.ASCII
)
OFFSET = re.compile(r" ?(?:(Z|UTC)|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE | re.ASCII)
NO_VALUE = {"", "nan", "null", "?"}
SPACE = " \t"
WIDTH = 3


@dataclass
class Meaning:
    """Accepted rows (line, stamp UTC, value, device, anomaly) and faults by line; ``missing``:
    lines without a value."""

    lines: int = 0
    blank: int = 0
    missing: int = 0
    rows: list[tuple[int, datetime, float, str, int | None]] = field(default_factory=list)
    faults: dict[int, str] = field(default_factory=dict)

    @property
    def latest(self) -> dict[tuple[str, datetime], float]:
        return {(device, stamp): value for _, stamp, value, device, _ in self.rows}


def physical_lines(content: bytes) -> list[str]:
    text = content.decode("utf-8-sig", errors="replace")
    for mark in ("\x00", "\x01", "\x1e", "\x1f"):
        text = text.replace(mark, "�")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = lines if lines[-1] else lines[:-1]
    return [line.removeprefix("\ufeff") for line in lines]


def read(content: bytes, columns: tuple[str, ...]) -> Meaning:
    """``columns``: of the header, in order; the header is the first line with text."""
    lines = physical_lines(content)
    meaning = Meaning(lines=len(lines))
    header_seen = False
    for number, line in enumerate(lines, 1):
        if not header_seen:
            header_seen = bool(line.strip())
            meaning.blank += not header_seen
        elif not line.strip(SPACE):
            meaning.blank += 1
        else:
            _judge(meaning, number, line, columns)
    return meaning


def _judge(meaning: Meaning, number: int, line: str, columns: tuple[str, ...]) -> None:
    fields = line.split(",")
    stamp = parse_stamp(fields[0].strip(SPACE))
    if stamp is None and line.strip(SPACE).startswith("#"):
        meaning.blank += 1
        return
    if '"' in line:
        try:
            fields = next(csv.reader([line], strict=True))
        except csv.Error:
            meaning.faults[number] = "quote"
            return
    if not any(field.strip(SPACE) for field in fields) and (len(fields) > 1 or '"' not in line):
        meaning.blank += 1
        return
    while len(fields) > len(columns) and not fields[-1].strip(SPACE):
        fields.pop()
    if len(fields) != len(columns):
        meaning.faults[number] = "width"
        return
    if tuple(field.strip(SPACE) for field in fields) == columns:
        meaning.blank += 1
        return
    row = {name: text.strip(SPACE) for name, text in zip(columns, fields, strict=True)}
    stamp = parse_stamp(row["timestamp"])
    label = {"": None, "0": 0, "0.0": 0, "1": 1, "1.0": 1}.get(row.get("anomaly", ""), -1)
    fault = _fault(row, stamp, label)
    if not fault and row["consumption"].lower() in NO_VALUE:
        meaning.missing += 1
    elif fault:
        meaning.faults[number] = fault
    else:
        assert stamp is not None
        device = device_id(*split_device_id(row["device_id"]))
        meaning.rows.append((number, stamp, float(row["consumption"]), device, label))


def _fault(row: dict[str, str], stamp: datetime | None, label: int | None) -> str | None:
    value = row["consumption"]
    device = row["device_id"]
    if not row["timestamp"]:
        return "stamp_empty"
    if stamp is None:
        return "stamp_form"
    if not 2000 <= stamp.year < 2100:
        return "stamp_range"
    if not device or device.startswith("/"):
        return "device_empty"
    if "\ufffd" in device:
        return "undecodable"
    if label == -1:
        return "anomaly_form"
    if value.lower() in NO_VALUE:
        return None
    if NOT_FINITE.fullmatch(value) or (NUMBER.fullmatch(value) and math.isinf(float(value))):
        return "value_finite"
    if not NUMBER.fullmatch(value):
        return "value_form"
    return "value_range" if abs(float(value)) >= 1e9 else None


def parse_stamp(text: str) -> datetime | None:
    """UTC; a naive one is UTC already."""
    match = LOCAL.match(text)
    if match is None:
        return None
    rest = text[match.end() :]
    offset = OFFSET.fullmatch(rest)
    if rest and offset is None:
        return None
    day, hour, minute, second, fraction = match.groups()
    hour, minute = hour or "00", minute or "00"
    next_day = (hour, minute, int(second or 0), int(fraction or 0)) == ("24", "00", 0, 0)
    try:
        stamp = datetime.fromisoformat(f"{day} {'00' if next_day else hour}:{minute}")
        stamp += timedelta(days=next_day)
        stamp = stamp.replace(second=int(second or 0))
        stamp = stamp.replace(microsecond=int((fraction or "0")[:6].ljust(6, "0")))
    except (ValueError, OverflowError):
        return None
    if offset is not None and offset[2]:
        size = timedelta(hours=int(offset[3]), minutes=int(offset[4] or 0))
        stamp -= size if offset[2] == "+" else -size
    return stamp
