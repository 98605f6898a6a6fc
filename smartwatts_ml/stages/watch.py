"""What came since a version was published: is it worse than the one before, and what follows.

Weighing needs no key and writes no version: it reads beacons, and readings that came after the
publication. Acting needs the keys: it puts the version before back in force, in the service's own
name, with the evidence as the reason. A person's decision is never undone: what was forced, or
rolled back to, is only told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from smartwatts_ml.errors import NotFoundError, StaleChallengerError, TrustError
from smartwatts_ml.fleet.beacon_table import BeaconTable, existing_beacons
from smartwatts_ml.fleet.days import days_of
from smartwatts_ml.gate.evidence import FleetRules, HomeEvidence, decide, drifted, weigh
from smartwatts_ml.gate.paired_homes import (
    WINDOWS,
    HomeDays,
    paired_failures,
    paired_losses,
    worsened,
)
from smartwatts_ml.jsontext import json_text, parsed_document
from smartwatts_ml.judging.since_published import differences_since
from smartwatts_ml.names import check_model
from smartwatts_ml.objects import Objects
from smartwatts_ml.runs.site_names import site_names
from smartwatts_ml.settings import Settings
from smartwatts_ml.store import Champion, HistoryEntry, Store, open_store
from smartwatts_ml.store.canonical import parse_time

__all__ = [
    "ACTOR",
    "Finding",
    "Watched",
    "act",
    "ask_for_retraining",
    "known",
    "rules_of_fleet",
    "watch",
]

ACTOR = "smartwatts watch"
"""Who rolls back."""
_MOST_BYTES = 1 << 16
Finding = Literal["back", "harm", "fine", "unsettled", "drift", "nothing"]
"""back: harm is shown, and it is to be taken back; harm: shown, but a person decides; fine: it is
refuted; unsettled: neither; drift: worse than it was itself; nothing: there is nothing to compare
with."""


@dataclass(frozen=True)
class Watched:
    """What is known of the version of a model that is in force: compared with the version before,
    ``against``; ``done``: what followed, empty where nothing did."""

    model: str
    version: int
    against: int | None
    since: str
    finding: Finding
    reason: str
    evidence: HomeEvidence = field(default_factory=HomeEvidence)
    at: str = ""
    done: str = ""


def rules_of_fleet(settings: Settings) -> FleetRules:
    """Those in force."""
    fleet = settings.fleet
    return FleetRules(fleet.harm, fleet.failures, 1 - fleet.confidence, fleet.patience_days)


def watch(
    objects: Objects, settings: Settings, now: datetime, models: Sequence[str] | None = None
) -> list[Watched]:
    """Weigh what came since each champion was published, and keep it in ``state/watch/``. A model
    whose history does not verify is left out: `models verify` says why."""
    store, table = open_store(objects, settings), existing_beacons(objects)
    site_names(objects, settings)  # who only reads, as the page does, can give no pseudonyms
    findings = []
    for model in models or store.models():
        try:
            champion, history = store.champion(model), store.history(model)
            if champion is None:
                continue
            watched = _watched(objects, settings, store, table, champion, history, now)
        except TrustError:
            continue
        before = known(objects, model)
        kept = before.done if before and _same(before, watched) else ""
        findings.append(replace(watched, at=_stamp(now), done=kept))
        _keep(objects, findings[-1])
    return findings


def known(objects: Objects, model: str) -> Watched | None:
    """What was found at the last look; None where nobody looked yet. Raises StoreError where that
    is damaged."""
    key = _key(model)
    try:
        data = objects.read(key, _MOST_BYTES).data
    except NotFoundError:
        return None
    return parsed_document(Watched, data, objects.uri(key), "delete it; the next look writes it")


def act(objects: Objects, settings: Settings, watched: Watched) -> Watched:
    """Take a version back that is to be. Raises StaleChallengerError where another one is in force
    by now, StoreError where the version before cannot be put in force."""
    if watched.finding != "back" or watched.against is None or watched.done:
        return watched
    store = open_store(objects, settings)
    champion = store.champion(watched.model)
    if champion is None or champion.version != watched.version:
        at = f"v{champion.version}" if champion else "none"
        raise StaleChallengerError(
            f"{watched.model} v{watched.version} is no longer in force, but {at}"
        )
    published = store.rollback(watched.model, watched.against, ACTOR, watched.reason)
    done = replace(
        watched, done=f"v{published.version} is in force again, serial {published.serial}"
    )
    _keep(objects, done)
    return done


def ask_for_retraining(objects: Objects, findings: Sequence[Watched]) -> list[str]:
    """Models whose champion drifts and for which nobody asked yet; from here on somebody has."""
    asked = []
    for watched in findings:
        if watched.finding == "drift" and not watched.done:
            _keep(objects, replace(watched, done=f"retraining was asked for at {watched.at}"))
            asked.append(watched.model)
    return asked


def _watched(
    objects: Objects,
    settings: Settings,
    store: Store,
    table: BeaconTable | None,
    champion: Champion,
    history: Sequence[HistoryEntry],
    now: datetime,
) -> Watched:
    entry = champion.entry
    published = parse_time(entry.time)
    before = next((e.version for e in reversed(history) if e.version != entry.version), None)
    days = days_of(table, entry.model, published, now) if table else None
    watched = Watched(entry.model, entry.version, before, entry.time, "nothing", "")
    late = now - published > timedelta(days=settings.fleet.watch_days)
    if before is not None and not late:
        watched = _compared(objects, settings, store, watched, entry, days)
    else:
        why = "it is the first version" if before is None else "it has stood its time"
        watched = replace(watched, reason=why)
    if watched.finding in ("back", "harm") or days is None:
        return watched
    return _drifting(watched, days, settings)


def _compared(
    objects: Objects,
    settings: Settings,
    store: Store,
    watched: Watched,
    entry: HistoryEntry,
    days: HomeDays | None,
) -> Watched:
    """With the version before, in the homes and on the readings that came since."""
    rules, against = rules_of_fleet(settings), watched.against or 0
    losses = [_nothing() for _ in WINDOWS]
    failures = None
    if days is not None:
        losses = [paired_losses(days, watched.version, against, window) for window in WINDOWS]
        failures = paired_failures(days, watched.version, against)
    try:
        pair = (
            store.manifest(watched.model, watched.version),
            store.manifest(watched.model, against),
        )
        losses += differences_since(objects, settings, store, pair, parse_time(watched.since))
    except NotFoundError:
        return replace(watched, reason=f"v{against} was pruned")
    evidence = weigh(losses, failures, rules)
    verdict = decide(evidence, replace(rules, patience_days=0), 0)
    finding: Finding = "fine" if verdict.action == "widen" else "unsettled"
    reason = verdict.reason
    if verdict.action == "back":
        finding = "back" if settings.fleet.rollback and entry.action == "promote" else "harm"
        reason = f"v{watched.version} against v{against}: {reason}"
    return replace(watched, finding=finding, reason=reason, evidence=evidence)


def _drifting(watched: Watched, days: HomeDays, settings: Settings) -> Watched:
    share = settings.fleet.drift
    stretch = drifted(worsened(days, watched.version), share, 1 - settings.fleet.confidence)
    if stretch is None:
        return watched
    reason = (
        f"errors of v{watched.version} at home are more than {share:.0%} higher than in its first "
        f"four weeks, {4 * stretch} weeks later: it asks for retraining"
    )
    return replace(watched, finding="drift", reason=reason)


def _nothing() -> np.ndarray:
    return np.zeros(0)


def _same(before: Watched, now: Watched) -> bool:
    return (before.version, before.since, before.finding) == (now.version, now.since, now.finding)


def _keep(objects: Objects, watched: Watched) -> None:
    objects.write(_key(watched.model), json_text(watched, indent=1).encode())


def _key(model: str) -> str:
    return f"state/watch/{check_model(model)}.json"


def _stamp(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
