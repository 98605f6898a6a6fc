"""What to ask of a file whose mains is not like that of a home."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.columns import CSV_COLUMNS
from smartwatts_ml.readings.layouts.file_columns import ask
from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.layouts.names import plain_name
from smartwatts_ml.readings.mains.day_ends import DayEnds
from smartwatts_ml.readings.mains.hours import MainsHours
from smartwatts_ml.readings.mains.level import MainsLevel
from smartwatts_ml.readings.mains.power import power_of_mains
from smartwatts_ml.readings.parsed import Parsed, split_part
from smartwatts_ml.readings.units import Quantity
from smartwatts_ml.sources import Defaults, Source, Unit, toml_string

__all__ = ["MainsCheck"]

_AS_IT_IS = "check_mains = false  # it is so all the same"
_MOST_NAMES = 3


class MainsCheck:
    """Sees a file go by. ``where`` and ``key``: the file for people and for patterns."""

    def __init__(self, where: str, key: str, source: Source, defaults: Defaults) -> None:
        self._where = where
        self._key = key
        self._source = source
        self._defaults = defaults
        self._level = MainsLevel(defaults)
        self._hours = MainsHours()
        self._days = DayEnds()
        self._parts: dict[str, dict[str, int]] = {}
        self._wholes: set[str] = set()
        self._form: Interpretation | None = None
        self._quantities: set[Quantity] = set()

    def may_ask(self, by_setting: bool) -> bool:
        """Whether a file may be asked about, if settings say so."""
        return by_setting and self._source.check_mains is not False

    def see(self, rows: Parsed, form: Interpretation) -> None:
        """Rows of a block, and what the file is taken for."""
        self._form = form
        for whole, sign, register in map(split_part, rows.names):
            if not whole.endswith(f"/{MAINS}"):
                continue
            if sign:
                self._parts.setdefault(whole, {})[register] = sign
            else:
                self._wholes.add(whole)
        self._quantities.add(rows.measure.quantity)
        self._days.see(rows)
        power = power_of_mains(rows)
        if len(power):
            self._level.see(power)
            self._hours.see(power)

    def check(self) -> None:
        """Raises BadInputError with what would settle it."""
        if self.may_ask(self._defaults.check_mains is not False) and (question := self.question()):
            raise question

    def question(self) -> BadInputError | None:
        """What there is to ask, if anything."""
        return (
            self._of_level()
            or (None if self._is_ours else self._of_rise())
            or self._of_parts()
            or self._of_day_ends()
            or (None if self._is_ours else self._of_hours() or self._of_idle_hours())
        )

    def doubts(self) -> Iterator[BadInputError]:
        """What is told of a file that is taken all the same."""
        if self._source.check_mains is False:
            return
        if self._is_ours and (rise := self._of_rise()):
            yield rise
        made, idle = self._of_hours(), self._idle_hours()
        if made and self._is_ours:
            yield made
        elif idle and not made:
            yield idle

    @property
    def _is_ours(self) -> bool:
        """Whether columns have our names, which say that it is what a home draws."""
        names = self._form.mapping.names if self._form else ()
        return {plain_name(name) for name in names} >= set(CSV_COLUMNS)

    def _of_level(self) -> BadInputError | None:
        level, form = self._level, self._form
        if form is None or self._is_watts_as_said(form):
            return None
        unsaid = self._is_unit_unsaid(form)
        who = "nobody says the unit" if unsaid else f"its unit is {_said_unit(form)}"
        for is_odd, limit in (
            (level.is_low(unsaid), f"below {self._defaults.lowest_watts:g} W"),
            (level.is_high, "above its fuse"),
        ):
            if is_odd:
                problem = (
                    f"{who}, and {_watts(level.median)} would be in the middle of its mains, "
                    f"{limit}, where no home's is"
                )
                return self._ask(problem, *self._units(form))
        return None

    def _is_unit_unsaid(self, form: Interpretation) -> bool:
        return "unit" in form.unsaid - self._defaults.model_fields_set

    @property
    def _is_energy_by_others(self) -> bool:
        """Whether it is energy, though its source does not say so."""
        return "energy" in self._quantities and not any((self._source.consumption or {}).values())

    def _of_rise(self) -> BadInputError | None:
        """Where it hardly ever falls, and either nobody says the unit, or a layout or a name says
        that it is energy of intervals: files of a meter's totals look alike."""
        form = self._form
        if form is None or self._source.unit or not self._level.rises:
            return None
        if "total" in self._quantities:
            return None
        if not (self._is_unit_unsaid(form) or self._is_energy_by_others):
            return None
        totals = self._units(form) or ('unit = "kWh-counter"', 'unit = "Wh-counter"')
        problem = "mains hardly ever falls: is it a meter's total?"
        if not self._is_unit_unsaid(form):
            return self._ask(problem, *totals)
        return self._ask(
            f"nobody says the unit, and {problem}", *totals, 'unit = "W"  # it is power'
        )

    def _is_watts_as_said(self, form: Interpretation) -> bool:
        """Whether source or settings say that it is W, all the same."""
        stated = self._source.unit
        if stated is None and "unit" in form.unsaid & self._defaults.model_fields_set:
            stated = self._defaults.unit
        return stated == "W"

    def _units(self, form: Interpretation) -> list[str]:
        """What a source may say of the unit, where that would hold."""
        mapping = form.mapping
        by_column = mapping.unit is not None or any(mapping.said.consumption.values())
        if by_column or isinstance(mapping.said.unit, dict):
            return []
        return [
            f'unit = "{candidate}"  # mains has {_watts(watts)} in the middle then'
            for candidate, watts in self._level.units(_unit_of(form))
        ]

    def _of_parts(self) -> BadInputError | None:
        """Where there is nothing of a home but what it feeds in, and nobody says that it is so."""
        if self._source.channels:
            return None
        for whole, signs in self._parts.items():
            if whole not in self._wholes and set(signs.values()) == {-1}:
                channel = "+export" if len(signs) > 1 else "export"
                rules = ", ".join(f'{toml_string(name)} = "{channel}"' for name in signs)
                problem = (
                    f"{whole} is only fed in ({', '.join(signs)}), and nothing is drawn: put what "
                    "its meter draws and feeds in into one file, or else"
                )
                return self._ask(problem, f"channels = {{{rules}}}")
        return None

    def _of_day_ends(self) -> BadInputError | None:
        """Where days run from one interval after midnight to midnight."""
        form, step_s = self._form, self._level.step_s
        if form is None or self._is_ours or not self._days.are_shown(step_s, form):
            return None
        minutes = f"{step_s / 60:g} minutes"
        problem = (
            f"it begins {minutes} after midnight and ends at midnight, as files do whose "
            "timestamps are ends of intervals: are they?"
        )
        return self._ask(
            problem, 'stamp_is = "end"', 'stamp_is = "start"  # it was cut off so', or_not=""
        )

    def _of_hours(self) -> BadInputError | None:
        """Where the file itself does not say what flows where."""
        form = self._form
        made, others = self._hours.made_by_panels()
        if form is None or not made or form.mapping.said.channels:
            return None
        problem = (
            f"{_shown(made)}: nothing every night and most at noon is what panels make or feed in, "
            "and no mains"
        )
        return self._ask(problem, *_flows(form, made, others))

    def _of_idle_hours(self) -> BadInputError | None:
        """Where nobody says which registers there are."""
        form = self._form
        return None if form is None or form.mapping.said.channels else self._idle_hours()

    def _idle_hours(self) -> BadInputError | None:
        idle = self._hours.often_nothing()
        if not idle:
            return None
        return self._ask(
            f"{_shown(idle)}: exactly nothing at some hours of most days is what a register of "
            "several counts: do panels feed in then, or does another tariff count? Put all "
            "registers of a meter into one file"
        )

    def _ask(self, problem: str, *answers: str, or_not: str = _AS_IT_IS) -> BadInputError:
        last = (or_not,) if or_not else ()
        return ask(self._where, self._key, self._source, problem, *answers, *last)


