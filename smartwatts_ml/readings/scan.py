"""A clean copy of a CSV file → rows with their UTC stamp and watts, or the fault of each.

DuckDB reads each physical line as one text column, splits it and casts in SQL, so no
line can vanish: good, blank and rejected rows are all rows of one table, whose size is
compared with the count made while copying.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from smartwatts_ml.errors import SmartwattsError
from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.clock import is_utc, stretches
from smartwatts_ml.readings.columns import ANOMALY, CONSUMPTION, DEVICE_ID, TIMESTAMP
from smartwatts_ml.readings.faults import FileReport
from smartwatts_ml.readings.lines import FIELD, OPEN, RECORD, CleanCopy, copy_lines
from smartwatts_ml.readings.workspace import Workspace, quoted
from smartwatts_ml.settings import Settings

__all__ = ["ACCEPTED", "SCANNED", "clean_copy", "forget", "scan", "scan_copy"]

SCANNED = "scanned"
"""Table of the file scanned last: line_no, stamp (UTC), value (W), device
(always with its channel), anomaly, fault
(None where accepted or blank), text (what was rejected), blank."""
ACCEPTED = "fault IS NULL AND NOT blank"

LONGEST_LINE = 1 << 21
KEPT_TEXT = 200

LOCAL = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?"
ZONED = LOCAL + r" ?(Z|UTC|[+-](0\d|1[0-8])(:?[0-5]\d)?)"
OFFSET = r"[+-]\d\d(:?\d\d)?$"


def scan(work: Workspace, source: Path, name: str, settings: Settings) -> FileReport:
    """Fill ``SCANNED`` from one file and account for its lines.

    Raises BadInputError where the file cannot be read as a whole.
    """
    return scan_copy(work, clean_copy(work, source, name), name, settings)


def forget(work: Workspace) -> None:
    """Give back the space of the file scanned last."""
    work.query(f"DROP TABLE IF EXISTS {SCANNED}")


def clean_copy(work: Workspace, source: Path, name: str) -> CleanCopy:
    """The file's lines and digest; the copy lasts until the next one."""
    return copy_lines(source, work.folder / "lines.txt", name)


def scan_copy(work: Workspace, copy: CleanCopy, name: str, settings: Settings) -> FileReport:
    """``scan`` of a file that is copied already."""
    work.query(f"CREATE OR REPLACE TABLE {SCANNED} AS {_parse_sql(copy, settings)}")
    sample = _sample(work, copy)
    copy.path.unlink()
    if not is_utc(settings.timezone):
        _resolve_local_time(work, settings.timezone)
    if settings.unit == "kWh":
        _energy_to_power(work)
    return replace(_account(work, copy, name), sample=sample)


def _sample(work: Workspace, copy: CleanCopy) -> str:
    """The first good timestamp as it is written."""
    ((number,),) = work.query(f"SELECT min(line_no) FROM {SCANNED} WHERE {ACCEPTED}")
    if number is None:
        return ""
    with copy.path.open(encoding="utf-8") as lines:
        line = next(itertools.islice(lines, number - 1, None))
    fields = line.split(FIELD if FIELD in line else copy.header.separator)
    return fields[copy.header.positions[TIMESTAMP]].strip()


def _parse_sql(copy: CleanCopy, settings: Settings) -> str:
    """Lines after the header → fields → values → the first fault of each row."""
    header = copy.header
    separator = quoted(header.separator)

    def field(column: str) -> str:
        return f"fields[{header.positions[column] + 1}]"

    number = field(CONSUMPTION)
    if header.separator != ",":
        number = f"replace({number}, ',', '.')"
    label = field(ANOMALY) if ANOMALY in header.positions else "''"
    scale = 1000.0 if settings.unit == "kW" else 1.0
    return f"""
    WITH lines AS (
        SELECT row_number() OVER () AS line_no, coalesce(line, '') AS line
        FROM read_csv({quoted(str(copy.path))}, columns = {{'line': 'VARCHAR'}},
            auto_detect = false, header = false, delim = '{RECORD}', quote = '', escape = '',
            comment = '', new_line = '\\n', max_line_size = {LONGEST_LINE})
    ), split AS (
        SELECT line_no, line,
            CASE WHEN contains(line, '{FIELD}') THEN string_split(line, '{FIELD}')
                ELSE string_split(line, {separator}) END AS fields
        FROM lines WHERE line_no > {header.line}
    ), texts AS (
        SELECT line_no, line, len(fields) AS width, {field(TIMESTAMP)} AS stamp_text,
            {number} AS value_text, {field(DEVICE_ID)} AS device_text, {label} AS anomaly_text
        FROM split
    ), cast_texts AS (
        SELECT *, {_stamp_sql()},
            CASE WHEN NOT contains(value_text, '_') THEN try_cast(value_text AS DOUBLE) END
                * {scale} AS value,
            CASE WHEN anomaly_text IN ('0', '0.0') THEN 0
                WHEN anomaly_text IN ('1', '1.0') THEN 1 END::UTINYINT AS anomaly,
            CASE WHEN NOT contains(device_text, '/') THEN device_text || '/{MAINS}'
                WHEN instr(device_text, '/') = length(device_text) THEN device_text || '{MAINS}'
                ELSE device_text END AS device,
            line = '' AS blank
        FROM texts
    ), judged AS (SELECT *, {_fault_sql(header.width)} AS fault FROM cast_texts)
    SELECT line_no, stamp, local, value, device, anomaly, fault, blank, {_text_sql()} AS text
    FROM judged
    """


