"""Columns of values → channels: which is mains, which are parts of it, which are appliances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from smartwatts_ml.readings.base import MAINS, SOLAR
from smartwatts_ml.readings.layouts.file_columns import FileColumns
from smartwatts_ml.readings.layouts.mapping import ValueColumn, number_of, rule_of_column
from smartwatts_ml.readings.layouts.names import Flow, channel_of, plain_name, sense_of
from smartwatts_ml.readings.units import scale_of
from smartwatts_ml.sources import toml_string

__all__ = ["EACH_A_SITE", "channels_of"]

_AT_ONCE = 0.9
"""Share of the lines with feed-in at which a home's own use is above 0 as well."""
_IN_TURN = 0.6
"""Share of lines at most, of what a meter counts in either direction within one interval."""
_NOT_DRAWN = {"export": ("export", "mains"), "production": (SOLAR, "mains")}
"""What a column may be whose name speaks of what a home does not draw."""
EACH_A_SITE = 'device = "{column}"  # each column is a site'
"""What a source may say where columns of values are not parts of one home."""
_FEWEST = 3
_CLOSE = 0.02
_NOISE = 0.01
"""Share of what is fed in that may be below 0."""


def channels_of(
    file: FileColumns, values: Sequence[ValueColumn], register: bool
) -> Sequence[ValueColumn]:
    """Each column's channel: as said, or by its name where there are several columns, unless
    each is a site."""
    if "{column}" in (file.said.device or ""):
        return values
    named: list[ValueColumn] = []
    open_values: list[ValueColumn] = []
    for value in values:
        rule = None if register else rule_of_column(file.said.channels, value.name)
        if rule is None:
            open_values.append(value)
        elif rule:
            sign = {"+": 1, "-": -1}.get(rule[0], 0)
            named.append(replace(value, channel=rule.lstrip("+-"), sign=sign))
    named = _without_empty(file, named)
    if len(values) == 1 and not named:
        return [_only(file, values[0])]
    if not any(value.channel == MAINS for value in named) and open_values:
        mains = _all_phases(_Group(file, open_values))
        named += mains
        taken = {value.position for value in mains}
        open_values = [value for value in open_values if value.position not in taken]
    group = _Group(file, open_values)
    others = [_by_name(value) for value in group.flowing("other")]
    return sorted([*named, *others, *_made(group)], key=lambda value: value.position)


def _only(file: FileColumns, value: ValueColumn) -> ValueColumn:
    """The only column of values: the device, or the register, says whose it is."""
    flow = sense_of(value.name).flow
    if flow in _NOT_DRAWN and not file.layout and not file.said.consumption:
        raise file.ask(
            f"{value.name} is not what the home draws",
            *(_rule(value.name, channel) for channel in _NOT_DRAWN[flow]),
        )
    return value


def _not_drawn(columns: Sequence[str]) -> str:
    """A rule for columns of which none is drawn: those of one flow are added up."""
    flows = [_NOT_DRAWN[sense_of(name).flow][0] for name in columns]
    rules = (
        f"{toml_string(name)} = {toml_string('+' * (flows.count(flow) > 1) + flow)}"
        for name, flow in zip(columns, flows, strict=True)
    )
    return f"channels = {{{', '.join(rules)}}}"


def _rule(column: str, channel: str) -> str:
    return f"channels = {{{toml_string(column)} = {toml_string(channel)}}}"


def _without_empty(file: FileColumns, values: Sequence[ValueColumn]) -> list[ValueColumn]:
    """Less parts of which a file has nothing at all, as where there are no panels."""
    empty = {value.position for value in values if file.contents[value.position] == "empty"}
    filled = {value.channel for value in values if value.position not in empty}
    return [
        value
        for value in values
        if not (value.sign and value.position in empty and value.channel in filled)
    ]


def _by_name(value: ValueColumn) -> ValueColumn:
    return replace(value, channel=channel_of(value.name) or f"column_{value.position + 1}")


