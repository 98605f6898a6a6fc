"""One line that says whether everything is well, and the worst first if it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

from smartwatts_airflow.page.airflow import NEW_READINGS, RENEWAL, RETRAINING
from smartwatts_airflow.page.now import AtWorkOn
from smartwatts_airflow.page.overview import ModelRow
from smartwatts_ml.counted import counted
from smartwatts_ml.runs.trouble_report import TroubleReport

__all__ = ["Health", "Sign", "health"]

_WORDS = {"bad": "Something is broken", "warn": "Needs a look", "good": "All is well"}
_NOTHING = "Nothing is published yet"
_DEGREES = ("good", "warn", "bad")
_SIGN_LETTERS = 90


@dataclass(frozen=True)
class Sign:
    """A part of the line: ``look`` is how bad it is (``bad``, ``warn``, ``good``, or nothing);
    ``to``: the id of the part of the page that says more."""

    text: str
    look: str = ""
    to: str = ""


@dataclass(frozen=True)
class Health:
    """The verdict and what it is made of; ``begun``: whether any model has a version."""

    signs: tuple[Sign, ...]
    begun: bool = True

    @property
    def look(self) -> str:
        """The worst of its signs."""
        there = {sign.look for sign in self.signs}
        return next((look for look in _DEGREES[::-1] if look in there), "good")

    @property
    def verdict(self) -> str:
        return _WORDS[self.look] if self.begun or self.look != "good" else _NOTHING


def health(
    rows: Sequence[ModelRow],
    at_work: Sequence[AtWorkOn],
    seen: Mapping[str, Any],
    report: TroubleReport | None,
    *,
    doubtful: int,
    paused: Sequence[str],
    watched: bool = True,
) -> Health:
    """From what the page shows: ``seen`` is what the trigger sees, ``doubtful`` how many lines on
    readings want a look, ``paused`` which DAGs are, ``watched`` whether the trigger looks."""
    signs = [*_of_models(rows), *_of_approvals(at_work), *_of_troubles(report), *_of_dags(paused)]
    if seen["models"] and NEW_READINGS not in paused and not watched:
        signs.append(Sign("no triggerer looks for new readings", "warn"))
    if seen["refused"]:
        unread = counted(seen["refused"], "file cannot be read", "files cannot be read")
        signs.append(Sign(unread, "warn", "ingest"))
    if doubtful:
        odd = counted(doubtful, "line on readings wants a look", "lines on readings want a look")
        signs.append(Sign(odd, "warn", "doubtful"))
    worst_first = sorted(signs, key=lambda sign: -_DEGREES.index(sign.look or "good"))
    why = _why(seen, at_work, paused, watched)
    line = (*worst_first, *_of_work(at_work), _of_readings(seen, why))
    return Health(line, begun=any(row.version for row in rows))


def _of_models(rows: Sequence[ModelRow]) -> list[Sign]:
    broken = [row for row in rows if row.problem]
    forced = [row for row in rows if row.forced]
    failed = [row for row in rows if row.failed]
    none = [row for row in rows if row.version is None and not row.problem]
    healthy = len(rows) - len({row.model for row in (*broken, *forced, *failed, *none)})
    signs = [
        Sign(f"{len(broken)} broken ({_names(broken)})", "bad", broken[0].model if broken else ""),
        Sign(f"{len(failed)} failed ({_names(failed)})", "warn", failed[0].model if failed else ""),
        Sign(f"{len(forced)} forced ({_names(forced)})", "warn", forced[0].model if forced else ""),
        Sign(f"{healthy} healthy", "good", "champions"),
        Sign(f"{len(none)} without a version yet"),
    ]
    counts = (len(broken), len(failed), len(forced), healthy, len(none))
    return [sign for sign, count in zip(signs, counts, strict=True) if count]


def _of_troubles(report: TroubleReport | None) -> list[Sign]:
    troubles = report.troubles if report else []
    critical = sum(trouble.severity == "critical" for trouble in troubles)
    first = next((t.what for t in troubles if t.severity == "critical"), "")
    worst = first if critical == 1 else counted(critical, "critical trouble")
    signs = [
        Sign(shorten(worst, _SIGN_LETTERS, placeholder=" …"), "bad", "troubles"),
        Sign(counted(len(troubles) - critical, "warning"), "warn", "troubles"),
    ]
    return [s for s, n in zip(signs, (critical, len(troubles) - critical), strict=True) if n]


def _of_dags(paused: Sequence[str]) -> list[Sign]:
    """Pausing one of the two retrainings is a choice; the renewal is none."""
    signs = []
    if RENEWAL in paused:
        signs.append(Sign(f"{RENEWAL} is paused: gateways will refuse to pull", "bad"))
    if set(RETRAINING) <= set(paused):
        signs.append(Sign("both retraining DAGs are paused", "warn"))
    return signs


def _of_approvals(at_work: Sequence[AtWorkOn]) -> list[Sign]:
    """Nothing goes on without a person."""
    waiting = [work.model for work in at_work if work.asked]
    what = f"{', '.join(waiting)} wait{'s' if len(waiting) == 1 else ''} for approval"
    return [Sign(what, "warn", f"now-{waiting[0]}")] if waiting else []


def _of_work(at_work: Sequence[AtWorkOn]) -> list[Sign]:
    working = [work for work in at_work if not work.asked]
    if not working:
        return [] if at_work else [Sign("nothing is being retrained", "", "now")]
    said = [f"{w.model} {w.percent} %" if w.percent is not None else w.model for w in working]
    return [Sign(f"training {', '.join(said)}", "", "now")]


def _of_readings(seen: Mapping[str, Any], why: str) -> Sign:
    rows = seen["rows"]
    if not rows:
        return Sign("no new readings wait", "", "ingest")
    count = f"{rows:,}" if seen["exact"] else f"about {int(float(f'{rows:.2g}')):,}"
    return Sign(f"{count} readings wait{why}", "", "ingest")


def _why(
    seen: Mapping[str, Any], at_work: Sequence[AtWorkOn], paused: Sequence[str], watched: bool
) -> str:
    if seen["models"]:
        if NEW_READINGS in paused:
            return f" because {NEW_READINGS} is paused"
        when = "within minutes" if watched else "once a triggerer looks"
        return f": {', '.join(seen['models'])} will be retrained {when}"
    busy = {work.model for work in at_work}
    if busy and busy >= set(seen["rows_by_model"]):
        return " because all models are being retrained"
    if seen["rows"] < seen["threshold"]:
        return f" because a retraining needs {seen['threshold']:,}"
    reasons = dict.fromkeys(seen["why_not"].values())
    return f" because {next(iter(reasons))}" if reasons else ""


def _names(rows: Sequence[ModelRow]) -> str:
    return ", ".join(row.model for row in rows)
