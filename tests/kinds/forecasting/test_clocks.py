"""``smartwatts predict`` over both changes of a clock: what goes out is on the input's own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands import predict as commands
from smartwatts_ml.commands.cli import app
from smartwatts_ml.kinds import kinds
from smartwatts_ml.kinds.forecasting.details import EnergyFactors
from smartwatts_ml.kinds.forecasting.predictors import SameHourMean
from tests.kinds.forecasting.helpers import details_of

KIND = kinds()["forecasting"]
CHANGES = {
    ("Europe/Berlin", "2026-03-29"): 23.0,
    ("Europe/Berlin", "2026-10-25"): 25.0,
    ("Asia/Kolkata", "2026-03-29"): 24.0,
    ("Asia/Kolkata", "2026-10-25"): 24.0,
    ("Australia/Lord_Howe", "2026-04-05"): 24.5,
    ("Australia/Lord_Howe", "2026-10-04"): 23.5,
    ("America/St_Johns", "2026-03-08"): 23.0,
    ("America/St_Johns", "2026-11-01"): 25.0,
}
"""Real hours of the day on which a clock changes, or does not."""
FORMS = {"naive": "%Y-%m-%d %H:%M", "offset": "%Y-%m-%dT%H:%M:%S%z"}


class LastWeek(SameHourMean):
    """The same hour of last week, and energy as it is."""

    energy: ClassVar[Mapping[str, EnergyFactors]] = {
        part: EnergyFactors(0.0, 0.0, 0.0, 0.0) for part in ("day", "horizon")
    }


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        commands, "_open", lambda *_: nullcontext((Mock(details={}), details_of(48)))
    )
    work = replace(KIND.work, predictor=lambda _: LastWeek(48, 1))
    monkeypatch.setitem(vars(KIND), "work", work)


def watts(at: datetime) -> float:
    """What a home with habits draws, by its own clock."""
    return 300 + 900 * (19 <= at.hour < 20) + 10 * at.hour


def write_input(path: Path, zone: str, day: str, form: str) -> None:
    """Half hours of the five weeks before a day and of three days after it has begun."""
    first = np.datetime64(day, "s") - np.timedelta64(35, "D")
    instants = first + np.arange(48 * 38) * np.timedelta64(1800, "s")
    rows = ["timestamp,consumption,device_id"]
    for at in pd.to_datetime(instants, utc=True).tz_convert(ZoneInfo(zone)):
        rows.append(f"{at:{form}},{watts(at)},home1")
    path.write_text("\n".join(rows))


def predicted(folder: Path, *options: str) -> pd.DataFrame:
    output = folder / "out.csv"
    files = ("--model-path", "m", "--input", str(folder / "in.csv"), "--output", str(output))
    done = CliRunner().invoke(app, ["predict", "forecasting", *files, *options])
    assert done.exit_code == 0, done.exception
    return pd.read_csv(output, dtype={"timestamp": str, "issued_at": str})


def instants_of(texts: pd.Series, zone: str) -> np.ndarray:
    """As a reader that knows the input's clock takes them; no naive one may come twice."""
    instants = []
    for text in texts:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            local = at.replace(tzinfo=ZoneInfo(zone))
            assert local.utcoffset() == local.replace(fold=1).utcoffset(), text
            at = local
        instants.append(at.timestamp())
    return np.array(instants)


