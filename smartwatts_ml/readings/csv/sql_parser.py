"""Blocks with a flaw in them → rows, and for each line that gave none the reason.

DuckDB gets the lines as one column of text, splits each and casts in SQL, so no line can
vanish: good, blank and rejected ones are all rows of one result.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.clock import LocalClock
from smartwatts_ml.readings.columns import ANOMALY, CONSUMPTION, DEVICE_ID, TIMESTAMP
from smartwatts_ml.readings.csv.blocks import Block
from smartwatts_ml.readings.csv.dialect import Dialect
from smartwatts_ml.readings.csv.lines import FIELD, OPEN, settled_lines
from smartwatts_ml.readings.parsed import FOLD, Parsed, Rejected
from smartwatts_ml.readings.stamps.casts import database, strptime_sql, text_sql
from smartwatts_ml.readings.stamps.forms import EPOCH_MS, EPOCH_S, ISO

__all__ = ["parse_carefully"]

_KEPT_TEXT = 200

_LOCAL = r"\d{4}-\d\d-\d\d([ T]\d\d(:\d\d(:\d\d(\.\d+)?)?)?)?"
_ZONED = _LOCAL + r" ?(Z|UTC|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)"
_OFFSET = r"[+-]\d\d(:?\d\d)?$"
_EPOCH = r"\d+(\.\d*)?"
_FARTHEST_US = 9e18
"""Later stamps count as this one, which is out of range, too."""


def parse_carefully(
    block: Block, dialect: Dialect, clock: LocalClock | None, scale: float
) -> Parsed:
    """Judge each line of a block. ``clock`` is that of naive stamps, None where it is UTC;
    ``scale`` is what values are multiplied by."""
    lines = settled_lines(block, dialect.separator)
    with database().cursor() as connection:
        connection.register("lines", pa.table({"number": np.arange(len(lines)), "line": lines}))
        judged = connection.sql(_sql(dialect, scale)).to_arrow_table()
    return _parsed(judged, block.first, clock)


def _parsed(judged: pa.Table, first: int, clock: LocalClock | None) -> Parsed:
    numbers = judged["number"].to_numpy() + first
    good = judged["good"].to_numpy()
    stamps = judged["stamp"].fill_null(0).to_numpy()
    folds = np.zeros(len(stamps), bool)
    bad = judged.filter(judged["bad"]).select(["number", "fault", "text"]).to_pydict()
    rejected = [
        Rejected(first + number, fault, text)
        for number, fault, text in zip(*bad.values(), strict=True)
    ]
    if clock is not None:
        local = judged["local"].to_numpy() & good
        utc, gap, fold = clock.to_utc(stamps[local])
        places = np.flatnonzero(local)
        rejected += [
            Rejected(int(numbers[i]), "stamp_gap", str(np.datetime64(int(stamps[i]), "us")))
            for i in places[gap]
        ]
        stamps = stamps.copy()
        stamps[places] = utc
        folds[places] = fold
        good = good.copy()
        good[places[gap]] = False
    devices = judged["device"].combine_chunks().dictionary_encode().filter(pa.array(good))
    labels = judged["label"].to_numpy()[good] | (folds[good] * np.uint8(FOLD))
    return Parsed(
        stamps=stamps[good],
        values=judged["value"].fill_null(0).to_numpy()[good],
        devices=devices.indices.to_numpy(zero_copy_only=False),
        names=devices.dictionary.to_pylist(),
        labels=labels.astype(np.uint8),
        lines=numbers[good],
        blank=int(np.count_nonzero(judged["blank"].to_numpy())),
        rejected=sorted(rejected, key=lambda row: row.line),
    )


def _sql(dialect: Dialect, scale: float) -> str:
    """Lines → fields → values → the first fault of each line."""

    def field(column: str) -> str:
        return f"coalesce(fields[{dialect.positions[column] + 1}], '')"

    number = field(CONSUMPTION)
    if dialect.decimal == ",":
        number = f"replace(replace({number}, '.', '_'), ',', '.')"
    label = field(ANOMALY) if ANOMALY in dialect.positions else "''"
    return f"""
    WITH split AS (
        SELECT number, line, CASE WHEN contains(line, '{FIELD}') THEN string_split(line, '{FIELD}')
            ELSE string_split(line, {text_sql(dialect.separator)}) END AS fields
        FROM lines
    ), texts AS (
        SELECT number, line, len(fields) AS width, {field(TIMESTAMP)} AS stamp_text,
            {field(CONSUMPTION)} AS value_text, {number} AS number_text,
            {field(DEVICE_ID)} AS device_text, {label} AS label_text
        FROM split
    ), casts AS (
        SELECT *, {_stamp_sql(dialect)},
            CASE WHEN NOT contains(number_text, '_') THEN try_cast(number_text AS DOUBLE) END
                * {scale} AS value,
            CASE WHEN label_text IN ('0', '0.0') THEN 1
                WHEN label_text IN ('1', '1.0') THEN 2 ELSE 0 END::UTINYINT AS label,
            CASE WHEN NOT contains(device_text, '/') THEN device_text || '/{MAINS}'
                WHEN instr(device_text, '/') = length(device_text) THEN device_text || '{MAINS}'
                ELSE device_text END AS device,
            line = '' AS blank
        FROM texts
    ), judged AS (SELECT *, {_fault_sql(dialect)} AS fault FROM casts)
    SELECT number, epoch_us(stamp) AS stamp, local, value, device, label, blank, fault,
        fault IS NULL AND NOT blank AS good, fault IS NOT NULL AS bad, {_text_sql()} AS text
    FROM judged ORDER BY number
    """


def _stamp_sql(dialect: Dialect) -> str:
    """``stamp`` (UTC where the text says so) and ``local`` (it is of the source's clock)."""
    form = dialect.stamps.form
    if form in (EPOCH_S, EPOCH_MS):
        micros = 1e6 if form == EPOCH_S else 1e3
        return f"""
        CASE WHEN regexp_full_match(stamp_text, '{_EPOCH}')
            THEN make_timestamp(least(round_even(try_cast(stamp_text AS DOUBLE) * {micros}, 0),
                {_FARTHEST_US})::BIGINT) END AS stamp, false AS local"""
    if form != ISO:
        local = str(not dialect.stamps.zoned).lower()
        return f"{strptime_sql('stamp_text', form)} AS stamp, {local} AS local"
    digits = f"replace(regexp_extract(stamp_text, '{_OFFSET}'), ':', '')"
    minutes = f"""(coalesce(try_cast(substr({digits}, 2, 2) AS INTEGER), 0) * 60
        + coalesce(try_cast(substr({digits}, 4, 2) AS INTEGER), 0))
        * CASE WHEN left({digits}, 1) = '-' THEN -1 ELSE 1 END"""
    return f"""
        CASE WHEN regexp_full_match(stamp_text, '{_LOCAL}') THEN {_iso("stamp_text")}
            WHEN regexp_full_match(stamp_text, '{_ZONED}')
            THEN {_iso(f"regexp_extract(stamp_text, '{_LOCAL}')")} - to_minutes({minutes})
            END AS stamp,
        regexp_full_match(stamp_text, '{_LOCAL}') AS local"""


def _iso(text: str) -> str:
    """A stamp without offset; of an hour alone, its start."""
    return f"try_cast({text} || CASE WHEN length({text}) = 13 THEN ':00' ELSE '' END AS TIMESTAMP)"


def _fault_sql(dialect: Dialect) -> str:
    return f"""
        CASE WHEN blank THEN NULL
            WHEN starts_with(line, '{OPEN}') THEN 'quote'
            WHEN width <> {dialect.width} THEN 'width'
            WHEN stamp_text = '' THEN 'stamp_empty'
            WHEN stamp IS NULL THEN 'stamp_form'
            WHEN stamp < TIMESTAMP '2000-01-01' OR stamp >= TIMESTAMP '2100-01-01'
            THEN 'stamp_range'
            WHEN value_text = '' THEN 'value_empty'
            WHEN value IS NULL THEN 'value_form'
            WHEN NOT isfinite(value) THEN 'value_finite'
            WHEN abs(value) >= 1e9 THEN 'value_range'
            WHEN device_text = '' OR left(device, 1) = '/' THEN 'device_empty'
            WHEN label_text <> '' AND label = 0 THEN 'anomaly_form' END"""


def _text_sql() -> str:
    """What the fault is about, where there is one."""
    return f"""
        CASE WHEN fault IS NULL THEN NULL
            WHEN fault IN ('quote', 'width')
            THEN left(replace(ltrim(line, '{OPEN}'), '{FIELD}', ','), {_KEPT_TEXT})
            WHEN starts_with(fault, 'stamp') THEN left(stamp_text, {_KEPT_TEXT})
            WHEN starts_with(fault, 'value') THEN left(value_text, {_KEPT_TEXT})
            WHEN starts_with(fault, 'device') THEN left(device_text, {_KEPT_TEXT})
            ELSE left(label_text, {_KEPT_TEXT}) END"""
