"""Charts as PNG: whatever a kind draws, with holes and several to a picture."""

from __future__ import annotations

import struct
import subprocess
import sys

import pytest

from smartwatts_ml.kinds.charts import Band, Chart, Figure, Heatmap, Line, Panel, Span
from smartwatts_ml.reports.png import png

PANEL = Panel(
    "a title",
    "hours",
    "W",
    [0.0, 1.0, 2.0],
    (Line("true", "truth", [1.0, None, 3.0]), Line("challenger", "challenger", [None] * 3)),
    (Band("P10–P90", "challenger", [0.0, None, 1.0], [2.0, 3.0, None]),),
    (Span("alert", "challenger", 0.0, 1.0), Span("anomaly", "champion", 1.0, 1.0)),
)


def size(content: bytes) -> tuple[int, int]:
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", content[16:24])
    return width, height


@pytest.mark.slow
@pytest.mark.parametrize(("counts", "across", "rows"), [([1], 1, 1), ([5], 2, 3), ([1, 3], 2, 3)])
def test_panels_stand_in_rows_below_the_heading_of_their_chart(
    counts: list[int], across: int, rows: int
) -> None:
    charts = tuple(Chart("Chart", "Read the challenger's.", (PANEL,) * n) for n in counts)
    _, height = size(png(Figure(charts, across)))
    assert height == pytest.approx(110 * (0.7 * len(counts) + 2.6 * rows), abs=3)


def test_a_heatmap_grows_with_its_rows_and_may_have_holes() -> None:
    heights = [
        size(png(Heatmap("errors", "hours ahead", ["a"] * rows, [[0.1, None, 9.0]] * rows)))[1]
        for rows in (1, 41)
    ]
    assert heights[1] - heights[0] == pytest.approx(110 * 40 * 0.22, abs=2)


def test_numbers_alone_do_not_load_matplotlib() -> None:
    code = "import sys, smartwatts_ml.reports.evaluation; print('matplotlib' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
