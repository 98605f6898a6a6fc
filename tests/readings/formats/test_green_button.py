"""Green Button feeds: what each ReadingType says of its readings; and feeds that mean harm."""

from __future__ import annotations

import gzip
import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.errors import BadInputError
from tests.readings.formats.scanned import scan

START = datetime(2025, 11, 2, 7)
EPOCH = int(START.replace(tzinfo=UTC).timestamp())


def entry(inside: str, own: str, up: str, *related: str) -> str:
    links = "".join(f'<link rel="related" href="{address}"/>' for address in related)
    return (
        f'<entry>\n<link rel="self" href="{own}"/><link rel="up" href="{up}"/>{links}'
        f'<content xmlns="http://naesb.org/espi">\n{inside}\n</content>\n</entry>\n'
    )


def block(values: list[Any], duration: int = 3600, quality: str = "19", end: str = "\n") -> str:
    readings = end.join(
        f"<IntervalReading><ReadingQuality><quality>{quality}</quality></ReadingQuality><timePeriod>"
        f"<duration>{duration}</duration><start>{EPOCH + i * duration}</start></timePeriod>"
        f"<value>{value}</value><cost>12</cost></IntervalReading>"
        for i, value in enumerate(values)
    )
    interval = f"<interval><duration>86400</duration><start>{EPOCH}</start></interval>"
    return f"<IntervalBlock>{interval}{end}{readings}{end}</IntervalBlock>"


def meter(values: list[Any], point: str = "01", name: str = "1", **kind: Any) -> str:
    """A usage point's meter reading with its type and its readings."""
    duration = kind.pop("duration", 3600)
    quality = kind.pop("quality", "19")
    service = kind.pop("service", "0")
    said = {
        "accumulationBehaviour": 4,
        "commodity": 1,
        "flowDirection": 1,
        "intervalLength": duration,
        "powerOfTenMultiplier": 0,
        "uom": 72,
    } | kind
    inside = "".join(f"<{field}>{value}</{field}>" for field, value in said.items())
    reading = f"UsagePoint/{point}/MeterReading/{name}"
    kind_of = f"ReadingType/{point}-{name}"
    usage = f"<UsagePoint><ServiceCategory><kind>{service}</kind></ServiceCategory></UsagePoint>"
    return (
        entry(f"<ReadingType>{inside}</ReadingType>", kind_of, "ReadingType")
        + entry(usage, f"UsagePoint/{point}", "UsagePoint")
        + entry("<MeterReading/>", reading, f"UsagePoint/{point}/MeterReading", kind_of)
        + entry(
            block(values, duration, quality),
            f"{reading}/IntervalBlock/1",
            f"{reading}/IntervalBlock",
        )
    )


def feed(*meters: str) -> bytes:
    local = "<LocalTimeParameters><tzOffset>-28800</tzOffset></LocalTimeParameters>"
    clock = entry(local, "LocalTimeParameters/1", "LocalTimeParameters")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        + clock
        + "".join(meters)
        + "</feed>\n"
    ).encode()


def mains(tmp_path: Path, content: bytes, **source: Any) -> dict[str, list[float]]:
    rows = scan(tmp_path / "home1.xml", content, **source).rows
    return {name: [value for _, value in several] for name, several in rows.items()}


def test_stamps_are_seconds_in_utc_and_each_reading_is_one(tmp_path: Path) -> None:
    content = feed(meter([500, 0, 250]))
    scanned = scan(tmp_path / "home1.xml", content, timezone="America/Los_Angeles")
    assert scanned.rows == {
        "home1/mains +01 forward": [
            (START + timedelta(hours=i), value) for i, value in enumerate([500.0, 0.0, 250.0])
        ]
    }
    assert (scanned.report.read, scanned.report.lines) == (3, content.count(b"\n"))


