"""Lines or cells of a file, and what its columns mean → rows, and for each line that gave none
the reason.

DuckDB splits and casts, a line a row of one result, so no line can vanish.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from smartwatts_ml.readings.clock import LocalClock
from smartwatts_ml.readings.columns import END_US, FIRST_US
from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.layouts.judged import FINITE, FORM, GOOD, MISSING, JudgedBlock
from smartwatts_ml.readings.layouts.number_form import number_sql
from smartwatts_ml.readings.layouts.vocabulary import NO_READING
from smartwatts_ml.readings.parsed import ParsedBlock
from smartwatts_ml.readings.stamps.casts import database, text_sql
from smartwatts_ml.readings.stamps.sql import local_sql, stamp_sql, swapped_sql

__all__ = ["FIELD", "OPEN", "Cells", "RowMapper"]

FIELD = "\x1f"
"""Between the fields of a line that had quotes."""
OPEN = "\x1e"
"""Before a line on which a quote stays open."""
_KEPT_TEXT = 200


@dataclass(frozen=True)
class Cells:
    """Rows of a file: ``table`` has ``number``, their line numbers, and either ``line``, whole
    lines that ``separator`` splits, or ``fields``, a list of texts each."""

    table: pa.Table
    separator: str | None = None

    def __len__(self) -> int:
        return int(self.table.num_rows)


class RowMapper:
    """How the lines of one file become rows."""

    def __init__(self, interpretation: Interpretation, clock: LocalClock | None) -> None:
        self._mapping = interpretation.mapping
        self._stamps = interpretation.stamps
        self._until = interpretation.until
        self._numbers = interpretation.numbers
        self._clock = clock
        self._borrows = interpretation.until_borrows

    def map(self, cells: Cells) -> ParsedBlock:
        """Judge each line of a block."""
        with database() as connection:
            connection.register("lines", cells.table)
            judged = connection.sql(self._lines_sql(cells)).to_arrow_table()
            texts = pa.table({"text": judged["texts"].combine_chunks().flatten()})
            connection.register("texts", texts)
            values = connection.sql(self._values_sql()).to_arrow_table()
        return JudgedBlock(self._mapping, judged, values, self._clock, self._borrows).parsed()

    def _lines_sql(self, cells: Cells) -> str:
        """Lines → fields → texts → casts of stamps → the first fault of each line."""
        mapping = self._mapping
        split = "SELECT number, '' AS line, fields FROM lines"
        if cells.separator is not None:
            split = f"""
            SELECT number, line, CASE WHEN contains(line, '{FIELD}')
                THEN string_split(line, '{FIELD}')
                ELSE string_split(line, {text_sql(cells.separator)}) END AS fields FROM lines"""
        texts = self._texts_sql()
        until = "NULL::TIMESTAMP AS until, false AS until_local"
        if self._until is not None:
            until = f"""{stamp_sql("until_text", self._until)} AS until,
                {local_sql("until_text", self._until)} AS until_local"""
        width = len(mapping.names)
        return f"""
        WITH split AS ({split}), texts AS (
            SELECT number, line, {_field(mapping.stamp)} AS stamp_text,
                {_field(mapping.until)} AS until_text,
                {_optional(mapping.interval)} AS interval, {_optional(mapping.factor)} AS factor,
                {_optional(mapping.hours and mapping.hours[0])} AS hour,
                {_optional(mapping.device)} AS device, {_optional(mapping.register)} AS register,
                {_optional(mapping.unit)} AS unit, {_optional(mapping.anomaly)} AS label_text,
                {texts} AS texts, len(fields) < {width} OR len(fields) > {width}
                    AND list_aggregate(fields[{width + 1}:], 'max') <> '' AS ill_fitting, fields
            FROM split
        ), casts AS (
            SELECT *, {stamp_sql("stamp_text", self._stamps)} AS stamp,
                {local_sql("stamp_text", self._stamps)} AS local, {until},
                CASE WHEN label_text IN ('0', '0.0') THEN 1
                    WHEN label_text IN ('1', '1.0') THEN 2 ELSE 0 END::UTINYINT AS label,
                stamp IS NULL AND {self._is_no_reading()} AS blank
            FROM texts
        ), judged AS (SELECT *, {self._fault()} AS fault FROM casts)
        SELECT number, epoch_us(stamp) AS stamp, local, epoch_us(until) AS until, until_local,
            interval, device, register, unit, factor, hour, label, blank, fault,
            {_text_sql()} AS text, texts
        FROM judged"""

    def _texts_sql(self) -> str:
        """Texts of values, as a list; empty ones where the line says that they are no readings."""
        mapping = self._mapping
        texts = _texts_sql([value.position for value in mapping.values])
        if not mapping.quality:
            return texts
        none = ", ".join(map(text_sql, sorted(NO_READING)))
        marked = " OR ".join(f"lower({_field((i,))}) IN ({none})" for i in mapping.quality)
        return (
            f"CASE WHEN {marked} THEN list_resize([''], {len(mapping.values)}, '') ELSE {texts} END"
        )

    def _values_sql(self) -> str:
        """Texts of values, column after column of each line → numbers, and what there is."""
        missing = ", ".join(map(text_sql, sorted(self._mapping.missing)))
        return f"""
        WITH trimmed AS (SELECT trim(coalesce(text, '')) AS text FROM texts),
            casts AS (SELECT text, {number_sql("text", self._numbers)} AS value FROM trimmed)
        SELECT value, CASE WHEN text = '' OR lower(text) IN ({missing}) THEN {MISSING}
            WHEN value IS NULL THEN {FORM} WHEN NOT isfinite(value) THEN {FINITE}
            ELSE {GOOD} END::UTINYINT AS state FROM casts"""

    def _is_no_reading(self) -> str:
        """Whether a line without a stamp is empty, a comment or the header again."""
        mapping = self._mapping
        names = ", ".join(text_sql(name) for name in mapping.names)
        comment = f"starts_with(ltrim(line, '{OPEN}'), '#')"
        if 0 in mapping.used - set(mapping.stamp):  # an id or a register may begin so
            comment += " AND ill_fitting"
        return f"""CASE WHEN stamp_text = '' AND list_aggregate(fields, 'max') = '' THEN true
            ELSE {comment} OR fields[:{len(mapping.names)}] = [{names}] END"""

    def _fault(self) -> str:
        names = ", ".join(text_sql(name.casefold()) for name in self._mapping.names if name)
        device = "false" if self._mapping.device is None else "device = '' OR left(device, 1) = '/'"
        return f"""
            CASE WHEN blank THEN NULL
                WHEN starts_with(line, '{OPEN}') THEN 'quote'
                WHEN ill_fitting THEN 'width'
                WHEN stamp_text = '' THEN 'stamp_empty'
                WHEN stamp IS NULL AND lower(stamp_text) IN ({names}) THEN 'header_other'
                WHEN stamp IS NULL
                THEN CASE WHEN {swapped_sql("stamp_text", self._stamps)} THEN 'stamp_swapped'
                    ELSE 'stamp_form' END
                WHEN stamp < make_timestamp({FIRST_US}) OR stamp >= make_timestamp({END_US})
                THEN 'stamp_range'
                WHEN {device} THEN 'device_empty'
                WHEN contains(device || register || unit, '\ufffd') THEN 'undecodable'
                WHEN label_text <> '' AND label = 0 THEN 'anomaly_form' END"""


def _texts_sql(positions: Sequence[int]) -> str:
    """The fields at some positions as a list; of columns side by side, which may be thousands,
    at once."""
    first, count = positions[0], len(positions)
    if count > 1 and list(positions) == list(range(first, first + count)):
        return f"list_resize(fields[{first + 1}:{first + count}], {count}, '')"
    return f"[{', '.join(_field((position,)) for position in positions)}]"


def _field(positions: Sequence[int]) -> str:
    """The fields at some positions, joined by a space; empty where there are none."""
    texts = [f"coalesce(fields[{position + 1}], '')" for position in positions]
    return f"trim({' || chr(32) || '.join(texts)})" if texts else "''"


def _optional(position: int | None) -> str:
    return "''" if position is None else _field((position,))


def _text_sql() -> str:
    """What the fault is about, where there is one."""
    return f"""
        CASE WHEN fault IS NULL THEN NULL
            WHEN fault IN ('quote', 'width')
            THEN left(replace(ltrim(line, '{OPEN}'), '{FIELD}', ','), {_KEPT_TEXT})
            WHEN starts_with(fault, 'stamp') THEN left(stamp_text, {_KEPT_TEXT})
            WHEN fault IN ('device_empty', 'undecodable') THEN left(device, {_KEPT_TEXT})
            ELSE left(label_text, {_KEPT_TEXT}) END"""
