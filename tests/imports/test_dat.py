"""The folders of REDD and UK-DALE, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from smartwatts_ml.errors import BadInputError
from tests.imports.sets import START, make_house, read_rows, run, series


def test_redd_sums_legs_and_tells_other_repeats_apart(tmp_path: Path) -> None:
    labels = {1: "mains", 2: "mains", 3: "oven", 4: "oven", 5: "refrigerator", 6: "dishwaser"}
    labels |= {7: "kitchen_outlets", 8: "kitchen_outlets"}
    channels = {k: series(20, 100 * k, 1 if k < 3 else 3) for k in labels}
    make_house(tmp_path / "low_freq", 1, labels, channels)
    report = run("redd", tmp_path / "low_freq", tmp_path / "out")
    rows = read_rows(tmp_path / "out")
    names = ["mains", "oven", "fridge", "dishwasher", "kitchen_outlets", "kitchen_outlets_2"]
    assert list(rows) == [f"redd_house1/{name}" for name in names]
    assert rows["redd_house1/mains"][1] == ("2014-03-01T00:00:01Z", 302.0)
    assert rows["redd_house1/oven"][0][1] == 700.0
    assert [c.power for c in report.houses[0].channels[:2]] == ["apparent", "active"]
    assert "oven is the sum of channel_3 and channel_4" in report.houses[0].notes


def test_a_leg_without_the_other_is_no_mains(tmp_path: Path) -> None:
    one, two = series(100, 100, 1), series(100, 200, 1)
    del two[30:40], one[90:]
    make_house(tmp_path, 1, {1: "mains", 2: "mains"}, {1: one, 2: two})
    mains = run("redd", tmp_path, tmp_path / "out").houses[0].channels[0]
    assert (mains.taken, mains.written, mains.unpaired, mains.used) == (180, 80, 20, 160)


@pytest.mark.parametrize("lost", [1, 2])
def test_mains_whose_other_leg_has_no_file_is_named_so(tmp_path: Path, lost: int) -> None:
    labels = {1: "mains", 2: "mains", 3: "oven", 4: "oven", 5: "kitchen_outlets"}
    channels = {k: series(20, 100 * k, 1) for k in labels if k not in (lost, 4)}
    make_house(tmp_path, 1, labels, channels)
    report = run("redd", tmp_path, tmp_path / "out")
    alone = f"mains_{3 - lost}_of_2"
    names = [alone, "oven_1_of_2", "kitchen_outlets"]
    assert list(read_rows(tmp_path / "out")) == [f"redd_house1/{name}" for name in names]
    notes = report.houses[0].notes
    other = f"channel_{3 - lost}"
    assert f"channel_{lost} of mains is not there: {other} alone is no mains, but {alone}" in notes


def test_houses_are_there_in_any_case_and_below_folders_that_hold_them(tmp_path: Path) -> None:
    for number in (1, 2):
        make_house(tmp_path / "x", number, {1: "aggregate"}, {1: series(5, 1)})
    (tmp_path / "sets" / "dale").mkdir(parents=True)
    (tmp_path / "x" / "house_1").rename(tmp_path / "sets" / "dale" / "House_1")
    (tmp_path / "x" / "house_2").rename(tmp_path / "sets" / "dale" / "HOUSE_2")
    lower = tmp_path / "sets" / "dale" / "HOUSE_2" / "labels.dat"
    lower.rename(lower.with_name("LABELS.DAT"))
    (tmp_path / "sets" / "high_freq" / "house_1").mkdir(parents=True)
    for path in (tmp_path, tmp_path / "sets", tmp_path / "sets" / "dale"):
        assert [house.number for house in run("ukdale", path, tmp_path / "out").houses] == [1, 2]


def test_a_house_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    for name in ("redd", "dale"):
        make_house(tmp_path / name, 1, {1: "aggregate"}, {1: series(5, 1)})
    with pytest.raises(BadInputError, match=r"house 1 is there 2 times: .*dale/house_1, .*redd"):
        run("ukdale", tmp_path, tmp_path / "out")


def test_ukdale_takes_active_mains_where_they_are(tmp_path: Path) -> None:
    labels = {1: "aggregate", 2: "kettle", 12: "fridge_freezer"}
    channels = {k: series(30, 10 * k) for k in labels}
    fast = [(START + i + 0.4, 230.0 + i, 260.0, 241.5) for i in range(5)]
    make_house(tmp_path, 1, labels, channels, fast)
    make_house(tmp_path, 3, labels, channels)
    (tmp_path / "house_1" / "channel_2_button_press.dat").write_text("1 1\n")
    report = run("ukdale", tmp_path, tmp_path / "out")
    rows = read_rows(tmp_path / "out")
    assert rows["ukdale_house1/mains"][0] == ("2014-03-01T00:00:00.400000Z", 230.0)
    assert len(rows["ukdale_house1/mains"]) == 5
    assert len(rows["ukdale_house3/mains"]) == 30
    assert list(rows)[-3:] == [f"ukdale_house3/{c}" for c in ("mains", "kettle", "fridge")]
    assert [house.channels[0].power for house in report.houses] == ["active", "apparent"]
    assert report.houses[0].notes == [
        "channel_1 (aggregate, apparent) is left out for mains.dat (active)"
    ]


def test_one_house_can_be_given_or_chosen(tmp_path: Path) -> None:
    for number in (1, 2):
        make_house(tmp_path, number, {1: "aggregate"}, {1: series(5, 1)})
    assert run("ukdale", tmp_path / "house_2", tmp_path / "a").houses[0].number == 2
    assert len(run("ukdale", tmp_path, tmp_path / "b", houses=(2,)).houses) == 1


def test_damaged_channels_are_accounted_for_line_by_line(tmp_path: Path) -> None:
    folder = make_house(tmp_path, 1, {1: "aggregate"}, {1: series(10, 1)})
    path = folder / "channel_1.dat"
    good = path.read_text()
    path.write_bytes(good.encode() + b"\r\n\x00\x01 5\n1393632100\n1393632106  7\r\n13936")
    file = run("ukdale", tmp_path, tmp_path / "out").houses[0].files[0]
    assert (file.lines, file.blank, file.bad, file.used) == (15, 1, 3, 11)
    assert file.examples[-1].endswith("channel_1.dat:15: 1 columns instead of 2: '13936'")


def test_folders_of_another_layout_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no house of UK-DALE .*house_1, house_2"):
        run("ukdale", tmp_path, tmp_path / "out")
    folder = make_house(tmp_path, 1, {1: "aggregate"}, {})
    with pytest.raises(BadInputError, match=r"house_1 holds no channel_<k>.dat"):
        run("ukdale", tmp_path, tmp_path / "out")
    (folder / "channel_1.dat").touch()
    with pytest.raises(BadInputError, match=r"its files are empty"):
        run("ukdale", tmp_path, tmp_path / "out")
    (folder / "labels.dat").write_text("one aggregate\n")
    with pytest.raises(BadInputError, match=r"labels.dat:1: 'one aggregate' is no label"):
        run("redd", tmp_path, tmp_path / "out")
    (folder / "labels.dat").unlink()
    with pytest.raises(BadInputError, match=r"house_1 has no labels.dat"):
        run("redd", tmp_path, tmp_path / "out")
