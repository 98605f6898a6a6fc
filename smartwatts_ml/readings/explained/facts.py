"""What a file is taken for in words, and who says so."""

from __future__ import annotations

from collections.abc import Sequence

from smartwatts_ml.readings.explained.columns import unit_in_words
from smartwatts_ml.readings.layouts.catalog import layout_named
from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.layouts.mapping import ColumnMapping
from smartwatts_ml.readings.scan import FileScan
from smartwatts_ml.readings.site_clocks import FileClock
from smartwatts_ml.readings.units import unit_in_name
from smartwatts_ml.settings import Settings
from smartwatts_ml.settings.base import settings_origin
from smartwatts_ml.sources import UNITS, Source

__all__ = ["facts_of", "settings_fact", "unsaid"]

_MOST_SHOWN = 5


def facts_of(
    form: Interpretation, sample: Sequence[Sequence[str]], scan: FileScan, settings: Settings
) -> dict[str, str]:
    """By what they are about, in the order in which they are shown."""
    mapping, source = form.mapping, scan.source
    facts = {
        "layout": _layout(mapping, source),
        "shape": _shape(mapping),
        "unit": _unit(form, sample, source, settings),
        "numbers": _numbers(form),
        "timestamps": f"{form.stamps.form}, e.g. {form.stamps.sample}",
        "clock": _clock(form, source, settings),
        "sites live by": _lived_by(scan.site_clock, settings),
        "stamps are": _stamps_are(mapping, source),
        "intervals": _intervals(mapping, source),
        "site": _site(mapping, source),
    }
    return {about: fact for about, fact in facts.items() if fact}


def settings_fact(match: str | None) -> dict[str, str]:
    """Which source of which settings is about the file."""
    about = f"source {match}" if match else "no source is about it"
    return {"settings": f"{about} ({settings_origin()})"}


def unsaid(form: Interpretation, settings: Settings) -> frozenset[str]:
    """What nobody says: neither the file, nor its source, nor a setting."""
    return form.unsaid - settings.model_fields_set


def _speaker(field: str, mapping: ColumnMapping, source: Source) -> str:
    """Who says what holds: the source, the layout, or the file."""
    value = getattr(mapping.said, field)
    if field in source.model_fields_set and getattr(source, field) == value:
        return f"source {source.match}"
    if mapping.layout:
        known = layout_named(mapping.layout)
        if field in known.model_fields_set and getattr(known, field) == value:
            return f"layout {known.name}"
    return "the file"


def _layout(mapping: ColumnMapping, source: Source) -> str:
    if not mapping.layout:
        return "none that is known, so columns are understood by their names"
    how = f"by source {source.match}" if source.layout else "by its header"
    return f"{layout_named(mapping.layout).title} ({mapping.layout}, {how})"


def _shape(mapping: ColumnMapping) -> str:
    if mapping.by_time_of_day:
        return "wide by time of day: a line is a day"
    if any(value.site for value in mapping.values):
        return "wide by site: a line has all sites of an instant"
    channels = {value.channel for value in mapping.values}
    if len(channels) > 1:
        return "wide by channel: a line has all channels of an instant"
    if len(mapping.values) > 1:
        return "wide by register: a line has all registers of a meter, which are netted"
    if mapping.register is not None:
        return "long: a line is a reading of one register"
    return "long: a line is a reading"


def _unit(
    form: Interpretation,
    sample: Sequence[Sequence[str]],
    source: Source,
    settings: Settings,
) -> str:
    mapping = form.mapping
    if mapping.unit is not None:
        texts = list(dict.fromkeys(text for text in sample[mapping.unit] if text))
        shown = ", ".join(texts[:_MOST_SHOWN]) or "?"
        return f"{shown}, by column {mapping.names[mapping.unit]}"
    if isinstance(mapping.said.unit, dict):
        shown = ", ".join(f"{name}: {unit}" for name, unit in mapping.said.unit.items())
        return f"{shown}, by {_speaker('unit', mapping, source)}"
    units = dict[str, str]()
    for value in mapping.values:
        unit = value.unit or mapping.default_unit
        units.setdefault(unit_in_words(unit), _who_says_unit(form, value.name, source, settings))
    return "; ".join(f"{unit}, {who}" for unit, who in units.items())


def _who_says_unit(form: Interpretation, name: str, source: Source, settings: Settings) -> str:
    mapping = form.mapping
    value = next(value for value in mapping.values if value.name == name)
    if value.unit is None:
        if "unit" in form.above:
            return "by the lines above its header"
        setting = "unit" in settings.model_fields_set
        return "by the setting unit" if setting else "since nobody says it"
    if mapping.said.unit in UNITS:
        return f"by {_speaker('unit', mapping, source)}"
    if mapping.said.consumption.get(name):
        return f"by {_speaker('consumption', mapping, source)}"
    if unit_in_name(name) == value.unit:
        return "by the column's name"
    return "by the column's name and how its values rise and fall"


def _numbers(form: Interpretation) -> str:
    marks = {".": "point", ",": "comma", " ": "space"}
    decimal = f"decimal {marks[form.numbers.decimal]}"
    group = form.numbers.group
    return f"{decimal}, {marks.get(group, group)} between thousands" if group else decimal


def _clock(form: Interpretation, source: Source, settings: Settings) -> str:
    if form.stamps.is_epoch:
        return "UTC, by what the file counts"
    if form.stamps.zoned:
        return f"offsets of the file's own; {form.timezone} where there is none"
    if form.mapping.said.timezone is not None:
        return f"{form.timezone}, by {_speaker('timezone', form.mapping, source)}"
    if "timezone" in form.above:
        return f"{form.timezone}, by the lines above its header"
    if "timezone" in settings.model_fields_set:
        return f"{form.timezone}, by the setting timezone"
    return f"{form.timezone}, since nobody says it"


def _lived_by(said: FileClock, settings: Settings) -> str:
    """By whose clock hours and days of the file's sites are."""
    if said.source:
        return f"the clock of {said.source}, by its source"
    others = ", but for those of site_timezones" if settings.site_timezones else ""
    if said.file:
        return f"the clock of {said.file}, by the file{others}"
    who = "by the settings" if "timezone" in settings.model_fields_set else "since nobody says it"
    return f"the clock of {settings.timezone}, {who}{others}"


def _stamps_are(mapping: ColumnMapping, source: Source) -> str:
    if mapping.by_time_of_day:
        return "days"
    if mapping.said.stamp_is is None:
        return "starts of intervals"
    return f"{mapping.said.stamp_is}s of intervals, by {_speaker('stamp_is', mapping, source)}"


def _intervals(mapping: ColumnMapping, source: Source) -> str:
    """How long they are, where that counts or is said."""
    if mapping.until:
        return f"by {' and '.join(mapping.names[at] for at in mapping.until)}"
    if mapping.interval is not None:
        return f"by {mapping.names[mapping.interval]}"
    if mapping.said.interval_s is not None:
        return f"{mapping.said.interval_s:g} s, by {_speaker('interval_s', mapping, source)}"
    if mapping.said.held:
        return f"each value holds until the next, by {_speaker('held', mapping, source)}"
    return ""


def _site(mapping: ColumnMapping, source: Source) -> str:
    if any(value.site for value in mapping.values):
        return f"by the names of columns, by {_speaker('device', mapping, source)}"
    if mapping.device is not None:
        return f"by column {mapping.names[mapping.device]}"
    if mapping.said.device is not None:
        return f"{mapping.site}, by {_speaker('device', mapping, source)}"
    return f"{mapping.site}, by the name of the folder or the file"
