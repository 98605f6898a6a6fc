"""What a gateway is told of alerts: the cases of gateway/alerts.csv are what the library does, and
what the rules in gateway/README.md say, to the bit."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from scripts import alert_cases

ROWS = list(csv.DictReader(alert_cases.VECTORS.open()))
CASES = sorted({row["case"] for row in ROWS})
FOUR_WEEKS, TWO_DAYS = 672, 48


def test_cases_are_what_the_library_does() -> None:
    assert alert_cases.VECTORS.read_text() == alert_cases.vectors(), "run `make docs`"


@pytest.mark.parametrize("case", CASES)
def test_cases_are_what_the_page_says(case: str) -> None:
    rows = [row for row in ROWS if row["case"] == case]
    threshold, step, fall, most = (float(rows[0][n]) for n in ("threshold", "step", "fall", "most"))
    above, raised_at, told = 0.0, 0, 0
    alerts: list[dict[str, Any]] = []  # the last of them may go on
    going_on = False
    for row in rows:
        hour, nines, family, number = int(row["hour"]), float(row["nines"]), row["family"], 0
        if going_on and hour - alerts[-1]["last"] > 4:  # a pause of more than three hours
            going_on = False
        if going_on:
            current = alerts[-1]
            if nines >= current["limit"] - 0.5:
                current["last"] = hour
                if hour - current["start"] < TWO_DAYS:
                    current["peak"], number = max(current["peak"], nines), told
        elif row["alert"] == "1":
            now = max(above - fall * (hour - raised_at), 0.0)
            needed = [threshold + now]
            for alert in alerts:
                if alert["family"] == family and hour - alert["last"] < FOUR_WEEKS:
                    share = 1 - (hour - alert["last"]) / FOUR_WEEKS
                    needed.append(threshold + (alert["peak"] + 0.3 - threshold) * share)
            if nines >= max(needed):
                alerts.append(
                    {"start": hour, "last": hour, "peak": nines, "family": family}
                    | {"limit": threshold + now}
                )
                above, raised_at, going_on = min(now + step, most), hour, True
                number = told = told + 1
        assert number == int(row["told"]), row
    assert told
