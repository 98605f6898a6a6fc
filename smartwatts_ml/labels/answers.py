"""Answers as a sort of records: of the same home, appliance and period the latest one holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from smartwatts_ml.labels.answer import FIELDS, Homes
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.labels import Label
from smartwatts_ml.records.intake import RecordsTaken, take_records
from smartwatts_ml.records.sort import Sort
from smartwatts_ml.records.table import RecordTable

__all__ = ["LANDING", "LabelCount", "count_labels", "current_labels", "take_labels"]

_MOST, _MOST_OF_A_HOME = 100_000, 1000
"""So many hold at once, the latest to arrive."""
_CURRENT = """
WITH last AS (
  SELECT * FROM labels QUALIFY row_number() OVER (
    PARTITION BY site, appliance, since, until ORDER BY arrived DESC, file DESC, place DESC) = 1)
"""


class _Answers(Sort[Label]):
    name = "labels"
    needed = frozenset(FIELDS) - {"answer"}
    open_fields = frozenset({"answer"})
    whole = frozenset({"answer"})
    fix = "CSV with a header, or JSON lines, as docs/labels.md has them"
    columns: ClassVar[Mapping[str, pa.DataType]] = {
        "site": pa.string(),
        "appliance": pa.string(),
        "since": pa.timestamp("us", "UTC"),
        "until": pa.timestamp("us", "UTC"),
        "yes": pa.bool_(),
        "arrived": pa.timestamp("us", "UTC"),
        "file": pa.string(),
        "place": pa.int64(),
    }
    time = "since"
    subject = ("site", "appliance", "since", "until")
    said = "yes"
    order = ("arrived", "file", "place")
    sorted_by = ("site", "appliance", "since")

    def __init__(self, homes: Callable[[], Homes]) -> None:
        self._known = homes

    @cached_property
    def _homes(self) -> Homes:
        return self._known()

    def read(self, fields: Mapping[str, Any]) -> Label | None:
        return self._homes.label(fields)

    def source(self, record: Label) -> str:
        return record.site

    def row(self, record: Label, arrived: datetime, number: int, digest: str) -> dict[str, Any]:
        return {
            "site": record.site,
            "appliance": record.appliance,
            "since": _stamp(record.start),
            "until": _stamp(record.end),
            "yes": record.yes,
            "arrived": arrived,
            "file": digest,
            "place": number,
        }


LANDING: Final = "landing/labels/"
"""Where files of answers arrive."""


def take_labels(objects: Objects, homes: Callable[[], Homes]) -> RecordsTaken:
    """Add every file of ``landing/labels/`` that is new. ``homes`` are asked for where there is
    one."""
    return take_records(objects, _Answers(homes))


def current_labels(objects: Objects) -> tuple[Label, ...]:
    """What holds now, by site, appliance and time."""
    table = RecordTable.existing(objects, _Answers(_no_homes))
    if table is None:
        return ()
    rows = table.query(
        f"{_CURRENT} SELECT site, appliance, since, until, yes FROM (SELECT * FROM last "
        "QUALIFY row_number() OVER (PARTITION BY site ORDER BY arrived DESC, file, place DESC) "
        f"<= {_MOST_OF_A_HOME} ORDER BY arrived DESC, file, place DESC LIMIT {_MOST}) ORDER BY ALL"
    )
    return tuple(
        Label(
            row["site"],
            row["appliance"],
            np.datetime64(row["since"], "us").astype("datetime64[s]"),
            np.datetime64(row["until"], "us").astype("datetime64[s]"),
            row["yes"],
        )
        for row in rows
    )


def _no_homes() -> Homes:
    """Whoever only looks at answers reads none."""
    return Homes([], lambda _: "UTC", lambda site: site)


@dataclass(frozen=True)
class LabelCount:
    """Answers about one appliance that hold, how many homes they are of, and how often people
    have changed what they said."""

    appliance: str
    yes: int
    no: int
    homes: int
    changed: int


def count_labels(objects: Objects) -> list[LabelCount]:
    """By appliance."""
    table = RecordTable.existing(objects, _Answers(_no_homes))
    if table is None:
        return []
    rows = table.query(
        f"{_CURRENT}, said AS (SELECT appliance, count(*) AS times FROM labels GROUP BY ALL) "
        "SELECT appliance, count(*) FILTER (WHERE yes) AS yes, "
        "count(*) FILTER (WHERE NOT yes) AS no, count(DISTINCT site) AS homes, "
        "any_value(times) - count(*) AS changed "
        "FROM last JOIN said USING (appliance) GROUP BY appliance ORDER BY appliance"
    )
    return [LabelCount(**row) for row in rows]


def _stamp(time: np.datetime64) -> Any:
    return (
        pa.scalar(time.astype("datetime64[us]"), pa.timestamp("us"))
        .cast(pa.timestamp("us", "UTC"))
        .as_py()
    )
