"""Timestamps of a form as expressions of SQL."""

from __future__ import annotations

from dataclasses import replace

from smartwatts_ml.readings.stamps.casts import strptime_sql, text_sql
from smartwatts_ml.readings.stamps.forms import EPOCHS, ISO, SERIAL, FileStamps
from smartwatts_ml.readings.stamps.grammar import Grammar
from smartwatts_ml.readings.stamps.words import month_numbers

__all__ = ["local_sql", "plain_sql", "stamp_sql", "swapped_sql"]

_LOCAL = r"\d{4}-\d\d-\d\d([ T]\d\d(:\d\d(:\d\d(\.\d+)?)?)?)?"
_ZONED = _LOCAL + r" ?(Z|UTC|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)"
_OFFSET = r"[+-]\d\d(:?\d\d)?$"
_EPOCH = r"\d+(\.\d*)?"
_SERIAL = r"\d{5}([.,]\d+)?"
_FARTHEST_US = 9e18
"""Later stamps count as this one, which is out of range, too."""


def stamp_sql(text: str, stamps: FileStamps) -> str:
    """A column of text as TIMESTAMP: UTC where the text says an offset or is an epoch, else on
    the clock of the file; null where it is not of the form."""
    if stamps.form in EPOCHS:
        return f"""
        CASE WHEN regexp_full_match({text}, '{_EPOCH}')
            THEN make_timestamp(least(round_even(try_cast({text} AS DOUBLE)
                * {EPOCHS[stamps.form]}, 0), {_FARTHEST_US})::BIGINT) END"""
    if stamps.form == SERIAL:
        days = f"try_cast(replace({text}, ',', '.') AS DOUBLE)"
        return f"""CASE WHEN regexp_full_match({text}, '{_SERIAL}')
            THEN TIMESTAMP '1899-12-30' + to_seconds(round({days} * 86400)::BIGINT) END"""
    if stamps.form == ISO:
        return _iso_sql(text)
    grammar = stamps.grammar
    if grammar is None:
        return strptime_sql(text, stamps.form)
    settled = _settled_sql(text, grammar, stamps)
    plain = plain_sql(text, stamps)
    return settled if plain is None else f"coalesce({plain}, {settled})"


def plain_sql(text: str, stamps: FileStamps) -> str | None:
    """A column of text as TIMESTAMP as far as strptime takes it, which is fast; None where it
    takes none of this form."""
    grammar = stamps.grammar
    if grammar is None:
        return None if stamps.form in {ISO, SERIAL, *EPOCHS} else strptime_sql(text, stamps.form)
    if grammar.sides == 2 or "Z" in grammar.places:
        return None
    plain = strptime_sql(text, stamps.form)
    if grammar.compact is None:
        return plain
    return f"CASE WHEN length({text}) = {grammar.compact} THEN {plain} END"


def swapped_sql(text: str, stamps: FileStamps) -> str:
    """Whether a text that is not of the form is so with day and month the other way round."""
    other = stamps.other_order
    swapped = None if other is None else plain_sql(text, replace(stamps, form=other))
    return "false" if swapped is None else f"{swapped} IS NOT NULL"


def local_sql(text: str, stamps: FileStamps) -> str:
    """Whether a stamp is on the clock of the file."""
    if stamps.form in EPOCHS:
        return "false"
    if stamps.form != ISO:
        return str(not stamps.zoned).lower()
    return f"regexp_full_match({text}, '{_LOCAL}')"


def _iso_sql(text: str) -> str:
    digits = f"replace(regexp_extract({text}, '{_OFFSET}'), ':', '')"
    minutes = f"""(coalesce(try_cast(substr({digits}, 2, 2) AS INTEGER), 0) * 60
        + coalesce(try_cast(substr({digits}, 4, 2) AS INTEGER), 0))
        * CASE WHEN left({digits}, 1) = '-' THEN -1 ELSE 1 END"""
    return f"""
        CASE WHEN regexp_full_match({text}, '{_LOCAL}') THEN {_iso(text)}
            WHEN regexp_full_match({text}, '{_ZONED}')
            THEN {_iso(f"regexp_extract({text}, '{_LOCAL}')")} - to_minutes({minutes}) END"""


def _iso(text: str) -> str:
    """A stamp without offset; of an hour alone, its start."""
    return f"try_cast({text} || CASE WHEN length({text}) = 13 THEN ':00' ELSE '' END AS TIMESTAMP)"


def _settled_sql(text: str, grammar: Grammar, stamps: FileStamps) -> str:
    """By a pattern, rewritten as ISO 8601, which knows 24:00 and any decimals."""
    pattern, place = text_sql(f"^{grammar.pattern}$"), grammar.places

    def part(code: str) -> str:
        return f"regexp_extract({text}, {pattern}, {place[code]})"

    year = rf"\{place['Y']}" if "Y" in place else rf"20\{place['y']}" if "y" in place else "x"
    month = rf"\{place['m']}" if "m" in place else "@"
    day = rf"\{place['d']}" if "d" in place else "x"
    hour = place.get("H") or place.get("I")
    clock = rf" \{hour}:" + (rf"\{place['M']}" if "M" in place else "00") if hour else ""
    clock += rf":\{place['S']}" if "S" in place else ""
    clock += rf".\{place['f']}0" if "f" in place else ""
    iso = f"regexp_replace({text}, {pattern}, {text_sql(f'{year}-{month}-{day}{clock}')})"
    if "b" in place:
        iso = f"replace({iso}, '@', {_month_sql(part('b'))})"
    stamp = f"try_cast({iso} AS TIMESTAMP)"
    if "p" in place:
        stamp = _half_sql(stamp, f"lower(left({part('p')}, 1))", twelve="I" in place)
    if "z" in place:
        stamp = f"{stamp} - to_minutes({_offset_sql(part('z'))})"
    if "Z" in place:
        words = " ".join(f"WHEN {text_sql(word)} THEN {ahead}" for word, ahead in stamps.zones)
        stamp = f"{stamp} - to_minutes(CASE upper({part('Z')}) {words} END)"
    return f"CASE WHEN regexp_full_match({text}, {pattern}) THEN {stamp} END"


def _month_sql(word: str) -> str:
    months = " ".join(
        f"WHEN {text_sql(name)} THEN '{number:02}'" for name, number in month_numbers().items()
    )
    return f"CASE lower({word}) {months} END"


def _half_sql(stamp: str, half: str, *, twelve: bool) -> str:
    """The half of a day heeded. A clock of 24 hours that writes it as well has to agree."""
    if not twelve:
        return f"CASE WHEN (hour({stamp}) >= 12) = ({half} = 'p') THEN {stamp} END"
    return f"""{stamp} + CASE WHEN {half} = 'p' AND hour({stamp}) < 12 THEN to_hours(12)
        WHEN {half} = 'a' AND hour({stamp}) = 12 THEN to_hours(-12) ELSE to_hours(0) END"""


def _offset_sql(text: str) -> str:
    """Minutes of an offset like Z, +1, -0530 or GMT+02:00."""
    parts = r"'([+-])(\d{1,2}?)(?::?(\d\d))?$'"
    hours, minutes = (
        f"coalesce(try_cast(regexp_extract({text}, {parts}, {group}) AS INTEGER), 0)"
        for group in (2, 3)
    )
    return f"(({hours} * 60 + {minutes}) * CASE WHEN contains({text}, '-') THEN -1 ELSE 1 END)"
