"""What a gateway is told of local hours: the cases of gateway/clock.csv are what the library does,
what a clock with a calendar says second by second, and what the gateway's own code does."""

from __future__ import annotations

import csv
import math
import subprocess
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scripts import clock_page
from tests.gateway.files import JVM

ROWS = list(csv.DictReader(clock_page.VECTORS.open()))
CASES = sorted({row["case"] for row in ROWS})
STEP = timedelta(minutes=15)
LOCAL = "%Y-%m-%dT%H:%M"


def rows_of(case: str, row: str) -> list[dict[str, str]]:
    return [r for r in ROWS if (r["case"], r["row"]) == (case, row)]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_cases_and_table_are_what_the_library_does() -> None:
    assert clock_page.VECTORS.read_text() == clock_page.vectors(), "run `make docs`"
    assert clock_page.PAGE.read_text() == clock_page.page(), "run `make docs`"


@pytest.mark.parametrize("case", CASES)
def test_cases_are_what_the_calendar_says_quarter_by_quarter(case: str) -> None:
    zone = ZoneInfo(rows_of(case, "reading")[0]["timezone"])
    watts: dict[str, list[float]] = defaultdict(list)
    ends: dict[str, datetime] = {}
    for row in rows_of(case, "reading"):
        at = instant(row["utc"])
        for _ in range(int(row["seconds"]) // 900):
            hour = at.astimezone(zone).strftime("%Y-%m-%dT%H:00")
            watts[hour].append(float(row["watts"]))
            at += STEP
    lasting: dict[str, int] = defaultdict(int)
    at = instant(rows_of(case, "reading")[0]["utc"])
    for _ in range(4 * 24):
        hour = at.astimezone(zone).strftime("%Y-%m-%dT%H:00")
        lasting[hour] += 900
        at += STEP
        ends[hour] = at
    for row in rows_of(case, "hour"):
        name, own = row["local"], watts.get(row["local"], [])
        assert int(row["seconds"]) == lasting[name]
        if own and 2 * 900 * len(own) >= lasting[name]:
            assert float(row["watts"]) == pytest.approx(math.fsum(own) / len(own), rel=1e-5)
        else:
            assert row["watts"] == ""
        if lasting[name]:
            assert instant(row["utc"]) == ends[name]
        wall = datetime.strptime(name, LOCAL)
        assert int(row["hour_of_week"]) == wall.weekday() * 24 + wall.hour


def test_some_hours_are_known_by_half_and_some_are_not_though_they_have_readings() -> None:
    """Or a ring that never leaves one out would pass."""
    hours = [row for case in CASES if "uneven" in case for row in rows_of(case, "hour")]
    assert sum(not row["watts"] and row["seconds"] != "0" for row in hours) >= 4
    assert sum(bool(row["watts"]) for row in hours) >= 12


@pytest.mark.parametrize("case", [case for case in CASES if "uneven" not in case])
def test_energy_of_hours_is_that_of_the_readings(case: str) -> None:
    hours = {row["local"]: row for row in rows_of(case, "hour")}
    real = rows_of(case, "real")
    first, last = (instant(r["utc"]) for r in (real[0], real[-1]))
    last += timedelta(seconds=int(real[-1]["seconds"]))
    inside = sum(
        float(row["watts"]) * 1800
        for row in rows_of(case, "reading")
        if first <= instant(row["utc"]).astimezone(UTC) < last
    )
    back = sum(float(hours[row["local"]]["watts"]) * int(row["seconds"]) for row in real)
    assert back == pytest.approx(inside, rel=1e-5)


@pytest.mark.slow
def test_the_gateways_own_ring_passes_all_cases(replay: str) -> None:
    command = [*JVM, "-cp", replay, "Replay", "clock", str(clock_page.VECTORS)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.strip() == f"{len(CASES)} cases, 0 differences"
