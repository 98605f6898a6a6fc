"""A folder of hostile files, each with what an independent look at it says."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
from dataclasses import dataclass, field

import pyarrow as pa

HEADER = "timestamp,consumption,device_id"


@dataclass(frozen=True)
class Hostile:
    """``left``: a part of the reason why nothing is taken; otherwise ``rejected`` (line →
    reason) and the other counts have to come out. ``content`` None: the test makes it."""

    name: str
    content: bytes | None
    left: str | None = None
    lines: int = 0
    blank: int = 0
    missing: int = 0
    duplicate: int = 0
    rejected: dict[int, str] = field(default_factory=dict)


STAMP = "not a date and time of the form that the file uses"
RANGE = "not between the years 2000 and 2099"
WIDTH = "not as many fields as the header has columns"
QUOTE = "quotes that do not match"
NUMBER = "not a number"
FINITE = "not a finite number"
CUT = "cut off: the file ends without the end of its line"
NO_TEXT = "bytes that are no text in the file's encoding"
DAMAGED = "cut short or damaged"
HEADLESS = "no header"
MISSING = "no value"


def rows(count: int, device: str, start: int = 0) -> list[str]:
    return [
        f"2024-05-{1 + i // 1440:02} {i // 60 % 24:02}:{i % 60:02},{i % 50}.5,{device}"
        for i in range(start, start + count)
    ]


def text(*lines: str, header: str = HEADER, end: str = "\n") -> bytes:
    return (end.join([header, *lines]) + end).encode()


def physical(content: bytes) -> int:
    """Lines as a person counts them, whatever ends them."""
    unified = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return unified.count(b"\n") + (not unified.endswith(b"\n"))


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("a.csv", content)
    return packed.getvalue()


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, "zstd", asbytes=True))


def taken(name: str, content: bytes, packed: bytes | None = None, **counts: object) -> Hostile:
    return Hostile(name, packed or content, lines=physical(content), **counts)  # type: ignore[arg-type]


def refused(name: str, content: bytes, why: str) -> Hostile:
    return Hostile(name, content, left=why)


def hostile_files(bad_rows: int) -> list[Hostile]:
    """``bad_rows``: how many the file with nothing but bad rows has."""
    return [*cut_files(), *damaged_files(), *odd_bytes(), *odd_rows(bad_rows), *odd_stamps()]


def cut_files() -> list[Hostile]:
    whole = text(*rows(50, "cut/mains"), *rows(50, "cut/mains2"))
    ends = {"stamp": 30, "after-a-comma": 12, "value": 14}
    return [
        *(taken(f"cut-in-{p}.csv", whole[:-n], rejected={101: WIDTH}) for p, n in ends.items()),
        taken("cut-in-device.csv", whole[:-3], rejected={101: CUT}),
        # The whole name of a device that is written out elsewhere cannot be told from a cut one.
        taken("cut-in-only-the-line-feed.csv", whole[:-1]),
        taken("cut-to-another-device.csv", whole[:-2], rejected={101: CUT}),
        refused("cut.csv.gz", gzip.compress(whole)[:-15], DAMAGED),
        refused("cut.csv.zst", zstd(whole * 40)[:-15], DAMAGED),
        taken("cut-in-quotes.csv", whole + b'2024-05-02 00:00,5,"cut', rejected={102: QUOTE}),
    ]


def damaged_files() -> list[Hostile]:
    content = text(*rows(60, "packed"))
    packed = gzip.compress(content)
    wrong_sum = packed[:-8] + struct.pack("<L", 7) + packed[-4:]
    picture = b"\x89PNG\r\n\x1a\n" + random.Random(3).randbytes(5000)
    return [
        refused("crc.csv.gz", wrong_sum, DAMAGED),
        refused("garbage-behind.csv.gz", packed + b"garbage", DAMAGED),
        refused("gzip-of-gzip.csv.gz", gzip.compress(packed), "is packed twice"),
        refused("zip.csv", zipped(content), "is a ZIP archive"),
        refused("picture.csv", picture, "is a picture"),
        refused("binary.csv", random.Random(4).randbytes(100_000), HEADLESS),
        refused("empty.csv", b"", "empty (0 bytes)"),
        refused("empty.csv.gz", gzip.compress(b""), "no line with text"),
        refused("blank.csv", b"\n  \n\t\r\n", "no line with text"),
        refused("headless.csv", "\n".join(rows(9, "headless")).encode(), HEADLESS),
        taken("utf16-without-mark.csv", content, content.decode().encode("utf-16-le")),
        refused("column-twice.csv", text(header=f"{HEADER},timestamp"), "is there twice"),
        taken(
            "members.csv.gz",
            text(*rows(9, "members")),
            gzip.compress(text(*rows(4, "members")))
            + gzip.compress(text(*rows(5, "members", 4)).removeprefix(text())),
        ),
    ]


def odd_bytes() -> list[Hostile]:
    good = rows(20, "bytes")
    mixed = (
        text(*good[:5])
        + "\r\n".join(good[5:10]).encode()
        + b"\r"
        + b"\r".join(line.encode() for line in good[10:])
        + b"\r\n"
    )
    long = "x" * 5_000_000
    return [
        taken("mixed-line-ends.csv", mixed),
        taken(
            "latin-1.csv",
            text(*good, "2024-05-09,5,caf\xe9").decode().encode("latin-1"),
            rejected={22: NO_TEXT},
        ),
        taken(
            "nul.csv", text(*good, "2024-05-09,\x005,a", "\x00"), rejected={22: NUMBER, 23: WIDTH}
        ),
        taken("enormous-line.csv", text(*good, long, *rows(3, "bytes2")), rejected={22: WIDTH}),
        taken("only-a-header.csv", text()),
        taken("blank-lines.csv", text("", *good, " ", "\t", ""), blank=4),
        taken(
            "utf16.csv", text(*rows(7, "utf16")), text(*rows(7, "utf16")).decode().encode("utf-16")
        ),
        refused("wider.csv", wide(10_000), "more than 4096 columns"),
        taken("wide.csv", wide(4_000)),
    ]


def wide(columns: int) -> bytes:
    others = [f"c{number}" for number in range(columns - 3)]
    line = ["7"] * len(others)
    return text(
        *(",".join([row, *line]) for row in rows(30, "wide")), header=",".join([HEADER, *others])
    )


ODD_DEVICES = ["😀/🔌", "a" * 50_000, "../../etc/passwd", "%41", "'; DROP", "=cmd()", "a//b"]


def odd_rows(bad_rows: int) -> list[Hostile]:
    good = rows(30, "rows")
    shuffled = rows(3000, "shuffled")
    random.Random(5).shuffle(shuffled)
    stamp = "2024-05-09 00:00"
    odd_values = ["nan", "inf", "-Infinity", "", "1e400", "1_000", "5 W", "0x1F"]
    reasons = [MISSING, FINITE, FINITE, MISSING, FINITE, NUMBER, NUMBER, NUMBER]
    return [
        taken("header-again.csv", text(*good[:9], HEADER, *good[9:]), blank=1),
        taken("header-twice.csv", text(HEADER, *rows(9, "twice")), blank=1),
        taken(
            "width.csv",
            text("2024-05-09,5", f"{good[0]},x", ",,,,", *good, "a"),
            blank=1,
            rejected={2: WIDTH, 3: WIDTH, 35: WIDTH},
        ),
        taken(
            "open-quote.csv",
            text(*good[:9], f'{stamp},"5,quoted', *good[9:], end="\r\n"),
            rejected={11: QUOTE},
        ),
        taken(
            "quoted.csv",
            text(*(f'"{s}","{v}","q,{d}"' for s, v, d in (r.split(",") for r in good))),
        ),
        taken(
            "values.csv",
            text(*(f"2024-05-09 00:{i:02},{v},a" for i, v in enumerate(odd_values)), *rows(3, "a")),
            missing=reasons.count(MISSING),
            rejected={line: why for line, why in enumerate(reasons, 2) if why != MISSING},
        ),
        taken(
            "nearly-nothing-but-bad.csv",
            text(*good[:3], *(f"{i},x,bad" for i in range(bad_rows))),
            rejected=dict.fromkeys(range(5, 5 + bad_rows), STAMP),
        ),
        refused(
            "nothing-but-bad.csv",
            text(*(f"{i},x,worse" for i in range(bad_rows))),
            f"no usable reading: {bad_rows:,} × timestamp {STAMP}",
        ),
        taken("repeats.csv", text(*good * 200), duplicate=30 * 199),
        taken("shuffled.csv", text(*shuffled)),
        taken(
            "devices.csv",
            text(
                *(f"{stamp},5,{name}" for name in ODD_DEVICES),
                "2024,5,/x",
            ),
            rejected={9: STAMP},
        ),
        taken(
            "formulas.csv",
            text(*rows(3, "=1+1"), "=cmd(),5,a", '2024-05-09,"=2+3",a'),
            rejected={5: STAMP, 6: NUMBER},
        ),
    ]


def odd_stamps() -> list[Hostile]:
    ambiguous = [f"0{m}/02/2024 0{m}:00,5,a" for m in range(1, 9)]
    mixed = [*rows(9, "mixed"), "09/05/2024 10:00,5,mixed", "1714521600,5,mixed"]
    years = ["1969-12-31 23:59", "2200-01-01", "0001-01-01", "9999-12-31", "1999-12-31 23:59:59"]
    return [
        refused("ambiguous.csv", text(*ambiguous), "which is the day"),
        refused(
            "contradicting.csv", text("13/01/2024 10:00,5,a", "01/13/2024 10:00,5,a"), "which is"
        ),
        refused("no-calendar.csv", text("00/00/2024 0:00,5,a"), "which is the day"),
        taken("mixed-stamps.csv", text(*mixed), rejected={11: STAMP, 12: STAMP}),
        taken(
            "years.csv",
            text(*(f"{year},5,years" for year in years), *rows(9, "years")),
            rejected=dict.fromkeys(range(2, 7), RANGE),
        ),
        taken(
            "epochs.csv",
            text("1714521600,5,epochs", "1714521660,6,epochs", "9" * 25 + ",7,epochs"),
            rejected={4: RANGE},
        ),
    ]