class _Group:
    """Columns of one file whose channels are open."""

    def __init__(self, file: FileColumns, values: Sequence[ValueColumn]) -> None:
        self.file = file
        self.values = values
        self._numbers: dict[int, np.ndarray] = {}

    def flowing(self, *flows: Flow) -> list[ValueColumn]:
        return [value for value in self.values if sense_of(value.name).flow in flows]

    def numbers(self, value: ValueColumn) -> np.ndarray:
        """Its sample, NaN where there is no number; float64, shape (n,)."""
        position = value.position
        if position not in self._numbers:
            texts = self.file.sample[position]
            self._numbers[position] = np.array(
                [np.nan if (x := number_of(text)) is None else x for text in texts], np.float64
            )
        return self._numbers[position]

    def same(self, a: ValueColumn, b: ValueColumn) -> bool:
        """Whether two columns hold the very same numbers."""
        return bool(np.array_equal(self.numbers(a), self.numbers(b), equal_nan=True))

    def ask(self, values: Iterable[ValueColumn]) -> Exception:
        columns = [value.name for value in values]
        drawn = [name for name in columns if sense_of(name).flow not in _NOT_DRAWN]
        answers = [_rule(drawn[0], MAINS) if drawn else _not_drawn(columns)]
        if len(columns) > 1:
            answers[0] += '  # or "+mains" and "-mains" of its parts'
            answers.append(EACH_A_SITE)
        return self.file.ask(f"which of the columns is mains? ({', '.join(columns)})", *answers)


def _all_phases(group: _Group) -> list[ValueColumn]:
    """What makes up mains, which a single phase of several does not."""
    mains = _mains(group)
    phases = {sense_of(value.name).phase for value in mains}
    if len(phases) == 1 and phases != {0}:
        name, phase = mains[0].name, phases.pop()
        rules = (f'{toml_string(v.name)} = "{"-+"[v.sign >= 0]}mains_{phase}_of_3"' for v in mains)
        raise group.file.ask(
            f"{name} is of one phase: are there others, in files of their own?",
            f"channels = {{{', '.join(rules)}}}",
        )
    return mains


def _mains(group: _Group) -> list[ValueColumn]:
    """The column that is mains, or those that are parts of it."""
    exact = [value for value in group.values if plain_name(value.name) == MAINS]
    if exact:
        return [_whole(exact[0])]
    use, net = group.flowing("use"), group.flowing("net")
    imports, exports = group.flowing("import"), group.flowing("export")
    made = group.flowing("production")
    plain = group.flowing("plain")
    if exports and not imports and not use:
        imports, plain = plain, []
    if use and not imports and (exports or made):
        return _use_and_feed_in(group, use, net, exports or made)
    for wholes in (use, net, [] if imports else plain):
        if wholes:
            return _parts(group, wholes, 1, alone=True)
    if imports:
        parts = [*_parts(group, imports, 1), *(_fed_in(group, exports) if exports else [])]
        if len({_quantity(part) for part in parts}) > 1:
            raise group.ask(parts)
        return [_whole(parts[0])] if len(parts) == 1 else parts
    raise group.ask(group.values)


def _use_and_feed_in(
    group: _Group, use: list[ValueColumn], net: list[ValueColumn], fed: list[ValueColumn]
) -> list[ValueColumn]:
    """A home's own use is never 0 while it feeds in; what a meter counts nearly always is."""
    drawn, given_away = _parts(group, use, 1), _fed_in(group, fed)
    by_tariff = any(sense_of(value.name).tariff for value in (*drawn, *given_away))
    if by_tariff or _quantity(drawn[0]) == "total":
        return [*drawn, *given_away]
    a = np.sum([group.numbers(value) for value in drawn], axis=0)
    b = np.sum([group.numbers(value) for value in given_away], axis=0)
    feeding = (np.abs(b) > 0) & ~np.isnan(a)
    both = float(np.mean(np.abs(a[feeding]) > 0)) if feeding.any() else 1.0
    if both >= _AT_ONCE and (feeding.sum() >= _FEWEST or not feeding.any()):
        return drawn if len(drawn) > 1 else [_whole(drawn[0])]
    if both <= _IN_TURN and feeding.sum() >= _FEWEST:
        return _parts(group, net, 1, alone=True) if net else [*drawn, *given_away]
    raise group.ask([*use, *net, *fed])


