"""What a file was taken for is remembered; when that changes it is read again, exactly once."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner, Result

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import BadInputError, StoreError, UsageError
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.ingest import taken_for
from smartwatts_ml.readings.ingest.ingest_report import IngestReport
from smartwatts_ml.readings.ingest.workspace import Workspace
from smartwatts_ml.readings.layouts import catalog
from smartwatts_ml.readings.table.compaction import compact
from smartwatts_ml.readings.table.retention import drop_before
from smartwatts_ml.readings.table.table import ReadingsTable, open_table
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source
from smartwatts_ml.stages.ingest import ingest, reread
from tests.readings.ingest.landing import Ingester, land, minutes

WATTS = Settings()
KILOWATTS = Settings(unit="kW")
ROWS = 100


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_root(str(tmp_path / "root"))


@pytest.fixture
def any_objects(root_url: str) -> Objects:
    return open_root(root_url)


def land_three(objects: Objects) -> None:
    """Files of two months, of which two lie in the same parts; one has a bad row."""
    land(objects, "a.csv", *minutes("home1", ROWS, 100.0, "2024-01-31T23:00"), "noon,1,home1")
    land(objects, "b.csv", *minutes("home1", 5, 200.0, "2024-01-31T23:00"))
    land(objects, "c.csv", *minutes("home1", ROWS, 300.0, "2024-03-01"))
    ingest(objects, WATTS)


def mains(objects: Objects, version: int | None = None) -> list[float]:
    """What counts of home1, from the first reading on, by its minute."""
    table = open_table(objects)
    readings = table.readings(table.snapshot(version), WATTS)
    values = readings.load("home1", 60).channels["mains"]
    return [float(value) for value in values if value == value]


def rows(objects: Objects) -> int:
    """All rows of the table, superseded ones too."""
    options = objects.storage_options()
    table = DeltaTable(objects.uri("readings"), storage_options=options)
    return int(table.to_pyarrow_table().num_rows)


def expected(a: float = 1, b: float = 1, c: float = 1) -> list[float]:
    """``mains`` of the three files, times a factor each."""
    of_a = [(100.0 + i % 7) * a for i in range(ROWS)]
    of_b = [(200.0 + i) * b for i in range(5)]
    of_c = [(300.0 + i % 7) * c for i in range(ROWS)]
    return [*of_b, *of_a[5:], *of_c]


@pytest.mark.slow
def test_a_file_is_read_again_in_the_place_of_what_it_was(any_objects: Objects) -> None:
    land_three(any_objects)
    before = open_table(any_objects).snapshot()
    report = reread(any_objects, KILOWATTS, ["a.csv"])
    assert [(file.key, file.accepted) for file in report.files] == [("landing/a.csv", ROWS)]
    assert report.replaced == ROWS
    assert report.snapshot.version == before.version + 1
    assert mains(any_objects) == expected(a=1000)
    assert rows(any_objects) == report.snapshot.rows == before.rows
    assert mains(any_objects, before.version) == expected()
    assert open_table(any_objects).arrived() == before.arrived + ROWS


def test_ingest_says_which_files_would_be_something_else_today(objects: Objects) -> None:
    land_three(objects)
    land(
        objects, "d.csv", *minutes("home2", 5, 100.0), header="timestamp,consumption [W],device_id"
    )
    ingest(objects, WATTS)
    berlin = Settings(sources=[Source(match="c*", timezone="Europe/Berlin")])
    (outdated,) = ingest(objects, berlin).outdated
    assert (outdated.key, outdated.changed) == ("landing/c.csv", ("timezone",))
    assert "unit W, timezone UTC" in str(outdated)
    names = {file.key[8:]: file.changed for file in ingest(objects, KILOWATTS).outdated}
    assert names == dict.fromkeys(("a.csv", "b.csv", "c.csv"), ("unit",))
    assert not ingest(objects, WATTS).outdated
    report = reread(objects, KILOWATTS, [], outdated=True)
    assert (len(report.files), report.replaced, report.outdated) == (3, 2 * ROWS + 5, ())
    assert not ingest(objects, KILOWATTS).outdated
    assert mains(objects) == expected(1000, 1000, 1000)


def test_a_layout_that_changes_makes_its_files_outdated(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_three(objects)

    def made(unit: str) -> catalog.KnownLayout:
        columns = ("timestamp", "device_id")
        return catalog.KnownLayout(name="made", title="Made", columns=columns, unit=unit)

    known = catalog.known_layouts()
    layouts = (*known, made("kW"))
    for module in (catalog, taken_for):
        monkeypatch.setattr(module, "known_layouts", lambda: layouts)
    assert {file.changed for file in ingest(objects, WATTS).outdated} == {("layout",)}
    reread(objects, WATTS, [], outdated=True)
    assert not ingest(objects, WATTS).outdated
    layouts = (*known, made("W"))
    (first, *_) = ingest(objects, WATTS).outdated
    assert (first.taken_for.layout, first.changed) == ("made", ("layout",))


def test_what_files_were_taken_for_outlives_the_ledger(objects: Objects) -> None:
    land_three(objects)
    reread(objects, KILOWATTS, ["b.csv"])
    ledger = Path(objects.url) / "state" / "ingest.json"
    for damage in ("", "[" * 100_000, '{"schema":2}'):
        ledger.write_text(damage)
        report = ingest(objects, WATTS)
        assert [file.reason for file in report.files] == ["same content as before"] * 3
        assert [file.key for file in report.outdated] == ["landing/b.csv"]
        assert report.snapshot.rows == 2 * ROWS + 5
    assert reread(objects, WATTS, ["*"]).replaced == 2 * ROWS + 5
    assert mains(objects) == expected()


def test_a_file_that_moved_is_still_known_for_what_it_was_taken(objects: Objects) -> None:
    land_three(objects)
    landing = Path(objects.url) / "landing"
    (landing / "old").mkdir()
    (landing / "c.csv").rename(landing / "old" / "c.csv")
    assert ingest(objects, WATTS).accepted == 0
    names = [file.key for file in ingest(objects, KILOWATTS).outdated]
    assert names == ["landing/a.csv", "landing/b.csv", "landing/old/c.csv"]


def quarantined(objects: Objects) -> list[str]:
    packed = [objects.read(info.key).data for info in objects.list("quarantine/")]
    texts = [gzip.decompress(data).decode() for data in packed]
    return [row["value"] for text in texts for row in csv.DictReader(io.StringIO(text))]


def test_rejected_rows_follow(objects: Objects) -> None:
    stamps = [f"{day:02}~05~2026 00:00,{100 + day},home1" for day in range(1, 29)]
    land(objects, "a.csv", "2026-05-29 00:00,300,home1", *stamps[:3])
    ingest(objects, WATTS)
    assert len(quarantined(objects)) == 3
    told = Settings(sources=[Source(stamp="%d~%m~%Y %H:%M")])
    assert reread(objects, told, ["a.csv"]).accepted == 3
    assert quarantined(objects) == ["2026-05-29 00:00"]
    assert len(ingest(objects, WATTS).outdated) == 1


def test_a_file_without_rejected_rows_has_none_left_from_before(objects: Objects) -> None:
    land(objects, "a.csv", *(f"2026-05-{day:02},{day},home1,x" for day in range(1, 9)), "noon,1,h")
    land(objects, "b.csv", *minutes("home1", 5, 200.0), "2024-01-31T00:09:00,n.k.,home1")
    ingest(objects, WATTS)
    assert "n.k." in quarantined(objects)
    reread(objects, Settings(sources=[Source(missing=("n.k.",))]), ["b.csv"])
    assert "n.k." not in quarantined(objects)


def test_what_is_refused_now_stays_as_it_was(objects: Objects) -> None:
    land_three(objects)
    before = open_table(objects).snapshot()
    nowhere = Settings(sources=[Source(match="a.csv", consumption={"power": "W"})])
    (left,) = reread(objects, nowhere, ["a.csv"]).left
    assert "power" in str(left.left)
    none = Settings(sources=[Source(match="a.csv", stamp="%d~%m~%Y")])
    (left,) = reread(objects, none, ["a.csv"]).left
    assert "no usable reading" in str(left.left)
    assert open_table(objects).snapshot() == before
    assert len(quarantined(objects)) == 1
    assert ingest(objects, WATTS).unchanged == 3
    assert [file.key for file in ingest(objects, none).outdated] == ["landing/a.csv"]


def test_what_is_refused_now_may_go(objects: Objects) -> None:
    land_three(objects)
    before = open_table(objects).snapshot()
    nowhere = Settings(sources=[Source(match="a.csv", consumption={"power": "W"})])
    report = reread(objects, nowhere, ["a.csv"], drop=True)
    assert (report.replaced, report.dropped) == (ROWS, ("landing/a.csv",))
    assert mains(objects) == [200.0 + i for i in range(5)] + expected()[-ROWS:]
    assert mains(objects, before.version) == expected()
    assert ingest(objects, nowhere).accepted == 0
    assert ingest(objects, WATTS).accepted == ROWS
    assert mains(objects) == expected()
    assert ingest(objects, WATTS).unchanged == 3
    reread(objects, nowhere, ["a.csv"], drop=True)
    assert reread(objects, WATTS, ["a.csv"]).accepted == ROWS
    assert mains(objects) == expected()


def test_what_cannot_be_read_this_time_stays(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_three(objects)
    slip = Settings(sources=[Source(match="a.csv", timezone="Europe/Brusels")])
    report = reread(objects, slip, ["a.csv"], drop=True)
    assert (report.replaced, report.dropped) == (0, ())
    assert "did you mean Europe/Brussels?" in str(report.left[0].left)

    def is_denied(*_: Any) -> None:
        raise StoreError("no") from PermissionError()

    monkeypatch.setattr(type(objects), "at_hand", is_denied)
    report = reread(objects, WATTS, ["a.csv"], drop=True)
    assert (len(report.left), report.dropped) == (1, ())
    assert mains(objects) == expected()


def test_what_is_written_meanwhile_stays(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    land_three(objects)
    whole = type(objects).info

    def grows(of: Objects, key: str) -> Any:
        info = whole(of, key)
        return info and replace(info, size=info.size + 1) if key.startswith("landing/") else info

    monkeypatch.setattr(type(objects), "info", grows)
    report = reread(objects, WATTS, ["a.csv"], drop=True)
    assert "changed while it was read" in str(report.left[0].left)
    assert report.dropped == ()
    assert mains(objects) == expected()


def test_what_went_and_is_put_back_is_new(objects: Objects) -> None:
    land_three(objects)
    landed = Path(objects.url) / "landing" / "a.csv"
    aside = landed.rename(Path(objects.url) / "a.csv")
    reread(objects, WATTS, ["a.csv"], drop=True)
    aside.rename(landed)
    assert ingest(objects, WATTS).accepted == ROWS
    assert mains(objects) == [100.0 + i for i in range(5)] + expected()[5:]  # it arrived last
    assert ingest(objects, WATTS).unchanged == 3


def test_who_dies_while_dropping_leaves_all_or_what_an_ingest_takes_anew(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_three(objects)
    nowhere = Settings(sources=[Source(match="a.csv", consumption={"power": "W"})])
    whole = ReadingsTable.replace

    def dies_before(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    def dies_after(*arguments: Any, **named: Any) -> None:
        whole(*arguments, **named)
        raise KeyboardInterrupt

    for dies, accepted in ((dies_before, 0), (dies_after, ROWS)):
        monkeypatch.setattr(ReadingsTable, "replace", dies)
        with pytest.raises(KeyboardInterrupt):
            reread(objects, nowhere, ["a.csv"], drop=True)
        monkeypatch.setattr(ReadingsTable, "replace", whole)
        assert ingest(objects, WATTS).accepted == accepted
        assert mains(objects) == expected()


def test_what_is_gone_may_go_but_for_what_lies_elsewhere(objects: Objects) -> None:
    land_three(objects)
    landing = Path(objects.url) / "landing"
    (landing / "a.csv").unlink()
    (landing / "c.csv").rename(landing / "d.csv")
    ingest(objects, WATTS)
    report = reread(objects, WATTS, ["[ac].csv"], drop=True)
    assert (report.replaced, report.dropped) == (ROWS, ("landing/a.csv",))
    assert mains(objects) == [200.0 + i for i in range(5)] + expected()[-ROWS:]
    with pytest.raises(BadInputError, match=r"no file c\.csv"):
        reread(objects, WATTS, ["c.csv"], drop=True)
    assert not reread(objects, WATTS, ["a.csv"], drop=True).replaced


def test_the_command_drops_and_asks_nothing_with_yes(objects: Objects) -> None:
    land(objects, "a.csv", *minutes("home1", ROWS, 100.0))
    assert smartwatts(objects, "ingest").exit_code == 0
    land(objects, "a.csv", *(f"2026-05-01T00:{m:02}:00,0.{10 + m},home1" for m in range(40)))
    asked = smartwatts(objects, "readings", "reread", "a.csv")
    assert isinstance(asked.exception, BadInputError)
    taken = smartwatts(objects, "readings", "reread", "a.csv", "--yes")
    assert taken.exit_code == 0 and "40 readings added" in taken.stdout
    (Path(objects.url) / "landing" / "a.csv").unlink()
    gone = smartwatts(objects, "readings", "reread", "a.csv", "--drop")
    assert gone.exit_code == 0 and "nothing is kept of landing/a.csv" in gone.stderr


def test_a_pattern_without_a_file_is_bad_input(objects: Objects) -> None:
    land_three(objects)
    (Path(objects.url) / "landing" / "b.csv").unlink()
    with pytest.raises(BadInputError, match=r"no file b\.csv in .*put back what is gone"):
        reread(objects, WATTS, ["a.csv", "b.csv"])
    assert mains(objects) == expected()


def test_files_that_are_new_or_were_left_are_taken_as_by_an_ingest(objects: Objects) -> None:
    land_three(objects)
    land(objects, "d.csv", *minutes("home2", 10, 400.0))
    land(objects, "e.csv", "x,y,z")
    report = reread(objects, WATTS, ["d.csv", "e.csv"])
    assert (report.accepted, report.replaced, len(report.left)) == (10, 0, 1)
    assert ingest(objects, WATTS).unchanged == 4


def test_one_content_is_read_again_once(objects: Objects) -> None:
    land_three(objects)
    land(objects, "copy.csv.gz", *minutes("home1", 5, 200.0, "2024-01-31T23:00"))
    ingest(objects, WATTS)
    report = reread(objects, KILOWATTS, ["*"])
    assert [file.reason for file in report.files][-1] == "same content as landing/b.csv"
    assert mains(objects) == expected(1000, 1000, 1000)
    assert rows(objects) == 2 * ROWS + 5


def test_months_that_were_dropped_come_back_with_their_file(objects: Objects) -> None:
    land_three(objects)
    table = open_table(objects)
    assert drop_before(table, "2024-02") == 60 + 5
    report = reread(objects, WATTS, ["a.csv"])
    assert (report.accepted, report.replaced) == (ROWS, ROWS - 60)


def test_a_content_that_version_1_took_is_left_alone(objects: Objects) -> None:
    key = land(objects, "a.csv", *minutes("home1", 5, 100.0))
    digest = reread(objects, WATTS, ["a.csv"]).files[0].digest
    table = open_table(objects)
    table.append([], {digest: 1}, {})
    (left,) = reread(objects, KILOWATTS, ["a.csv"]).left
    assert left.key == key and "version 1.0" in str(left.left)
    assert ingest(objects, WATTS).unchanged == 1


DEATHS = [
    "while scanning",
    "while writing",
    "while rewriting",
    "while uploading",
    "before the commit",
    "after the commit",
    "after the quarantine",
    "before the ledger",
]


@pytest.mark.slow
@pytest.mark.parametrize("death", DEATHS)
def test_a_killed_rereading_leaves_the_old_or_the_new_and_the_next_completes_it(
    objects: Objects, death: str
) -> None:
    land_three(objects)
    killed = Ingester.start(objects, death, "a.csv", unit="kW")
    killed.go()
    assert killed.was_killed()
    done = death in DEATHS[DEATHS.index("after the commit") :]
    assert mains(objects) == expected(1000 if done else 1)
    assert rows(objects) == 2 * ROWS + 5
    outdated = [file.key for file in ingest(objects, KILOWATTS).outdated]
    assert outdated == [f"landing/{name}.csv" for name in "abc"]
    reread(objects, KILOWATTS, [], outdated=True)
    assert mains(objects) == expected(1000, 1000, 1000)
    assert rows(objects) == 2 * ROWS + 5
    assert quarantined(objects) == ["noon"]
    assert not ingest(objects, KILOWATTS).outdated


@pytest.mark.slow
def test_two_that_read_a_file_again_at_once_leave_it_once(any_objects: Objects) -> None:
    land_three(any_objects)
    land(any_objects, "d.csv", *minutes("home2", 10, 400.0))
    started = [
        Ingester.start(any_objects, "", "*.csv", unit="kW"),
        Ingester.start(any_objects, "", "a.csv", "b.csv", unit="kW"),
        Ingester.start(any_objects),
    ]
    for process in started:
        process.go()
    for process in started:
        process.result()
    assert mains(any_objects) == expected(1000, 1000, 1000)
    assert rows(any_objects) == 2 * ROWS + 15


def meanwhile(monkeypatch: pytest.MonkeyPatch, work: Callable[[], Any]) -> None:
    """Let somebody else do something just before the next commit."""
    whole = ReadingsTable.append

    def append(self: ReadingsTable, *arguments: Any) -> None:
        monkeypatch.setattr(ReadingsTable, "append", whole)
        work()
        self.append(*arguments)

    monkeypatch.setattr(ReadingsTable, "append", append)


def compact_all(objects: Objects) -> None:
    with Workspace() as work:
        assert compact(open_table(objects), work.folder, enough=2)


def ingest_another(objects: Objects) -> IngestReport:
    land(objects, "d.csv", *minutes("home2", 10, 400.0))
    return ingest(objects, WATTS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "work",
    [
        compact_all,
        ingest_another,
        lambda objects: reread(objects, WATTS, ["a.csv"]),
        lambda objects: reread(objects, WATTS, ["c.csv"]),
    ],
    ids=["compaction", "ingest", "the same", "another"],
)
def test_what_others_commit_meanwhile_stays(
    objects: Objects, monkeypatch: pytest.MonkeyPatch, work: Callable[[Objects], Any]
) -> None:
    land_three(objects)
    land(objects, "b2.csv", *minutes("home1", 5, 200.0, "2024-01-31T23:00")[::-1])
    ingest(objects, WATTS)
    meanwhile(monkeypatch, lambda: work(objects))
    reread(objects, KILOWATTS, ["a.csv"])
    assert mains(objects) == expected(a=1000)
    assert rows(objects) == 2 * ROWS + 10 + (10 if work is ingest_another else 0)


def test_an_ingest_beside_a_rereading_of_the_same_new_file_takes_it_once(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_three(objects)
    land(objects, "d.csv", *minutes("home2", 10, 400.0))
    meanwhile(monkeypatch, lambda: reread(objects, WATTS, ["d.csv"]))
    (file,) = ingest(objects, WATTS).files
    assert file.reason == "same content as a file of another run"
    assert rows(objects) == 2 * ROWS + 15
    land(objects, "e.csv", *minutes("home2", 10, 500.0))
    meanwhile(monkeypatch, lambda: ingest(objects, WATTS))
    assert reread(objects, KILOWATTS, ["e.csv"]).replaced == 10
    assert rows(objects) == 2 * ROWS + 25


def smartwatts(objects: Objects, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--root", objects.url])


@pytest.mark.slow
def test_the_commands_say_what_has_changed_and_read_it_again(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_three(objects)
    for number in range(9):
        land(objects, f"berlin/{number} [x].csv", *minutes(f"flat{number}", 3, 100.0))
    ingest(objects, WATTS)
    assert "reread" not in smartwatts(objects, "ingest").output
    monkeypatch.setenv("SMARTWATTS_UNIT", "kW")
    said = smartwatts(objects, "ingest")
    assert said.exit_code == 0
    lines = [line for line in said.stderr.splitlines() if "reread" in line]
    assert "unit W, timezone UTC" in lines[0]
    assert "(unit): `smartwatts readings reread a.csv`" in lines[0]
    assert "reread 'berlin/0 [x].csv'`" in lines[3]
    assert lines[10].startswith("and 2 more: `smartwatts readings reread --all-changed`")
    for file in ("a.csv", "landing/b.csv", f"{objects.url}/landing/c.csv", "berlin/0 [x].csv"):
        done = smartwatts(objects, "readings", "reread", file)
        assert (done.exit_code, "in the place of" in done.stdout) == (0, True)
    assert mains(objects) == expected(1000, 1000, 1000)
    done = smartwatts(objects, "readings", "reread", "--all-changed", "--json")
    assert json.loads(done.stdout)["replaced"] == 24
    assert "reread" not in smartwatts(objects, "ingest").output


def test_rereading_that_cannot_be_done_ends_as_wrong_use_or_bad_input(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_three(objects)
    assert isinstance(smartwatts(objects, "readings", "reread").exception, UsageError)
    missing = smartwatts(objects, "readings", "reread", "d.csv").exception
    assert isinstance(missing, BadInputError) and "no file d.csv" in str(missing)
    monkeypatch.setenv("SMARTWATTS_SOURCES", '[{"match": "a.csv", "stamp": "%d~%m~%Y"}]')
    refused = smartwatts(objects, "readings", "reread", "a.csv")
    assert isinstance(refused.exception, BadInputError) and "landing/a.csv" in refused.stdout
    assert mains(objects) == expected()
