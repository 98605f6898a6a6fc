"""Sensors that write when their value changes are known by their rows; meters are never."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from smartwatts_ml.readings.file_lines import file_lines
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.scan import FileScan
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source

DATA = Path(__file__).parents[4] / "shared" / "data"
HEADER = "timestamp,consumption,device_id"
FIRST = np.datetime64("2026-05-01T00:00:00")
ROWS = 400
rng = np.random.default_rng(7)


def uneven(sigma: float = 1.5, count: int = ROWS) -> np.ndarray:
    """Seconds of gaps between changes."""
    return np.maximum(1, rng.lognormal(3, sigma, count)).astype(int)


def lines(gaps: np.ndarray, values: np.ndarray, device: str = "home1") -> list[str]:
    stamps = FIRST + np.cumsum(gaps)
    return [f"{s}Z,{v},{device}" for s, v in zip(stamps, values, strict=True)]


def changing(count: int = ROWS) -> np.ndarray:
    """Values of which none is the one before."""
    return np.round(200 + np.cumsum(rng.integers(1, 90, count)) % 700, 1)


def is_held(tmp_path: Path, *rows: str, **said: object) -> bool:
    path = tmp_path / "a.csv"
    path.write_text("\n".join([HEADER, *rows, ""]))
    scan = FileScan(path, path.name, Source(**said))  # type: ignore[arg-type]
    measures = {parsed.measure for block in scan for parsed in block.rows}
    return any(measure.held for measure in measures)


@pytest.mark.parametrize("sigma", [1.2, 1.5, 2.0])
def test_uneven_rows_of_which_none_repeats_hold_until_the_next(
    tmp_path: Path, sigma: float
) -> None:
    rows = lines(uneven(sigma), changing())
    assert is_held(tmp_path, *rows)
    assert not is_held(tmp_path, *rows, held=False)
    with FileReadings([tmp_path / "a.csv"], Settings()) as readings:
        device = readings.read_devices("home1")["mains"]
        assert np.array_equal(device.ends[:-1], device.stamps[1:])
        told = file_lines(readings.report.files, Settings())[0]
    assert "it writes on change" in told and "held = false" in told


def of_a_meter() -> dict[str, list[str]]:
    """Rows of meters that are read at their own pace, and of sensors in doubt."""
    off = np.full(ROWS, 7)
    off[[50, 120, 121, 300]] = [900, 4000, 60, 20_000]
    jitter = 60 + rng.integers(-12, 12, ROWS)
    lost = 6 * rng.geometric(0.6, ROWS)
    changed = np.repeat([10, 900], [ROWS // 2, ROWS // 2])
    repeating = np.repeat(changing(ROWS // 2), 2)
    values = changing()
    return {
        "with outages": lines(off, values),
        "with jitter": lines(jitter, values),
        "with lost rows": lines(lost, values),
        "that changes its spacing": lines(changed, values),
        "that repeats values": lines(uneven(), repeating),
        "of few rows": lines(uneven()[:40], values[:40]),
        "beside a sensor": [*lines(uneven(), values), *lines(jitter, values, "home2")],
    }


@pytest.mark.parametrize("name", of_a_meter())
def test_a_meter_is_not_taken_for_a_sensor(tmp_path: Path, name: str) -> None:
    assert not is_held(tmp_path, *of_a_meter()[name])


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
def test_no_real_home_is_taken_for_a_sensor() -> None:
    for folder in ("nilm_refit2", "nilm_ukdale2", "load_ukdale1", "load_fontana17"):
        for path in sorted((DATA / folder).glob("*.csv.gz"))[:3]:
            first = next(iter(FileScan(path, path.name, Source())), None)
            assert first is None or not any(parsed.measure.held for parsed in first.rows)