def _parts(
    group: _Group, values: list[ValueColumn], sign: int, alone: bool = False
) -> list[ValueColumn]:
    """Columns of one direction that add up to all of it: one that is the whole, or the
    tariffs, or the phases. ``alone``: nothing else is needed for mains."""
    wholes = _distinct(group, [v for v in values if not sense_of(v.name).is_part])
    phases = [v for v in values if sense_of(v.name).phase]
    tariffs = [v for v in values if sense_of(v.name).tariff]
    if len(wholes) == 1 and _adds_up(group, wholes[0], phases) is not False:
        chosen = wholes
    elif not wholes and not (phases and tariffs):
        chosen = phases or tariffs
    else:
        raise group.ask(values)
    if alone and len(chosen) == 1:
        if sense_of(chosen[0].name).is_part:
            raise group.ask(values)
        return [_whole(chosen[0])]
    return [replace(value, channel=MAINS, sign=sign) for value in chosen]


def _fed_in(group: _Group, values: list[ValueColumn]) -> list[ValueColumn]:
    """What is taken away, but for numbers that are below 0 already."""
    parts = _parts(group, values, -1)
    numbers = np.concatenate([group.numbers(part) for part in parts])
    numbers = numbers[np.isfinite(numbers)]
    below, above = -numbers[numbers < 0].sum(), numbers[numbers > 0].sum()
    if below <= _NOISE * above:
        return parts
    if above > _NOISE * below or any(_quantity(part) == "total" for part in parts):
        names = ", ".join(part.name for part in parts)
        rules = ", ".join(f'{toml_string(part.name)} = "%s{MAINS}"' for part in parts)
        drawn = ", ".join(f'{toml_string(v.name)} = "+{MAINS}"' for v in group.flowing("import"))
        both = f"channels = {{{', '.join(filter(None, (drawn, rules)))}}}"
        raise group.file.ask(
            f"{names} has numbers below 0: are they what is fed in, or drawn?",
            f"{both.replace('%s', '-')}  # below 0: drawn",
            f"{both.replace('%s', '+')}  # below 0: fed in",
        )
    return [replace(part, sign=1) for part in parts]


def _adds_up(group: _Group, whole: ValueColumn, parts: Sequence[ValueColumn]) -> bool | None:
    """Whether parts are those of the whole; None where nothing tells."""
    if len(parts) < 2:
        return None
    total = group.numbers(whole)
    added = np.sum([group.numbers(part) for part in parts], axis=0)
    known = np.isfinite(total) & np.isfinite(added)
    if known.sum() < _FEWEST or not np.abs(total[known]).sum():
        return None
    return bool(np.abs(total - added)[known].sum() <= _CLOSE * np.abs(total[known]).sum())


def _distinct(group: _Group, values: Sequence[ValueColumn]) -> list[ValueColumn]:
    """Less columns that repeat an earlier one, or count what another measures by interval."""
    kept: list[ValueColumn] = []
    for value in values:
        if not any(group.same(value, other) for other in kept):
            kept.append(value)
    quantities = {_quantity(value) for value in kept}
    if quantities == {"energy", "total"}:
        kept = [value for value in kept if _quantity(value) == "energy"]
    return kept


def _made(group: _Group) -> list[ValueColumn]:
    """What panels make, one channel."""
    made = [v for v in group.flowing("production") if not np.all(np.isnan(group.numbers(v)))]
    made = _distinct(group, made)
    return [replace(value, channel=SOLAR, sign=int(len(made) > 1)) for value in made]


def _whole(value: ValueColumn) -> ValueColumn:
    return replace(value, channel=MAINS, sign=0)


def _quantity(value: ValueColumn) -> str:
    return scale_of(value.unit).quantity if value.unit else ""