def _flows(form: Interpretation, made: list[str], others: list[str]) -> Iterator[str]:
    """What a source may say of devices whose power comes from panels."""
    mapping = form.mapping
    sites = [name.partition("/")[0] for name in made]
    if mapping.device is None:
        site = mapping.site.partition("/")[0] or "home1"
        yield f"device = {toml_string(f'{site}/solar')}  # what its panels make"
        yield f"device = {toml_string(f'{site}/export')}  # what it feeds in"
        return
    rules = ", ".join(f"{toml_string(site)} = %s" for site in sites)
    if len(others) == len(made) == 1:
        rule = rules % '"-mains"'
        yield f'device = "home1"\nchannels = {{{rule}, "*" = "+mains"}}  # one home: it feeds in'
    column = toml_string(mapping.names[mapping.device])
    for channel, what in (("solar", "what panels make"), ("export", "what is fed in")):
        stated = ", ".join(f'{toml_string(site)} = "{channel}"' for site in sites)
        yield f'register = {column}\nchannels = {{{stated}, "*" = "mains"}}  # {what}'


def _shown(devices: Sequence[str]) -> str:
    return ", ".join(name.partition("/")[0] for name in devices[:_MOST_NAMES])


def _unit_of(form: Interpretation) -> Unit:
    return form.mapping.values[0].unit or form.mapping.default_unit


def _said_unit(form: Interpretation) -> str:
    column = form.mapping.unit
    return _unit_of(form) if column is None else f"that of column {form.mapping.names[column]}"


def _watts(level: float) -> str:
    return f"{level:,.3g} W" if abs(level) < 1 else f"{level:,.0f} W"
