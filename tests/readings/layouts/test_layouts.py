"""Layouts of real tools: made-up files of each are recognised by their header and read right."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.layouts.catalog import known_layouts, recognise
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*.csv"))
TIMEZONES = {"comed": "America/Chicago"}
"""What no file of a layout says."""
NAMELESS = {"emporia_vue", "tesla", "bc_hydro", "netz_noe", "linz_netz", "comed", "n3rgy"}
"""Layouts whose files do not say the home."""


@pytest.mark.parametrize("layout", known_layouts(), ids=lambda layout: layout.name)
def test_a_layout_is_recognised_by_its_columns_alone_in_any_order(layout) -> None:  # type: ignore[no-untyped-def]
    names = [column.replace("*", "x").replace("?", "A") for column in layout.columns]
    recognised = recognise(["Other", *reversed(names)])
    assert recognised is not None
    assert recognised.name == layout.name


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_file_of_a_layout_gives_the_power_that_it_says(path: Path) -> None:
    source = {"timezone": TIMEZONES.get(path.stem)}
    if path.stem in NAMELESS:
        source["device"] = "home1"
    stated = {field: value for field, value in source.items() if value}
    expected = json.loads(path.with_suffix(".json").read_text())
    with FileReadings([path], Settings(sources=[Source(**stated)])) as readings:  # type: ignore[arg-type]
        actual = {
            f"{span.site}/{channel}": device
            for span in readings.spans()
            for channel, device in readings.read_devices(span.site).items()
        }
        assert actual.keys() == expected.keys()
        for name, rows in expected.items():
            instants = [datetime.fromtimestamp(s / 1e6, UTC) for s in actual[name].stamps]
            assert [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in instants] == [at for at, _ in rows]
            assert actual[name].values == pytest.approx([watts for _, watts in rows], abs=0.05)
