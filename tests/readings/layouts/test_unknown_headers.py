"""Files that no layout knows, by what their columns are called and hold: right, or asked about."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source

START = datetime(2026, 1, 14)
HOURS = [START + timedelta(hours=i) for i in range(48)]


def written(folder: Path, header: str, rows: Sequence[str]) -> Path:
    path = folder / "export.csv"
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path


def read(path: Path, said: str = "") -> dict[str, dict[datetime, float]]:
    """W by the start of each interval, of each device; ``said``: lines of its source."""
    source = Source(**({"device": "home1"} | tomllib.loads(said)))
    with FileReadings([path], Settings(sources=[source])) as readings:
        return {
            f"{span.site}/{channel}": {
                datetime.fromtimestamp(int(at) / 1e6, UTC).replace(tzinfo=None): round(float(w), 1)
                for at, w in zip(device.stamps, device.values, strict=True)
            }
            for span in readings.spans()
            for channel, device in readings.read_devices(span.site).items()
        }


def asked(path: Path, about: str) -> tuple[str, ...]:
    with pytest.raises(BadInputError, match=about) as refused:
        read(path)
    return refused.value.settle


@pytest.mark.parametrize("column", ["utc_offset", "UTC offset", "tz"])
def test_a_column_of_offsets_says_what_timestamps_are_ahead_of_utc(
    tmp_path: Path, column: str
) -> None:
    rows = [f"{at},{'+02:00' if i < 24 else '+01:00'},500" for i, at in enumerate(HOURS)]
    (mains,) = read(written(tmp_path, f"time,{column},power_w", rows)).values()
    assert min(mains) == START - timedelta(hours=2)
    assert max(mains) == HOURS[-1] - timedelta(hours=1)


def test_so_does_a_column_of_one_timezone(tmp_path: Path) -> None:
    rows = [f"{at},Europe/Berlin,500" for at in HOURS]
    (mains,) = read(written(tmp_path, "time,timezone,power_w", rows)).values()
    assert min(mains) == START - timedelta(hours=1)


@pytest.mark.parametrize("offset", ["60", "1", "3600", "UTC+1"])
def test_offsets_in_another_form_are_asked_about(tmp_path: Path, offset: str) -> None:
    path = written(tmp_path, "time,utc_offset,power_w", [f"{at},{offset},500" for at in HOURS])
    zone, nothing = asked(path, "utc_offset .* ahead of UTC")
    (mains,) = read(path, zone).values()
    assert min(mains) == START - timedelta(hours=1)
    (mains,) = read(path, nothing).values()
    assert min(mains) == START


def test_days_by_their_date_among_hours_are_asked_about(tmp_path: Path) -> None:
    days = [START + timedelta(days=i) for i in range(3)]
    rows = [
        line
        for day in days
        for line in (
            *(f"{day + timedelta(hours=h)},0.5" for h in range(1, 24)),
            f"{day + timedelta(days=1):%Y-%m-%d},11.5",
        )
    ]
    path = written(tmp_path, "time,usage (kWh)", rows)
    of_days, of_hours = asked(path, "2026-01-15.* is a date without a time")
    (mains,) = read(path, f'{of_days}\nstamp_is = "start"').values()
    assert set(mains.values()) == {500}
    (mains,) = read(path, f'{of_hours}\nstamp_is = "start"').values()
    assert mains[days[1]] == 11_500


def test_a_date_without_a_time_may_be_midnight(tmp_path: Path) -> None:
    rows = [f"{at if at.hour else at.date()},0.5" for at in HOURS]
    (mains,) = read(written(tmp_path, "time,usage (kWh)", rows)).values()
    assert mains == dict.fromkeys(HOURS, 500)


@pytest.mark.parametrize("column", ["x", "Nr.", "Bezeichnung"])
def test_numbers_of_meters_one_after_the_other_are_asked_about(tmp_path: Path, column: str) -> None:
    rows = [f"{at},1EMH{'12'[i // 24]},{1 + 4 * (i // 24)}" for i, at in enumerate(HOURS)]
    path = written(tmp_path, f"time,{column},usage (kWh)", rows)
    homes, one = asked(path, "changes from 1EMH1 to 1EMH2")
    assert read(path, homes).keys() == {"1EMH1/mains", "1EMH2/mains"}
    assert len(read(path, one)["home1/mains"]) == 48


def test_numbered_hours_are_no_registers_whatever_tells_lines_apart(tmp_path: Path) -> None:
    rows = [f"{at:%Y-%m-%d};{at.hour + 1};{0.4 + at.hour % 2 / 10:.3f}" for at in HOURS]
    (mains,) = read(written(tmp_path, "Data;Godzina;Energia pobrana [kWh]", rows)).values()
    assert mains == {at: 400 + 100 * (at.hour % 2) for at in HOURS}


def test_what_is_fed_in_may_be_below_zero_already(tmp_path: Path) -> None:
    net = [300 if abs(at.hour - 12) > 4 else -700 for at in HOURS]
    rows = [f"{at},{max(w, 0) / 1000},{min(w, 0) / 1000}" for at, w in zip(HOURS, net, strict=True)]
    (mains,) = read(written(tmp_path, "time,IMPORT (kWh),EXPORT (kWh)", rows)).values()
    assert list(mains.values()) == net


def test_what_is_fed_in_and_below_zero_at_times_is_asked_about(tmp_path: Path) -> None:
    rows = [f"{at},0.3,{0.2 if at.hour % 2 else -0.2}" for at in HOURS]
    path = written(tmp_path, "time,IMPORT (kWh),EXPORT (kWh)", rows)
    drawn, fed_in = asked(path, "has numbers below 0")
    assert read(path, drawn)["home1/mains"][HOURS[1]] == 100
    assert read(path, fed_in)["home1/mains"][HOURS[1]] == 500


@pytest.mark.parametrize("mark", ["Mangler", "missing", "fehlend", "Ontbrekend"])
def test_a_number_that_is_marked_as_missing_is_none(tmp_path: Path, mark: str) -> None:
    rows = [f"{at},{0 if at.hour == 5 else 0.5},{mark if at.hour == 5 else 'ok'}" for at in HOURS]
    (mains,) = read(written(tmp_path, "time,kWh,Kvalitet", rows)).values()
    assert mains == {at: 500 for at in HOURS if at.hour != 5}


def test_active_export_is_not_taken_for_what_is_drawn(tmp_path: Path) -> None:
    rows = [f"{at},{code},{kwh}" for at in HOURS for code, kwh in (("AI", 0.5), ("AE", 0.2))]
    path = written(tmp_path, "time,Measurement,kWh", rows)
    (answer,) = asked(path, "AE is what is drawn")
    assert set(read(path, answer)["home1/mains"].values()) == {300}


@pytest.mark.parametrize(
    ("drawn", "fed_in"),
    [
        ("Energía importada (kWh)", "Energía exportada (kWh)"),
        ("Prélèvement (kWh)", "Injection (kWh)"),
        ("Vételezés (kWh)", "Betáplálás (kWh)"),
        ("Køb (kWh)", "Salg (kWh)"),
        ("Forbruk (kWh)", "Produksjon (kWh)"),
        ("Preuzeta energija (kWh)", "Predana energija (kWh)"),
    ],
)
def test_words_of_other_languages_say_what_is_drawn_and_fed_in(
    tmp_path: Path, drawn: str, fed_in: str
) -> None:
    net = [(300 if abs(at.hour - 12) > 4 else -700) + 50 * (at.hour % 2) for at in HOURS]
    rows = [
        f"{at},{max(w, 0) / 1000},{max(-w, 0) / 1000}" for at, w in zip(HOURS, net, strict=True)
    ]
    (mains,) = read(written(tmp_path, f"time,{drawn},{fed_in}", rows)).values()
    assert list(mains.values()) == net


def test_a_total_is_told_where_its_unit_is_in_a_column(tmp_path: Path) -> None:
    rows = [f"{at},{5000 + 0.5 * i},kWh" for i, at in enumerate(HOURS)]
    (mains,) = read(written(tmp_path, "time,Zählerstand,Einheit", rows)).values()
    assert mains == dict.fromkeys(HOURS[:-1], 500)


def test_energy_an_hour_is_power(tmp_path: Path) -> None:
    quarters = [START + timedelta(minutes=15 * i) for i in range(96)]
    (mains,) = read(written(tmp_path, "time,kWh/h", [f"{at},0.5" for at in quarters])).values()
    assert mains == dict.fromkeys(quarters, 500)


@pytest.mark.parametrize(
    ("text", "form"), [("%H:%M Uhr", "%Y-%m-%d %H:%M Uhr"), ("t%H%M", "%Y-%m-%d t%H%M")]
)
def test_times_in_a_form_that_is_not_read_are_no_registers(
    tmp_path: Path, text: str, form: str
) -> None:
    rows = [f"{at:%Y-%m-%d},{at.strftime(text)},{0.4 + at.hour % 2 / 10:.3f}" for at in HOURS]
    path = written(tmp_path, "Datum,Uhrzeit,kWh", rows)
    (answer,) = asked(path, "Uhrzeit says when, in a form that is not read")
    said = answer.replace("%d.%m.%Y %H:%M", form)
    assert len(read(path, said)["home1/mains"]) == len(HOURS)
