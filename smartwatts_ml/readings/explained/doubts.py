"""What is doubtful in what a file is taken for, and the lines of a source that settle it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.explained.channels import ChannelSummary, in_words
from smartwatts_ml.readings.explained.facts import unsaid
from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.report import FileReport, Rejected
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import toml_string

__all__ = ["Doubt", "find_doubts", "open_question"]

_LOWEST_W = 5.0
_USUAL_W = (20.0, 10_000.0)
"""Between these lies the median of nearly every home's mains."""
_HOUR_S = 3600.0
_MOST_NAMES = 3
_FEW = 20
_OF_PATH = re.compile(r"\{(folder|name|home)\}")
_NO_ID = re.compile(r"[^\w.@:+-]")
_OF_PHASES = re.compile(rf"{MAINS}_\d_of_\d")
_IRREGULAR = 0.5
_FIELD = re.compile(r"\b(?:stamp|timezone|decimal|unit|stamp_is|interval_s) = '[^'\n]*'")
"""What a fix says of a source."""
_HERE = "; `smartwatts ingest --explain` shows what is understood"
_OTHER_MARK = {".": re.compile(r"[-+]?\d+,\d+"), ",": re.compile(r"[-+]?\d+\.\d+")}


@dataclass(frozen=True)
class Doubt:
    """``lines`` of a source: what holds now, to be left or changed, or as comments where it has
    to be chosen. ``answers``: those that are one from the other, where lines belong together."""

    problem: str
    lines: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()


def open_question(error: BadInputError) -> Doubt:
    """What a refusal asks for, or else says to do."""
    answers = error.settle or tuple(_FIELD.findall(error.fix or ""))
    problem = error.args[0] if answers else str(error).replace(_HERE, "")
    lines = (line for answer in answers for line in answer.splitlines())
    return Doubt(problem, tuple(f"# {line}" for line in lines), answers)


def find_doubts(
    form: Interpretation,
    sample: Sequence[Sequence[str]],
    key: str,
    settings: Settings,
    channels: Sequence[ChannelSummary],
    report: FileReport | None,
    rejected: Sequence[Rejected],
    asked: Sequence[BadInputError] = (),
) -> list[Doubt]:
    """What a look at the result would make anybody ask, and what is ``asked`` of mains anyway."""
    about_unit = any(answer.startswith("unit") for error in asked for answer in error.settle)
    return [
        *_clock(form, settings),
        *map(open_question, asked),
        *(() if about_unit else _unit(form, settings, channels)),
        *_site(form, key, channels),
        *_mains(form, sample, channels),
        *_spacing(form, channels),
        *_contradictions(report),
        *_decimals(form, rejected),
        *_cut(report),
    ]


def _clock(form: Interpretation, settings: Settings) -> Iterator[Doubt]:
    if "timezone" in unsaid(form, settings):
        yield Doubt(
            f"nobody says the timezone of stamps like {form.stamps.sample}: "
            f"{form.timezone} is taken",
            (f'timezone = "{form.timezone}"  # or the meter\'s own, e.g. "Europe/Brussels"',),
        )


def _unit(
    form: Interpretation, settings: Settings, channels: Sequence[ChannelSummary]
) -> Iterator[Doubt]:
    mains = [channel for channel in channels if channel.channel == MAINS]
    is_told = "unit" not in unsaid(form, settings)
    odd = [c for c in mains if not _is_usual(c)]
    default = form.mapping.default_unit
    if odd:
        about = "" if is_told else "nobody says the unit, and "
        level = (
            f"{odd[0].median_w:,.3g} W" if abs(odd[0].median_w) < 1 else f"{odd[0].median_w:,.0f} W"
        )
        level = f"{about}{_names(odd)} has {level} in the middle, which hardly a home has"
        yield Doubt(level, () if is_told else tuple(_units(odd[0])))
    elif not is_told:
        shown = (
            f"; {mains[0].device_id} has {mains[0].median_w:,.0f} W in the middle" if mains else ""
        )
        yield Doubt(f"nobody says the unit: {default} is taken{shown}", (f'unit = "{default}"',))


def _is_usual(mains: ChannelSummary) -> bool:
    """Whether a home's mains may be at that level. One that is at 0 most of the time may be."""
    return mains.median_w == 0 or _LOWEST_W <= abs(mains.median_w) <= _USUAL_W[1]