def _stamp_sql() -> str:
    """``stamp`` (UTC where the text has an offset) and ``local`` (it has none)."""
    digits = f"replace(regexp_extract(stamp_text, '{OFFSET}'), ':', '')"
    minutes = f"""(coalesce(try_cast(substr({digits}, 2, 2) AS INTEGER), 0) * 60
        + coalesce(try_cast(substr({digits}, 4, 2) AS INTEGER), 0))
        * CASE WHEN left({digits}, 1) = '-' THEN -1 ELSE 1 END"""
    return f"""
        CASE WHEN regexp_full_match(stamp_text, '{LOCAL}') THEN try_cast(stamp_text AS TIMESTAMP)
            WHEN regexp_full_match(stamp_text, '{ZONED}')
            THEN try_cast(regexp_extract(stamp_text, '{LOCAL}') AS TIMESTAMP)
                - to_minutes({minutes}) END AS stamp,
        regexp_full_match(stamp_text, '{LOCAL}') AS local"""


def _fault_sql(width: int) -> str:
    return f"""
        CASE WHEN blank THEN NULL
            WHEN starts_with(line, '{OPEN}') THEN 'quote'
            WHEN width <> {width} THEN 'width'
            WHEN stamp_text = '' THEN 'stamp_empty'
            WHEN stamp IS NULL THEN 'stamp_form'
            WHEN stamp < TIMESTAMP '2000-01-01' OR stamp >= TIMESTAMP '2100-01-01'
            THEN 'stamp_range'
            WHEN value_text = '' THEN 'value_empty'
            WHEN value IS NULL THEN 'value_form'
            WHEN NOT isfinite(value) THEN 'value_finite'
            WHEN abs(value) >= 1e9 THEN 'value_range'
            WHEN left(device, 1) = '/' THEN 'device_empty'
            WHEN anomaly_text <> '' AND anomaly IS NULL THEN 'anomaly_form' END"""


def _text_sql() -> str:
    """What the fault is about, where there is one."""
    return f"""
        CASE WHEN fault IS NULL THEN NULL
            WHEN fault IN ('quote', 'width')
            THEN left(replace(ltrim(line, '{OPEN}'), '{FIELD}', ','), {KEPT_TEXT})
            WHEN starts_with(fault, 'stamp') THEN left(stamp_text, {KEPT_TEXT})
            WHEN starts_with(fault, 'value') THEN left(value_text, {KEPT_TEXT})
            WHEN starts_with(fault, 'device') THEN left(device_text, {KEPT_TEXT})
            ELSE left(anomaly_text, {KEPT_TEXT}) END"""


