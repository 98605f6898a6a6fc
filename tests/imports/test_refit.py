"""REFIT's files, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from smartwatts_ml.errors import BadInputError, UsageError
from smartwatts_ml.imports.labels import Labels
from smartwatts_ml.imports.refit_labels import LABELS
from tests.imports.sets import (
    START,
    contents,
    make_refit,
    read_rows,
    refit_line,
    refit_lines,
    run,
)

NINE = (1, 2, 3, 4, 5, 6, 7, 8, 9)


def test_a_clean_house_becomes_its_named_channels(tmp_path: Path) -> None:
    make_refit(tmp_path / "in" / "CLEAN_House2.csv", refit_lines(100))
    report = run("refit", tmp_path / "in", tmp_path / "out")
    rows = read_rows(tmp_path / "out")
    names = "mains fridge washing_machine dishwasher television microwave toaster hi_fi kettle"
    names += " oven_extractor_fan"
    assert list(rows) == [f"refit_house2/{name}" for name in names.split()]
    assert rows["refit_house2/mains"][:2] == [
        ("2014-03-01T00:00:00Z", 400.0),
        ("2014-03-01T00:00:08Z", 401.0),
    ]
    assert rows["refit_house2/kettle"][0][1] == 7.0
    assert report.written == 1000


def test_a_raw_house_needs_no_header(tmp_path: Path) -> None:
    lines = [refit_line(START + i * 8, 400, NINE) for i in range(10)]
    make_refit(tmp_path / "House_3.csv", lines, header="")
    report = run("refit", tmp_path / "House_3.csv", tmp_path / "out")
    assert report.houses[0].files[0].header == 0
    assert read_rows(tmp_path / "out")["refit_house3/kettle"][0][1] == 9.0


def test_the_clean_file_of_a_house_wins_over_its_raw_one(tmp_path: Path) -> None:
    make_refit(tmp_path / "in" / "CLEAN_House2.csv", refit_lines(10))
    make_refit(tmp_path / "in" / "House_2.csv", refit_lines(99))
    assert run("refit", tmp_path / "in", tmp_path / "out").written == 100


def test_every_house_that_refit_publishes_has_nine_labels() -> None:
    assert sorted(LABELS) == [*range(1, 14), *range(15, 22)]
    assert {len(labels) for labels in LABELS.values()} == {9}


def test_bad_lines_are_named_and_cost_only_themselves(tmp_path: Path) -> None:
    lines = refit_lines(20)
    lines[3] = lines[3].replace(",403,", ",4o3,")
    lines[5] = "2014-03-01 00:00:40,1393632040,4"
    lines[7] = ""
    lines[9] = lines[9].replace(str(START + 72), "72")
    make_refit(tmp_path / "CLEAN_House2.csv", lines)
    report = run("refit", tmp_path, tmp_path / "out")
    file = report.houses[0].files[0]
    assert (file.lines, file.header, file.blank, file.bad, file.used) == (21, 1, 1, 3, 16)
    assert [example.rpartition("CLEAN_House2.csv:")[2] for example in file.examples] == [
        "5: Aggregate '4o3' is not a number",
        "7: 3 columns instead of 13: '2014-03-01 00:00:40,1393632040,4'",
        "11: stamp '72' is not in seconds since 1970",
    ]


def test_an_empty_cell_costs_one_channel_alone(tmp_path: Path) -> None:
    lines = [refit_line(START + i * 8, 400, NINE, 0) for i in range(4)]
    lines[1] = lines[1].replace(",400,", ",,")
    lines[2] = lines[2].replace(",400,", ",nan,")
    make_refit(tmp_path / "CLEAN_House2.csv", lines)
    mains, fridge = run("refit", tmp_path, tmp_path / "out").houses[0].channels[:2]
    assert (mains.missing, mains.written) == (2, 2)
    assert (fridge.missing, fridge.written) == (0, 4)


def test_of_a_repeated_stamp_the_last_reading_counts(tmp_path: Path) -> None:
    lines = [refit_line(at, watts, NINE, 0) for at, watts in ((START, 1), (START, 2))]
    make_refit(tmp_path / "CLEAN_House2.csv", lines)
    report = run("refit", tmp_path, tmp_path / "out")
    assert read_rows(tmp_path / "out")["refit_house2/mains"][0][1] == 2.0
    assert report.houses[0].channels[0].duplicate == 1


def test_flagged_mains_are_kept_and_told_or_left_out_on_demand(tmp_path: Path) -> None:
    make_refit(tmp_path / "CLEAN_House2.csv", refit_lines(100, issue_each=10))
    kept = run("refit", tmp_path, tmp_path / "kept")
    dropped = run("refit", tmp_path, tmp_path / "dropped", drop_flagged=True)
    assert "10 mains readings are below" in " ".join(kept.houses[0].notes)
    assert kept.written == 1000
    assert dropped.written == 990
    assert dropped.houses[0].channels[0].flagged == 10


def test_unused_columns_are_left_out_and_rooms_told_apart(tmp_path: Path) -> None:
    make_refit(tmp_path / "CLEAN_House12.csv", refit_lines(5))
    channels = run("refit", tmp_path, tmp_path / "out").houses[0].channels
    assert [c.name for c in channels] == (
        [
            "mains",
            "fridge",
            "television_site",
            "microwave",
            "kettle",
            "toaster",
            "television_site_2",
        ]
    )


def test_labels_of_ones_own_win(tmp_path: Path) -> None:
    make_refit(tmp_path / "CLEAN_House2.csv", refit_lines(5))
    labels = tmp_path / "labels.csv"
    labels.write_text("house,source,label\n2,Appliance9,Heat Pump\n2,Appliance7,\n")
    report = run("refit", tmp_path / "CLEAN_House2.csv", tmp_path / "o", labels=Labels.read(labels))
    names = [c.name for c in report.houses[0].channels]
    assert "heat_pump" in names
    assert "hi_fi" not in names
    labels.write_text("house,source,label\n2,Appliance10,x\n")
    with pytest.raises(BadInputError, match=r"house 2 has no Appliance10"):
        run("refit", tmp_path / "CLEAN_House2.csv", tmp_path / "p", labels=Labels.read(labels))


@pytest.mark.parametrize("text", ["", "a,b\n", "house,source,label\nx,y,z\n"])
def test_a_file_of_labels_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(BadInputError, match=r"labels.csv:"):
        Labels.read(path)


def test_months_are_files_and_a_second_import_changes_nothing(tmp_path: Path) -> None:
    lines = refit_lines(2000, period_s=3600)
    make_refit(tmp_path / "in" / "CLEAN_House2.csv", lines)
    run("refit", tmp_path / "in", tmp_path / "out")
    first = contents(tmp_path / "out")
    assert sorted(first) == [f"refit_house2/2014-0{month}.csv.gz" for month in (3, 4, 5)]
    run("refit", tmp_path / "in", tmp_path / "out")
    assert contents(tmp_path / "out") == first
    with pytest.raises(UsageError, match=r"holds other readings"):
        run("refit", tmp_path / "in", tmp_path / "out", period_s=7200)
    assert contents(tmp_path / "out") == first


def test_an_import_that_fails_leaves_no_file(tmp_path: Path) -> None:
    make_refit(tmp_path / "in" / "CLEAN_House2.csv", refit_lines(100))
    with pytest.raises(UsageError, match=r"give --period 8 or more"):
        run("refit", tmp_path / "in", tmp_path / "out", period_s=2)
    assert contents(tmp_path / "out") == {}


def test_what_is_not_refit_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInputError, match=r"CLEAN_House<N>.csv"):
        run("refit", tmp_path / "empty", tmp_path / "out")
    (tmp_path / "empty" / "CLEAN_REFIT_081116.7z").touch()
    with pytest.raises(BadInputError, match=r"unpack CLEAN_REFIT_081116\.7z first"):
        run("refit", tmp_path / "empty", tmp_path / "out")
    with pytest.raises(BadInputError, match=r"no file or folder"):
        run("refit", tmp_path / "nowhere", tmp_path / "out")
    make_refit(tmp_path / "CLEAN_House2.csv", [], header="a,b,c")
    with pytest.raises(BadInputError, match=r"CLEAN_House2.csv:1: not a file of REFIT"):
        run("refit", tmp_path / "CLEAN_House2.csv", tmp_path / "out")
    make_refit(tmp_path / "CLEAN_House2.csv", ["x"])
    with pytest.raises(BadInputError, match=r"no usable reading .*CLEAN_House2.csv:2: 1 columns"):
        run("refit", tmp_path / "CLEAN_House2.csv", tmp_path / "out")
    make_refit(tmp_path / "CLEAN_House2.csv", refit_lines(5))
    with pytest.raises(UsageError, match=r"no house 7, 14"):
        run("refit", tmp_path / "CLEAN_House2.csv", tmp_path / "out", houses=(2, 14, 7))
