"""Text in any common encoding means what it says, and damaged text is never another name."""

from __future__ import annotations

from pathlib import Path

import pytest

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings import content as content_module
from smartwatts_ml.readings.scan import FileScan
from smartwatts_ml.sources import Source

HEADER = "timestamp,consumption,device_id\n"


def scanned(path: Path, content: bytes) -> tuple[FileScan, set[str], dict[int, str]]:
    """A scan that is done, its devices, and its faults by line."""
    (path / "in.csv").write_bytes(content)
    scan = FileScan(path / "in.csv", "in.csv", Source())
    names: set[str] = set()
    faults: dict[int, str] = {}
    for block in scan:
        names |= {rows.names[code] for rows in block.rows for code in set(rows.devices.tolist())}
        faults |= {row.line: row.fault for row in block.rejected}
    return scan, names, faults


def lines_of(*devices: str) -> str:
    return "".join(f"2026-01-01 00:{i:02},5,{device}\n" for i, device in enumerate(devices))


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16 without a mark"),
        ("utf-16-be", "UTF-16 without a mark"),
        ("utf-32", "UTF-32"),
        ("cp1252", "Windows-1252"),
        ("latin-1", "Windows-1252"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_names_come_out_whatever_the_encoding(
    tmp_path: Path, codec: str, name: str, end: str
) -> None:
    text = (HEADER + lines_of("straße_ä", "straße_ö", "straße_ä")).replace("\n", end)
    scan, names, faults = scanned(tmp_path, text.encode(codec))
    assert names == {"straße_ä/mains", "straße_ö/mains"}
    assert not faults
    assert scan.facts()["encoding"] == name
    assert scan.lines == 4


def test_a_header_alone_may_tell(tmp_path: Path) -> None:
    text = "Zählpunkt;Datum;Größe (kWh)\n1;01.02.2026 00:00;0,5\n1;01.02.2026 00:15;0,25\n"
    scan, names, faults = scanned(tmp_path, text.encode("cp1252"))
    assert scan.facts()["encoding"] == "Windows-1252"
    assert names == {"1/mains"}
    assert not faults


@pytest.mark.parametrize("bad", [b"\xff", b"\xe9", b"\x81", b"\xc3", b"\x00"])
def test_a_damaged_byte_rejects_its_line_and_makes_no_name(tmp_path: Path, bad: bytes) -> None:
    content = (HEADER + lines_of("home1", "home1", "hom*1", "home1")).encode().replace(b"*", bad)
    _, names, faults = scanned(tmp_path, content)
    assert names == {"home1/mains"}
    assert faults == {4: "undecodable"}


def test_a_damaged_byte_among_letters_of_utf8_rejects_its_line(tmp_path: Path) -> None:
    content = (HEADER + lines_of("é", "é", "é*", "é*")).encode().replace(b"*", b"\xe9")
    _, names, faults = scanned(tmp_path, content)
    assert names == {"é/mains"}
    assert faults == {4: "undecodable", 5: "undecodable"}


def test_letters_of_utf8_in_a_file_of_windows_are_not_read_as_other_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_module, "_PIECE", 256)
    content = (HEADER + lines_of(*["bär"] * 20)).encode("cp1252") + lines_of("é").encode()
    _, names, faults = scanned(tmp_path, content)
    assert names == {"bär/mains"}
    assert faults == {22: "undecodable"}


def test_what_is_neither_is_rejected(tmp_path: Path) -> None:
    for codec, device in (("cp1251", "дом"), ("cp850", "straße_ä"), ("shift-jis", "家")):
        _, names, faults = scanned(tmp_path, (HEADER + lines_of(device, device)).encode(codec))
        assert not names
        assert set(faults.values()) == {"undecodable"}


def hours(*columns: str) -> str:
    """Lines of 24 hours."""
    return "".join(",".join((f"2026-01-01 {i:02}:00", *columns)) + "\n" for i in range(24))


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("cp932", "日時,売電量(kWh)\n" + hours("0.5")),
        ("cp932", "日時,使用量\n" + hours("0.5")),
        ("cp932", "お客さま番号,12345\n日時,使用量,備考\n" + hours("0.5", "1")),
        ("cp1251", "Дата,Отдача (kWh)\n" + hours("0.5")),
    ],
)
def test_columns_whose_names_are_no_text_are_asked_about(
    tmp_path: Path, codec: str, text: str
) -> None:
    with pytest.raises(BadInputError, match="encoding that nothing tells") as error:
        scanned(tmp_path, text.encode(codec))
    assert "UTF-8" in str(error.value)
    (tmp_path / "in.csv").write_bytes(text.encode(codec))
    skip = text.partition("2026")[0].count("\n")
    columns = ("timestamp", "consumption", "x")[: text.splitlines()[-1].count(",") + 1]
    source = Source(skip=skip, columns=columns, unit="kWh")
    assert sum(len(block) for block in FileScan(tmp_path / "in.csv", "a.csv", source)) == 24


def test_names_that_are_no_text_do_not_matter_where_nothing_hangs_on_them(tmp_path: Path) -> None:
    text = "timestamp,consumption,device_id,気温\n" + hours("500", "home1", "7")
    _, names, faults = scanned(tmp_path, text.encode("cp932"))
    assert (names, faults) == ({"home1/mains"}, {})


def test_files_that_were_joined_have_several_headers_and_marks(tmp_path: Path) -> None:
    part = (HEADER + lines_of("a", "b")).encode("utf-8-sig")
    scan, names, faults = scanned(tmp_path, part * 3)
    assert names == {"a/mains", "b/mains"}
    assert not faults
    report = scan.report()
    assert (report.header, report.blank, report.read) == (1, 2, 6)
    assert report.adds_up


def test_a_device_in_the_first_column_does_not_get_the_mark_into_its_name(tmp_path: Path) -> None:
    part = "device_id,consumption,timestamp\na,5,2026-01-01 00:00\n".encode("utf-8-sig")
    body = "\ufeffa,5,2026-01-01 00:01\n".encode()
    _, names, faults = scanned(tmp_path, part + body)
    assert names == {"a/mains"}
    assert not faults
