"""An answer of a person, in one line → a label.

>>> from smartwatts_ml.readings.base import SiteSpan
>>> year = SiteSpan("h", ("mains",), np.datetime64("2026-01-01"), np.datetime64("2027-01-01"), 9)
>>> homes = Homes([year], lambda _: "Europe/Paris", lambda _: "home l775ny")
>>> said = {"site": "home l775ny", "appliance": "alert", "answer": "ja"}
>>> label = homes.label(said | {"from": "2026-07-01 19:02", "to": "2026-07-01T21:00+02:00"})
>>> label.site, str(label.start), str(label.end), label.yes
('h', '2026-07-01T17:02:00', '2026-07-01T19:00:00', True)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np

from smartwatts_ml.localtime import wall_clock
from smartwatts_ml.readings.base import MAINS, NOT_DRAWN, SiteSpan
from smartwatts_ml.readings.labels import ALERT, Label
from smartwatts_ml.records.lines import UnfitError

__all__ = ["FIELDS", "Homes"]

FIELDS = ("site", "appliance", "from", "to", "answer")
"""What a line has, as a header says it."""
_YES = frozenset({"yes", "y", "true", "1", "ja", "oui", "sí", "si"})
_NO = frozenset({"no", "n", "false", "0", "nein", "non", "nee"})
_OPEN = frozenset({"", "?"})
_LONGEST_DAYS = {ALERT: 14}
_LONGEST_DAY = 1
"""Of an appliance: that it ran at some time of a longer period says next to nothing."""
_LETTERS = 256
_SHOWN = 8


class Homes:
    """The homes that answers may be of: their spans, the timezone of each by its name, and what
    people read instead of its name."""

    def __init__(
        self,
        spans: Sequence[SiteSpan],
        timezone: Callable[[str], str],
        pseudonym: Callable[[str], str],
    ) -> None:
        self._spans = {span.site: span for span in spans}
        self._timezone = timezone
        self._pseudonym = pseudonym

    def label(self, said: Mapping[str, Any]) -> Label | None:
        """The label that the fields of a line make; None where the answer is left open. Raises
        UnfitError."""
        yes = _answer(said.get("answer", ""))
        if yes is None:
            return None
        span = self._home(_text(said, "site"))
        appliance = self._appliance(_text(said, "appliance"))
        start, end = (self._instant(said, name, span.site) for name in ("from", "to"))
        if start >= end:
            raise UnfitError("to: not later than from")
        days = _LONGEST_DAYS.get(appliance, _LONGEST_DAY)
        if self._length(span.site, start, end) > np.timedelta64(days, "D"):
            raise UnfitError(f"is of more than {days} days")
        if start < span.start or end > span.end:
            raise UnfitError(
                f"is not within the home's readings ({_minute(span.start)} to "
                f"{_minute(span.end)} UTC)"
            )
        return Label(span.site, appliance, start, end, yes)

    def _length(self, site: str, start: np.datetime64, end: np.datetime64) -> np.timedelta64:
        """A day on which the clock is set back is one day, as is one of 24 hours."""
        shown = wall_clock(self._timezone(site)).to_wall(np.array([start, end]))
        return min(end - start, shown[1] - shown[0])

    def _home(self, name: str) -> SiteSpan:
        sites = {*self._by_pseudonym.get(name, ()), *({name} & self._spans.keys())}
        if not sites:
            raise UnfitError("site: no home of that name has readings")
        if len(sites) > 1:
            raise UnfitError("site: two homes are called so; give the own name of the one meant")
        return self._spans[sites.pop()]

    @cached_property
    def _by_pseudonym(self) -> dict[str, list[str]]:
        sites: dict[str, list[str]] = {}
        for site in self._spans:
            sites.setdefault(self._pseudonym(site), []).append(site)
        return sites

    def _appliance(self, name: str) -> str:
        known = name.lower().replace(" ", "_").replace("-", "_")
        for candidate in (name, known):
            if candidate == ALERT or candidate in self._appliances:
                return candidate
        shown = ", ".join(sorted(self._appliances)[:_SHOWN]) or "none at all"
        raise UnfitError(f"appliance: neither {ALERT} nor one that a home measures ({shown})")

    @cached_property
    def _appliances(self) -> frozenset[str]:
        named = {name for span in self._spans.values() for name in span.channels}
        return frozenset(named - {MAINS, *NOT_DRAWN})

    def _instant(self, said: Mapping[str, Any], name: str, site: str) -> np.datetime64:
        """UTC; without an offset it is by the clock of the home."""
        try:
            time = datetime.fromisoformat(_text(said, name))
            if time.tzinfo is not None:
                return np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "s")
        except (ValueError, OverflowError):
            raise UnfitError(f"{name}: not like 2026-11-02T06:00:00+01:00") from None
        timezone = self._timezone(site)
        utc, skipped, repeated = wall_clock(timezone).to_utc(np.datetime64(time, "s"))
        if skipped:
            raise UnfitError(f"{name}: does not exist in {timezone}: the clock jumps over it")
        if repeated:
            raise UnfitError(f"{name}: comes twice in {timezone}: write it with its offset")
        return np.datetime64(utc.item(), "s")


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said[name]
    if not isinstance(value, str) or not 0 < len(value.strip()) <= _LETTERS:
        raise UnfitError(f"{name}: not a text of at most {_LETTERS} letters")
    return value.strip()


def _answer(value: Any) -> bool | None:
    """None where nobody answered."""
    word = str(value).strip().lower()
    if word in _OPEN:
        return None
    if word in _YES or word in _NO:
        return word in _YES
    raise UnfitError("answer: neither yes nor no")


def _minute(time: np.datetime64) -> str:
    return str(time)[:16]
