"""One line a file: what became of it, and what it warns of."""

from __future__ import annotations

import pytest

from smartwatts_ml.readings.file_lines import file_lines, warning_lines
from smartwatts_ml.readings.report import FileContents, FileReport
from smartwatts_ml.settings import Settings

CONTENTS = FileContents("fluvius", 1, 2, "2026-05-01T00:00:00Z", "2026-05-02T23:45:00Z")
NAIVE = FileContents("", 2, 2, "2026-05-01T00:00:00Z", "2026-05-01T00:00:00Z", ("timezone",))


@pytest.mark.parametrize(
    ("file", "line"),
    [
        (
            FileReport("landing/a.csv", accepted=1234, contents=CONTENTS),
            "landing/a.csv: fluvius, 1 site, 2 channels, 1,234 readings, "
            "2026-05-01 00:00 to 2026-05-02 23:45 UTC",
        ),
        (
            FileReport(
                "a", accepted=1, duplicate=2, missing=3, rejected_lines=4,
                reasons={"stamp_form": 4}, contents=NAIVE,
            ),
            "a: by its columns, 2 sites, 2 channels, 1 reading, 2026-05-01 00:00 to "
            "2026-05-01 00:00 UTC, 2 duplicates, 3 lines without a value; 4 rejected: 4 × "
            "timestamp not a date and time of the form that the file uses; nobody says its "
            "timezone: UTC is taken",
        ),
        (FileReport("a", left="a is empty (wait)"), "left: a is empty (wait)"),
        (FileReport("x.csv", left="'foo' is no unit"), "left: x.csv: 'foo' is no unit"),
        (FileReport("a", same_as="b"), "a: same content as b"),
    ],
)  # fmt: skip
def test_a_file_is_a_line(file: FileReport, line: str) -> None:
    assert file_lines([file], Settings()) == [line]


def test_a_file_of_which_nobody_says_the_timezone_warns_of_it() -> None:
    file = FileReport("a", accepted=1, contents=NAIVE)
    assert len(warning_lines([file], Settings())) == 1


def test_of_many_files_those_come_first_of_which_there_is_more_to_say() -> None:
    files = [FileReport(f"{number}", accepted=1, contents=CONTENTS) for number in range(50)]
    files += [FileReport("bad", left="bad"), FileReport("odd", accepted=1, contents=NAIVE)]
    lines = file_lines(files, Settings())
    assert (lines[0], lines[1][:4], lines[2][:2]) == ("left: bad", "odd:", "0:")
    assert lines[-1] == "… and 12 more files" and len(lines) == 41


def test_a_name_gives_no_orders_to_a_terminal() -> None:
    (line,) = file_lines([FileReport("\x1b]0;x\x07.csv", same_as="b")], Settings())
    assert line == "�]0;x�.csv: same content as b"
