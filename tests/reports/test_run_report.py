"""What a run's report shows, from a stored decision."""

from __future__ import annotations

import re

import pytest

from smartwatts_ml.gate import Outcome, Part
from smartwatts_ml.judging.record import StoredDecision
from smartwatts_ml.kinds import find_model
from smartwatts_ml.kinds.charts import Band, Line, Panel
from smartwatts_ml.reports.parts_table import part_rows
from smartwatts_ml.reports.run_tables import metric_rows
from smartwatts_ml.reports.svg import panel

NILM, _ = find_model("nilm")
DECISION = StoredDecision(
    model="nilm",
    accepted=False,
    outcome=Outcome.SLICE,
    summary="nilm kept: worse in kettle",
    reasons=("failed: kettle",),
    holdout_digest="d",
    metrics={
        "challenger": {"mae_w": 20.0, "f1": 0.7, "odd": float("nan")},
        "champion": {"mae_w": 22.0, "f1": 0.8, "odd": float("nan")},
        "baseline": {"mae_w": 40.0, "f1": 0.4},
    },
    slices={
        "challenger": {"channel kettle": {"f1": 0.6}, "site a": {"f1": 0.1}},
        "champion": {"channel kettle": {"f1": 0.8}},
    },
    parts=(Part("fridge", True, "F1 0.6", True), Part("oven", False, "F1 0 against 0.1", False)),
)


def test_where_the_challenger_loses_is_marked_and_every_metric_has_its_unit() -> None:
    table = metric_rows(NILM, DECISION)
    rows = {row["label"]: row for row in table["rows"]}
    assert rows["F1"]["loses"] == ["champion"]
    assert rows["MAE"]["loses"] == [] and rows["odd"]["loses"] == []
    assert rows["MAE"]["cells"][0]["value"] == "20 W"
    assert [row["label"] for row in table["rows"]][:2] == ["F1", "MAE"], "what decides comes first"
    assert {one.label for one in table["glossary"]} == {"F1", "MAE"}


def test_every_part_has_a_row_those_left_out_first_then_those_that_are_worse() -> None:
    table = part_rows(NILM, DECISION)
    assert [row["name"] for row in table["part_rows"]] == ["oven", "kettle", "fridge"]
    oven, kettle, fridge = table["part_rows"]
    assert (oven["in_file"], fridge["in_file"]) == ("left out", "yes")
    assert (kettle["challenger"], kettle["champion"]) == ("0.6", "0.8")
    assert kettle["better"] is False and kettle["change"] == "▼ 25 %"
    assert table["part_metric"] == "F1"


def heights(svg: str, of: str) -> list[float]:
    path = re.search(rf'class="line {of}" d="(.*?)"', svg)
    assert path
    return [float(point.split()[1]) for point in re.split("[ML]", path[1])[1:]]


@pytest.mark.parametrize("absurd", [1e6, -1e6])
def test_one_absurd_value_flattens_no_axis_and_is_told(absurd: float) -> None:
    truth = [100.0, 400.0, 200.0, 300.0]
    predicted = Line("P50", "challenger", [120.0, absurd, 210.0, 290.0])
    band = Band("P10–P90", "challenger", [50.0] * 4, [450.0, absurd, 450.0, 450.0])
    lines = (Line("true", "truth", truth), predicted)
    svg = panel(Panel("week", "hours", "W", [0.0, 1.0, 2.0, 3.0], lines, (band,)))
    drawn = heights(svg, "truth")
    assert max(drawn) - min(drawn) > 60, "the truth fills its picture"
    assert all(0 <= y <= 200 for y in heights(svg, "challenger"))
    assert ("↑ 1000k" if absurd > 0 else "↓ −1000k") in svg