@pytest.mark.slow
@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_predictions_over_a_change_are_on_the_inputs_clock_and_keep_its_energy(
    zone: str, day: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_TIMEZONE", zone)
    times = ("--from", day, "--to", day)
    powers, energies = [], []
    for form in FORMS.values():
        write_input(tmp_path / "in.csv", zone, day, form)
        rows = predicted(tmp_path, *times)
        at = instants_of(rows["timestamp"], zone)
        assert np.all(np.diff(at) > 0)
        first = pd.Timestamp(at[0], unit="s", tz=ZoneInfo(zone))
        assert f"{first:%Y-%m-%d %H:%M}" == f"{day} 00:00"
        lasting = np.diff(np.append(at, at[0] + 3600 * (CHANGES[zone, day] + 24))) / 3600
        powers.append((at, rows["consumption"].to_numpy(), lasting))
        energy = predicted(tmp_path, *times, "--energy").set_index("period")
        assert energy["hours"].tolist() == [CHANGES[zone, day], 24, CHANGES[zone, day] + 24]
        assert energy.index[0] == day
        of_days = energy["energy_kwh"].iloc[:-1].sum()
        assert of_days == pytest.approx(energy.loc["horizon", "energy_kwh"], abs=2e-4)
        from_power = (powers[-1][1] * lasting).sum() / 1000
        assert from_power == pytest.approx(energy.loc["horizon", "energy_kwh"], abs=1e-3)
        energies.append(energy["energy_kwh"].to_numpy())
    for naive, zoned in zip(*powers, strict=True):
        np.testing.assert_allclose(naive, zoned)
    np.testing.assert_allclose(*energies)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_day_stays_at_local_midnight(
    zone: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_TIMEZONE", zone)
    for day in (day for of_zone, day in CHANGES if of_zone == zone):
        write_input(tmp_path / "in.csv", zone, day, form)
        begin = np.datetime64(day) - 3
        rows = predicted(tmp_path, "--from", str(begin), "--every", "24h")
        issued = rows["issued_at"].drop_duplicates()
        assert [text[:16].replace("T", " ") for text in issued] == [
            f"{begin + i} 00:00" for i in range(len(issued))
        ]
        assert len(issued) >= 6
        local = pd.to_datetime(instants_of(rows["timestamp"], zone), unit="s", utc=True)
        peak = local.tz_convert(ZoneInfo(zone)).hour == 19
        assert (
            rows["consumption"][peak].eq(1390).all()
        )  # at 19 h of the wall clock, before and after
        assert rows["consumption"][~peak].lt(600).all()


@pytest.mark.parametrize(
    ("zone", "day", "skipped"),
    [
        ("Europe/Berlin", "2026-03-29", "02:00"),
        ("America/St_Johns", "2026-03-08", "02:00"),
        ("America/Santiago", "2026-09-06", "00:00"),
    ],
)
def test_no_forecast_is_issued_at_an_hour_that_the_clock_skips(
    zone: str, day: str, skipped: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hour after it is the first that is to come, as in a gateway's ring."""
    monkeypatch.setenv("SMARTWATTS_TIMEZONE", zone)
    write_input(tmp_path / "in.csv", zone, day, FORMS["naive"])
    after = f"{day} {int(skipped[:2]) + 1:02}:00"
    hourly = predicted(tmp_path, "--from", str(np.datetime64(day) - 1), "--every", "1h")
    assert not hourly.duplicated(["issued_at", "timestamp"]).any()
    assert hourly["issued_at"].value_counts()[after] == 48
    daily = predicted(tmp_path, "--from", after, "--every", "24h")
    assert set(daily["issued_at"].str[11:]) == {after[11:]} and daily["issued_at"].nunique() == 3
    lines = (tmp_path / "in.csv").read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith(after))
    (tmp_path / "in.csv").write_text("\n".join(lines[:first]))
    at_the_end = predicted(tmp_path)
    assert at_the_end["issued_at"].unique().tolist() == [after] and len(at_the_end) == 48
    pd.testing.assert_frame_equal(at_the_end, predicted(tmp_path, "--to", after))


def test_homes_of_several_clocks_are_each_on_their_own(tmp_path: Path) -> None:
    for zone, name in (("Europe/Berlin", "a"), ("Asia/Kolkata", "b")):
        write_input(tmp_path / "in.csv", zone, "2026-10-25", FORMS["naive"])
        text = (tmp_path / "in.csv").read_text().replace("home1", name)
        (tmp_path / "both").mkdir(exist_ok=True)
        (tmp_path / "both" / f"{name}.csv").write_text(text)
    (tmp_path / "in.csv").unlink()
    (tmp_path / "both").rename(tmp_path / "in.csv")
    config = tmp_path / "smartwatts.toml"
    config.write_text(
        '[[smartwatts.sources]]\nmatch = "a.csv"\ntimezone = "Europe/Berlin"\n'
        '[[smartwatts.sources]]\nmatch = "b.csv"\ntimezone = "Asia/Kolkata"\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMARTWATTS_CONFIG", str(config))
        rows = predicted(tmp_path, "--from", "2026-10-25", "--to", "2026-10-25")
    first = rows.groupby("device_id")["timestamp"].first().tolist()
    assert first == ["2026-10-25T00:00:00+02:00", "2026-10-25T00:00:00+05:30"]


def test_between_the_two_times_of_an_hour_the_forecast_begins_with_that_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not over yet, as on a gateway."""
    monkeypatch.setenv("SMARTWATTS_TIMEZONE", "Europe/Berlin")
    write_input(tmp_path / "in.csv", "Europe/Berlin", "2026-10-25", FORMS["offset"])
    lines = (tmp_path / "in.csv").read_text().splitlines()
    last = next(i for i, line in enumerate(lines) if line.startswith("2026-10-25T02:30:00+0200"))
    (tmp_path / "in.csv").write_text("\n".join(lines[: last + 1]))
    rows = predicted(tmp_path)
    assert rows["issued_at"].unique().tolist() == ["2026-10-25T02:00:00+0200"]
    assert rows["timestamp"].tolist()[:3] == [
        "2026-10-25T02:00:00+0200",
        "2026-10-25T02:00:00+0100",
        "2026-10-25T03:00:00+0100",
    ]
