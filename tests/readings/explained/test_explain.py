"""``smartwatts ingest --explain``: what a file is taken for, and what settles what is doubtful."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import BadInputError, UsageError
from smartwatts_ml.sources import Source

EXPORTS = Path(__file__).parents[4] / "shared" / "exports"
HEADER = "timestamp,consumption,device_id"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SMARTWATTS_CONFIG", raising=False)


def ingest(*words: str) -> Result:
    return CliRunner().invoke(app, ["ingest", *words])


def write(name: str, *lines: str) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("\n".join([*lines, ""]))
    return name


def tell(*files: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(ingest("--explain", *files, "--json").stdout)
    return result


def explained(file: str) -> dict[str, Any]:
    (only,) = tell(file)["files"]
    assert isinstance(only, dict)
    return only


def quarters(device: str, *values: float, zone: str = "Z") -> list[str]:
    """A reading each quarter of an hour."""
    return [
        f"2026-05-0{1 + i // 96}T{i // 4 % 24:02}:{i % 4 * 15:02}:00{zone},{value},{device}"
        for i, value in enumerate(values)
    ]


def test_a_file_is_told_in_one_table() -> None:
    rows = [*quarters("home1", *range(400, 420)), *quarters("home1/kettle", 0, 2000, 0)]
    write("a.csv", f"{HEADER},note", *[f"{row},x" for row in rows], "yesterday,5,home1,x")
    shown = ingest("--explain", "a.csv").stdout
    for part in (
        "long: a line is a reading",
        "start of the interval, e.g. 2026-05-01T00:00:00Z",
        "note         ignored, e.g. x",
        "CSV, UTF-8, separated by comma, header in line 1",
        "home1/mains: 20 readings every 15 min (100%), 2026-05-01T00:00:00Z 400 W to "
        "2026-05-01T04:45:00Z 419",
        "home1/kettle: 3 readings",
        "25 = 1 header + 23 read + 1 rejected; values: 23 readings",
        "1 × timestamp not a date and time",
    ):
        assert part in shown, part


def test_energy_and_power_are_those_of_intervals() -> None:
    write("a.csv", "Start,End,Usage (kWh)", *[
        f"2026-05-01T{hour:02}:00:00Z,2026-05-01T{hour + 1:02}:00:00Z,0.5" for hour in range(10)
    ])  # fmt: skip
    shown = explained("a.csv")
    assert shown["facts"]["unit"] == "energy of an interval in kWh, by the column's name"
    assert shown["facts"]["intervals"] == "by End"
    (channel,) = shown["channels"]
    assert (channel["first_w"], channel["kwh"]) == (500.0, 5.0)


def test_a_file_of_a_known_layout_and_a_source_says_who_says_what() -> None:
    write(
        "smartwatts.toml",
        '[[smartwatts.sources]]\nmatch = "p1/*"\ntimezone = "Europe/Amsterdam"\ndevice = "home9"',
    )
    header = "time,Import T1 kWh,Import T2 kWh,Export T1 kWh,Export T2 kWh"
    write("landing/p1/x.csv", header, *[f"2026-01-01 {h:02}:00,{h},{h},0,{h}" for h in range(9)])
    facts = explained("landing/p1/x.csv")["facts"]
    assert facts["layout"].endswith("(homewizard, by its header)")
    assert facts["shape"].startswith("wide by register")
    assert facts["clock"] == "Europe/Amsterdam, by source p1/*"
    assert facts["sites live by"] == "the clock of Europe/Amsterdam, by its source"
    assert facts["site"] == "home9, by source p1/*"
    assert facts["unit"] == "a meter's total in kWh, by layout homewizard"
    assert facts["settings"].startswith("source p1/* (")


def test_a_refused_file_shows_what_is_known_of_it_and_the_way_out() -> None:
    write("a.csv", "Time,Meter 1 kWh,Meter 2 kWh,Colour", "2026-05-01T00:00:00Z,1,2,red")
    result = ingest("--explain", "a.csv")
    assert isinstance(result.exception, BadInputError)
    assert str(result.exception) == "1 of 1 files cannot be taken: a.csv"
    for part in (
        "Time         seems to be a timestamp, e.g. 2026-05-01T00:00:00Z",
        "Meter 1 kWh  seems to be power or energy, e.g. 1",
        "refused    a.csv, line 1: which of the columns is mains? (Meter 1 kWh, Meter 2 kWh)",
        '[[smartwatts.sources]]\nmatch = "a.csv"\n# channels = {"Meter 1 kWh" = "mains"}',
    ):
        assert part in result.stdout, part


def test_several_files_folders_and_patterns_are_explained_and_one_source_is_for_all_of_a_kind() -> (
    None
):
    for name in ("in/x/em_A.csv", "in/x/em_B.csv"):
        write(name, HEADER, *quarters("home1", 500, 600, 700, zone=""))
    write("other.csv", HEADER, *quarters("home2", 500, 600, 700))
    result = tell("in", "oth*.csv")
    assert [file["key"] for file in result["files"]] == ["x/em_A.csv", "x/em_B.csv", "other.csv"]
    sources = [tomllib.loads(text)["smartwatts"]["sources"][0] for text in result["settle"]]
    assert [source["match"] for source in sources] == ["x/em_*.csv", "other.csv"]


@pytest.mark.parametrize(
    ("rows", "problem", "line"),
    [
        (
            quarters("h", *[0.3] * 30),
            "has 0.3 W in the middle, which hardly a home has",
            '# unit = "kW"',
        ),
        (quarters("h", *range(1000, 1060)), "hardly ever falls", '# unit = "kWh-counter"'),
        (quarters("h", 1, 2, zone=""), "nobody says the timezone", 'timezone = "UTC"'),
        (
            quarters("h", 400, 500),
            "nobody says the unit: W is taken; h/mains has 450",
            'unit = "W"',
        ),
        (quarters("h/kettle", 400, 500), "no channel is mains", ""),
        ([*quarters("h", *range(5, 400)), *quarters("h", 9)], "2 values contradict another", ""),
        (
            [f"2026-05-01T00:{m:02}:{m * m % 60:02}Z,{m % 7 * 100},h" for m in range(60)],
            "does the sensor write when its value changes?",
            "# held = true",
        ),
    ],
)
def test_what_is_doubtful_is_told_with_the_line_that_settles_it(
    rows: list[str], problem: str, line: str
) -> None:
    doubts = explained(write("a.csv", HEADER, *rows))["doubts"]
    (doubt,) = (doubt for doubt in doubts if problem in doubt["problem"])
    assert [text for text in doubt["lines"] if text.startswith(line)] or not line


@pytest.mark.parametrize(
    ("lines", "asks"),
    [
        ([HEADER, "2026-05-01T00:00:00Z;1.010;h", "2026-05-01T01:00:00Z;1;h"], '# decimal = ","'),
        ([HEADER, "01/02/2026 00:00,1,h", "02/02/2026 00:00,1,h"], "# stamp = '%d/%m/%Y %H:%M'"),
    ],
)
def test_what_a_refusal_asks_for_is_a_line_to_choose(lines: list[str], asks: str) -> None:
    separator = ";" if ";" in lines[1] else ","
    write("a.csv", lines[0].replace(",", separator), *lines[1:])
    (text,) = tell("a.csv")["settle"]
    assert asks in text.splitlines()


def test_a_field_that_has_to_be_chosen_is_not_said_at_once() -> None:
    hour = [f"2026-10-25T02:{minute:02}:00,{300 + minute},h" for minute in (0, 15, 30, 45)]
    again = [f"2026-10-25T02:{minute:02}:00,{400 + minute},h" for minute in (0, 15, 30, 45)]
    (text,) = tell(write("a.csv", HEADER, *hour, *again))["settle"]
    assert "# timezone" in text and "\ntimezone" not in text


def test_columns_that_tell_contradicting_readings_apart_are_named() -> None:
    rows = [
        f"{row},{tariff},{i}"
        for tariff, first in (("T1", 1), ("T2", 5))
        for i, row in enumerate(quarters("h", *range(first, first + 3)))
    ]
    shown = explained(write("a.csv", f"{HEADER},Spalte,n", *rows))
    assert "what tells them apart may be Spalte" in shown["refused"]
    assert '# register = "Spalte"' in shown["settle"]


def test_terminals_are_not_given_orders_by_a_file() -> None:
    write("a.csv", f"{HEADER},\x1b[31mred[bold]", *[f"{row},\x1b[0m" for row in quarters("h", 1)])
    shown = ingest("--explain", "a.csv").stdout
    assert "\x1b" not in shown and "red[bold]" in shown


SETTINGS = (
    b"# our meters\r\n[smartwatts]\r\nunit = 'W' # as ever\r\n\r\n[smartwatts.site_timezones]"
)


def test_write_adds_the_lines_once_and_leaves_the_rest_as_it_is() -> None:
    write("a.csv", HEADER, *quarters("home1", 400, 500, 450, zone=""))
    Path("smartwatts.toml").write_bytes(SETTINGS)
    Path("smartwatts.toml").chmod(0o640)
    assert ingest("--explain", "a.csv", "--write").exit_code == 0
    once = Path("smartwatts.toml").read_bytes()
    assert once.startswith(SETTINGS) and b"\r\n\r\n[[smartwatts.sources]]\r\nmatch" in once
    assert Path("smartwatts.toml").stat().st_mode & 0o777 == 0o640
    assert explained("a.csv")["doubts"] == []
    assert explained("a.csv")["facts"]["clock"] == "UTC, by source a.csv"
    again = ingest("--explain", "a.csv", "--write")
    assert "nothing to add" in again.stderr
    assert Path("smartwatts.toml").read_bytes() == once


def test_write_leaves_what_has_to_be_chosen_as_comments_and_adds_them_once() -> None:
    write("a.csv", "Time,Meter 1 kWh,Meter 2 kWh", "2026-05-01T00:00:00Z,1,2")
    for _ in range(2):
        assert ingest("--explain", "a.csv", "--write").exit_code
        text = Path("smartwatts.toml").read_text()
        assert text.count('# channels = {"Meter 1 kWh" = "mains"}') == 1
    Path("smartwatts.toml").write_text(text.replace("# channels", "channels"))
    assert not [d for d in explained("a.csv")["doubts"] if "mains" in d["problem"]]


def test_write_goes_into_the_file_that_is_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.csv", HEADER, *quarters("home1", 400, 500, zone=""))
    write("real.toml", "")
    Path("link.toml").symlink_to("real.toml")
    monkeypatch.setenv("SMARTWATTS_CONFIG", "link.toml")
    assert ingest("--explain", "a.csv", "--write").exit_code == 0
    assert Path("link.toml").is_symlink() and "timezone" in Path("real.toml").read_text()
    assert not Path("smartwatts.toml").exists()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ('[[smartwatts.sources]]\nmatch = "a.*"\n', "is about a.csv already .*timezone"),
        ('[[smartwatts.sources]]\nmatch = "a.csv"\n', "is about a.csv already .*timezone"),
        ('[smartwatts]\nsources = [{match = "b"}]\n', r"write its sources as \[\[smartwatts"),
    ],
)
def test_write_refuses_where_the_settings_say_something_of_the_file(
    settings: str, says: str
) -> None:
    write("a.csv", HEADER, *quarters("home1", 400, 500, zone=""))
    Path("smartwatts.toml").write_text(settings)
    error = ingest("--explain", "a.csv", "--write").exception
    assert isinstance(error, UsageError) and re.search(says, str(error))
    assert Path("smartwatts.toml").read_text() == settings


def test_write_refuses_where_sources_come_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.csv", HEADER, *quarters("home1", 400, 500, zone=""))
    monkeypatch.setenv("SMARTWATTS_SOURCES", '[{"match": "b"}]')
    error = ingest("--explain", "a.csv", "--write").exception
    assert isinstance(error, UsageError) and "SMARTWATTS_SOURCES is set" in str(error)


def test_write_alone_is_wrong_use() -> None:
    assert isinstance(ingest("--write").exception, UsageError)


@pytest.mark.parametrize("name", ['we"ird [1].csv', "tab\there.csv", "ünï.csv"])
def test_names_of_files_become_patterns_that_fit_them_alone(name: str) -> None:
    write(name, HEADER, *quarters("home1", 400, 500, zone=""))
    assert ingest("--explain", name, "--write").exit_code == 0
    (source,) = tomllib.loads(Path("smartwatts.toml").read_text())["smartwatts"]["sources"]
    assert Source(**source).matches(name)
    assert not explained(name)["doubts"]


def _folders() -> list[Path]:
    return sorted(path.parent for path in EXPORTS.rglob("expected.json"))


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="needs ../shared/exports")
@pytest.mark.parametrize("folder", _folders(), ids=lambda folder: str(folder.name))
def test_every_export_is_explained_or_refused_with_a_way_out(folder: Path) -> None:
    names = json.loads((folder / "expected.json").read_text())["files"]
    result = tell(*(str(folder / name) for name in names))
    for file in result["files"]:
        if file["refused"]:
            assert file["settle"] or "(" in file["refused"]
        else:
            assert file["channels"] and file["lines"]["accepted"]
    for text in result["settle"]:
        (source,) = tomllib.loads(text)["smartwatts"]["sources"]
        Source(**source)