def _resolve_local_time(work: Workspace, timezone: str) -> None:
    """Turn local stamps into UTC, in place."""
    good = f"{SCANNED} WHERE local AND {ACCEPTED}"
    ((first, last),) = work.query(f"SELECT min(stamp), max(stamp) FROM {good}")
    if first is None:
        return
    parts = stretches(timezone, first, last)

    def pick(values: Sequence[str]) -> str:
        """CASE over the stretches, from the newest to the oldest."""
        cases = zip(parts[::-1], values[::-1], strict=True)
        whens = " ".join(f"WHEN stamp >= TIMESTAMP '{p.start}' THEN {v}" for p, v in cases)
        return f"CASE {whens} END"

    def seconds(offset: Any) -> str:
        return "NULL" if offset is None else str(round(offset.total_seconds()))

    first_offset = pick([seconds(part.offset) for part in parts])
    second_offset = pick([seconds(part.second) for part in parts])
    fold = pick([str(i) if part.second is not None else "NULL" for i, part in enumerate(parts)])
    work.query(f"""
    CREATE OR REPLACE TABLE resolved AS
    WITH folds AS (
        SELECT line_no, device, stamp, {fold} AS fold FROM {good} AND {fold} IS NOT NULL
    ), steps AS (
        SELECT *, stamp < lag(stamp) OVER (PARTITION BY device, fold ORDER BY line_no) AS back,
            row_number() OVER (PARTITION BY device, fold, stamp ORDER BY line_no) > 1 AS again
        FROM folds
    ), seconds AS (
        -- one step back: all after it is the second hour; else only repeats are
        SELECT line_no, CASE WHEN count_if(back) OVER (PARTITION BY device, fold) = 1
            THEN count_if(back) OVER (PARTITION BY device, fold ORDER BY line_no) = 1
            ELSE again END AS second
        FROM steps
    ), offsets AS (
        SELECT scanned.*, local AND fault IS NULL AND NOT blank AS to_resolve,
            CASE WHEN second THEN {second_offset} ELSE {first_offset} END AS ahead
        FROM {SCANNED} AS scanned LEFT JOIN seconds USING (line_no)
    )
    SELECT * EXCLUDE (to_resolve, ahead, stamp, fault, text),
        CASE WHEN to_resolve THEN stamp - to_seconds(ahead) ELSE stamp END AS stamp,
        CASE WHEN to_resolve AND ahead IS NULL THEN 'stamp_gap' ELSE fault END AS fault,
        CASE WHEN to_resolve AND ahead IS NULL THEN stamp::VARCHAR ELSE text END AS text
    FROM offsets
    """)
    work.query(f"DROP TABLE {SCANNED}")
    work.query(f"ALTER TABLE resolved RENAME TO {SCANNED}")


def _energy_to_power(work: Workspace) -> None:
    """kWh of an interval → mean W, by each device's most common spacing in the file."""
    work.query(f"""
    CREATE OR REPLACE TABLE powered AS
    WITH stamps AS (
        SELECT DISTINCT device, stamp FROM {SCANNED} WHERE {ACCEPTED}
    ), steps AS (
        SELECT device, epoch(stamp) - epoch(lag(stamp) OVER (PARTITION BY device ORDER BY stamp))
            AS step FROM stamps
    ), counts AS (
        SELECT device, step, count(*) AS times FROM steps WHERE step IS NOT NULL GROUP BY ALL
    ), natives AS (
        SELECT device, arg_min(step, (-times, step)) AS native_s FROM counts GROUP BY device
    ), joined AS (
        SELECT scanned.*, native_s, fault IS NULL AND NOT blank AND native_s IS NULL AS unknown
        FROM {SCANNED} AS scanned LEFT JOIN natives USING (device)
    )
    SELECT * EXCLUDE (native_s, unknown, value, fault, text), value * 3.6e6 / native_s AS value,
        CASE WHEN unknown THEN 'value_interval' ELSE fault END AS fault,
        CASE WHEN unknown THEN value::VARCHAR ELSE text END AS text
    FROM joined
    """)
    work.query(f"DROP TABLE {SCANNED}")
    work.query(f"ALTER TABLE powered RENAME TO {SCANNED}")


def _account(work: Workspace, copy: CleanCopy, name: str) -> FileReport:
    """Where each physical line went; SmartwattsError if one went nowhere."""
    ((rows, blank, rejected),) = work.query(
        f"SELECT count(*), count(*) FILTER (blank), count(fault) FROM {SCANNED}"
    )
    reasons = work.query(
        f"SELECT fault, count(*) FROM {SCANNED} WHERE fault IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    ((extra,),) = work.query(f"""
        SELECT coalesce(sum(times - 1), 0)::BIGINT FROM (
            SELECT count(*) AS times FROM {SCANNED} WHERE {ACCEPTED}
            GROUP BY hash(device), stamp HAVING times > 1)
    """)
    report = FileReport(
        key=name,
        lines=copy.lines,
        header=1,
        blank=blank + copy.header.line - 1,
        accepted=rows - blank - rejected - extra,
        duplicate=extra,
        rejected=rejected,
        reasons=dict(reasons),
        digest=copy.digest,
    )
    if not report.adds_up:
        raise SmartwattsError(f"{name}: {copy.lines} lines, but {rows} scanned; nothing was taken")
    return report
