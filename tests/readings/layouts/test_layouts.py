"""Layouts of real tools: made-up files of each are recognised by their header and read right."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.layouts.catalog import known_layouts, layout_named, recognise
from smartwatts_ml.readings.scan import FileScan
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source

REPOSITORY = Path(__file__).parents[3]
READINGS_PAGE = REPOSITORY / "docs" / "readings.md"
KNOWN_EXPORTS = [
    path
    for layout in known_layouts()
    for path in (REPOSITORY.parent / "shared" / "exports").glob(f"{layout.name}/*.[ct]sv")
]
FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*.csv"))
SAID = {"comed": {"timezone": "America/Chicago"}}
"""What a layout's files do not say."""


def said_of(path: Path) -> dict[str, Any]:
    """What has to be said of a fixture."""
    home = {} if layout_named(path.stem).device else {"device": "home1"}
    return SAID.get(path.stem, {}) | home


@pytest.mark.parametrize("layout", known_layouts(), ids=lambda layout: layout.name)
def test_a_layout_is_recognised_by_its_columns_alone_in_any_order(layout) -> None:  # type: ignore[no-untyped-def]
    names = [column.replace("*", "x").replace("?", "A") for column in layout.columns]
    recognised = recognise(["Other", *reversed(names)])
    assert recognised is not None
    assert recognised.name == layout.name


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_file_of_a_layout_gives_the_power_that_it_says(path: Path) -> None:
    stated = said_of(path)
    expected = json.loads(path.with_suffix(".json").read_text())
    with FileReadings([path], Settings(sources=[Source(**stated)])) as readings:
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


@pytest.mark.parametrize("path", [*FIXTURES, *KNOWN_EXPORTS], ids=lambda path: path.stem)
def test_nothing_has_to_be_said_of_a_file_but_what_its_layout_needs(path: Path) -> None:
    layout = layout_named(path.stem if path in FIXTURES else path.parent.name)
    scan = FileScan(path, path.name, Source())
    if "unit" in layout.needs:
        with pytest.raises(BadInputError, match="nobody says the unit"):
            list(scan)
        return
    names = {name for block in scan for parsed in block.rows for name in parsed.names}
    assert scan.interpretation.mapping.layout == layout.name
    assert scan.interpretation.unsaid == set(layout.needs) - {"mains"}
    assert "mains" in layout.needs or any("/mains" in name for name in names)


ODD_FILE, ODD_SOURCE = re.findall(
    r"^```(?:toml)?\n(.*?)^```$",
    READINGS_PAGE.read_text().partition("### A file of your own")[2].partition("###")[0],
    re.MULTILINE | re.DOTALL,
)


def test_the_file_of_your_own_that_the_page_shows_is_read_as_it_says(tmp_path: Path) -> None:
    path = tmp_path / "landing" / "attic" / "2026-03.csv"
    path.parent.mkdir(parents=True)
    path.write_text(ODD_FILE)
    with FileReadings([path], Settings(**tomllib.loads(ODD_SOURCE)["smartwatts"])) as readings:
        devices = readings.read_devices("attic")
    assert devices.keys() == {"mains", "heat_pump"}
    assert devices["mains"].values.tolist() == pytest.approx([500, -120])
    assert devices["heat_pump"].values.tolist() == pytest.approx([200, 0])
    for device in devices.values():
        instants = [datetime.fromtimestamp(s / 1e6, UTC).isoformat() for s in device.stamps]
        assert instants == ["2026-03-13T23:00:00+00:00", "2026-03-13T23:15:00+00:00"]