def test_power_of_ten_unit_and_length_are_those_of_the_meter(tmp_path: Path) -> None:
    content = feed(
        meter([272_800], "01", powerOfTenMultiplier=-3, duration=900),
        meter([2], "02", powerOfTenMultiplier=3, flowDirection=19),
        meter([7], "03", uom=38, flowDirection=4),
    )
    assert mains(tmp_path, content) == {
        "home1/mains +01 forward": [272.8 * 4],
        "home1/mains -02 reverse": [2000.0],
        "home1/mains +03 net": [7.0],
    }


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ({"commodity": 7}, "gas, not electricity"),
        ({"service": 1}, "gas, not electricity"),
        ({"uom": 169}, "gas, not electricity"),
        ({"uom": 73}, "reactive energy"),
        ({"uom": 29}, "a voltage"),
        ({"uom": 999}, "unit 'uom 999' is neither power nor energy"),
        ({"flowDirection": 20}, "register '01 direction 20' is left out"),
        ({"powerOfTenMultiplier": 99}, "power of ten '99'"),
        ({"quality": "12"}, "a forecast, not measured"),
    ],
)
def test_what_is_no_reading_of_power_is_rejected_with_its_reason(
    tmp_path: Path, kind: dict[str, Any], why: str
) -> None:
    scanned = scan(tmp_path / "home1.xml", feed(meter([1, 2], **kind)))
    assert list(scanned.faults.values()) == [why] * 2
    assert not scanned.rows


def test_a_value_beyond_all_readings_costs_itself_and_little_memory(tmp_path: Path) -> None:
    odd = ["1E+9999999", "1E+900000", "1E-900000", "NaN", "Infinity", "9" * 3000]
    content = feed(meter([500, *odd, 250], powerOfTenMultiplier=-3))
    (values,) = mains(tmp_path, content).values()
    assert [value for value in values if value] == [0.5, 0.25]


def test_a_running_total_is_one(tmp_path: Path) -> None:
    content = feed(meter([1_000_000, 1_000_500], accumulationBehaviour=1))
    assert mains(tmp_path, content) == {"home1/mains +01 forward": [1000.0, 1000.5]}


def test_totals_of_days_are_not_added_to_the_hours(tmp_path: Path) -> None:
    content = feed(meter([5] * 24), meter([120], name="2", duration=86_400))
    scanned = scan(tmp_path / "home1.xml", content)
    assert len(scanned.rows["home1/mains +01 forward"]) == 24
    assert list(scanned.faults.values()) == ["a total of intervals that the feed has one by one"]


def test_several_meters_are_asked_about(tmp_path: Path) -> None:
    content = feed(meter([1], "01"), meter([2], "02"))
    with pytest.raises(BadInputError, match=r"several meters \(01, 02\)") as caught:
        mains(tmp_path, content)
    assert 'device = "home1"' in str(caught.value)
    assert set(mains(tmp_path, content, device="usage point")) == {
        "01/mains +01 forward",
        "02/mains +02 forward",
    }


def test_a_feed_on_one_line_packed_and_utf16_is_the_same(tmp_path: Path) -> None:
    text = feed(meter([1, 2, 3])).decode().replace("\n", "")
    scanned = scan(tmp_path / "home1.xml.gz", gzip.compress(text.encode()))
    assert (scanned.report.read, scanned.report.lines) == (3, 3)
    wide = text.replace("UTF-8", "UTF-16").encode("utf-16")
    assert scan(tmp_path / "home1.xml", wide).report.read == 3


LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><feed>&b;</feed>'
OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><feed>&a;</feed>'
)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (LAUGHS, "entities, which no feed needs"),
        (OUTSIDE, "entities, which no feed needs"),
        (b'<?xml version="1.0"?><feed>' + b"<a>" * 10_000, "inside of each other"),
        (b'<?xml version="1.0"?><feed><entry></feed>', "line 1: no well-formed XML"),
        (feed(meter([1, 2]))[:-40], "no well-formed XML"),
        (feed(meter([1, 2])).replace(b"UTF-8", b"nonsense"), "an encoding that is not read"),
        (feed(meter([1, 2])).replace(b"UTF-8", b"shift_jis"), "an encoding that is not read"),
        (feed(meter([1, 2])).replace(b"UTF-8", b"rot13"), "an encoding that is not read"),
        (feed(meter([1, 2])).replace(b"UTF-8", b"idna"), "an encoding that is not read"),
        (b'<?xml version="1.0"?><Workbook xmlns="x"/>', "no Green Button feed"),
        (b'<?xml version="1.0"?><feed xmlns="x"/>', "no IntervalReading"),
    ],
)
def test_a_feed_that_cannot_be_read_is_left(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(BadInputError, match=why) as caught:
        scan(tmp_path / "home1.xml", content)
    assert "home1.xml" in str(caught.value)


@pytest.mark.parametrize("start", [b"<entry><title>", b'<entry><link href="'])
def test_endless_text_takes_little_memory(tmp_path: Path, start: bytes) -> None:
    content = b'<?xml version="1.0"?><feed>' + start + b"x" * (40 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadInputError):
        scan(tmp_path / "home1.xml.gz", gzip.compress(content, 1))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 250_000  # KiB
