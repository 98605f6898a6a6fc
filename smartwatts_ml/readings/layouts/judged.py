"""A block whose lines are judged and whose numbers are cast → rows.

What a number means is looked up once for each device, register and unit of a block.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from smartwatts_ml.readings.clock import LocalClock, local_to_utc
from smartwatts_ml.readings.columns import TOO_LARGE
from smartwatts_ml.readings.layouts.mapping import ColumnMapping, Meaning, ValueColumn
from smartwatts_ml.readings.layouts.row_groups import (
    JudgedLines,
    by_measure,
    in_line_order,
    same_line_parts,
)
from smartwatts_ml.readings.parsed import Parsed, ParsedBlock
from smartwatts_ml.readings.report import Rejected
from smartwatts_ml.readings.stamps.durations import LONGEST_US, durations, lengths_of

__all__ = ["FINITE", "FORM", "GOOD", "MISSING", "JudgedBlock"]

GOOD, MISSING, FORM, FINITE, _RANGE = range(5)
"""What a text of a value is: a number, none, or why it is no number."""
_VALUE_FAULTS = {FORM: "value_form", FINITE: "value_finite", _RANGE: "value_range"}
_KEPT_TEXT = 200
_MINUTE_US = 60_000_000
_HOUR_US = 60 * _MINUTE_US
_DAY_US = 24 * _HOUR_US


class JudgedBlock:
    """A judged block on its way to rows."""

    def __init__(
        self,
        mapping: ColumnMapping,
        judged: pa.Table,
        values: pa.Table,
        clock: LocalClock | None,
        until_borrows: bool,
    ) -> None:
        shape = (-1, len(mapping.values))
        self._mapping = mapping
        self._judged = judged
        self._values = values["value"].fill_null(0).to_numpy().reshape(shape)
        self._states = np.array(values["state"].to_numpy()).reshape(shape)
        self._clock = clock
        self._until_borrows = until_borrows
        self._numbers = judged["number"].to_numpy()
        self._blank = judged["blank"].to_numpy(zero_copy_only=False)
        self._good = ~self._blank & judged["fault"].is_null().to_numpy(zero_copy_only=False)
        self._rejected: list[Rejected] = []
        self._ends: list[Parsed] = []
        self._any_row = np.zeros(len(self._numbers), bool)
        self._flawed: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        """Of values without a row, by column: places, faults, texts."""

    def parsed(self) -> ParsedBlock:
        self._reject_lines()
        lines = self._lines()
        rows = self._rows(lines)
        without = lines.good & ~self._any_row
        flawed = np.zeros(len(self._numbers), bool)
        for places, faults, texts in self._flawed:
            for place, fault, text in zip(places.tolist(), faults, texts, strict=True):
                of_value = bool(self._any_row[place])
                if flawed[place] and not of_value:
                    continue  # the line is rejected as a whole
                flawed[place] = True
                number = int(self._numbers[place])
                self._rejected.append(Rejected(number, str(fault), str(text), of_value))
        return ParsedBlock(
            rows=rows,
            read=int(np.count_nonzero(self._any_row)),
            blank=int(np.count_nonzero(self._blank)),
            missing=int(np.count_nonzero(without & ~flawed)),
            rejected=sorted(self._rejected, key=lambda row: row.line),
            ends=self._ends,
        )

    def _reject_lines(self) -> None:
        judged = self._judged
        bad = judged.filter(pa.array(~self._good & ~self._blank))
        for number, fault, text in zip(
            *bad.select(["number", "fault", "text"]).to_pydict().values(), strict=True
        ):
            self._rejected.append(Rejected(number, fault, text or ""))

    def _lines(self) -> JudgedLines:
        """Stamps in UTC where they are not of a day, and how long each row lasts."""
        judged, mapping = self._judged, self._mapping
        stamps = judged["stamp"].fill_null(0).to_numpy().astype(np.int64)
        local = judged["local"].to_numpy(zero_copy_only=False) & self._good
        good, folds = self._good.copy(), np.zeros(len(stamps), bool)
        seconds, untold = np.full(len(stamps), np.nan), np.zeros(len(stamps), bool)
        if mapping.interval is not None:
            seconds = lengths_of(judged["interval"])
            untold = np.isnan(seconds)
            good = self._less(good, 1e6 * seconds > LONGEST_US, "interval_long", stamps)
        if not mapping.by_time_of_day:
            until = None
            if mapping.until:
                until = judged["until"].fill_null(-1).to_numpy().astype(np.int64)
                untold = until < 0
                until_local = judged["until_local"].to_numpy(zero_copy_only=False)
                stamps, seconds, long = durations(
                    stamps, local, until, until_local, good, self._clock, self._until_borrows
                )
                good = self._less(good, long, "interval_long", stamps)
                untold = untold | np.isnan(seconds)
            ends = mapping.said.stamp_is == "end"
            stamps, gap, folds = local_to_utc(self._clock, stamps, local & good, ends)
            good = self._less(good, gap, "stamp_gap", stamps)
            if mapping.hours is not None:
                stamps, no_hour = self._with_hours(stamps, local, mapping.hours[1])
                good = self._less(good, no_hour, "stamp_hour", stamps)
                folds = np.zeros_like(folds)
        labels = judged["label"].to_numpy().astype(np.uint8)
        return JudgedLines(self._numbers, stamps, local, good, labels, seconds, folds, untold)

    def _with_hours(
        self, midnights: np.ndarray, local: np.ndarray, first: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Starts of numbered hours, which run on over changes of the clock, and which lines
        name no hour of their day."""
        numbers = pc.fill_null(pc.cast(self._whole("hour"), pa.int64()), -1).to_numpy() - first
        lasting = np.full(len(midnights), _DAY_US)
        if self._clock is not None and local.any():
            naive = self._judged["stamp"].fill_null(0).to_numpy().astype(np.int64)[local]
            lasting[local] = self._clock.to_utc(naive + _DAY_US)[0] - midnights[local]
        return midnights + numbers * _HOUR_US, (numbers < 0) | (numbers * _HOUR_US >= lasting)

    def _whole(self, name: str) -> pa.Array:
        """A column of texts, null where they are no short whole numbers."""
        texts = self._judged[name].combine_chunks()
        return pc.if_else(pc.match_substring_regex(texts, r"^\d{1,4}$"), texts, None)

    def _less(
        self, good: np.ndarray, bad: np.ndarray, fault: str, stamps: np.ndarray
    ) -> np.ndarray:
        """Good lines but for those that are rejected for this."""
        for place in np.flatnonzero(bad & good).tolist():
            text = str(np.datetime64(int(stamps[place]), "us").astype("M8[s]"))
            self._rejected.append(Rejected(int(self._numbers[place]), fault, text))
        return good & ~bad

    def _rows(self, lines: JudgedLines) -> list[Parsed]:
        """Rows of all columns of values."""
        combos, meanings_of = self._combinations()
        rows: list[Parsed] = []
        for group in same_line_parts(self._mapping.values):
            rows += self._column_rows(lines, group, combos, meanings_of)
        if self._mapping.by_time_of_day:
            rows = [in_line_order(rows)] if rows else []
        return rows

    def _combinations(self) -> tuple[np.ndarray, list[tuple[str, ...]]]:
        """For each line a code, and for each code its texts of device, register, unit and
        factor."""
        codes = np.zeros(len(self._numbers), np.int64)
        texts: list[tuple[str, ...]] = [()]
        for name in ("device", "register", "unit", "factor"):
            column = self._judged[name].combine_chunks().dictionary_encode()
            values = column.dictionary.to_pylist()
            mixed = codes * max(len(values), 1) + column.indices.to_numpy(zero_copy_only=False)
            distinct, codes = np.unique(mixed, return_inverse=True)
            size = max(len(values), 1)
            texts = [(*texts[code // size], values[code % size]) for code in distinct.tolist()]
        return codes, texts

    def _column_rows(
        self,
        lines: JudgedLines,
        group: Sequence[tuple[int, ValueColumn]],
        combos: np.ndarray,
        texts: Sequence[tuple[str, ...]],
    ) -> list[Parsed]:
        """Rows of one column of values, or of several that are parts of one channel."""
        column = group[0][1]
        meanings = [[self._mapping.meaning(v, *text) for _, v in group] for text in texts]
        state = np.zeros(len(self._numbers), np.uint8)
        terms = []
        for place, (i, v) in enumerate(group):
            factors = np.array([_factor(several[place]) for several in meanings])
            scaled = self._values[:, i] * factors[combos]
            too_large = (self._states[:, i] == GOOD) & (np.abs(scaled) >= TOO_LARGE)
            self._states[too_large, i] = _RANGE
            terms.append((v.sign or 1) * scaled)
            state = np.maximum(state, np.where(lines.good, self._states[:, i], MISSING))
        value = np.sum(terms, axis=0) if len(terms) > 1 else terms[0]
        left_out = [next((m for m in several if isinstance(m, str)), None) for several in meanings]
        out = np.array([reason is not None for reason in left_out])[combos]
        self._note_flaws(lines, group, state, out, left_out, combos)
        stamps, folds, good = self._stamps_of(lines, column, (state == GOOD) & ~out)
        good &= (state == GOOD) & ~out
        first = [several[0] for several in meanings]
        untold = good & lines.untold & np.array([_needs_length(m) for m in first])[combos]
        self._flaw(np.flatnonzero(untold), "interval_none", lines, 0)
        good &= ~untold
        self._any_row |= good
        held = np.array([isinstance(m, Meaning) and m.measure.held for m in first])[combos]
        held &= lines.good & ~good
        if held.any():
            nothing = np.full(len(value), np.nan)
            self._ends += by_measure(
                first, combos, held, stamps, folds, nothing, lines, column, self._mapping
            )
        return by_measure(first, combos, good, stamps, folds, value, lines, column, self._mapping)

    def _note_flaws(
        self,
        lines: JudgedLines,
        group: Sequence[tuple[int, ValueColumn]],
        state: np.ndarray,
        out: np.ndarray,
        left_out: Sequence[str | None],
        combos: np.ndarray,
    ) -> None:
        """Values that give no row though there is something."""
        places = np.flatnonzero(lines.good & (out & (state != MISSING) | (state > MISSING)))
        if not len(places):
            return
        faults = [
            left_out[combos[place]] or _VALUE_FAULTS[int(state[place])] for place in places.tolist()
        ]
        texts = []
        for place in places.tolist():
            line = self._judged["texts"][place].as_py()
            shown = (line[i][:_KEPT_TEXT] for i, _ in group if self._states[place, i] > MISSING)
            texts.append(next(shown, None) or self._whose(place))
        self._flawed.append((places, np.array(faults, object), np.array(texts, object)))

    def _whose(self, place: int) -> str:
        texts = (self._judged[name][place].as_py() for name in ("register", "unit", "device"))
        return next((text for text in texts if text), "")

    def _stamps_of(
        self, lines: JudgedLines, column: ValueColumn, has_value: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """UTC stamps of a column's values, which are in a fold, and which may be used."""
        if column.minutes is None:
            return lines.stamps, lines.folds, lines.good.copy()
        since = column.minutes * _MINUTE_US
        local = lines.local & lines.good
        stamps, gap, folds = local_to_utc(self._clock, lines.stamps + since, local, ends=False)
        bad = {"stamp_gap": gap}
        if column.counted != "not":
            midnights, lasting = self._days(lines)
            on = self._counts_on(lines, lasting)
            stamps, folds = np.where(on, midnights + since, stamps), folds & ~on
            bad = {"stamp_gap": gap & ~on, "stamp_hour": on & (since >= lasting)}
        good = lines.good.copy()
        for fault, places in bad.items():
            self._flaw(np.flatnonzero(places & lines.good & has_value), fault, lines, since)
            good &= ~places
        return stamps, folds, good

    def _flaw(self, places: np.ndarray, fault: str, lines: JudgedLines, since: int) -> None:
        """Values at times that cannot be."""
        if len(places):
            texts = (lines.stamps[places] + since).astype("M8[us]").astype("M8[s]").astype(str)
            faults = np.full(len(places), fault, object)
            self._flawed.append((places, faults, texts.astype(object)))

    def _days(self, lines: JudgedLines) -> tuple[np.ndarray, np.ndarray]:
        """When the day of each line begins, UTC, and how long it lasts; µs."""
        local = lines.local & lines.good
        midnights, _, _ = local_to_utc(self._clock, lines.stamps, local, ends=False)
        next_ones, _, _ = local_to_utc(self._clock, lines.stamps + _DAY_US, local, ends=False)
        return midnights, next_ones - midnights

    def _counts_on(self, lines: JudgedLines, lasting: np.ndarray) -> np.ndarray:
        """Lines whose columns count on from midnight: where there may be a day of 25 hours, or
        where one of 23 hours has its first values and not its last."""
        columns = self._mapping.values
        if columns[0].counted == "on":
            return np.ones(len(lasting), bool)
        short = lines.good & (lasting < _DAY_US)
        for i, column in enumerate(columns):
            if short.any() and column.minutes is not None:
                there = self._states[:, i] != MISSING
                after = column.minutes * _MINUTE_US >= lasting
                short &= np.where(after, ~there, there)
        return short


def _needs_length(meaning: Meaning | str) -> bool:
    return isinstance(meaning, Meaning) and meaning.measure.interval_untold


def _factor(meaning: Meaning | str) -> float:
    return meaning.factor if isinstance(meaning, Meaning) else 1.0
