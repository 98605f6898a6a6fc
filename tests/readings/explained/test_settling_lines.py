"""What an error or a doubt offers for smartwatts.toml works as it is pasted: the file is read then,
or the next question is another one."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import smartwatts_ml.readings
from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.explained.doubts import Doubt
from smartwatts_ml.readings.explained.explain import explain
from smartwatts_ml.readings.explained.explanation import Explanation
from smartwatts_ml.readings.files import FileReadings, find_files
from smartwatts_ml.readings.layouts.file_columns import ask
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source
from tests.readings.formats.test_excel import workbook

pytestmark = pytest.mark.slow

OURS = "timestamp,consumption,device_id"
FIRST = np.datetime64("2026-05-01T00:00:00")
MOST_QUESTIONS = 6


def quarters(*values: Any, device: str = "", zone: str = "Z") -> list[str]:
    stamps = (str(FIRST + 900 * i) for i in range(len(values)))
    end = f",{device}" if device else ""
    return [f"{stamp}{zone},{value}{end}" for stamp, value in zip(stamps, values, strict=True)]


def watts(count: int, factor: float = 1.0) -> list[str]:
    return [f"{(200 + i * 337 % 701) * factor:.10g}" for i in range(count)]


def sun(count: int) -> list[str]:
    shape = np.maximum(0, np.sin((np.arange(count) / 4 - 6) / 12 * np.pi))
    return [f"{watt:.1f}" for watt in shape * 2000 * (1 + np.arange(count) % 3 / 10)]


def changes() -> list[str]:
    gaps = np.maximum(1, np.random.default_rng(1).lognormal(3, 1.5, 300)).astype(int)
    stamps = FIRST + np.cumsum(gaps)
    return [f"{s}Z,{500 + i * 337 % 701},h/mains" for i, s in enumerate(stamps)]


def irregular() -> list[str]:
    return [f"2026-05-01T00:{m:02}:{m * m % 60:02}Z,{300 + m % 7 * 100},h" for m in range(60)]


def fold(*registers: str) -> list[str]:
    return [
        f"{row},{register}"
        for i, register in enumerate(registers)
        for row in quarters(*watts(8, 1 + i), device="h")
    ]


def both(*columns: Any) -> list[str]:
    return [
        ",".join([str(FIRST + 900 * i) + "Z", *map(str, row)])
        for i, row in enumerate(zip(*columns, strict=True))
    ]


FILES: dict[str, list[str] | dict[str, list[list[Any]]]] = {
    "no header": quarters(*watts(30)),
    "no header, by device": [f"m1;{row.replace(',', ';')}" for row in quarters(*watts(30))],
    "no time": ["When exactly,Usage kWh", "day one,0.5", "day two,0.25"],
    "parts of a date": [
        "Year,Month,Day,Hour,kWh",
        *(f"2026,5,1,{hour},0.{hour + 10}" for hour in range(24)),
    ],
    "below comments": [
        "# source: x",
        "# unit: W",
        *(row.replace(",", ";") for row in quarters(*watts(30))),
    ],
    "no value": ["Time,Colour,Height", "2026-05-01T00:00:00Z,red,5", "2026-05-01T01:00:00Z,red,7"],
    "each a home": ['"",MT_1,MT_2', "2026-05-01T00:00:00Z,500,600", "2026-05-01T01:00:00Z,1,2"],
    "which is mains": ["Time,Meter 1 kWh,Meter 2 kWh", *both(watts(30, 1e-3), watts(30, 2e-3))],
    "use and feed-in": [
        "Time,Usage kWh,Export kWh",
        *both([1, 0, 1, 0, 1, 1], [0, 1, 1, 1, 1, 0]),
    ],
    "export": ["Time,Export (kWh)", *quarters(*watts(30, 1e-3))],
    "exports": ["Time,Export T1 kWh,Export T2 kWh", *both(watts(30, 1e-3), watts(30, 2e-3))],
    "production": ["Time,PV production (kWh)", *quarters(*watts(30, 1e-3))],
    "one phase": ["Time,L1 import (W),L1 export (W)", *both(watts(30), [0] * 30)],
    "registers": ["Time,kWh,Kind", *(f"{r},{k}" for k in "ab" for r in quarters(*watts(30, 1e-3)))],
    "register exported": [
        "Time,kWh,Register",
        *(f"{row},Export" for row in quarters(*watts(30, 1e-3))),
    ],
    "offsets in a column": [
        "time,utc_offset,power_w",
        *(f"{FIRST + np.timedelta64(i, 'h')},60,{w}" for i, w in enumerate(watts(30))),
    ],
    "days among hours": [
        "time,usage (kWh)",
        *(
            f"{FIRST + np.timedelta64(24 * day + hour, 'h')},0.{5 + hour % 3}"
            if hour < 24
            else f"2026-05-0{day + 2},11.5"
            for day in range(3)
            for hour in range(1, 25)
        ),
    ],
    "one meter after another": [
        "time,Nr.,usage (kWh)",
        *(
            f"{FIRST + np.timedelta64(hour, 'h')}Z,1EMH{1 + hour // 24},0.{5 + hour % 3}"
            for hour in range(48)
        ),
    ],
    "fed in, below 0 at times": [
        "time,IMPORT (kWh),EXPORT (kWh)",
        *both(watts(30, 1e-3), [0.2, -0.2] * 15),
    ],
    "active export": [
        "time,Measurement,kWh",
        *(
            f"{FIRST + np.timedelta64(hour, 'h')}Z,{code},0.{5 + hour % 3}"
            for hour in range(48)
            for code in ("AI", "AE")
        ),
    ],
    "appliances": [
        "time,device,power",
        *(
            f"{stamp},{device},{value}"
            for device in ("Fridge", "Grid")
            for stamp, value in (row.split(",") for row in quarters(*watts(30)))
        ),
    ],
    "decimal": [
        OURS.replace(",", ";"),
        "2026-05-01T00:00:00Z;1.010;h",
        "2026-05-01T01:00:00Z;100;h",
    ],
    "day and month": [OURS, "01/02/2026 00:00,100,h", "02/02/2026 00:00,100,h"],
    "contradiction": [f"{OURS},Spalte", *fold("T1", "T2")],
    "contradiction without a column": [OURS, *fold("", "")],
    "one interval": ["Time,Usage (kWh),Meter", "2026-05-01T00:00:00Z,0.5,m"],
    "low": [OURS, *quarters(*watts(60, 1e-3), device="h")],
    "high": ["Time,Usage (kWh)", *quarters(*watts(60, 1))],
    "total": [OURS, *quarters(*range(1000, 1060), device="h")],
    "panels": [OURS, *quarters(*sun(400), device="roof")],
    "panels and home": [
        OURS,
        *quarters(*sun(400), device="roof"),
        *quarters(*watts(400), device="h"),
    ],
    "panels alone": ["Time,Usage (W)", *quarters(*sun(400))],
    "word of a zone": ["Time,Usage (W)", "2026-05-01 00:00 IST,100", "2026-05-01 01:00 IST,200"],
    "timezone": [OURS, *quarters(*watts(30), device="h", zone="")],
    "low without a question": [OURS, *quarters(*[0.3] * 30, device="h")],
    "no mains": ["Time,Fridge (W),Kettle (W)", *both(watts(30), watts(30))],
    "no mains in a file of ours": [OURS, *quarters(*watts(30), device="h/kettle")],
    "irregular": [OURS, *irregular()],
    "in turn": [
        "Time,W,Plug",
        *(f"{row},{'ab'[i % 2]}" for i, row in enumerate(quarters(*watts(60)))),
    ],
    "energy": ["Time,Energy", *quarters(*watts(30))],
    "energy of registers": [
        "entity_id,state,last_changed",
        *(f"sensor.{r},{400 + i},{FIRST + 900 * i}Z" for r in ("a", "b_energy") for i in range(9)),
    ],
    "days from 00:15": ["Time,Usage (W)", *quarters("", *watts(96))[1:]],
    "one phase of Shelly": [
        "Date/time UTC,Active energy Wh (A),Returned energy Wh (A)",
        *(row.replace("T", " ").replace("Z", "") + ",0" for row in quarters(*watts(30))),
    ],
    "nothing by day": [
        "Time,Import (kWh)",
        *quarters(*("0" if 32 <= i % 96 < 56 else w for i, w in enumerate(watts(400, 1e-3)))),
    ],
    "on change": [OURS, *changes()],
    "sheets": {
        "A": [["Time", "kWh"], ["2026-05-01 00:00", 0.5], ["2026-05-01 01:00", 0.25]],
        "B": [["Time", "Usage kWh"], ["2026-05-01 00:00", 0.75], ["2026-05-01 01:00", 0.5]],
    },
}  # fmt: skip


@dataclass
class Asked:
    """Everything that was asked of all files."""

    problems: list[str] = field(default_factory=list)


ASKED = Asked()


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SMARTWATTS_CONFIG", raising=False)


def write(name: str) -> Path:
    content = FILES[name]
    if isinstance(content, dict):
        path = Path("home [1].xlsx")
        path.write_bytes(workbook(content))
    else:
        path = Path("home [1].csv")
        path.write_text("\n".join([*content, ""]))
    return path


def pasted(fields: dict[str, Any], answer: str) -> dict[str, Any]:
    """Fields of a source with an answer added, as TOML reads it."""
    return fields | tomllib.loads(answer)


def explained(path: Path, fields: dict[str, Any]) -> Explanation:
    sources = [Source(match="home*", **fields)] if fields else []
    (file,) = find_files([path])
    return explain(file, Settings(sources=sources))


def answers_of(doubt: Doubt) -> list[str]:
    """What may be pasted for one doubt: whole answers, or its lines, one by one."""
    return [*doubt.answers] or [line.removeprefix("# ") for line in doubt.lines]


def refusal(path: Path, fields: dict[str, Any]) -> BadInputError | None:
    sources = [Source(match="home*", **fields)] if fields else []
    try:
        FileReadings([path], Settings(sources=sources)).close()
    except BadInputError as error:
        return error
    return None


def follow(path: Path, fields: dict[str, Any], before: tuple[str, ...]) -> None:
    """Paste each answer to what is asked first, until there is nothing left to ask."""
    shown, error = explained(path, fields), refusal(path, fields)
    ASKED.problems += [doubt.problem for doubt in shown.doubts]
    assert (error is None) == (shown.refused is None)
    for doubt in shown.doubts:
        if error is not None and doubt.problem not in str(error):
            continue  # a refusal comes first
        assert doubt.problem not in before, f"{doubt.problem}: asked again after {fields}"
        answers = answers_of(doubt)
        assert answers or error is None or "(" in str(error)
        for answer in answers:
            assert "…" not in answer
            after = pasted(fields, answer)
            if len(before) < MOST_QUESTIONS and after != fields:
                follow(path, after, (*before, doubt.problem))
        if error is None and answers:
            return


@pytest.mark.parametrize("name", FILES)
def test_every_line_that_is_offered_settles_what_it_is_offered_for(name: str) -> None:
    path = write(name)
    shown = explained(path, {})
    assert shown.doubts
    follow(path, {}, ())


def test_the_block_of_an_error_is_settings_as_it_stands() -> None:
    for name in FILES:
        error = refusal(write(name), {})
        _, head, block = str(error).partition("[[smartwatts.sources]]")
        if head:
            (source,) = tomllib.loads(head + block.removesuffix(")"))["smartwatts"]["sources"]
            assert Source(**source).matches("home [1].csv") or "xlsx" in source["match"]


def test_a_file_that_has_a_source_is_answered_there() -> None:
    said = Source(match="a*", device="home1")
    error = ask("a.csv", "a.csv", said, "what?", 'unit = "W"', "held = true\nskip = 1")
    assert error.fix == (
        'add to the source "a*" in smartwatts.toml:\nunit = "W"\n# or: held = true\n#     skip = 1'
    )


def _problems() -> Iterator[str]:
    """The longest fixed part of each question and doubt in the code."""
    for path in Path(smartwatts_ml.readings.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and _name(call) in ("ask", "_ask", "Doubt"):
                places = {"ask": 3 if isinstance(call.func, ast.Name) else 0}
                place = places.get(_name(call), 0)
                texts = [
                    node.value
                    for node in ast.walk(call.args[place])
                    if isinstance(node, ast.Constant) and isinstance(node.value, str)
                ]
                if texts:
                    yield max(texts, key=len).strip()


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def test_no_question_is_left_out() -> None:
    for name in FILES:
        path = write(name)
        ASKED.problems += [doubt.problem for doubt in explained(path, {}).doubts]
    said = "\n".join(ASKED.problems)
    unseen = {text for text in _problems() if text not in said}
    assert unseen <= ELSEWHERE, unseen


ELSEWHERE = {
    # Its line has a form of timestamps to be put right.
    "says when, in a form that is not read (",
    "on all lines: are there other phases, in files of their own?",
    "it has several meters (",  # Green Button XML
    "has the other decimal mark: one file, two ways to write numbers",
    "values contradict another one of the same device and timestamp, and are left out",
    "the file ends in the middle of a line: is it whole?",
}
"""What is asked of other formats, or offers no line."""
