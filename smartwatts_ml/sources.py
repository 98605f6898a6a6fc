"""What is said of a file of readings: by a layout that comes with the package, or by a setting.

A layout names columns and what they mean. A source is a layout that a user wrote down for the
files of some path; what it says wins over what the package knows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = [
    "DEFAULTS",
    "UNITS",
    "Defaults",
    "Layout",
    "Source",
    "Unit",
    "literal_pattern",
    "toml_string",
]

Unit = Literal[
    "mW", "W", "kW", "MW", "Wh", "kWh", "MWh", "Wh-counter", "kWh-counter", "MWh-counter"
]
UNITS: tuple[Unit, ...] = Unit.__args__  # type: ignore[attr-defined]


def _as_columns(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _as_units(value: Any) -> Any:
    if isinstance(value, str):
        value = [value]
    return dict.fromkeys(value, "") if isinstance(value, list | tuple) else value


_Columns = Annotated[tuple[str, ...], BeforeValidator(_as_columns)]
_Values = Annotated[dict[str, str], BeforeValidator(_as_units)]


class Layout(BaseModel):
    """Which columns of a file mean what. What is left open is found out from the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timestamp: _Columns = Field(
        default=(), description="Column of timestamps, or a list of two: date and time."
    )
    until: _Columns = Field(default=(), description="Column of the interval's end, likewise.")
    interval: str | None = Field(
        default=None, description="Column of the interval's length, e.g. PT15M."
    )
    consumption: _Values = Field(
        default_factory=dict,
        description="Column of values, a list of them, or a table of columns with their units.",
    )
    device: str | None = Field(
        default=None,
        description="Column of device ids; or the site itself, e.g. home1; or a part of the path, "
        "e.g. {folder} or {name}; or {column}, where each column of values is a site.",
    )
    register_: str | None = Field(
        default=None,
        alias="register",
        description="Column that tells registers, tariffs, directions or sensors apart.",
    )
    channels: dict[str, str] = Field(
        default_factory=dict,
        description="Channel of a register or a column of values: fridge; +mains and -mains are "
        "parts that are added and taken away; empty: left out, as is any column. * stands for all "
        "others.",
    )
    unit: str | dict[str, str] | None = Field(
        default=None,
        description="Unit of all values, the column that says it, or a table by register or "
        "column; -counter after it is a meter's running total.",
    )
    factor: str | None = Field(
        default=None, description="Column of factors by which values are to be multiplied."
    )
    timezone: str | None = Field(default=None, description="IANA timezone of naive timestamps.")
    site_timezone: str | None = Field(
        default=None,
        description="IANA timezone by whose clock the sites live, where timestamps are on another "
        "one, e.g. in UTC.",
    )
    stamp: str | None = Field(
        default=None,
        description="Form of timestamps for strptime, e.g. %d/%m/%Y %H:%M; found out if not given.",
    )
    stamp_is: Literal["start", "end"] | None = Field(
        default=None, description="Whether a timestamp is the start or the end of its interval."
    )
    totals_at: Literal["start", "end"] | None = Field(
        default=None,
        description="Whether a meter's total is that at the start or at the end of its interval.",
    )
    interval_s: float | None = Field(
        default=None, gt=0, description="Seconds that a reading lasts; found out if not given."
    )
    held: bool | None = Field(
        default=None, description="Whether a value holds until the next: a sensor writes on change."
    )
    decimal: Literal[".", ","] | None = Field(
        default=None, description="Decimal mark; found out if not given."
    )
    missing: tuple[str, ...] = Field(
        default=(), description="Texts that stand for no value, besides the usual ones."
    )
    sheet: str | None = Field(
        default=None,
        description="Sheet of a workbook that has the readings, or a pattern of several; found "
        "out if not given.",
    )
    skip: int = Field(
        default=0, ge=0, description="Lines above the header; with columns, above the readings."
    )
    check_mains: bool | None = Field(
        default=None,
        description="Whether to ask where mains is not like that of a home: false takes it as it "
        "is.",
    )

    def over(self, other: Layout) -> Self:
        """This one, with what it leaves open as the other says."""
        open_fields = set(Layout.model_fields) - self.model_fields_set
        return self.model_copy(
            update={name: getattr(other, name) for name in open_fields & other.model_fields_set}
        )


class Defaults(Layout):
    """What holds of files that say nothing else. ``lowest_watts``: W below which mains is hardly
    a home's; ``fuses``: W above which it is none, by site, ``*`` for all others."""

    lowest_watts: float = 5.0
    fuses: Mapping[str, float] = {"*": 50_000.0}

    def fuse_of(self, device: str) -> float:
        """That of a device's site, in W."""
        return self.fuses.get(device.partition("/")[0], self.fuses["*"])


DEFAULTS = Defaults(unit="W", timezone="UTC", check_mains=False)
"""What holds where there are no settings."""


class Source(Layout):
    """Files whose path matches, and how to read them. What is left open is as for all."""

    match: str = Field(
        default="*", description="Pattern of paths below landing/, e.g. meters-*/2026-*.csv.gz."
    )
    layout: str | None = Field(
        default=None, description="Layout of these files, by its name; recognised if not given."
    )
    columns: tuple[str, ...] = Field(
        default=(),
        description="Names of the columns of a file without a header, in their order; any name "
        "of ours or of a layout, and the other keys can name them.",
    )

    def matches(self, key: str) -> bool:
        """Whether this source wrote the file.

        >>> Source(match="berlin/*").matches("landing/berlin/2026/a.csv")
        True
        """
        return fnmatchcase(key.removeprefix("landing/"), self.match)


_GLOB = str.maketrans({char: f"[{char}]" for char in "[?*"})


def literal_pattern(text: str) -> str:
    """A pattern that fits a text alone, which may hold bytes that are no text.

    >>> literal_pattern("a [1].csv")
    'a [[]1].csv'
    """
    return "".join("?" if 0xD800 <= ord(char) < 0xE000 else char.translate(_GLOB) for char in text)


def toml_string(text: str) -> str:
    """A text as TOML writes it.

    >>> print(toml_string('Use "all"'))
    "Use \\"all\\""
    """
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
