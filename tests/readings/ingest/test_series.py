"""Devices that are too large for memory: cut in time, each piece with what is next to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from smartwatts_ml.readings.columns import BUCKETS
from smartwatts_ml.readings.ingest import series, writing
from smartwatts_ml.readings.ingest.series import series_groups
from smartwatts_ml.readings.ingest.spill import CONTEXT, Rows, Spill
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source, Unit
from tests.readings.ingest.landing import HEADER
from tests.readings.test_one_reader import check

HOUR = 3_600_000_000


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory for some hundred rows."""
    monkeypatch.setattr(series, "_ROWS_TOGETHER", 512)
    monkeypatch.setattr(series, "_ROWS_A_GROUP", 256)
    monkeypatch.setattr(series, "_ROWS_OF_CONTEXT", 64)
    monkeypatch.setattr(series, "_SAMPLE", 4)
    monkeypatch.setattr(writing, "_ROWS_A_PART", 800)


def spilled(folder: Path, devices: np.ndarray, stamps: np.ndarray) -> Spill:
    spill = Spill(folder / "rows")
    rows = Rows(
        stamps=stamps,
        values=np.arange(len(stamps), dtype=np.float64),
        devices=devices.astype(np.int32),
        labels=np.zeros(len(stamps), np.uint8),
        streams=np.zeros(len(stamps), np.int32),
    )
    month = stamps // (720 * HOUR)
    spill.add(month * BUCKETS + devices % BUCKETS, rows)
    return spill


def groups_of(spill: Spill, devices: int, folder: Path) -> Iterator[Rows]:
    for groups in series_groups(spill, np.arange(devices), folder):
        for group in groups:
            yield Rows.join([Rows.none(), *group.pieces()])


@pytest.mark.usefixtures("small")
def test_each_row_is_in_one_group_with_all_of_its_device_or_what_is_next_to_it(
    tmp_path: Path,
) -> None:
    chance = np.random.default_rng(3)
    devices = np.concatenate([np.full(3000, 8), chance.integers(0, 40, 2000)])
    stamps = chance.integers(0, 5000, 5000) * HOUR
    spill = spilled(tmp_path, devices, stamps)
    seen = np.zeros(5000, np.int64)
    for rows in groups_of(spill, 40, tmp_path):
        own = (rows.labels & CONTEXT) == 0
        assert len(rows) <= 512 + 40 * 100
        places = rows.values.astype(np.int64)
        np.add.at(seen, places[own], 1)
        for device in np.unique(rows.devices).tolist():
            all_stamps = np.sort(stamps[devices == device])
            of_device = np.sort(rows.stamps[rows.devices == device])
            first, end = np.searchsorted(all_stamps, [of_device[0], of_device[-1] + 1])
            assert np.array_equal(of_device, all_stamps[first:end])  # without a gap
            chosen = own & (rows.devices == device)
            if chosen.any():
                before = all_stamps[all_stamps < rows.stamps[chosen].min()]
                after = all_stamps[all_stamps > rows.stamps[chosen].max()]
                assert min(len(before), 32) <= np.count_nonzero(
                    of_device < rows.stamps[chosen].min()
                )
                assert min(len(after), 32) <= np.count_nonzero(
                    of_device > rows.stamps[chosen].max()
                )
    assert np.all(seen == 1)
    spill.close()


@pytest.mark.slow
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("meaning", ["W", "kWh", "kWh-counter", "held", "registers"])
@pytest.mark.parametrize("ends", [False, True])
def test_cut_in_time_it_means_the_same(tmp_path: Path, meaning: str, ends: bool) -> None:
    chance = np.random.default_rng(5)
    unit: Unit = "W" if meaning in ("held", "registers") else meaning  # type: ignore[assignment]
    lines = []
    for device in range(5):
        gaps = np.repeat(chance.choice([5, 15, 30, 60], 25), 40 if device else 120)
        stamps = np.datetime64("2026-09-28T00:00", "m") + np.cumsum(gaps)
        for i, stamp in enumerate(stamps):
            names = ("in 1", "in 2", "out") if meaning == "registers" else ("in",)
            lines += [f"{stamp},{i},home{device},{name}" for name in names]
    lines = chance.permutation(lines).tolist()
    source = Source(
        unit=unit,
        timezone="UTC",
        stamp_is="end" if ends else "start",
        held=meaning == "held",
        register="register",
        channels={"in": "mains", "in *": "+mains", "out": "-mains"},
    )
    text = "\n".join([f"{HEADER},register", *lines, ""])
    check({"a.csv": text.encode()}, Settings(sources=[source]), tmp_path, native=False)
