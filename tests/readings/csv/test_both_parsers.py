"""The fast parser takes a block only if the careful one gives the very same rows."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smartwatts_ml.readings.clock import local_clock
from smartwatts_ml.readings.csv.arrow_parser import parse_fast
from smartwatts_ml.readings.csv.blocks import Block
from smartwatts_ml.readings.csv.dialect import Dialect
from smartwatts_ml.readings.csv.lines import cells_of
from smartwatts_ml.readings.layouts.columns import map_columns
from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.layouts.mapper import RowMapper
from smartwatts_ml.readings.layouts.number_form import NumberForm
from smartwatts_ml.readings.parsed import ParsedBlock
from smartwatts_ml.readings.stamps.forms import EPOCH_MS, EPOCH_S, ISO, FileStamps
from smartwatts_ml.readings.stamps.words import zone_minutes
from smartwatts_ml.sources import Layout, Unit

NAMES = ("timestamp", "consumption", "device_id", "anomaly", "other")
GOOD = {
    ISO: "%Y-%m-%d %H:%M:%S",
    "zoned": "%Y-%m-%dT%H:%M:%S+01:00",
    EPOCH_S: "",
    EPOCH_MS: "",
    **{
        form: form
        for form in (
            "%d.%m.%Y %H:%M",
            "%m/%d/%Y %I:%M %p",
            "%d/%m/%y %H:%M:%S",
            "%Y/%m/%d %H:%M",
            "%Y%m%dT%H%M",
            "%Y%m%d%H%M",
            "%y-%m-%d %H:%M",
            "%-d/%-m/%Y %-H:%M",
            "%Y-%m-%d %H.%M",
            "%d-%b-%Y %H:%M",
            "%a, %d %b %Y %I:%M:%S %p",
            "%d.%m.%Y %H:%M %Z",
            "%d.%m.%Y %H:%M - %H:%M",
            "%Y-%m-%dT%H:%M:%S%z",
        )
    },
}
ODD_STAMPS = """2020-01-01|2020-01-01 00|2020-01-01 24:00|2020-02-30 00:00|2020-01-01 00:00:60
2020-01-01 00:00:00.1234567|2020-01-01 00:00:00.123456+19:00|2020-01-01 00:00Z|1999-12-31 23:59
2100-01-01|2020-03-29 02:30:00|2020-10-25 02:30:00|31.02.2020 10:00|01. 2.2020 10:00
1.2.2020 4:05|01.02.2020 24:00|12/31/2020 2:05PM|12/31/2020 13:05 PM|31/12/20 14:05:61
31/12/69 14:05:10|2020/02/31 00:00|20200231T1405|1577836800|1577836800.5|1577836800.|+1577836800
1.5e9|1577836800000|99999999999999999999|1577836800,5|inf|1_577_836_800| 1577836800|
2020-01-01T00:00:00+0100|0000-00-00|００|2020-01-01 00:00\x00|31/12/2020 24:00|01.02.2020 04:05 MEZ
20200131240|202001312400|20-01-31 24:00|31-Dez-2020 24:00|Do, 31 Déc 2020 12:05:00 a.m.|43831.25
31.12.2020 24:00 - 00:15|2020-01-31 24.00|31-12-2020 14.05|12/31/2020 12:05 p. m.|#
\ufeff2020-01-01""".replace("\n", "|").split("|")
ODD_VALUES = """5.|.5|+5|-5|005|1e5|1e400|-1e400|1e-400|4.9e-324|1e99999999999|0x1F|1_000|１|nan|inf
-inf|1,5|1.5|1.234,5|1e|1.5.5|0.30000000000000004|123456789012345678901234567890e-22|-0.0| 5|5\t|
999999999.9999999999|1e9|null|NA|$5|5\xa0|=1+1|5\x00""".replace("\n", "|").split("|")
ODD_DEVICES = ["", "/", "/a", "a/", "a//b", "a/b/", "a/ b", " a", "a\t", "😀", "\xa0", "x" * 70_000]
ODD_DEVICES += ["=cmd()", "a\x00", "a\x1eb", "a\x1fb", "\ufffd", "NULL", "a\\", "'a'", "a\u2028b"]
LABELS = ["0", "1", "", "0.0", "1.0", "2", " 1", "true"]
UNITS: tuple[Unit, ...] = ("W", "kW", "Wh-counter")
LINE_BREAKERS = str.maketrans("", "", "\n\r")


def stamps_of(form: str) -> st.SearchStrategy[str]:
    if form in (EPOCH_S, EPOCH_MS):
        scale = 1000 if form == EPOCH_MS else 1
        return st.integers(1_500_000_000, 1_600_000_000).map(lambda second: str(second * scale))
    written = GOOD[form].replace("%z", "+0200").replace("%Z", "CEST")
    return st.datetimes(datetime(2019, 1, 1), datetime(2021, 1, 1)).map(
        lambda stamp: stamp.strftime(written)
    )


def texts(separator: str) -> st.SearchStrategy[str]:
    plain = st.text(st.characters(codec="utf-8"), max_size=6)
    return st.one_of(st.sampled_from(ODD_DEVICES), plain, plain.map(lambda t: f'"{t}"')).map(
        lambda text: text.translate(LINE_BREAKERS)
    )


@st.composite
def blocks(draw: st.DrawFn) -> tuple[bytes, Dialect, bool]:
    """Lines that are mostly good, so that fast takes many of the blocks."""
    form, separator = draw(st.sampled_from(list(GOOD))), draw(st.sampled_from(",;\t|"))
    decimal = draw(st.sampled_from([".", ","] if separator != "," else ["."]))
    names = tuple(draw(st.permutations(NAMES))[:]) if draw(st.booleans()) else NAMES[:3]
    number = st.floats(-2e9, 2e9).map(lambda value: repr(value).replace(".", decimal))
    good = {
        "timestamp": stamps_of(form),
        "consumption": number,
        "device_id": st.sampled_from(["a", "a/b", "c/mains", "é b"]),
        "anomaly": st.sampled_from(["0", "1", ""]),
        "other": st.just("x"),
    }
    odd = {
        "timestamp": st.sampled_from(ODD_STAMPS),
        "consumption": st.sampled_from(ODD_VALUES),
        "device_id": texts(separator),
        "anomaly": st.sampled_from(LABELS),
        "other": texts(separator),
    }
    lines = []
    oddities = draw(st.sampled_from([0, 0, 1, 2, 5]))
    for _ in range(draw(st.integers(1, 6))):
        fields = {name: draw(good[name]) for name in names}
        for _ in range(oddities):
            name = draw(st.sampled_from(names))
            fields[name] = draw(odd[name])
        if draw(st.booleans()):
            name = draw(st.sampled_from(names))
            fields[name] = f'"{fields[name]}"'
        lines.append(separator.join(fields.values()) + draw(ends(oddities, separator)))
    zoned = form == "zoned" or "%z" in form or "%Z" in form
    zones = tuple(zone_minutes("UTC").items())
    stamps = FileStamps(ISO if form == "zoned" else form, zoned, zones=zones)
    unit = draw(st.sampled_from(UNITS))
    dialect = Dialect(1, separator, interpreted(names, stamps, decimal, unit))
    return ("\n".join([*lines, ""])).encode(), dialect, draw(st.booleans())


def ends(oddities: int, separator: str) -> st.SearchStrategy[str]:
    odd = ["", "", "", separator, " ", '"', "\n"]
    return st.sampled_from(odd) if oddities else st.just("")


def interpreted(
    names: tuple[str, ...], stamps: FileStamps, decimal: str = ".", unit: Unit = "W"
) -> Interpretation:
    mapping = map_columns(names, [[] for _ in names], Layout(), "in.csv", "in.csv", "", unit)
    return Interpretation(mapping, stamps, None, NumberForm(decimal), "UTC")


def rows_of(block: ParsedBlock) -> list[tuple[object, ...]]:
    """Line, stamp, value to the bit, device and label of each row."""
    return [
        (line, stamp, value.hex(), parsed.names[device], label)
        for parsed in block.rows
        for line, stamp, value, device, label in zip(
            parsed.lines.tolist(),
            parsed.stamps.tolist(),
            parsed.values.tolist(),
            parsed.devices.tolist(),
            parsed.labels.tolist(),
            strict=True,
        )
    ]


def compare(content: bytes, dialect: Dialect, *, local: bool) -> bool:
    """Whether fast took the block, which then has to be what careful makes of it."""
    block = Block(content, 7, content.count(b"\n"))
    clock = local_clock("Europe/Paris") if local else None
    careful = RowMapper(dialect.interpretation, clock).map(cells_of(block, dialect.separator))
    assert careful.accounted == block.lines
    fast = parse_fast(block, dialect, clock)
    if fast is not None:
        assert not careful.rejected
        assert not careful.blank
        assert not careful.missing
        assert rows_of(fast) == rows_of(careful)
    return fast is not None


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(blocks())
def test_what_the_fast_parser_takes_is_what_the_careful_one_makes_of_it(
    made: tuple[bytes, Dialect, bool],
) -> None:
    compare(made[0], made[1], local=made[2])


@pytest.mark.full
@settings(max_examples=1_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(blocks())
def test_that_holds_for_many_more_blocks(made: tuple[bytes, Dialect, bool]) -> None:
    compare(made[0], made[1], local=made[2])


def dialect_of(form: str, separator: str = ";") -> Dialect:
    return Dialect(1, separator, interpreted(NAMES[:3], FileStamps(form)))


@pytest.mark.parametrize(("form", "written"), list(GOOD.items())[4:-3])
def test_good_blocks_of_local_forms_are_taken_fast(form: str, written: str) -> None:
    content = f"{datetime(2026, 12, 31, 14, 5):{written}};5;a\n".encode()
    assert compare(content, dialect_of(form), local=True)


@pytest.mark.parametrize("epoch", ["1577836800", "1577836800.25"])
def test_good_blocks_of_epochs_are_taken_fast(epoch: str) -> None:
    assert compare(f"{epoch};5;a\n".encode(), dialect_of(EPOCH_S), local=True)


@pytest.mark.parametrize(
    "line",
    [
        '"2020-01-01";"5";"a"',
        '2020-01-01;5;"a;b"',
        '"2020-01-01";5;a',
    ],
)
def test_good_blocks_with_quotes_are_taken_fast(line: str) -> None:
    assert compare(f"{line}\n".encode(), dialect_of(ISO), local=False)


def test_quotes_that_only_add_up_are_left_to_the_careful_parser() -> None:
    lines = '2020-01-01;5;";"\n2020-01-01;5;"a"b\n2020-01-01;5;"a"b\n'
    assert not compare(lines.encode(), dialect_of(ISO), local=False)


@pytest.mark.parametrize("odd", ODD_STAMPS)
@pytest.mark.parametrize(
    "form", ["%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p", "%d-%b-%Y %H:%M", "%Y%m%d%H%M", ISO, EPOCH_S]
)
def test_an_odd_stamp_means_the_same_whichever_parser_meets_it(form: str, odd: str) -> None:
    compare(f"{odd};5;a\n".encode(), dialect_of(form), local=False)
