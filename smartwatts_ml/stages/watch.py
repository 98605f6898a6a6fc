"""What came since a version was published: is it worse than the one before, and what follows.

A champion is compared with the version before it, a candidate with the champion. Weighing needs no
key and writes no version: it reads beacons, and readings that came after the publication. Acting
needs the keys: it puts the version before back in force, takes a candidate back or widens it, in
the service's own name, with the evidence as the reason. A person's decision is never undone: what
was forced, or rolled back to, is only told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from smartwatts_ml.errors import NotFoundError, StaleChallengerError, TrustError
from smartwatts_ml.fleet.beacon import Beacon
from smartwatts_ml.fleet.beacons import existing_beacons
from smartwatts_ml.fleet.days import days_of
from smartwatts_ml.gate.evidence import FleetRules, HomeEvidence, decide, drifted, weigh
from smartwatts_ml.gate.paired_homes import (
    WINDOWS,
    HomeDays,
    Pairing,
    worsened,
)
from smartwatts_ml.jsontext import json_text, parsed_document
from smartwatts_ml.judging.since_published import since_published
from smartwatts_ml.names import check_model
from smartwatts_ml.objects import Objects
from smartwatts_ml.records.table import RecordTable
from smartwatts_ml.runs.site_names import site_names
from smartwatts_ml.settings import Settings
from smartwatts_ml.store import Champion, HistoryEntry, Store, open_store
from smartwatts_ml.store.advancing import next_step
from smartwatts_ml.store.canonical import parse_time
from smartwatts_ml.store.documents import Action

__all__ = [
    "ACTOR",
    "Finding",
    "Watched",
    "act",
    "ask_for_retraining",
    "known",
    "watch",
]

ACTOR = "smartwatts watch"
"""Who rolls back."""
_MOST_BYTES = 1 << 16
Finding = Literal["back", "harm", "widen", "fine", "unsettled", "drift", "nothing"]
"""back: harm is shown, and it is to be taken back; harm: shown, but a person decides; widen: a
candidate is to go to more gateways; fine: harm is refuted; unsettled: neither; drift: worse than it
was itself; nothing: there is nothing to compare with."""


@dataclass(frozen=True)
class Watched:
    """What is known of the version of a model that is in force, compared with the version before,
    or of its ``candidate``, compared with the champion: ``against``. ``since``: when gateways
    first got it; ``done``: what followed, empty where nothing did."""

    model: str
    version: int
    against: int | None
    since: str
    finding: Finding
    reason: str
    evidence: HomeEvidence = field(default_factory=HomeEvidence)
    at: str = ""
    done: str = ""
    candidate: bool = False


def _rules_of_fleet(settings: Settings) -> FleetRules:
    """Those in force."""
    fleet = settings.fleet
    patience = settings.rollout.days if settings.rollout.by == "evidence" else 0.0
    return FleetRules(fleet.harm, fleet.failures, 1 - fleet.confidence, patience)


def watch(
    objects: Objects, settings: Settings, now: datetime, models: Sequence[str] | None = None
) -> list[Watched]:
    """Weigh what came since each champion and candidate was published, and keep it in
    ``state/watch/``. A model whose history does not verify is left out: `models verify` says
    why."""
    store, table = open_store(objects, settings), existing_beacons(objects)
    site_names(objects, settings)  # who only reads, as the page does, can give no pseudonyms
    findings = []
    for model in models or store.models():
        try:
            findings += _of_model(_Look(objects, settings, store, table, now), model)
        except TrustError:
            continue
    for place, watched in enumerate(findings):
        before = known(objects, watched.model, candidate=watched.candidate)
        kept = before.done if before and _same(before, watched) else ""
        findings[place] = replace(watched, at=_stamp(now), done=kept)
        _keep(objects, findings[place])
    return findings


def known(objects: Objects, model: str, *, candidate: bool = False) -> Watched | None:
    """What was found at the last look; None where nobody looked yet. Raises StoreError where that
    is damaged."""
    key = _key(model, candidate)
    try:
        data = objects.read(key, _MOST_BYTES).data
    except NotFoundError:
        return None
    return parsed_document(Watched, data, objects.uri(key), "delete it; the next look writes it")


def act(objects: Objects, settings: Settings, watched: Watched) -> Watched:
    """Take a version back that is to be, or widen a candidate. Raises StaleChallengerError where
    another one is in force or out by now, StoreError where that cannot be."""
    if watched.finding not in ("back", "widen") or watched.against is None or watched.done:
        return watched
    store = open_store(objects, settings)
    champion = store.champion(watched.model)
    expected = watched.against if watched.candidate else watched.version
    if champion is None or champion.version != expected:
        at = f"v{champion.version}" if champion else "none"
        raise StaleChallengerError(f"{watched.model} v{expected} is no longer in force, but {at}")
    did = _rollout(store, settings, watched) if watched.candidate else _rollback(store, watched)
    done = replace(watched, done=did)
    _keep(objects, done)
    return done


def _rollback(store: Store, watched: Watched) -> str:
    published = store.rollback(watched.model, watched.against or 0, ACTOR, watched.reason)
    return f"v{published.version} is in force again, serial {published.serial}"


def _rollout(store: Store, settings: Settings, watched: Watched) -> str:
    model, version, reason = watched.model, watched.version, watched.reason
    if watched.finding == "back":
        entry = store.rollouts.halt(model, ACTOR, reason, version)
        return f"v{version} is taken back from all gateways, serial {entry.serial}"
    entry = next_step(store, settings, model, ACTOR, reason, version)
    if entry.candidate is None:
        return f"v{version} is in force, serial {entry.serial}"
    return f"v{version} goes to {entry.candidate.percent} of gateways, serial {entry.serial}"


def ask_for_retraining(objects: Objects, findings: Sequence[Watched]) -> list[str]:
    """Models whose champion drifts and for which nobody asked yet; from here on somebody has."""
    asked = []
    for watched in findings:
        if watched.finding == "drift" and not watched.done:
            _keep(objects, replace(watched, done=f"retraining was asked for at {watched.at}"))
            asked.append(watched.model)
    return asked


@dataclass(frozen=True)
class _Look:
    """What a look has at hand."""

    objects: Objects
    settings: Settings
    store: Store
    table: RecordTable[Beacon] | None
    now: datetime

    def days(self, model: str, published: datetime) -> HomeDays | None:
        return days_of(self.table, model, published, self.now) if self.table else None


def _of_model(look: _Look, model: str) -> list[Watched]:
    champion, history = look.store.champion(model), look.store.history(model)
    if champion is None:
        return []
    findings = [_of_champion(look, champion, history)]
    candidate = champion.candidate
    if candidate and candidate.is_out(look.now):
        watched = Watched(
            model,
            candidate.version,
            champion.version,
            candidate.since,
            "nothing",
            "",
            candidate=True,
        )
        days = look.days(model, parse_time(candidate.since))
        held = look.now - parse_time(champion.step_since or candidate.since)
        findings.append(_compared(look, watched, days, "promote", held / timedelta(days=1)))
    return findings


def _of_champion(look: _Look, champion: Champion, history: Sequence[HistoryEntry]) -> Watched:
    entry, settings = champion.entry, look.settings
    published = parse_time(entry.time)
    before = next((e.version for e in reversed(history) if e.version != entry.version), None)
    days = look.days(entry.model, published)
    watched = Watched(entry.model, entry.version, before, entry.time, "nothing", "")
    late = look.now - published > timedelta(days=settings.fleet.watch_days)
    if before is not None and not late:
        watched = _compared(look, watched, days, entry.action, 0.0)
    else:
        why = "it is the first version" if before is None else "it has stood its time"
        watched = replace(watched, reason=why)
    if watched.finding in ("back", "harm") or days is None:
        return watched
    return _drifting(watched, days, settings)


def _compared(
    look: _Look, watched: Watched, days: HomeDays | None, action: Action, held_days: float
) -> Watched:
    """With the version before, in the homes and on the readings that came since."""
    settings, store = look.settings, look.store
    rules, against = _rules_of_fleet(settings), watched.against or 0
    losses = [np.zeros(0) for _ in WINDOWS]
    failures = None
    if days is not None:
        pairing = Pairing(days, watched.version, against)
        losses = [pairing.losses(window) for window in WINDOWS]
        failures = pairing.failures()
    try:
        ours, theirs = (store.manifest(watched.model, v) for v in (watched.version, against))
        since = parse_time(watched.since)
        readings = since_published(look.objects, settings, store, (ours, theirs), since)
    except NotFoundError:
        return replace(watched, reason=f"v{against} was pruned")
    evidence = weigh([*losses, *readings.differences], failures, rules)
    if not watched.candidate:
        rules = replace(rules, patience_days=0)
    verdict = decide(evidence, rules, held_days)
    said = "; ".join(filter(None, (verdict.reason, readings.trouble)))
    reason = f"v{watched.version} against v{against}: {said}"
    finding: Finding = "unsettled"
    if verdict.action == "back":
        finding = "back" if settings.fleet.rollback and action == "promote" else "harm"
    elif verdict.action == "widen":
        goes_on = watched.candidate and settings.rollout.by == "evidence"
        finding = "widen" if goes_on else "fine"
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


def _same(before: Watched, now: Watched) -> bool:
    """Whether nothing else is to follow from it. A candidate that was widened may be again."""
    same = (before.version, before.since, before.finding) == (now.version, now.since, now.finding)
    return same and now.finding != "widen"


def _keep(objects: Objects, watched: Watched) -> None:
    key = _key(watched.model, watched.candidate)
    objects.write(key, json_text(watched, indent=1).encode())


def _key(model: str, candidate: bool) -> str:
    return f"state/watch/{check_model(model)}{'.candidate' if candidate else ''}.json"


def _stamp(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
