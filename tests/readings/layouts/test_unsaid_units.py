"""Where a name says energy and nobody says the unit, W is no answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source

START = datetime(2026, 1, 5)
INTERVALS = [100, 130, 90, 110, 95, 120]
TOTALS = [100, 130, 160, 190, 220, 250]


def written(folder: Path, header: str, values: Sequence[float], register: str = "") -> Path:
    end = f",{register}" if register else ""
    rows = [
        f"{START + timedelta(hours=i):%Y-%m-%dT%H:%M:%SZ},{v}{end}" for i, v in enumerate(values)
    ]
    path = folder / "home1.csv"
    path.write_text("\n".join([header, *rows, ""]))
    return path


def read(path: Path, **said: object) -> dict[str, list[float]]:
    with FileReadings([path], Settings(sources=[Source(**said)])) as readings:  # type: ignore[arg-type]
        return {
            f"{span.site}/{channel}": device.values.tolist()
            for span in readings.spans()
            for channel, device in readings.read_devices(span.site).items()
        }


@pytest.mark.parametrize("name", ["Energy", "Energie", "energy_consumption", "Energía activa"])
@pytest.mark.parametrize(
    ("values", "first"), [(INTERVALS, 'unit = "kWh"'), (TOTALS, 'unit = "kWh-counter"')]
)
def test_a_column_of_energy_is_asked_about(
    tmp_path: Path, name: str, values: list[float], first: str
) -> None:
    path = written(tmp_path, f"Time,{name}", values)
    with pytest.raises(BadInputError, match=f"nobody says the unit of {name}") as asked:
        read(path)
    assert asked.value.settle[0].startswith(first)
    assert read(path, unit="Wh")["home1/mains"] == values


@pytest.mark.parametrize("register", ["sensor.fridge_energy", "sensor.fridge_kwh"])
def test_so_is_a_register(tmp_path: Path, register: str) -> None:
    path = written(tmp_path, "last_changed,state,entity_id", TOTALS, register)
    with pytest.raises(BadInputError, match=f"nobody says the unit of {register}"):
        read(path)
    said = read(path, unit={register: "Wh-counter"})
    assert [values for values in said.values()] == [[30.0] * 5]


def test_a_register_may_say_that_it_is_in_kilowatts(tmp_path: Path) -> None:
    path = written(tmp_path, "last_changed,state,entity_id", [0.1, 0.3, 0.2], "sensor.fridge_kw")
    assert [*read(path).values()] == [pytest.approx([100, 300])]  # it holds until the next


@pytest.mark.parametrize("name", ["power", "Energy power", "Energy (Wh)", "consumption"])
def test_other_columns_are_not(tmp_path: Path, name: str) -> None:
    assert read(written(tmp_path, f"Time,{name}", INTERVALS))["home1/mains"] == INTERVALS
