"""Sensors that write to one file at moments of their own are no single meter."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source

START = datetime(2026, 1, 5)
Line = tuple[datetime, str, float]


def in_turn(names: Sequence[str], offset_s: float = 7) -> list[Line]:
    """Sensors that each write once a minute, one after the other."""
    levels = (1000, 60, 300)
    return [
        (START + timedelta(minutes=minute, seconds=offset_s * i), name, levels[i] + minute % 7)
        for minute in range(40)
        for i, name in enumerate(names)
    ]


def on_change(names: Sequence[str]) -> list[Line]:
    chance = random.Random(4)
    at, lines = START, []
    for i in range(120):
        at += timedelta(seconds=1 + chance.expovariate(1 / 30))
        lines.append((at, chance.choice(names), 100 + i * 0.3))
    return lines


def written(folder: Path, column: str, lines: Sequence[Line]) -> Path:
    rows = [f"{at.isoformat(timespec='milliseconds')}Z,{name},{w}" for at, name, w in lines]
    path = folder / "log.csv"
    path.write_text("\n".join([f"time,{column},W", *rows, ""]))
    return path


def read(path: Path, **said: object) -> dict[str, list[float]]:
    source = Source(**{"device": "home1", **said})  # type: ignore[arg-type]
    with FileReadings([path], Settings(sources=[source])) as readings:
        return {
            f"{span.site}/{channel}": device.values.tolist()
            for span in readings.spans()
            for channel, device in readings.read_devices(span.site).items()
        }


@pytest.mark.parametrize(
    ("column", "names"),
    [
        ("Sensor", ["main", "fridge"]),
        ("topic", ["home/grid/power", "home/fridge/power"]),
        ("Gerät", ["Haus", "Herd", "Bad"]),
        ("sn", ["1001", "1002"]),
        ("x", ["a", "b"]),
        ("phase", ["L1", "L2", "L3"]),
    ],
)
@pytest.mark.parametrize("offset_s", [7, 20, 30])
def test_sensors_that_write_in_turn_are_asked_about(
    tmp_path: Path, column: str, names: list[str], offset_s: float
) -> None:
    offset_s = offset_s if offset_s < 30 else 60 / len(names)
    path = written(tmp_path, column, in_turn(names, offset_s))
    with pytest.raises(BadInputError, match=f"lines take turns by {column}") as refused:
        read(path)
    assert refused.value.settle[0].startswith(f'register = "{column}"')


def test_so_are_sensors_that_write_on_change(tmp_path: Path) -> None:
    path = written(tmp_path, "plug", on_change(["a1", "b2"]))
    with pytest.raises(BadInputError, match="take turns by plug"):
        read(path)


def test_each_of_the_answers_is_one(tmp_path: Path) -> None:
    path = written(tmp_path, "plug", in_turn(["a1", "b2"]))
    of_home = read(path, register="plug", channels={"a1": "mains"})
    assert of_home.keys() == {"home1/mains", "home1/b2"}
    assert max(of_home["home1/b2"]) < 70 < 1000 <= min(of_home["home1/mains"])
    assert read(path, device="plug").keys() == {"a1/mains", "b2/mains"}
    assert len(read(path, channels={"plug": ""})["home1/mains"]) == 80


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        ("quality", ["A", "A", "A", "E"]),
        ("valid", ["0", "1"]),
        ("weather", ["sun", "rain", "rain", "sun", "fog"]),
        ("tariff", ["peak"] * 20 + ["off"] * 20),
        ("meter model", ["X1"] * 40 + ["X2"] * 40),
    ],
)
@pytest.mark.parametrize("jitter_s", [0, 2])
def test_attributes_of_one_meter_are_no_sensors(
    tmp_path: Path, column: str, texts: list[str], jitter_s: float
) -> None:
    chance = random.Random(5)
    lines = [
        (
            START + timedelta(minutes=i, seconds=chance.uniform(0, jitter_s)),
            texts[chance.randrange(len(texts))] if column != "meter model" else texts[i],
            300 + i % 7,
        )
        for i in range(80)
    ]
    assert len(read(written(tmp_path, column, lines))["home1/mains"]) == 80


def test_production_that_takes_turns_with_use_is_no_use(tmp_path: Path) -> None:
    path = written(tmp_path, "type", in_turn(["consumption", "generation"], 30))
    assert read(path).keys() == {"home1/mains", "home1/solar"}
