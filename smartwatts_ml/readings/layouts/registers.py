"""Which column tells the registers, directions or sensors of one device apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.layouts.file_columns import FileColumns
from smartwatts_ml.readings.layouts.mapping import rule_for, rule_of_column, rule_of_register
from smartwatts_ml.readings.layouts.names import (
    END,
    REGISTER,
    STAMP,
    VALUE,
    plain_name,
    sense_of,
)
from smartwatts_ml.sources import toml_string

__all__ = ["register_column", "shown_some", "which_is_mains"]

_MOST = 200
_SEVERAL = 0.3
"""Share of a file's stamps that come several times, to show that there are registers."""
_SHOWN = 5
_PHASES = ("phase", "leg", "line")
"""What a column of phases is called, besides words of registers."""


def register_column(
    file: FileColumns,
    roles: Sequence[str | None],
    stamps: Sequence[int],
    device: int | None,
    devices: int | None,
    taken: frozenset[int],
) -> int | None:
    """As said; or the column whose texts ``channels`` names; or what tells lines of one device
    and stamp apart.

    ``devices``: a column of devices that is not the device, since somebody says the site.
    Raises BadInputError where nothing says what the registers are.
    """
    said = file.said
    if said.register_:
        return file.position(said.register_)
    open_columns = [
        i
        for i, texts in enumerate(file.sample)
        if i not in taken and i != device and 0 < len(set(texts)) <= _MOST
        if roles[i] != VALUE or file.contents[i] != "number"
        if rule_for(said.channels, file.names[i]) != ""
    ]
    stated = [i for i in open_columns if _is_named(file, i)]
    if stated:
        return stated[0]
    if said.channels and any(rule_of_column(said.channels, name) for name in file.names):
        return None  # columns are named, not registers
    several = _several(file, stamps, device)
    if not several:
        feeding = next((i for i in open_columns if _feeds_in(file, i, roles[i])), None)
        if feeding is None and not file.layout:
            _check_phase(file, [i for i in open_columns if _is_register(file, roles, i)])
        return feeding
    apart = [i for i in open_columns if not _several(file, [*stamps, i], device)]
    if not apart:
        return None
    best = min(apart, key=lambda i: (i != devices, roles[i] != REGISTER, len(file.texts(i)), i))
    if roles[best] in (STAMP, END):
        listed = ", ".join(toml_string(file.names[i]) for i in (*stamps, best))
        raise file.ask(
            f"{file.names[best]} says when, in a form that is not read "
            f"({shown_some(file.texts(best))})",
            f'timestamp = [{listed}]\nstamp = "%d.%m.%Y %H:%M"  # as they are written',
        )
    _check(file, best)
    return best


def _is_named(file: FileColumns, position: int) -> bool:
    """Whether rules of channels name texts of it to the letter."""
    rules = {plain_name(pattern) for pattern in file.said.channels if "*" not in pattern}
    return any(plain_name(text.strip("'=\"")) in rules for text in file.texts(position))


def _several(file: FileColumns, stamps: Sequence[int], device: int | None) -> bool:
    """Whether many stamps of a device come on several lines, with different values."""
    keys = [*stamps, *([] if device is None else [device])]
    counts = Counter(zip(*(file.sample[position] for position in keys), strict=True))
    again = sum(count > 1 for count in counts.values())
    return again > _SEVERAL * len(counts) if counts else False


def _feeds_in(file: FileColumns, position: int, role: str | None) -> bool:
    """Whether some of its texts speak of what is fed in or made, or all where it is called a
    register."""
    texts = file.texts(position)
    flows = {sense_of(text).flow for text in texts if len(text) < _MOST}
    fed_in = flows & {"export", "production"}
    if role == REGISTER and flows and flows <= fed_in:
        return True
    return bool(fed_in and flows & {"import", "use"})


def _is_register(file: FileColumns, roles: Sequence[str | None], position: int) -> bool:
    return roles[position] == REGISTER or plain_name(file.names[position]) in _PHASES


def _check_phase(file: FileColumns, positions: Sequence[int]) -> None:
    """Ask where a register is that of one phase, as columns of one phase are asked about."""
    for position in positions:
        phases = {sense_of(text).phase for text in file.texts(position)}
        if len(phases) == 1 and (phase := phases.pop()):
            name, text = file.names[position], file.texts(position)[0]
            raise file.ask(
                f"{name} is {text} on all lines: are there other phases, in files of their own?",
                f"register = {toml_string(name)}\n"
                f'channels = {{{toml_string(text)} = "mains_{phase}_of_3"}}',
            )


def _check(file: FileColumns, position: int) -> None:
    """Ask where texts do not say which of them is mains, or what adds up to it."""
    texts, rules = file.texts(position), file.said.channels
    if {"AI", "AE"} <= set(texts) and not rules:
        raise file.ask(
            f"{file.names[position]} is AI and AE, which is active import and active export, and "
            "elsewhere AE is what is drawn",
            f"register = {toml_string(file.names[position])}\n"
            'channels = {"AI" = "+mains", "AE" = "-mains", "*" = ""}',
        )
    meant = [
        rule if (rule := rule_for(rules, t)) is not None else rule_of_register(t) for t in texts
    ]
    if any(rule.lstrip("+-") == MAINS for rule in meant) or rules:
        return  # or somebody says what they are, and that none is mains
    name = file.names[position]
    raise file.ask(
        f"several lines have the same timestamp, told apart by {name}: which is mains? "
        f"({shown_some(texts)})",
        *which_is_mains(name, texts),
    )


def shown_some(texts: Sequence[str]) -> str:
    """The first of several texts, for people."""
    return ", ".join(texts[:_SHOWN]) + (", …" if len(texts) > _SHOWN else "")


def which_is_mains(column: str, texts: Sequence[str]) -> tuple[str, str]:
    """What a source may say of a column that tells registers, sensors or sites apart."""
    rules = {text: rule_of_register(text) for text in texts}
    supply = next((text for text, rule in rules.items() if rule == MAINS), texts[0])
    register = f"register = {toml_string(column)}"
    if MAINS in {rule.lstrip("+-") for rule in rules.values()} - set(rules.values()):
        register += "  # parts of mains by their names"
    else:
        rule = f'{toml_string(supply)} = "mains"'
        register += f'\nchannels = {{{rule}}}  # or "+mains" and "-mains" of parts'
    return register, f"device = {toml_string(column)}  # each is a site"