def _units(mains: ChannelSummary) -> Iterator[str]:
    """Units that would put mains where homes are; to choose from where they are several."""
    spacing = mains.spacing[0].seconds if mains.spacing else _HOUR_S
    levels = {"kW": 1000.0, "kWh": 1000 * _HOUR_S / spacing, "Wh": _HOUR_S / spacing}
    usual = {
        unit: mains.median_w * factor
        for unit, factor in levels.items()
        if _USUAL_W[0] <= mains.median_w * factor <= _USUAL_W[1]
    }
    mark = "" if len(set(usual.values())) == 1 else "# "
    for unit, watts in usual.items():
        yield f'{mark}unit = "{unit}"  # mains has {watts:,.0f} W in the middle then'
        if not mark:
            return


def _site(form: Interpretation, key: str, channels: Sequence[ChannelSummary]) -> Iterator[Doubt]:
    mapping = form.mapping
    by_path = mapping.said.device is None or _OF_PATH.search(mapping.said.device)
    if mapping.device is None and by_path and "/" not in key:
        line = f"device = {toml_string(_NO_ID.sub('_', mapping.site))}  # the name of the home"
        if any(_OF_PHASES.fullmatch(channel.channel) for channel in channels):
            line = 'device = "home1"  # the name of the home, the same for the files of all phases'
        yield Doubt(
            f"nothing but the file's name says the site: it is called {mapping.site}, and other "
            "files are other sites",
            (line,),
        )


def _mains(
    form: Interpretation, sample: Sequence[Sequence[str]], channels: Sequence[ChannelSummary]
) -> Iterator[Doubt]:
    sites = {
        site: {channel.channel for channel in group}
        for site, group in groupby(channels, key=lambda channel: channel.site)
    }
    stated = set(form.mapping.said.channels.values())
    without = [site for site, of_site in sites.items() if not of_site & {MAINS, *stated}]
    phases = {name for site in without for name in sites[site] if _OF_PHASES.fullmatch(name)}
    if phases:
        yield Doubt(
            f"{', '.join(sorted(phases))} is a part of mains: with files of the others of one "
            "home, it is added up"
        )
    elif without:
        shown = f"{', '.join(without[:_MOST_NAMES])}{', …' if len(without) > _MOST_NAMES else ''}"
        names = [value.name for value in form.mapping.values if value.channel]
        if form.mapping.register is not None:
            names = list(dict.fromkeys(text for text in sample[form.mapping.register] if text))
        lines = [f'# channels = {{{toml_string(name)} = "mains"}}' for name in names[:_MOST_NAMES]]
        yield Doubt(f"no channel is mains, which models start from: {shown}", tuple(lines))


def _spacing(form: Interpretation, channels: Sequence[ChannelSummary]) -> Iterator[Doubt]:
    if form.held_by_rows:
        yield Doubt(
            "its rows come at no regular times and hardly a value repeats, so that each is taken "
            "to hold until the next",
            ("held = true  # false: readings are means of their own intervals",),
        )
        return
    odd = [
        channel
        for channel in channels
        if channel.readings >= _FEW and channel.spacing[0].share < _IRREGULAR
    ]
    if odd and form.mapping.said.held is None:
        most = odd[0].spacing[0]
        yield Doubt(
            f"{_names(odd)} comes at no regular times (most often every {in_words(most.seconds)}, "
            f"{most.share:.0%}): does the sensor write when its value changes?",
            ("# held = true",),
        )


def _contradictions(report: FileReport | None) -> Iterator[Doubt]:
    count = report.reasons.get("value_two", 0) if report else 0
    if count:
        yield Doubt(
            f"{count:,} values contradict another one of the same device and timestamp, and are "
            "left out"
        )


def _decimals(form: Interpretation, rejected: Sequence[Rejected]) -> Iterator[Doubt]:
    other = _OTHER_MARK[form.numbers.decimal]
    lines = [row.where for row in rejected if other.fullmatch(row.text)]
    if lines:
        yield Doubt(
            f"{lines[0]} has the other decimal mark: one file, two ways to write numbers",
        )


def _cut(report: FileReport | None) -> Iterator[Doubt]:
    if report and report.reasons.get("cut"):
        yield Doubt("the file ends in the middle of a line: is it whole?")


def _names(channels: Sequence[ChannelSummary]) -> str:
    names = [channel.device_id for channel in channels[:_MOST_NAMES]]
    more = len(channels) - len(names)
    return f"{', '.join(names)}{f' and {more} more' if more else ''}"
