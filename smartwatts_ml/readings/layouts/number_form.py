"""How a file writes its numbers: decimal mark, and marks between thousands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.stamps.casts import text_sql

__all__ = ["NumberForm", "find_numbers", "number_sql"]

_GROUPED = re.compile(r"[-+]?[1-9]\d{0,2}(?P<mark>[.,])\d{3}(?:(?P=mark)\d{3})*")
_BOTH = re.compile(r"[-+]?\d{1,3}(?P<group>[.,])\d{3}((?P=group)\d{3})*(?P<decimal>[.,])\d+")
_SPACED = re.compile(r"[-+]?[1-9]\d{0,2}(?P<mark>[ '’])\d{3}(?:(?P=mark)\d{3})*(?:[.,]\d+)?")
_MARKED = re.compile(r"\d[.,]|[.,]\d")
_GROUP = 3
_CLOSE = 1.1
_LEAST = 10
"""A home draws no thousand times as much; so much and so little in turn neither."""


@dataclass(frozen=True)
class NumberForm:
    """``decimal``: ``.`` or ``,``. ``group``: the mark between thousands, empty if none."""

    decimal: str = "."
    group: str = ""


def find_numbers(
    columns: Sequence[Sequence[str]], where: str, said: str | None = None
) -> NumberForm:
    """The form that most of a file's first values have, given by column. ``said``: its decimal
    mark, if known.

    Raises BadInputError where a mark may stand before decimals or between thousands.

    >>> find_numbers([["800,5", "1.010,5"]], "a.csv")
    NumberForm(decimal=',', group='.')
    >>> find_numbers([["0.324", "12"]], "a.csv")
    NumberForm(decimal='.', group='')
    >>> find_numbers([["1 234,5", "12,5"]], "a.csv")
    NumberForm(decimal=',', group=' ')
    >>> find_numbers([["12,5", "n.v.", "n.v."]], "a.csv")
    NumberForm(decimal=',', group='')
    >>> find_numbers([["100.000", "100.125"], ["800", "750"]], "a.csv")
    NumberForm(decimal='.', group='')
    """
    texts = [text for column in columns for text in column]
    spaced = next((m["mark"] for text in texts if (m := _SPACED.fullmatch(text))), None)
    if spaced is not None:
        closed = [[text.replace(spaced, "") for text in column] for column in columns]
        return NumberForm(find_numbers(closed, where, said).decimal, spaced)
    both = [m for text in texts if (m := _BOTH.fullmatch(text)) and m["group"] != m["decimal"]]
    if both and said in (None, both[0]["decimal"]):
        return NumberForm(both[0]["decimal"], both[0]["group"])
    marked = [text for text in texts if _MARKED.search(text)]
    if said is not None:
        other = "," if said == "." else "."
        grouped = [m for text in marked if (m := _GROUPED.fullmatch(text)) and m["mark"] == other]
        return NumberForm(said, other if grouped else "")
    comma = sum("," in text for text in marked) * 2 > len(marked)
    mark = "," if comma else "."
    several = [text for text in marked if text.count(mark) > 1]
    if several and all(_GROUPED.fullmatch(text) for text in marked):
        return NumberForm("." if comma else ",", mark)
    alike = bool(marked) and all(_GROUPED.fullmatch(text) for text in marked)
    if alike and not any(_have_decimals(column, mark) for column in columns):
        raise BadInputError(
            f"{where}: {marked[0]!r} may be {marked[0].replace(mark, '')} or have decimals",
            fix=f"say so with the source's decimal = '{mark}' or "
            f"decimal = '{'.' if comma else ','}'",
            settle=('decimal = "."', 'decimal = ","'),
        )
    return NumberForm(mark)


def _have_decimals(texts: Sequence[str], mark: str) -> bool:
    """Whether one column shows that numbers like 701.654 are no thousands: it has whole ones of
    four digits without a mark, or all are as close together as a meter's totals are, which leap
    by thousands otherwise.

    >>> _have_decimals(["701.654", "700.035", "700"], "."), _have_decimals(["1.010"], ".")
    (True, False)
    >>> _have_decimals(["1.010", "800"], "."), _have_decimals(["1.010", "1200"], ".")
    (False, True)
    """
    plain = [text for text in texts if text.strip("+-").isdigit()]
    if any(len(text.strip("+-")) > _GROUP for text in plain):
        return True
    marked = [text for text in texts if _MARKED.search(text)]
    numbers = [float(text.replace(mark, ".")) for text in (*marked, *plain)]
    if len(set(numbers)) < 2 or not marked:
        return False
    least, most = sorted(map(abs, (min(numbers), max(numbers))))
    return least >= _LEAST and most <= _CLOSE * least


def number_sql(text: str, form: NumberForm) -> str:
    """A column of text as DOUBLE, null where it is no number of the form."""
    sql = text
    if form.group:
        group, decimal = re.escape(form.group), re.escape(form.decimal)
        grouped = rf"[-+]?\d{{1,3}}({group}\d{{3}})+({decimal}\d+)?"
        sql = f"""CASE WHEN regexp_full_match({text}, {text_sql(grouped)})
            THEN replace({text}, {text_sql(form.group)}, '') ELSE {text} END"""
    if form.decimal == ",":
        sql = f"replace(replace({sql}, '.', '_'), ',', '.')"
    return f"CASE WHEN NOT contains({sql}, '_') THEN try_cast({sql} AS DOUBLE) END"
